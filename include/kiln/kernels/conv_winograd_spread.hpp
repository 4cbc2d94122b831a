// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// How the Winograd convolution holds images: spread over lanes of channels, and as frequencies of tiles of 2 by 2
/// pixels.
#pragma once

#include <algorithm>
#include <cstddef>

#include <kiln/core/memory.hpp>
#include <kiln/core/size2.hpp>
#include <kiln/kernels/conv_axis.hpp>
#include <kiln/kernels/conv_tile.hpp>
#include <kiln/kernels/matmul_tile.hpp>

namespace kiln::detail {

/// Channels in whole vectors and tiles, since they are the columns of some products and the rows of others.
template <class T, int Bytes>
Index winograd_padded(Index channels) {
  constexpr Index whole = (std::max)(lanes<T, Bytes>, Index{TileSize<T, Bytes>::rows});
  return (channels + whole - 1) / whole * whole;
}

/// Images of one side of a convolution, and how far tiles reach beyond their left and upper sides.
struct WinogradPlanes {
  Index channels;
  Size2 size;
  Size2 margin;

  Index area() const { return size.height * size.width; }
};

/// An image spread over lanes, with zeros around it as far as `tiles` by `tiles` of `side` pixels, 2 apart, reach.
template <class T, int Bytes>
class WinogradSpread {
 public:
  static constexpr Index L = lanes<T, Bytes>;

  WinogradSpread(const WinogradPlanes& planes, Index row_tiles, Index side)
      : planes_(planes),
        gap_((std::max)(
            {planes.margin.width, 2 * (row_tiles - 1) + side - planes.margin.width - planes.size.width, Index{0}})),
        pitch_(planes.size.width + gap_),
        plane_(planes.size.height * pitch_),
        block_(static_cast<std::size_t>(
                   (gap_ + winograd_padded<T, Bytes>(planes.channels) / L * plane_ + pitch_ + gap_) * L) *
               sizeof(T)) {
    T* start = static_cast<T*>(block_.payload());
    std::fill_n(start, gap_ * L, T{0});
    first_ = start + gap_ * L;
    zeros_ = first_ + winograd_padded<T, Bytes>(planes.channels) * plane_;
    std::fill_n(zeros_, (pitch_ + gap_) * L, T{0});
  }

  /// The numbers from `at` on; where `passed` is not positive they are 0.
  void take(const T* images, const T* passed, Index at) {
    for (Index c = 0; c < planes_.channels; c += L) {
      const Index from = at + c * planes_.area();
      run_for<Bytes, ToLanesLoop>(images + from, passed ? passed + from : nullptr, planes_.area(),
                                  (std::min)(L, planes_.channels - c), planes_.area(), planes_.size.width, gap_,
                                  first_ + c * plane_);
    }
  }

  /// Where the row of tiles that begins at `row` of the image reads its first number.
  const T* row(Index channel, Index row) const {
    const bool inside = row >= 0 && row < planes_.size.height;
    const T* begin = inside ? first_ + channel * plane_ + row * pitch_ * L : zeros_ + gap_ * L;
    return begin - planes_.margin.width * L;
  }

 private:
  WinogradPlanes planes_;
  Index gap_, pitch_, plane_;
  BlockRef block_;
  T *first_, *zeros_;
};

/// Frequencies of so many tiles, an odd number of vectors apart, since even ones would meet in a few lines of the
/// cache.
template <class T, int Bytes>
struct WinogradFrequencies {
  Index width, step;
  BlockRef block;

  WinogradFrequencies(Index channels, Index most_tiles)
      : width(winograd_padded<T, Bytes>(channels)),
        step((most_tiles * width / lanes<T, Bytes> | 1) * lanes<T, Bytes>),
        block(static_cast<std::size_t>(16 * step) * sizeof(T)) {
    std::fill_n(data(), 16 * step, T{0});
  }
  T* data() const { return static_cast<T*>(block.payload()); }
};

/// Adjacent tiles of one row.
struct WinogradRun {
  Index image, row, column, count;
};

/// Calls f(run, tile) for the rows, or parts of them, that the tiles of a grid cover: `tile` counts from 0.
template <class F>
void for_each_winograd_run(ConvRange range, Size2 grid, F f) {
  for (Index at = range.first; at < range.last;) {
    const Index row = at / grid.width, column = at % grid.width;
    const Index count = (std::min)(grid.width - column, range.last - at);
    f(WinogradRun{row / grid.height, row % grid.height, column, count}, at - range.first);
    at += count;
  }
}

}  // namespace kiln::detail
