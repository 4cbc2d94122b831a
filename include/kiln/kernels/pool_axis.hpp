// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The geometry of pooling: which elements of a plane are behind each output. A tensor (N, C, H, W) is N * C planes.
#pragma once

#include <algorithm>

#include <kiln/core/shape.hpp>

namespace kiln::detail {

/// One axis of a pooling.
struct PoolAxis {
  Index in = 1, out = 1;
  Index kernel = 1, stride = 1, padding = 0, dilation = 1;
  bool adaptive = false;  // the axis is divided evenly among the outputs; `kernel` and the rest have no meaning

  /// Positions begin, begin + dilation, ... before end. `counted` of them, with padding, are in an average's divisor.
  struct Window {
    Index begin, end, counted;
    Index inside() const { return end - begin; }
  };

  [[gnu::always_inline]] Window window(Index o) const {
    if (adaptive) {
      const Index begin = o * in / out, end = ((o + 1) * in + out - 1) / out;
      return {begin, end, end - begin};
    }
    Index begin = o * stride - padding;
    const Index padded_end = (std::min)(begin + dilation * (kernel - 1) + 1, in + padding);
    const Index counted = padded_end - begin;
    if (begin < 0) begin += (-begin + dilation - 1) / dilation * dilation;
    return {begin, (std::max)(begin, (std::min)(padded_end, in)), counted};
  }

  /// Whether windows lie side by side and cover the axis.
  bool covered() const { return !adaptive && padding == 0 && dilation == 1 && stride == kernel && out * kernel == in; }

  /// The outputs [first_whole, last_whole) have the whole of their windows inside the axis; none if it is adaptive.
  Index first_whole() const { return adaptive ? out : (std::min)(out, (padding + stride - 1) / stride); }
  Index last_whole() const {
    const Index room = in + padding - dilation * (kernel - 1) - 1;
    return (std::max)(first_whole(), adaptive || room < 0 ? 0 : (std::min)(out, room / stride + 1));
  }
};

struct PoolDims {
  Index planes = 1;
  PoolAxis height, width;

  Index plane_in() const { return height.in * width.in; }
  Index plane_out() const { return height.out * width.out; }
};

}  // namespace kiln::detail
