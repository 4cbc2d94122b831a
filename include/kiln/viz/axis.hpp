// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Axes: the range of the data, ticks at round numbers (1, 2 or 5 times a power of ten), and how these are written.
/// Drawn are numbers up to 1e300 in size; beyond they are drawn as 1e300, and below 1e-300 as 0.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <kiln/core/error.hpp>

namespace kiln::detail {

/// The number `digits` * 10^exponent as text: `120,000`, `0.025`, or where `scientific`, `1.2e5`. Zeros at the end of
/// decimals stay where `keep_zeros`, so that the ticks of an axis have as many each; zero itself is `0`.
inline std::string decimal_text(std::int64_t digits, int exponent, bool scientific, bool keep_zeros = false) {
  if (digits == 0) return "0";
  std::string text = concat(digits < 0 ? -digits : digits);
  const char* sign = digits < 0 ? "-" : "";
  while (text.size() > 1 && text.back() == '0' && !(keep_zeros && exponent < 0 && !scientific)) {
    text.pop_back();
    ++exponent;
  }
  if (scientific) {
    exponent += static_cast<int>(text.size()) - 1;
    if (text.size() > 1) text.insert(1, ".");
    return concat(sign, text, "e", exponent);
  }
  if (exponent >= 0) {
    text.append(static_cast<std::size_t>(exponent), '0');
    if (text.size() >= 5)
      for (std::size_t i = text.size(); i > 3;) text.insert(i -= 3, 1, ',');
    return concat(sign, text);
  }
  const auto decimals = static_cast<std::size_t>(-exponent);
  if (text.size() <= decimals) text.insert(0, decimals + 1 - text.size(), '0');
  text.insert(text.size() - decimals, ".");
  return concat(sign, text);
}

/// A number for a reader, with so many significant digits: `0.0123`, `1.23e-7`, `45,700`.
inline std::string short_number(double number, int significant = 3) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  if (number == 0) return "0";
  std::array<char, 40> text;
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::scientific, significant - 1).ptr;
  std::int64_t digits = 0;
  int exponent = 0;
  const std::string_view written(text.data(), static_cast<std::size_t>(end - text.data()));
  const std::size_t e = written.find('e');
  for (char c : written.substr(0, e))
    if (c >= '0' && c <= '9') digits = digits * 10 + (c - '0');
  const std::string_view power = written.substr(e + (written[e + 1] == '+' ? 2 : 1));
  std::from_chars(power.data(), power.data() + power.size(), exponent);
  const bool scientific = exponent < -4 || exponent >= 7;
  return decimal_text(number < 0 ? -digits : digits, exponent - (significant - 1), scientific);
}

/// A mark on an axis.
struct Tick {
  double value;
  std::string label;
};

/// digits * 10^exponent, right to the last bit where a power of ten is one number.
inline double decimal(std::int64_t digits, int exponent) {
  const auto number = static_cast<double>(digits);
  if (exponent >= 0) return number * std::pow(10.0, exponent);
  return exponent >= -300 ? number / std::pow(10.0, -exponent) : number / 1e300 / std::pow(10.0, -exponent - 300);
}

/// Ticks at multiples of 1, 2 or 5 times a power of ten, at most `at_most` (2 or more) of them; at integers if `whole`.
inline std::vector<Tick> linear_ticks(double low, double high, int at_most, bool whole = false) {
  const double tenth = high / 10 - low / 10;  // of the span, which itself may be beyond the largest number
  int exponent = static_cast<int>(std::floor(std::log10(tenth))) - 1;
  if (whole) exponent = (std::max)(exponent, 0);
  for (;; ++exponent) {
    for (int digit : {1, 2, 5}) {
      const double step = decimal(digit, exponent);
      const double slack = 1e-6;  // of a step, for bounds that are round but for rounding
      const double first = std::ceil(low / step - slack);
      const double last = std::floor(high / step + slack);
      if (last - first + 1 > at_most) continue;
      const auto size = static_cast<std::int64_t>((std::max)(std::abs(first), std::abs(last))) * digit;
      const double largest = decimal(size, exponent);
      const bool scientific = size > 0 && (largest >= 1e7 || exponent < -6 || largest < 1e-4);
      std::vector<Tick> ticks;
      for (auto i = static_cast<std::int64_t>(first); i <= static_cast<std::int64_t>(last); ++i)
        ticks.push_back({decimal(i * digit, exponent), decimal_text(i * digit, exponent, scientific, true)});
      return ticks;
    }
  }
}

/// Ticks for a logarithmic axis from `low` > 0, at most `at_most` of them: 1, 2 and 5 times powers of ten, powers of
/// ten alone, or every n-th of them, the first of these that fits; and round steps where the axis spans less.
inline std::vector<Tick> log_ticks(double low, double high, int at_most) {
  const double slack = 1e-9;
  const int first = static_cast<int>(std::floor(std::log10(low) - slack));
  const int last = static_cast<int>(std::floor(std::log10(high) + slack));
  const bool scientific = low < 0.99e-4 || high >= 1e7;
  const auto at_powers = [&](int every, bool fine) {
    std::vector<Tick> ticks;
    for (int exponent = first; exponent <= last; ++exponent) {
      if (exponent % every != 0) continue;
      for (int digit : {1, 2, 5}) {
        const double value = decimal(digit, exponent);
        if ((digit > 1 && !fine) || value < low * (1 - slack) || value > high * (1 + slack)) continue;
        ticks.push_back({value, decimal_text(digit, exponent, scientific)});
      }
    }
    return ticks;
  };
  const auto fits = [&](const std::vector<Tick>& ticks) { return ticks.size() <= static_cast<std::size_t>(at_most); };
  std::vector<Tick> ticks = at_powers(1, true);
  if (ticks.size() < 3 && high / low < 50) return linear_ticks(low, high, at_most);
  for (int scale = 1; !fits(ticks) && scale <= 1000; scale *= 10)
    for (int every : {1, 2, 3, 5})
      if (!fits(ticks)) ticks = at_powers(every * scale, false);
  return ticks;
}

/// What an axis shows and where.
struct Axis {
  double low = 0;
  double high = 1;
  bool log = false;
  bool whole = false;  ///< ticks at integers only

  /// 0 for `low`, 1 for `high`.
  double place(double value) const {
    if (log) return value > 0 ? (std::log10(value) - std::log10(low)) / (std::log10(high) - std::log10(low)) : -1;
    return (value / 2 - low / 2) / (high / 2 - low / 2);
  }

  std::vector<Tick> ticks(int at_most) const {
    return log ? log_ticks(low, high, at_most) : linear_ticks(low, high, at_most, whole);
  }

  bool contains(double value) const { return value >= low && value <= high; }
};

/// A number as the axes can draw it: see the head of this file.
inline double drawable(double value) {
  if (std::abs(value) < 1e-300) return 0;
  return std::clamp(value, -1e300, 1e300);
}

/// Smallest and largest of the numbers that an axis can show.
struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  bool empty() const { return !(low <= high); }

  void include(double value) {
    low = (std::min)(low, value);
    high = (std::max)(high, value);
  }

  void include(std::span<const double> values, bool log) {
    for (double value : values)
      if (std::isfinite(value) && (!log || value >= 1e-300)) include(drawable(value));
  }
};

/// An axis over a range, widened by a share of it at both ends, though not across zero; a fixed bound stays as it is.
/// An empty range gives 0 to 1 (log: 1 to 10), a single value its surroundings. Throws: UsageError for bounds that are
/// none.
inline Axis make_axis(Range range, bool log, double margin, std::optional<double> low = {},
                      std::optional<double> high = {}) {
  Axis axis{.log = log};
  for (const auto& bound : {low, high})
    if (bound && !(std::abs(*bound) <= 1e300 && (!log || *bound >= 1e-300)))
      fail<UsageError>("axis", log ? "a bound of a log axis must be above 0" : "a bound must be finite",
                       concat("got ", *bound));
  if (low && high && !(*low < *high))
    fail<UsageError>("axis", "the low bound must be below the high one", concat("got ", *low, " and ", *high));
  if (range.empty()) {
    range = log ? Range{1, 10} : Range{0, 1};
    margin = 0;
  }
  if (low) range.low = *low;
  if (high) range.high = *high;
  if (low && !high && range.high < *low) range.high = *low;
  if (high && !low && range.low > *high) range.low = *high;
  axis.low = range.low;
  axis.high = range.high;
  const double size = (std::max)(std::abs(range.low), std::abs(range.high));
  if (log) {
    const double ratio = range.high / range.low;
    const double factor = ratio < 1.001 ? 2 : std::pow(ratio, margin);
    if (!low || ratio < 1.001) axis.low = (std::max)(range.low / factor, 1e-301);
    if (!high || ratio < 1.001) axis.high = (std::min)(range.high * factor, 1e301);
    return axis;
  }
  const bool single = range.high / 2 - range.low / 2 <= size * 1e-9;
  double wider = single ? (size > 0 ? size * 0.1 : 1) : (range.high - range.low) * margin;
  if (std::isinf(wider)) wider = 1e300 * margin;
  if (!low || single) axis.low = range.low >= 0 && range.low < wider && !single ? 0 : range.low - wider;
  if (!high || single) axis.high = range.high <= 0 && -range.high < wider && !single ? 0 : range.high + wider;
  return axis;
}

}  // namespace kiln::detail
