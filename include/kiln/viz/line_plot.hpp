// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `LinePlot`: curves over a common pair of axes, as SVG. And `plot(f, "f.svg")` for a function of progress.
/// `LinePlot loss{.title = "Loss", .x_label = "batch"}; loss.add("train", losses); loss.save("loss.svg");`
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <kiln/viz/frame.hpp>
#include <kiln/viz/label_placement.hpp>
#include <kiln/viz/numbers.hpp>
#include <kiln/viz/reduce_points.hpp>

namespace kiln {

/// A function of progress, as schedules are.
template <class F>
concept FunctionOfProgress = std::is_invocable_r_v<double, const F&, double>;

/// Curves with a legend. NaN, infinity, and on a log axis what is not above 0, are gaps. Of a long series every column
/// of pixels keeps its lowest and highest point, so that a file stays small.
struct LinePlot {
  /// One curve.
  struct Series {
    std::string name;
    std::vector<double> x;
    std::vector<double> y;
  };
  /// A point with a text beside it.
  struct Marker {
    std::string label;
    double x;
    double y;
  };

  std::string title = {};
  std::string x_label = {};  ///< with its unit: `time (s)`
  std::string y_label = {};
  bool log_x = false;
  bool log_y = false;
  std::optional<double> x_low = {};  ///< bounds that are not given follow from the data
  std::optional<double> x_high = {};
  std::optional<double> y_low = {};
  std::optional<double> y_high = {};
  double width = 640;  ///< in pixels, as the height
  double height = 400;
  std::vector<Series> series = {};
  std::vector<Marker> markers = {};

  /// A curve over 0, 1, 2, ...; a curve without a name is not in the legend.
  LinePlot& add(std::string name, Numbers y) {
    std::vector<double> x(y.values.size());
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i);
    series.push_back({std::move(name), std::move(x), std::move(y.values)});
    return *this;
  }

  /// A curve through points (x[i], y[i]). Throws: UsageError unless there are as many x as y.
  LinePlot& add(std::string name, Numbers x, Numbers y) {
    if (x.values.size() != y.values.size())
      fail<UsageError>("LinePlot.add", concat("there must be as many x as y for '", name, "'"),
                       concat("got ", x.values.size(), " x and ", y.values.size(), " y"));
    series.push_back({std::move(name), std::move(x.values), std::move(y.values)});
    return *this;
  }

  /// A function over [0, 1], such as a schedule.
  template <FunctionOfProgress F>
  LinePlot& add(std::string name, const F& f) {
    constexpr int steps = 1000;
    std::vector<double> x, y;
    for (int i = 0; i <= steps; ++i) {
      x.push_back(static_cast<double>(i) / steps);
      y.push_back(static_cast<double>(f(x.back())));
    }
    return add(std::move(name), std::move(x), std::move(y));
  }

  /// A point with a text, which is put where it covers least. Throws: UsageError for a point that is not finite.
  LinePlot& mark(std::string label, double x, double y) {
    if (!std::isfinite(x) || !std::isfinite(y))
      fail<UsageError>("LinePlot.mark", "a marker must be at a finite point", concat("got (", x, ", ", y, ")"));
    markers.push_back({std::move(label), x, y});
    return *this;
  }

  std::string svg() const { return detail::svg_of(*this, title.empty() ? "line plot" : title); }

  /// Throws: UsageError for a name that does not end in .svg, DataError if it cannot be written.
  void save(const std::string& path) const { detail::save_svg(path, svg()); }

  detail::Size draw(detail::Drawing& drawing) const {
    using namespace detail;
    check_size("LinePlot", width, height);
    const auto [x_axis, y_axis] = axes();
    std::vector<LegendEntry> legend;
    for (std::size_t i = 0; i < series.size(); ++i)
      if (!series[i].name.empty()) legend.push_back({series[i].name, i});
    const Frame frame(drawing, width, height, {title, x_label, y_label}, x_axis, y_axis, legend);

    constexpr double spare = 3;  // half a line on the border of the area is not cut off
    const Box clip{frame.area.x - spare, frame.area.y - spare, frame.area.width + 2 * spare,
                   frame.area.height + 2 * spare};
    open_clip(drawing, clip);
    std::vector<Point> drawn;
    for (std::size_t i = 0; i < series.size(); ++i) {
      const std::vector<Point> points = reduce_points(pixels_of(frame, series[i]), frame.area.width);
      draw_curve(drawing, points, i);
      drawn.insert(drawn.end(), points.begin(), points.end());
    }
    drawing.close("svg");
    draw_markers(drawing, frame, drawn);
    if (std::none_of(drawn.begin(), drawn.end(), [](Point point) { return std::isfinite(point.y); }) && markers.empty())
      frame.draw_empty(drawing);
    return {width, height};
  }

 private:
  struct Axes {
    detail::Axis x;
    detail::Axis y;
  };

  bool shows(double x, double y) const {
    return std::isfinite(x) && std::isfinite(y) && (!log_x || x >= 1e-300) && (!log_y || y >= 1e-300);
  }

  Axes axes() const {
    detail::Range xs, ys;
    bool whole = true;
    const auto include = [&](double x, double y) {
      if (!shows(x, y)) return;
      xs.include(detail::drawable(x));
      whole = whole && x == std::floor(x);
      if ((!x_low || x >= *x_low) && (!x_high || x <= *x_high)) ys.include(detail::drawable(y));
    };
    for (const Series& one : series)
      for (std::size_t i = 0; i < (std::min)(one.x.size(), one.y.size()); ++i) include(one.x[i], one.y[i]);
    for (const Marker& marker : markers) include(marker.x, marker.y);
    Axes result{detail::make_axis(xs, log_x, 0, x_low, x_high), detail::make_axis(ys, log_y, 0.05, y_low, y_high)};
    result.x.whole = whole && !xs.empty();
    return result;
  }

  std::vector<detail::Point> pixels_of(const detail::Frame& frame, const Series& one) const {
    constexpr double gap = std::numeric_limits<double>::quiet_NaN();
    std::vector<detail::Point> points;
    points.reserve(one.y.size());
    for (std::size_t i = 0; i < (std::min)(one.x.size(), one.y.size()); ++i) {
      if (shows(one.x[i], one.y[i]))
        points.push_back({frame.column(detail::drawable(one.x[i])), frame.row(detail::drawable(one.y[i]))});
      else points.push_back({gap, gap});
    }
    return points;
  }

  static void open_clip(detail::Drawing& drawing, const detail::Box& box) {
    std::string view;
    for (double number : {box.x, box.y, box.width, box.height}) {
      if (!view.empty()) view += ' ';
      detail::append_coordinate(view, number);
    }
    drawing.open("svg", {{"x", box.x},
                         {"y", box.y},
                         {"width", box.width},
                         {"height", box.height},
                         {"viewBox", view},
                         {"overflow", "hidden"}});
  }

  /// Points get dots where there are few of them, and where a gap at both sides leaves no line.
  static void draw_curve(detail::Drawing& drawing, const std::vector<detail::Point>& points, std::size_t colour) {
    constexpr std::size_t few = 20;
    std::string path;
    std::vector<detail::Point> dots;
    for (std::size_t i = 0; i < points.size();) {
      std::size_t end = i;
      while (end < points.size() && std::isfinite(points[end].y)) ++end;
      if (end - i > 1) path += detail::path_of(std::span(points).subspan(i, end - i));
      if (end - i == 1 || points.size() <= few)
        dots.insert(dots.end(), points.begin() + static_cast<std::ptrdiff_t>(i),
                    points.begin() + static_cast<std::ptrdiff_t>(end));
      i = (std::max)(end, i + 1);
    }
    if (!path.empty()) drawing.element("path", {{"class", detail::series_class("line", colour)}, {"d", path}});
    for (const detail::Point& dot : dots) {
      drawing.element(
          "circle",
          {{"class", concat("k-f", colour % detail::colour_count)}, {"cx", dot.x}, {"cy", dot.y}, {"r", 2.5}});
    }
  }

  void draw_markers(detail::Drawing& drawing, const detail::Frame& frame,
                    const std::vector<detail::Point>& curve) const {
    std::vector<detail::Label> labels;
    for (const Marker& marker : markers) {
      const bool inside = shows(marker.x, marker.y) && frame.x.contains(marker.x) && frame.y.contains(marker.y);
      if (inside) labels.push_back({marker.label, {frame.column(marker.x), frame.row(marker.y)}, {}});
    }
    detail::place_labels(labels, curve, frame.area);
    for (const detail::Label& label : labels) detail::draw_label(drawing, label);
  }
};

/// Draws a function over [0, 1]: `plot(one_cycle(1e-2), "schedule.svg")`. Several: `LinePlot::add(name, f)`.
/// Throws: UsageError for a name that does not end in .svg, DataError if it cannot be written.
template <FunctionOfProgress F>
void plot(const F& f, const std::string& path, const std::string& title = "") {
  LinePlot{.title = title, .x_label = "progress", .height = 320}.add("", f).save(path);
}

}  // namespace kiln
