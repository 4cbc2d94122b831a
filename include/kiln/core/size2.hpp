// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Size2`: a height and a width, such as a kernel's. `3` means 3 by 3, `{3, 5}` means 3 high and 5 wide.
#pragma once

#include <kiln/core/shape.hpp>

namespace kiln {

struct Size2 {
  Index height = 0;
  Index width = 0;

  constexpr Size2() = default;
  constexpr Size2(std::integral auto size) : Size2(size, size) {}
  constexpr Size2(std::integral auto h, std::integral auto w) : height(Extent(h).value), width(Extent(w).value) {}

  friend constexpr bool operator==(const Size2&, const Size2&) = default;
};

/// Appends both as PyTorch prints them: `(3, 5)`.
inline void append_text(std::string& out, const Size2& size) { append_text(out, Shape<2>{size.height, size.width}); }

}  // namespace kiln
