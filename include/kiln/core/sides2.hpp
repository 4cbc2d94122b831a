// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Sides2`: how much on each side of a plane. `1` means 1 all around; otherwise `{left, right, top, bottom}`, which is
/// PyTorch's order.
#pragma once

#include <kiln/core/shape.hpp>

namespace kiln {

struct Sides2 {
  Index left = 0, right = 0, top = 0, bottom = 0;

  constexpr Sides2() = default;
  constexpr Sides2(std::integral auto all) : Sides2(all, all, all, all) {}
  constexpr Sides2(std::integral auto l, std::integral auto r, std::integral auto t, std::integral auto b)
      : left(Extent(l).value), right(Extent(r).value), top(Extent(t).value), bottom(Extent(b).value) {}

  friend constexpr bool operator==(const Sides2&, const Sides2&) = default;
};

/// Appends all four: `(1, 1, 0, 2)`.
inline void append_text(std::string& out, const Sides2& sides) {
  append_text(out, Shape<4>{sides.left, sides.right, sides.top, sides.bottom});
}

}  // namespace kiln
