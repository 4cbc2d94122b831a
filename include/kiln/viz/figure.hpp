// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Figure`: several plots in one picture, in rows: `Figure{.columns =
/// 2}.add(means).add(deviations).save("stats.svg")`.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <kiln/core/shape.hpp>
#include <kiln/viz/frame.hpp>

namespace kiln {

/// Plots side by side, `columns` to a row, each in its own size: set `.width` and `.height` of the plots.
struct Figure {
  /// A plot as it was when it was added.
  struct Panel {
    std::string elements;
    detail::Size size;
  };

  std::string title = {};
  Index columns = 2;
  std::vector<Panel> panels = {};

  /// Any plot of this library.
  template <class Plot>
  Figure& add(const Plot& plot) {
    detail::Drawing drawing;
    const detail::Size size = plot.draw(drawing);
    panels.push_back({std::move(drawing).body(), size});
    return *this;
  }

  std::string svg() const { return detail::svg_of(*this, title.empty() ? "figure" : title); }

  /// Throws: UsageError for a name that does not end in .svg, DataError if it cannot be written.
  void save(const std::string& path) const { detail::save_svg(path, svg()); }

  detail::Size draw(detail::Drawing& drawing) const {
    if (columns < 1) fail<UsageError>("Figure", "there must be at least one column", concat("got ", columns));
    const std::size_t across = (std::min)(static_cast<std::size_t>(columns), (std::max)(panels.size(), std::size_t{1}));
    std::vector<double> widths(across), heights((panels.size() + across - 1) / across);
    for (std::size_t i = 0; i < panels.size(); ++i) {
      widths[i % across] = (std::max)(widths[i % across], panels[i].size.width);
      heights[i / across] = (std::max)(heights[i / across], panels[i].size.height);
    }
    double width = 0;
    for (double one : widths) width += one;
    width = (std::max)(width, 160.0);
    double y = title.empty() ? 0 : detail::draw_title(drawing, title, width, true) - 4;
    for (std::size_t row = 0; row < heights.size(); ++row) {
      double x = 0;
      for (std::size_t i = row * across; i < (std::min)((row + 1) * across, panels.size()); ++i) {
        drawing.add(panels[i].elements, x, y);
        x += widths[i % across];
      }
      y += heights[row];
    }
    const detail::Size size{width, (std::max)(y, 80.0)};
    detail::check_size("Figure", size.width, size.height);
    return size;
  }
};

}  // namespace kiln
