// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Plots made of characters: `sparkline(losses)` in a line, `terminal_plot(losses)` with axes. They return UTF-8 text;
/// whether it is shown, as on a terminal, or not, as in a log file, is up to the caller.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <kiln/core/shape.hpp>
#include <kiln/viz/axis.hpp>
#include <kiln/viz/numbers.hpp>
#include <kiln/viz/utf8.hpp>

namespace kiln {

namespace detail {

/// Adds to a line what `sparkline` returns.
inline void append_sparkline(std::string& line, std::span<const double> values, Index width) {
  const std::size_t blocks = (std::min)(static_cast<std::size_t>(width), values.size());
  const auto mean_of = [&](std::size_t block) {
    double mean = 0, count = 0;
    for (std::size_t i = block * values.size() / blocks; i < (block + 1) * values.size() / blocks; ++i) {
      if (!std::isfinite(values[i])) continue;
      count += 1;
      mean += (drawable(values[i]) - mean) / count;
    }
    return count > 0 ? mean : std::nan("");
  };
  Range range;
  for (std::size_t block = 0; block < blocks; ++block) {
    const double mean = mean_of(block);
    if (!std::isnan(mean)) range.include(mean);
  }
  for (std::size_t block = 0; block < blocks; ++block) {
    const double mean = mean_of(block);
    if (std::isnan(mean)) {
      line += ' ';
      continue;
    }
    const double span = range.high / 2 - range.low / 2;
    const double share = span > 0 ? (mean / 2 - range.low / 2) / span : 0.5;
    line += "\xe2\x96";  // U+2581 to U+2588
    line += static_cast<char>(0x81 + (std::min)(static_cast<int>(share * 8), 7));
  }
}

}  // namespace detail

/// One line of blocks, from the lowest value `▁` to the highest `█`; NaN and infinity are spaces. Of more values than
/// `width` neighbours share a block that shows their mean.
inline std::string sparkline(const Numbers& numbers, Index width = 40) {
  if (width < 1) fail<UsageError>("sparkline", "the width must be at least 1", concat("got ", width));
  std::string line;
  detail::append_sparkline(line, numbers.values, width);
  return line;
}

/// How a plot of characters looks.
struct TerminalPlot {
  std::string title = {};
  std::string x_label = {};
  bool log_y = false;
  Index width = 72;   ///< in characters, with the labels
  Index height = 12;  ///< in lines, without title and x axis
};

namespace detail {

/// Dots in characters of the Braille block of Unicode, two across and four down in each.
class DotCanvas {
 public:
  DotCanvas(Index columns, Index rows)
      : columns_(columns), rows_(rows), cells_(static_cast<std::size_t>(columns * rows)) {}

  Index dots_across() const { return 2 * columns_; }
  Index dots_down() const { return 4 * rows_; }

  /// Dots from (x, top) down to (x, bottom).
  void column(Index x, Index top, Index bottom) {
    constexpr unsigned char bits[2][4] = {{0x01, 0x02, 0x04, 0x40}, {0x08, 0x10, 0x20, 0x80}};
    for (Index y = top; y <= bottom; ++y)
      cells_[static_cast<std::size_t>(y / 4 * columns_ + x / 2)] |= bits[x % 2][y % 4];
  }

  std::string line(Index row) const {
    std::string text;
    for (Index i = 0; i < columns_; ++i) {
      const unsigned dots = cells_[static_cast<std::size_t>(row * columns_ + i)];
      if (dots == 0) text += ' ';
      else
        text += {'\xe2', static_cast<char>(0xa0 | dots >> 6), static_cast<char>(0x80 | (dots & 63))};  // U+2800 + dots
    }
    return text;
  }

 private:
  Index columns_;
  Index rows_;
  std::vector<unsigned char> cells_;
};

/// The dot of `count` for a share in [0, 1].
inline Index nearest_dot(double share, Index count) {
  return static_cast<Index>(std::lround(std::clamp(share, 0.0, 1.0) * static_cast<double>(count - 1)));
}

/// Marks which dots a curve over 0, 1, 2, ... touches.
inline void draw_dots(DotCanvas& canvas, const std::vector<double>& values, const Axis& y) {
  const auto last = static_cast<double>((std::max)(values.size(), std::size_t{2}) - 1);
  Index before_x = -1, before_y = 0;  // -1: after a gap
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i]) || (y.log && values[i] < 1e-300)) {
      before_x = -1;
      continue;
    }
    const Index at_x = nearest_dot(static_cast<double>(i) / last, canvas.dots_across());
    const Index at_y = nearest_dot(1 - y.place(drawable(values[i])), canvas.dots_down());
    if (before_x < 0) before_x = at_x, before_y = at_y;
    const Index steps = at_x - before_x;
    Index from = before_y;  // a line, column by column, each from where the last one ended
    for (Index step = (std::min)(Index{1}, steps); step <= steps; ++step) {
      const Index to = steps ? before_y + (at_y - before_y) * step / steps : at_y;
      const bool joined = from != to;
      const Index begin = joined && step > 0 ? from + (to > from ? 1 : -1) : steps ? to : from;
      canvas.column(before_x + step, (std::min)(begin, to), (std::max)(begin, to));
      from = to;
    }
    before_x = at_x;
    before_y = at_y;
  }
}

/// The length in characters, which are all one column wide.
inline Index characters(std::string_view text) {
  return static_cast<Index>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

inline std::string spaces(Index count) {
  return std::string(static_cast<std::size_t>((std::max)(count, Index{0})), ' ');
}

/// Text of others without what would move the cursor.
inline std::string terminal_text(std::string_view text) {
  std::string clean;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const char32_t point = next_code_point(text, at);
    if (point < 0x20 || (point >= 0x7f && point < 0xa0)) clean += ' ';
    else if (point == 0xfffd) clean += "\xef\xbf\xbd";
    else clean += text.substr(begin, at - begin);
  }
  return clean;
}

}  // namespace detail

/// Values over 0, 1, 2, ... as lines of text with axes, each ended by a line break. NaN and infinity are gaps, and with
/// `log_y` what is not above 0. Throws: UsageError for less than 20 x 3 characters, or more than 1000 x 1000.
inline std::string terminal_plot(const Numbers& numbers, const TerminalPlot& options = {}) {
  using namespace detail;
  if (options.width < 20 || options.height < 3 || options.width > 1000 || options.height > 1000)
    fail<UsageError>("terminal_plot", "width must be between 20 and 1000, height between 3 and 1000",
                     concat("got ", options.width, " x ", options.height));
  const std::vector<double>& values = numbers.values;
  Range range;
  range.include(values, options.log_y);
  const Axis y = make_axis(range, options.log_y, 0);
  const std::vector<Tick> y_ticks = y.ticks(static_cast<int>((std::max)(options.height / 2, Index{3})));
  std::vector<std::string> labels(static_cast<std::size_t>(options.height));
  Index margin = 0;
  for (const Tick& tick : y_ticks) {
    labels[static_cast<std::size_t>(nearest_dot(1 - y.place(tick.value), 4 * options.height) / 4)] = tick.label;
    margin = (std::max)(margin, characters(tick.label));
  }
  margin = (std::min)(margin, options.width - 10);
  const Index columns = options.width - margin - 2;
  DotCanvas canvas(columns, options.height);
  draw_dots(canvas, values, y);

  std::string text;
  if (!options.title.empty()) text += concat(spaces(margin + 2), terminal_text(options.title), "\n");
  for (Index row = 0; row < options.height; ++row) {
    const std::string& label = labels[static_cast<std::size_t>(row)];
    std::string line = concat(spaces(margin - characters(label)), label, label.empty() ? " │" : " ┤");
    line += canvas.line(row);
    line.erase(line.find_last_not_of(' ') + 1);
    text += concat(line, "\n");
  }
  std::string border = concat(spaces(margin), " └");
  std::string marks = spaces(margin + 2);
  const double last = static_cast<double>((std::max)(values.size(), std::size_t{2}) - 1);
  Index drawn = 0;
  for (const Tick& tick : linear_ticks(0, last, static_cast<int>((std::max)(columns / 8, Index{3})), true)) {
    const Index at = static_cast<Index>(std::lround(tick.value / last * static_cast<double>(columns - 1)));
    for (; drawn < at; ++drawn) border += "─";
    border += "┬";
    ++drawn;
    const Index begin =
        margin + 2 +
        std::clamp(at - characters(tick.label) / 2, Index{0}, (std::max)(columns - characters(tick.label), Index{0}));
    if (characters(marks) < begin || at == 0) marks += concat(spaces(begin - characters(marks)), tick.label);
  }
  for (; drawn < columns; ++drawn) border += "─";
  text += concat(border, "\n", marks, "\n");
  if (!options.x_label.empty()) {
    const std::string label = terminal_text(options.x_label);
    text += concat(spaces(margin + 2 + (columns - characters(label)) / 2), label, "\n");
  }
  return text;
}

}  // namespace kiln
