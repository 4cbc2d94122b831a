// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `HeatMap`: a matrix as colours, with a bar that tells which. It suits histograms over time, one in each column:
/// `HeatMap map{.title = "Activations", .x_label = "batch", .log1p = true}; map.set(bins_by_batches).save("bins.svg");`
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <kiln/tensor/tensor.hpp>
#include <kiln/viz/colour_map.hpp>
#include <kiln/viz/frame.hpp>
#include <kiln/viz/png.hpp>

namespace kiln {

/// A matrix in colours. NaN is grey. Of more than 2048 rows or columns, neighbours share a pixel that shows their mean.
struct HeatMap {
  std::string title = {};
  std::string x_label = {};
  std::string y_label = {};
  std::string value_label = {};       ///< beside the colour bar
  bool log1p = false;                 ///< colours by log(1 + value), for counts; below 0 is grey
  bool first_row_on_top = false;      ///< as in a printed matrix; otherwise rows go upwards, as an axis does
  std::optional<double> x_low = {};   ///< what the outer borders of the cells stand for;
  std::optional<double> x_high = {};  ///< if not given, cell i is around i
  std::optional<double> y_low = {};
  std::optional<double> y_high = {};
  std::optional<double> low = {};  ///< the darkest and the brightest value; if not given, those of the matrix
  std::optional<double> high = {};
  double width = 640;
  double height = 320;
  Index rows = 0;
  Index columns = 0;
  std::vector<double> values = {};  ///< row by row

  /// What is shown. Shapes: (rows, columns).
  template <class T>
  HeatMap& set(const Tensor<2, T>& matrix) {
    rows = matrix.size(0);
    columns = matrix.size(1);
    values.assign(matrix.begin(), matrix.end());
    return *this;
  }

  /// The matrix alone, each cell a pixel.
  Pixels pixels() const {
    const Range range = colour_range();
    Pixels picture{.width = (std::min)(columns, pixel_limit), .height = (std::min)(rows, pixel_limit), .channels = 3};
    for (Index row = 0; row < picture.height; ++row) {
      const Index from_top = first_row_on_top ? row : picture.height - 1 - row;
      for (Index column = 0; column < picture.width; ++column) {
        const detail::Colour colour =
            detail::viridis(share(mean(from_top, picture.height, column, picture.width), range));
        picture.bytes.insert(picture.bytes.end(), colour.begin(), colour.end());
      }
    }
    return picture;
  }

  std::string svg() const { return detail::svg_of(*this, title.empty() ? "heat map" : title); }

  /// As .svg, or the cells alone as .png. Throws: UsageError for another name or nothing to show, DataError.
  void save(const std::string& path) const {
    detail::save_picture(
        path, [&] { return svg(); }, [&] { return enlarged(); });
  }

  detail::Size draw(detail::Drawing& drawing) const {
    using namespace detail;
    check_size("HeatMap", width, height);
    check();
    const Axis x = cell_axis(x_low, x_high, columns);
    const Axis y = cell_axis(y_low, y_high, rows);
    const Range range = colour_range();
    const std::vector<Tick> marks = bar_ticks(range, 6);
    constexpr double bar_width = 14, gap = 16;
    const double reserved = gap + bar_width + 8 + widest(marks) + (value_label.empty() ? 0 : 20);
    Frame frame(drawing, width, height, {title, x_label, y_label}, x, y, {}, reserved, false, first_row_on_top);
    if (values.empty()) {
      frame.draw_empty(drawing);
      return {width, height};
    }
    const Pixels cells = pixels();  // large cells in many pixels: some viewers would blur their borders
    const auto fill = [](double room, Index count) {
      return room / static_cast<double>(count) < 3 ? Index{1} : static_cast<Index>(2 * room) / count;
    };
    draw_pixels(drawing, enlarge(cells, fill(frame.area.width, cells.width), fill(frame.area.height, cells.height)),
                frame.area);

    const Box bar{width - reserved - edge / 2 + gap / 2, frame.area.y, bar_width, frame.area.height};
    Pixels gradient{.width = 1, .height = 128, .channels = 3};
    for (int i = 127; i >= 0; --i) {
      const Colour colour = viridis(i / 127.0);
      gradient.bytes.insert(gradient.bytes.end(), colour.begin(), colour.end());
    }
    draw_pixels(drawing, gradient, bar);
    double above = bar.bottom() + 100;
    for (const Tick& tick : marks) {
      const double at = bar.bottom() - share(tick.value, range) * bar.height;
      if (above - at < 14) continue;
      above = at;
      drawing.element("text", {{"class", "k-text"}, {"x", bar.right() + 6}, {"y", at + 4}}, tick_text(tick.label));
    }
    if (!value_label.empty()) draw_upright(drawing, value_label, width - edge, bar.y + bar.height / 2, bar.height);
    return {width, height};
  }

 private:
  using Range = detail::Range;
  static constexpr Index pixel_limit = 2048;

  void check() const {
    if (rows < 0 || columns < 0 || static_cast<std::size_t>(rows * columns) != values.size())
      fail<UsageError>("HeatMap", concat("there must be ", rows, " x ", columns, " values"),
                       concat("got ", values.size()));
  }

  double scaled(double value) const {
    if (!log1p) return value;
    return value >= 0 ? std::log1p(value) : std::numeric_limits<double>::quiet_NaN();
  }

  double share(double value, const Range& range) const {
    if (std::isinf(value)) return value > 0 ? 1 : 0;
    const double from = scaled(range.low), to = scaled(range.high);
    return (scaled(detail::drawable(value)) / 2 - from / 2) / (to / 2 - from / 2);
  }

  Range colour_range() const {
    Range range;
    for (double value : values)
      if (std::isfinite(value) && !(log1p && value < 0)) range.include(detail::drawable(value));
    if (log1p && !low && !range.empty()) range.include(0);
    const detail::Axis axis = detail::make_axis(range, false, 0, low, high);
    return {log1p ? (std::max)(axis.low, 0.0) : axis.low, axis.high};
  }

  /// The mean of the cells that share a pixel, NaN if all are.
  double mean(Index row, Index row_count, Index column, Index column_count) const {
    double sum = 0;
    Index count = 0;
    for (Index i = row * rows / row_count; i < (row + 1) * rows / row_count; ++i) {
      for (Index j = column * columns / column_count; j < (column + 1) * columns / column_count; ++j) {
        const double value = values[static_cast<std::size_t>(i * columns + j)];
        if (std::isnan(value)) continue;
        sum += value;
        ++count;
      }
    }
    return count ? sum / static_cast<double>(count) : std::numeric_limits<double>::quiet_NaN();
  }

  static detail::Axis cell_axis(std::optional<double> low_border, std::optional<double> high_border, Index count) {
    detail::Axis axis = detail::make_axis({-0.5, static_cast<double>((std::max)(count, Index{1})) - 0.5}, false, 0,
                                          low_border, high_border);
    axis.whole = !low_border && !high_border;
    return axis;
  }

  std::vector<detail::Tick> bar_ticks(const Range& range, int at_most) const {
    if (!log1p || range.high < 20) return detail::linear_ticks(range.low, range.high, at_most);
    std::vector<detail::Tick> ticks;
    if (range.low == 0) ticks.push_back({0, "0"});
    for (const detail::Tick& tick : detail::log_ticks((std::max)(range.low, 1.0), range.high, at_most))
      ticks.push_back(tick);
    return ticks;
  }

  /// The cells as squares of as many pixels as fit the width and height.
  Pixels enlarged() const {
    check();
    Pixels cells = pixels();
    if (cells.bytes.empty()) return cells;
    return detail::enlarge(cells, (std::max)(Index{1}, static_cast<Index>(width) / cells.width),
                           (std::max)(Index{1}, static_cast<Index>(height) / cells.height));
  }
};

}  // namespace kiln
