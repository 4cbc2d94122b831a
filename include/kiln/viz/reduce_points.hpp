// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Fewer points for the same picture: of a million points that fall on 600 columns of pixels, the outline is enough.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include <kiln/viz/svg.hpp>

namespace kiln::detail {

/// Appends of one group the first and the last point and those that reach farthest, in their order; or a gap if the
/// group has nothing else.
inline void append_outline(std::vector<Point>& to, std::span<const Point> group) {
  constexpr std::size_t none = static_cast<std::size_t>(-1);
  std::size_t keep[6] = {none, none, none, none, none, none};  // first, last, lowest, highest, leftmost, rightmost
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (!std::isfinite(group[i].y)) continue;
    if (keep[0] == none) std::fill(keep, keep + 6, i);
    keep[1] = i;
    if (group[i].y < group[keep[2]].y) keep[2] = i;
    if (group[i].y > group[keep[3]].y) keep[3] = i;
    if (group[i].x < group[keep[4]].x) keep[4] = i;
    if (group[i].x > group[keep[5]].x) keep[5] = i;
  }
  if (keep[0] == none) {
    constexpr double gap = std::numeric_limits<double>::quiet_NaN();
    if (!to.empty() && std::isfinite(to.back().y)) to.push_back({gap, gap});
    return;
  }
  std::sort(keep, keep + 6);
  for (auto* at = keep; at != std::unique(keep, keep + 6); ++at) to.push_back(group[*at]);
}

/// At most about six points for each pixel of `width`, in groups by the column of pixels they are in, or where x goes
/// back and forth, of equal length. A point that is NaN is a gap; so is a group of nothing else.
inline std::vector<Point> reduce_points(std::vector<Point> points, double width) {
  const auto columns = static_cast<std::size_t>((std::max)(width, 1.0));
  if (points.size() <= 4 * columns) return points;
  bool ascending = true;
  double before = -std::numeric_limits<double>::infinity();
  for (const Point& point : points) {
    if (!std::isfinite(point.x)) continue;
    ascending = ascending && point.x >= before;
    before = point.x;
  }
  std::vector<Point> reduced;
  const std::size_t length = (points.size() + columns - 1) / columns;
  for (std::size_t begin = 0, end = 0; begin < points.size(); begin = end) {
    if (ascending && std::isfinite(points[begin].x)) {
      const double column = std::floor(points[begin].x);
      while (end < points.size() && (!std::isfinite(points[end].x) || std::floor(points[end].x) == column)) ++end;
      while (end > begin + 1 && !std::isfinite(points[end - 1].x)) --end;  // these may be a gap before the next column
    } else if (ascending) {
      while (end < points.size() && !std::isfinite(points[end].x)) ++end;
      const bool same_column = begin > 0 && end < points.size() && points[end].x - points[begin - 1].x < 2;
      if (same_column) continue;
    } else {
      end = (std::min)(begin + length, points.size());
    }
    append_outline(reduced, std::span(points).subspan(begin, end - begin));
  }
  return reduced;
}

}  // namespace kiln::detail
