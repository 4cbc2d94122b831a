// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// What surrounds the data of a plot: title, legend, axes with ticks and labels, and the grid. Nothing overlaps: the
/// frame takes the room that its texts need, and the data gets what is left.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kiln/viz/axis.hpp>
#include <kiln/viz/theme.hpp>

namespace kiln::detail {

/// The texts around a plot.
struct Captions {
  std::string_view title;
  std::string_view x_label;
  std::string_view y_label;
};

/// A name beside a piece of line, or a filled square, in the colour of its series.
struct LegendEntry {
  std::string name;
  std::size_t series;
  bool filled = false;
};

/// A tick's label with the minus sign of typography.
inline std::string tick_text(std::string_view label) {
  return label.starts_with('-') ? concat("−", label.substr(1)) : std::string(label);
}

inline double widest(const std::vector<Tick>& ticks) {
  double width = 0;
  for (const Tick& tick : ticks) width = (std::max)(width, text_width(tick.label, font_size));
  return width;
}

/// Draws the title at the left top and returns where the content begins.
inline double draw_title(Drawing& drawing, std::string_view title, double width, bool of_figure = false) {
  if (title.empty()) return edge;
  const double size = of_figure ? 18 : title_size;
  drawing.element(
      "text", {{"class", of_figure ? "k-text k-title k-head" : "k-text k-title"}, {"x", edge}, {"y", edge + size - 2}},
      fit_text(title, size * 1.14, width - 2 * edge));
  return edge + size + 11;
}

/// Draws the legend in rows from `top` down and returns where it ends. What does not fit `max_height` is counted.
inline double draw_legend(Drawing& drawing, const std::vector<LegendEntry>& entries, double top, double width,
                          double max_height) {
  constexpr double row = 18, sample = 20, gap = 16;
  if (entries.empty()) return top;
  const double right = width - edge;
  double x = edge;
  double y = top + font_size;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::string name = fit_text(entries[i].name, font_size, right - edge - sample - 6);
    const double needed = sample + 6 + text_width(name, font_size);
    if (x > edge && x + needed > right) {
      x = edge;
      y += row;
    }
    const bool last_row = y + 2 * row > top + max_height;
    const std::string rest = concat("and ", entries.size() - i, " more");
    const bool more_follow = i + 1 < entries.size();
    if (last_row && more_follow && x + needed + gap + text_width(rest, font_size) > right && x > edge) {
      drawing.element("text", {{"class", "k-text k-small"}, {"x", x}, {"y", y}}, rest);
      break;
    }
    if (entries[i].filled) {
      drawing.element(
          "rect", {{"class", concat(series_class("fill", entries[i].series), " k-l", entries[i].series % colour_count)},
                   {"x", x + 6},
                   {"y", y - 10},
                   {"width", 11},
                   {"height", 11}});
    } else {
      drawing.element("path", {{"class", series_class("line", entries[i].series)},
                               {"d", path_of({{x, y - 4}, {x + sample, y - 4}})}});
    }
    drawing.element("text", {{"class", "k-text"}, {"x", x + sample + 6}, {"y", y}}, name);
    x += needed + gap;
  }
  return y + 12;
}

/// A text that reads upwards, centred at a point unless its class says otherwise.
inline void draw_upright(Drawing& drawing, std::string_view text, double x, double y, double room,
                         std::string_view style = "k-text k-small k-mid") {
  std::string turn = "rotate(-90 ";
  append_coordinate(turn, x);
  turn += ' ';
  append_coordinate(turn, y);
  turn += ')';
  drawing.element("text", {{"class", style}, {"x", x}, {"y", y}, {"transform", turn}}, fit_text(text, font_size, room));
}

/// The frame of a plot with two axes.
class Frame {
 public:
  Box area;  ///< where the data goes
  Axis x;
  Axis y;

  /// `reserved` pixels at the right are left to the caller. Without a grid there are ticks outside of the area.
  /// `downwards`: y grows downwards.
  Frame(Drawing& drawing, double width, double height, const Captions& captions, const Axis& x_axis, const Axis& y_axis,
        const std::vector<LegendEntry>& legend = {}, double reserved = 0, bool grid = true, bool downwards = false)
      : x(x_axis), y(y_axis), downwards_(downwards) {
    area.y = draw_title(drawing, captions.title, width);
    area.y = draw_legend(drawing, legend, area.y, width, height / 4);
    area.y = (std::max)(area.y, edge);
    const double below = 24 + (captions.x_label.empty() ? 0 : 20);
    area.height = (std::max)(height - area.y - below - edge / 2, 10.0);
    const std::vector<Tick> y_ticks = choose_y_ticks();
    area.x = edge + (captions.y_label.empty() ? 0 : 20) + widest(y_ticks) + 8;
    const double room = (std::max)(width - reserved - edge - area.x, 10.0);
    std::vector<Tick> x_ticks;
    for (int at_most = std::clamp(static_cast<int>(room / 48), 2, 12); at_most >= 2; --at_most) {
      x_ticks = x.ticks(at_most);
      area.width = room;
      for (const Tick& tick : x_ticks) {  // a label centred on the right end sticks out
        const double half = text_width(tick.label, font_size) / 2;
        const double over = area.x + x.place(tick.value) * room + half - (width - reserved - 6);
        if (over > 0) area.width = (std::min)(area.width, room - over);
      }
      double free = area.width;
      for (std::size_t i = 1; i < x_ticks.size(); ++i) {
        const double needed =
            (text_width(x_ticks[i - 1].label, font_size) + text_width(x_ticks[i].label, font_size)) / 2;
        free = (std::min)(free, column(x_ticks[i].value) - column(x_ticks[i - 1].value) - needed);
      }
      if (free >= 10) break;
    }
    draw_axes(drawing, x_ticks, y_ticks, grid);
    draw_labels(drawing, captions, height);
  }

  /// Where a value stands, in pixels.
  double column(double value) const { return area.x + x.place(value) * area.width; }
  double row(double value) const {
    return downwards_ ? area.y + y.place(value) * area.height : area.bottom() - y.place(value) * area.height;
  }

  /// Says that there is nothing to see.
  void draw_empty(Drawing& drawing) const {
    drawing.element(
        "text", {{"class", "k-text k-small k-mid"}, {"x", area.x + area.width / 2}, {"y", area.y + area.height / 2}},
        "no data");
  }

 private:
  bool downwards_;

  /// A tick about every 30 pixels; closer ones rather than a single one, but never texts that touch.
  std::vector<Tick> choose_y_ticks() const {
    constexpr double closest = 15;
    const int usual = std::clamp(static_cast<int>(area.height / 30), 2, 12);
    std::vector<Tick> ticks = y.ticks(usual);
    for (int more = usual + 1; ticks.size() < 2 && more <= usual + 4; ++more) ticks = y.ticks(more);
    std::vector<Tick> apart;
    for (Tick& tick : ticks)
      if (apart.empty() || std::abs(row(tick.value) - row(apart.back().value)) >= closest)
        apart.push_back(std::move(tick));
    return apart;
  }

  void draw_axes(Drawing& drawing, const std::vector<Tick>& x_ticks, const std::vector<Tick>& y_ticks,
                 bool grid) const {
    std::string lines;
    for (const Tick& tick : y_ticks) {
      const double at = row(tick.value);
      lines += path_of({{area.x, at}, {grid ? area.right() : area.x - 4, at}});
      drawing.element("text", {{"class", "k-text k-end"}, {"x", area.x - 8}, {"y", at + 4}}, tick_text(tick.label));
    }
    for (const Tick& tick : x_ticks) {
      const double at = column(tick.value);
      lines += path_of({{at, grid ? area.y : area.bottom()}, {at, area.bottom() + (grid ? 0 : 4)}});
      drawing.element("text", {{"class", "k-text k-mid"}, {"x", at}, {"y", area.bottom() + 18}}, tick_text(tick.label));
    }
    drawing.element("path", {{"class", grid ? "k-grid" : "k-axis"}, {"d", lines}});
    if (grid) {
      drawing.element("path",
                      {{"class", "k-axis"}, {"d", path_of({{area.x, area.bottom()}, {area.right(), area.bottom()}})}});
    }
  }

  void draw_labels(Drawing& drawing, const Captions& captions, double height) const {
    if (!captions.x_label.empty()) {
      drawing.element("text", {{"class", "k-text k-small k-mid"}, {"x", area.x + area.width / 2}, {"y", height - 11}},
                      fit_text(captions.x_label, font_size, area.width));
    }
    if (!captions.y_label.empty())
      draw_upright(drawing, captions.y_label, edge + 8, area.y + area.height / 2, area.height);
  }
};

}  // namespace kiln::detail
