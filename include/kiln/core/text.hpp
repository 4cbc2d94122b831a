// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Small text building for messages: `concat("got ", 3, " and ", 2.5)`. No streams, no locale.
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <string>
#include <string_view>

#include <kiln/core/config.hpp>

namespace kiln {

inline void append_text(std::string& out, std::string_view text) { out += text; }
inline void append_text(std::string& out, const char* text) { out += text; }
inline void append_text(std::string& out, const std::string& text) { out += text; }
inline void append_text(std::string& out, char c) { out += c; }
inline void append_text(std::string& out, bool b) { out += b ? "true" : "false"; }

template <std::integral I>
  requires(!std::same_as<I, bool> && !std::same_as<I, char>)
void append_text(std::string& out, I number) {
  std::array<char, 24> digits;
  auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

/// The shortest text that reads back as the same number.
template <std::floating_point F>
void append_text(std::string& out, F number) {
  std::array<char, 64> digits;
  auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

/// All parts, one after the other. A type joins in by an overload of `append_text` in its own namespace.
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::string out;
  (append_text(out, parts), ...);
  return out;
}

/// A number with a fixed count of digits after the point, as in a table: `fixed(0.98165, 4) == "0.9817"`.
template <std::floating_point F>
std::string fixed(F number, int digits) {
  std::array<char, 400> text;
  auto end = std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed, digits).ptr;
  return {text.data(), end};
}

/// An integer in groups of three digits: `with_separators(407050) == "407,050"`.
template <std::integral I>
std::string with_separators(I number) {
  std::string digits = concat(number);
  const std::size_t first = digits.starts_with('-') ? 1 : 0;
  for (std::size_t i = digits.size(); i > first + 3;) digits.insert(i -= 3, 1, ',');
  return digits;
}

}  // namespace kiln
