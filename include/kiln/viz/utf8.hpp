// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Reading UTF-8 that may be damaged, as titles and class names of users are.
#pragma once

#include <cstddef>
#include <string_view>

namespace kiln::detail {

/// The code point that begins at text[at], and `at` moves behind it. What is not UTF-8 gives U+FFFD, a byte each.
inline char32_t next_code_point(std::string_view text, std::size_t& at) {
  constexpr char32_t replacement = 0xfffd;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const char32_t first = byte(at++);
  if (first < 0x80) return first;
  const std::size_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
  if (first < 0xc2 || first > 0xf4 || at + more > text.size()) return replacement;
  char32_t point = first & (0x3fu >> more);
  for (std::size_t i = 0; i < more; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return replacement;
    point = point << 6 | (byte(at + i) & 0x3fu);
  }
  constexpr char32_t smallest[] = {0x80, 0x800, 0x10000};
  if (point < smallest[more - 1] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return replacement;
  at += more;
  return point;
}

}  // namespace kiln::detail
