// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Numbers as colours, dark to bright, evenly for the eye and for every form of colour blindness.
/// Source: viridis by Nathaniel Smith and Stefan van der Walt (bids.github.io/colormap, CC0), here through ten of its
/// colours and straight between them.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

namespace kiln::detail {

using Colour = std::array<unsigned char, 3>;

inline constexpr Colour missing_colour = {128, 128, 128};

/// The colour for a share in [0, 1]; grey for NaN.
inline Colour viridis(double share) {
  constexpr std::uint32_t stops[] = {0x440154, 0x482878, 0x3e4a89, 0x31688e, 0x26828e,
                                     0x1f9e89, 0x35b779, 0x6dcd59, 0xb4de2c, 0xfde725};
  constexpr int last = 9;
  if (std::isnan(share)) return missing_colour;
  const double at = std::clamp(share, 0.0, 1.0) * last;
  const int below = (std::min)(static_cast<int>(at), last - 1);
  Colour colour{};
  for (int i = 0; i < 3; ++i) {
    const int shift = 16 - 8 * i;
    const auto low = static_cast<double>(stops[below] >> shift & 255),
               high = static_cast<double>(stops[below + 1] >> shift & 255);
    colour[static_cast<std::size_t>(i)] = static_cast<unsigned char>(std::lround(low + (high - low) * (at - below)));
  }
  return colour;
}

}  // namespace kiln::detail
