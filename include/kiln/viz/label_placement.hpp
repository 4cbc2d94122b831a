// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Texts beside points: each goes where it covers least of the curves, of the other points and of the other texts.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <kiln/viz/theme.hpp>

namespace kiln::detail {

/// A text, the point it belongs to, and where it stands.
struct Label {
  std::string text;
  Point point;
  Box box;
};

inline double overlap(const Box& a, const Box& b) {
  const double width = (std::min)(a.right(), b.right()) - (std::max)(a.x, b.x);
  const double height = (std::min)(a.bottom(), b.bottom()) - (std::max)(a.y, b.y);
  return width > 0 && height > 0 ? width * height : 0;
}

/// Whether the line from a to b passes through the box.
inline bool crosses(const Box& box, Point a, Point b) {
  double enter = 0, leave = 1;  // the part of the line inside, as shares of its length
  const auto cut = [&](double from, double step, double low, double high) {
    if (step == 0) return from >= low && from <= high;
    const double one = (low - from) / step, other = (high - from) / step;
    enter = (std::max)(enter, (std::min)(one, other));
    leave = (std::min)(leave, (std::max)(one, other));
    return enter <= leave;
  };
  return cut(a.x, b.x - a.x, box.x, box.right()) && cut(a.y, b.y - a.y, box.y, box.bottom());
}

/// A place that a text may take, and what it covers there of all that does not move.
struct LabelPlace {
  Box box;
  double distance;
  double cost;

  Point middle() const { return {box.x + box.width / 2, box.y + box.height / 2}; }
};

/// The places around the point of label `i`, near ones first.
inline std::vector<LabelPlace> label_places(const std::vector<Label>& labels, std::size_t i,
                                            const std::vector<Point>& curve, const Box& area) {
  constexpr double height = 16;
  const double width = text_width(labels[i].text, font_size) + 4;
  const Point point = labels[i].point;
  std::vector<LabelPlace> places;
  for (double distance : {8.0, 22.0, 40.0, 64.0, 96.0}) {
    for (int direction = 0; direction < 16; ++direction) {
      const double angle = direction * std::acos(-1.0) / 8;
      const double dx = std::cos(angle), dy = -std::sin(angle);
      LabelPlace place{{point.x + dx * (distance + width / 2) - width / 2,
                        point.y + dy * (distance + height / 2) - height / 2, width, height},
                       distance,
                       distance + (dy > 0 ? 3 : 0)};
      Box& box = place.box;
      box.x = std::clamp(box.x, area.x, (std::max)(area.x, area.right() - width));
      box.y = std::clamp(box.y, area.y, (std::max)(area.y, area.bottom() - height));
      for (std::size_t j = 0; j < labels.size(); ++j) {
        const Point other = labels[j].point;
        place.cost += overlap(box, {other.x - 6, other.y - 6, 12, 12}) * 10;
        if (j != i && distance > 8 && crosses({other.x - 5, other.y - 5, 10, 10}, point, place.middle()))
          place.cost += 100;
      }
      const Box wider{box.x - 2, box.y - 2, width + 4, height + 4};
      int crossings = 0;
      for (std::size_t k = 1; k < curve.size() && crossings < 20; ++k) {
        if (std::isfinite(curve[k - 1].y) && std::isfinite(curve[k].y) && crosses(wider, curve[k - 1], curve[k]))
          ++crossings;
      }
      if (crossings > 0) place.cost += 200 + 4 * crossings;
      places.push_back(place);
    }
  }
  return places;
}

/// Chooses the boxes inside `area`. `curve` are points joined by lines, NaN a gap. From many starts, each label in turn
/// takes the place that is best while the others stay, and the best of all outcomes counts.
inline void place_labels(std::vector<Label>& labels, const std::vector<Point>& curve, const Box& area) {
  std::vector<std::vector<LabelPlace>> places;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    labels[i].text = fit_text(labels[i].text, font_size, area.width - 4);
    places.push_back(label_places(labels, i, curve, area));
  }
  const auto clash = [&](std::size_t i, const LabelPlace& a, std::size_t j, const LabelPlace& b) {
    double cost = overlap(a.box, b.box) * 20;
    if (a.distance > 8 && crosses(b.box, labels[i].point, a.middle())) cost += 400;
    if (b.distance > 8 && crosses(a.box, labels[j].point, b.middle())) cost += 400;
    return cost;
  };
  const int starts = labels.size() <= 12 ? 40 : 1;
  double least = std::numeric_limits<double>::infinity();
  std::uint32_t state = 1;
  for (int start = 0; start < starts; ++start) {
    std::vector<std::size_t> chosen(labels.size(), 0);
    if (start > 0)
      for (std::size_t& choice : chosen) choice = ((state = state * 1664525u + 1013904223u) >> 16) % places[0].size();
    double total = 0;
    for (int pass = 0; pass < 3; ++pass) {
      total = 0;
      for (std::size_t i = 0; i < labels.size(); ++i) {
        double best = std::numeric_limits<double>::infinity();
        std::size_t best_place = 0;
        for (std::size_t candidate = 0; candidate < places[i].size(); ++candidate) {
          const LabelPlace& place = places[i][candidate];
          double cost = place.cost;
          for (std::size_t j = 0; j < labels.size() && cost < best; ++j)
            if (j != i) cost += clash(i, place, j, places[j][chosen[j]]);
          if (cost < best) {
            best = cost;
            best_place = candidate;
          }
        }
        chosen[i] = best_place;
        total += best;
      }
    }
    if (total >= least) continue;
    least = total;
    for (std::size_t i = 0; i < labels.size(); ++i) labels[i].box = places[i][chosen[i]].box;
  }
}

/// The point, the text, and a thin line between them where they are apart.
inline void draw_label(Drawing& drawing, const Label& label) {
  const Box& box = label.box;
  const Point nearest{std::clamp(label.point.x, box.x, box.right()), std::clamp(label.point.y, box.y, box.bottom())};
  if (std::hypot(nearest.x - label.point.x, nearest.y - label.point.y) > 12)
    drawing.element("path", {{"class", "k-lead"}, {"d", path_of({label.point, nearest})}});
  drawing.element("circle", {{"class", "k-point"}, {"cx", label.point.x}, {"cy", label.point.y}, {"r", 4.5}});
  if (label.text.empty()) return;
  const double x = box.x + box.width / 2, y = box.y + box.height - 4;
  drawing.element("text", {{"class", "k-text k-halo k-mid"}, {"x", x}, {"y", y}}, label.text);
  drawing.element("text", {{"class", "k-text k-mid"}, {"x", x}, {"y", y}}, label.text);
}

}  // namespace kiln::detail
