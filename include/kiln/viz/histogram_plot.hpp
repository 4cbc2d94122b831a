// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `HistogramPlot`: how often values occur: `HistogramPlot{.title = "Weights"}.add("hidden", weights).save("w.svg")`.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <kiln/core/shape.hpp>
#include <kiln/viz/frame.hpp>
#include <kiln/viz/numbers.hpp>

namespace kiln {

namespace detail {

/// Bins of one width, next to each other.
struct Bins {
  double low;
  double width;
  Index count;
};

/// Bins of a round width with borders at multiples of it, about as wide as Freedman and Diaconis advise (2 x the
/// interquartile range / cube root of the count); for integers of few values, one around each. `sorted` is not empty.
inline Bins choose_bins(const std::vector<double>& sorted) {
  constexpr double most = 100;
  const double low = sorted.front(), high = sorted.back(), span = high / 2 - low / 2;
  const bool whole = std::all_of(sorted.begin(), sorted.end(), [](double value) { return value == std::floor(value); });
  if (whole && span < most / 2) return {low - 0.5, 1, static_cast<Index>(high - low) + 1};
  const double size = (std::max)(std::abs(low), std::abs(high));
  if (span <= size * 1e-9) return {low - size * 0.1, size * 0.2, 1};
  const auto at = [&](double share) {
    return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
  };
  const double advised = 2 * (at(0.75) / 2 - at(0.25) / 2) / std::cbrt(static_cast<double>(sorted.size()));
  const double half_width = std::clamp(advised, span / most, span / 5);
  for (int exponent = static_cast<int>(std::floor(std::log10(half_width))) - 1;; ++exponent) {
    for (int digit : {1, 2, 5}) {
      const double width = decimal(digit, exponent);
      if (width < 2 * half_width * 0.99 && width < 1e299) continue;
      const double first = std::floor(low / width + 1e-9);
      const double last = (std::max)(std::ceil(high / width - 1e-9), first + 1);
      return {first * width, width, static_cast<Index>(last - first)};
    }
  }
}

}  // namespace detail

/// Values counted in bins, the same for all series. Values that are not finite, or outside of given bounds, are left
/// out.
struct HistogramPlot {
  /// One set of values.
  struct Series {
    std::string name;
    std::vector<double> values;
  };

  std::string title = {};
  std::string x_label = {};
  std::string y_label = "count";
  Index bins = 0;  ///< 0: chosen after the values
  bool log_y = false;
  std::optional<double> low = {};  ///< bounds of the bins
  std::optional<double> high = {};
  double width = 640;
  double height = 360;
  std::vector<Series> series = {};

  /// Values; without a name they are not in the legend.
  HistogramPlot& add(std::string name, Numbers values) {
    series.push_back({std::move(name), std::move(values.values)});
    return *this;
  }

  std::string svg() const { return detail::svg_of(*this, title.empty() ? "histogram" : title); }

  /// Throws: UsageError for a name that does not end in .svg, DataError if it cannot be written.
  void save(const std::string& path) const { detail::save_svg(path, svg()); }

  detail::Size draw(detail::Drawing& drawing) const {
    using namespace detail;
    check_size("HistogramPlot", width, height);
    if (bins < 0 || bins > 10'000)
      fail<UsageError>("HistogramPlot", "bins must be between 0 (chosen after the values) and 10000",
                       concat("got ", bins));
    const std::vector<double> pooled = shown_values();
    const Bins chosen = bins_for(pooled);
    std::vector<std::vector<Index>> counts;
    Index most = 0;
    std::vector<LegendEntry> legend;
    for (std::size_t i = 0; i < series.size(); ++i) {
      counts.push_back(count(series[i].values, chosen));
      most = (std::max)(most, *std::max_element(counts.back().begin(), counts.back().end()));
      if (!series[i].name.empty()) legend.push_back({series[i].name, i, true});
    }
    const Axis x{.low = chosen.low, .high = chosen.low + chosen.width * static_cast<double>(chosen.count)};
    Axis y =
        make_axis({log_y ? 1.0 : 0.0, static_cast<double>((std::max)(most, Index{1}))}, log_y, 0.05, log_y ? 0.7 : 0.0);
    y.whole = true;
    const Frame frame(drawing, width, height, {title, x_label, y_label}, x, y, legend);
    if (pooled.empty()) frame.draw_empty(drawing);
    for (std::size_t i = 0; i < counts.size() && !pooled.empty(); ++i) {
      std::vector<Point> outline = {{frame.column(x.low), frame.area.bottom()}};
      for (Index bin = 0; bin < chosen.count; ++bin) {
        const auto height_of = static_cast<double>(counts[i][static_cast<std::size_t>(bin)]);
        const double top = (std::min)(frame.row(height_of), frame.area.bottom());
        outline.push_back({frame.column(chosen.low + chosen.width * static_cast<double>(bin)), top});
        outline.push_back({frame.column(chosen.low + chosen.width * static_cast<double>(bin + 1)), top});
      }
      outline.push_back({frame.column(x.high), frame.area.bottom()});
      const std::string path = path_of(outline);
      drawing.element("path", {{"class", series_class("fill", i)}, {"d", path}});
      drawing.element("path", {{"class", series_class("line", i)}, {"d", path}});
    }
    return {width, height};
  }

 private:
  bool shows(double value) const {
    return std::isfinite(value) && (!low || value >= *low) && (!high || value <= *high);
  }

  std::vector<double> shown_values() const {
    std::vector<double> pooled;
    for (const Series& one : series)
      for (double value : one.values)
        if (shows(value)) pooled.push_back(detail::drawable(value));
    std::sort(pooled.begin(), pooled.end());
    return pooled;
  }

  detail::Bins bins_for(const std::vector<double>& sorted) const {
    if (bins == 0 && !low && !high && !sorted.empty()) return detail::choose_bins(sorted);
    const detail::Range range = sorted.empty() ? detail::Range{} : detail::Range{sorted.front(), sorted.back()};
    const detail::Axis axis = detail::make_axis(range, false, 0, low, high);
    const Index advised = sorted.empty() ? 1 : detail::choose_bins(sorted).count;
    const Index count = bins ? bins : std::clamp(advised, Index{10}, Index{100});
    return {axis.low, axis.high / static_cast<double>(count) - axis.low / static_cast<double>(count), count};
  }

  std::vector<Index> count(const std::vector<double>& values, const detail::Bins& chosen) const {
    std::vector<Index> counts(static_cast<std::size_t>(chosen.count));
    for (double value : values) {
      if (!shows(value)) continue;
      const double bin = std::floor(detail::drawable(value) / chosen.width - chosen.low / chosen.width);
      ++counts[static_cast<std::size_t>(std::clamp(bin, 0.0, static_cast<double>(chosen.count - 1)))];
    }
    return counts;
  }
};

}  // namespace kiln
