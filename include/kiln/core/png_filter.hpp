// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// PNG's filters, which store a byte as its difference from neighbours. Source: W3C, Portable Network Graphics (PNG)
/// Specification, chapter 9.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <span>

namespace kiln::detail {

/// Filter 4: the neighbour (left, above, above left) that is nearest to left + above - above left.
inline int paeth(int left, int above, int corner) {
  const int to_left = std::abs(above - corner);
  const int to_above = std::abs(left - corner);
  const int to_corner = std::abs(left + above - 2 * corner);
  if (to_left <= to_above && to_left <= to_corner) return left;
  return to_above <= to_corner ? above : corner;
}

/// Puts back a row that was stored with one of the filters 0 to 4. `above` is the row before it, or zeros; `step` the
/// bytes from one pixel to the next.
inline void undo_png_filter(int filter, std::span<unsigned char> row, std::span<const unsigned char> above,
                            std::size_t step) {
  auto add = [](unsigned char& byte, int number) { byte = static_cast<unsigned char>(byte + number); };
  switch (filter) {
    case 1:
      for (std::size_t i = step; i < row.size(); ++i) add(row[i], row[i - step]);
      break;
    case 2:
      for (std::size_t i = 0; i < row.size(); ++i) add(row[i], above[i]);
      break;
    case 3:
      for (std::size_t i = 0; i < row.size(); ++i) add(row[i], ((i < step ? 0 : row[i - step]) + above[i]) / 2);
      break;
    case 4:
      for (std::size_t i = 0; i < row.size(); ++i)
        add(row[i], paeth(i < step ? 0 : row[i - step], above[i], i < step ? 0 : above[i - step]));
      break;
    default: break;
  }
}

}  // namespace kiln::detail
