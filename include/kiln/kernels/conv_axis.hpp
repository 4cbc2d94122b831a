// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// One axis of a convolution: which positions the taps of the kernel read.
#pragma once

#include <algorithm>

#include <kiln/kernels/conv.hpp>

namespace kiln::detail {

/// Positions first, ..., last - 1.
struct ConvRange {
  Index first = 0, last = 0;

  Index size() const { return last - first; }
};

/// An axis of a pass that makes `to` positions out of `from`.
struct ConvAxis {
  Index from, to, kernel, stride, padding, dilation;
  bool backward;  // from the result's gradient to the input's

  static ConvAxis vertical(const ConvSizes& s, bool backward) {
    return {backward ? s.result.height : s.image.height,
            backward ? s.image.height : s.result.height,
            s.kernel.height,
            s.stride.height,
            s.padding.height,
            s.dilation.height,
            backward};
  }
  static ConvAxis horizontal(const ConvSizes& s, bool backward) {
    return {backward ? s.result.width : s.image.width,
            backward ? s.image.width : s.result.width,
            s.kernel.width,
            s.stride.width,
            s.padding.width,
            s.dilation.width,
            backward};
  }

  /// Positions so far apart have the same taps, and what a tap reads for them is `step` apart.
  Index period() const { return backward ? stride : 1; }
  Index step() const { return backward ? 1 : stride; }
  Index count(Index first) const { return (to - first + period() - 1) / period(); }
  /// How many sets of positions with the same taps there are.
  Index classes() const { return (std::min)(period(), to); }

  /// Whether tap k reads anything for position q, and which position: one outside of the image is a zero.
  bool reads(Index q, Index k, Index& position) const {
    const Index reach = backward ? q + padding - k * dilation : q * stride + k * dilation - padding;
    position = backward ? reach / stride : reach;
    return !backward || reach % stride == 0;
  }
  bool reads_inside(Index q, Index k, Index& position) const {
    return reads(q, k, position) && position >= 0 && position < from;
  }

  /// From where to where the positions of a band read the image.
  ConvRange reach(ConvRange band) const {
    ConvRange range{from, 0};
    for (Index q = band.first, position; q < band.last; ++q) {
      for (Index k = 0; k < kernel; ++k) {
        if (!reads_inside(q, k, position)) continue;
        range.first = (std::min)(range.first, position);
        range.last = (std::max)(range.last, position + 1);
      }
    }
    return range.first < range.last ? range : ConvRange{};
  }

  /// How much a band of so many positions reads at most.
  Index most_read(Index band) const {
    const Index spread = dilation * (kernel - 1);
    return (std::min)(from, backward ? (band - 1 + spread) / stride + 1 : (band - 1) * stride + spread + 1);
  }

  /// How many zeros must lie before the first position and behind the last one.
  Index gap() const {
    Index most = 0;
    for (Index first = 0, position; first < classes(); ++first) {
      for (Index k = 0; k < kernel; ++k) {
        if (!reads(first, k, position)) continue;
        most = (std::max)({most, -position, position + (count(first) - 1) * step() - (from - 1)});
      }
    }
    return most;
  }

  /// The positions of a forward pass for which tap k reads inside of the image.
  ConvRange inside(Index k) const {
    const Index shift = k * dilation - padding;
    auto positions_below = [&](Index limit) { return limit <= 0 ? 0 : (limit + stride - 1) / stride; };
    const Index first = (std::min)(to, positions_below(-shift));
    return {first, (std::clamp)(positions_below(from - shift), first, to)};
  }
};

}  // namespace kiln::detail
