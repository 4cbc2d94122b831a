// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The pass of the direct convolution that makes weights: dw[o, c, k] is the dot product of dy's channel o with what
/// tap k reads of x's channel c.
#pragma once

#include <algorithm>
#include <cstddef>

#include <kiln/core/memory.hpp>
#include <kiln/core/parallel.hpp>
#include <kiln/kernels/conv.hpp>
#include <kiln/kernels/conv_axis.hpp>
#include <kiln/kernels/conv_tile.hpp>

namespace kiln::detail {

/// Some samples at a time, x and dy are spread over lanes. Then each task computes the weights from some channels to
/// some others for all taps: sums over samples are never shared among tasks.
template <class T, int Bytes>
class ConvDotProducts {
 public:
  static constexpr Index L = lanes<T, Bytes>;
  static constexpr Index R = many_registers<Bytes> ? 4 : 2;
  static constexpr Index N = 4;

  explicit ConvDotProducts(const ConvSizes& sizes)
      : s_(sizes),
        x_size_(s_.in * s_.image_area()),
        dy_size_(s_.out * s_.result_area()),
        row_blocks_((s_.group_out() + R - 1) / R),
        column_blocks_(s_.group_in() == 1 ? 1 : (s_.group_in() + N - 1) / N) {}

  void run(const T* x, const T* dy, T* dw, bool add) {
    const Index sample_blocks = (s_.samples + L - 1) / L;
    const Index block_bytes = (x_size_ + dy_size_) * L * static_cast<Index>(sizeof(T));
    const Index most = (std::clamp)(wave_bytes / block_bytes, Index{1}, sample_blocks);
    x_block_ = BlockRef(static_cast<std::size_t>(most * x_size_ * L) * sizeof(T));
    dy_block_ = BlockRef(static_cast<std::size_t>(most * dy_size_ * L) * sizeof(T));
    for (Index first = 0; first < sample_blocks; first += most) {
      const Index blocks = (std::min)(most, sample_blocks - first);
      spread(x, dy, first, blocks);
      parallel_for(s_.groups * row_blocks_ * column_blocks_, [&](Index task) {
        multiply(task / column_blocks_ / row_blocks_, task / column_blocks_ % row_blocks_, task % column_blocks_,
                 blocks, dw, add || first > 0);
      });
    }
  }

 private:
  static constexpr Index wave_bytes = 4 << 20;
  static constexpr Index band_bytes = 32 << 10;  // of a tile's lines, so that they stay in the first cache

  /// Samples from block `first` on, spread over lanes.
  void spread(const T* x, const T* dy, Index first, Index blocks) const {
    const Index chunk = 4096;
    const Index x_chunks = (x_size_ + chunk - 1) / chunk, dy_chunks = (dy_size_ + chunk - 1) / chunk;
    parallel_for(blocks * (x_chunks + dy_chunks), [&](Index task) {
      const Index block = task / (x_chunks + dy_chunks), part = task % (x_chunks + dy_chunks);
      const bool of_x = part < x_chunks;
      const Index size = of_x ? x_size_ : dy_size_, begin = (of_x ? part : part - x_chunks) * chunk;
      const Index sample = (first + block) * L;
      run_for<Bytes, ToLanesLoop>(
          (of_x ? x : dy) + sample * size + begin, size, (std::min)(L, s_.samples - sample),
          (std::min)(chunk, size - begin), chunk, Index{0},
          static_cast<T*>((of_x ? x_block_ : dy_block_).payload()) + (block * size + begin) * L);
    });
  }

  void multiply(Index group, Index row_block, Index column_block, Index blocks, T* dw, bool add) const {
    const Index rows = (std::min)(R, s_.group_out() - row_block * R);
    const Index columns = (std::min)(N, s_.group_in() - column_block * N);
    const Index out = group * s_.group_out() + row_block * R, in = group * s_.group_in() + column_block * N;
    const Index tile = R * (s_.group_in() == 1 ? 1 : N);
    const BlockRef block(static_cast<std::size_t>(s_.kernel_area() * tile * (L + 1)) * sizeof(T));
    T* totals = static_cast<T*>(block.payload());
    T* sums = totals + s_.kernel_area() * tile * L;
    std::fill_n(totals, s_.kernel_area() * tile * L, T{0});

    // Some lines of an image, or some small images: what a tile reads for one tap should be near for the next.
    const Index line_bytes = (R * s_.result.width + N * s_.image.width * s_.stride.height) * L * Index{sizeof(T)};
    const Index lines_near = (std::max)(Index{1}, band_bytes / (std::max)(Index{1}, line_bytes));
    const Index images_near = (std::max)(Index{1}, lines_near / s_.result.height);

    const ConvAxis down = ConvAxis::vertical(s_, false), across = ConvAxis::horizontal(s_, false);
    ConvDots<T> dots{};
    dots.s_channel = s_.result_area() * L;
    dots.s_image = dy_size_ * L;
    dots.s_line = s_.result.width * L;
    dots.v_channel = s_.image_area() * L;
    dots.v_image = x_size_ * L;
    dots.v_line = s_.stride.height * s_.image.width * L;
    dots.v_pixel = s_.stride.width * L;
    dots.rows = rows;
    dots.columns = columns;
    for (Index first = 0; first < blocks; first += images_near) {
      const T* s = static_cast<const T*>(dy_block_.payload()) + (first * dy_size_ + out * s_.result_area()) * L;
      const T* v = static_cast<const T*>(x_block_.payload()) + (first * x_size_ + in * s_.image_area()) * L;
      dots.images = (std::min)(images_near, blocks - first);
      for (Index top = 0; top < s_.result.height; top += lines_near) {
        for (Index tap = 0; tap < s_.kernel_area(); ++tap) {
          const Index i = tap / s_.kernel.width, j = tap % s_.kernel.width;
          ConvRange lines = down.inside(i);
          const ConvRange pixels = across.inside(j);
          lines = {(std::max)(lines.first, top), (std::min)(lines.last, top + lines_near)};
          if (lines.first >= lines.last || pixels.first >= pixels.last) continue;
          Index row, column;
          down.reads(lines.first, i, row);
          across.reads(pixels.first, j, column);
          dots.s = s + (lines.first * s_.result.width + pixels.first) * L;
          dots.v = v + (row * s_.image.width + column) * L;
          dots.lines = lines.size();
          dots.pixels = pixels.size();
          T* to = totals + tap * tile * L;
          const ConvDots<T>* walk = &dots;
          if (tile == R) run_for<Bytes, ConvDotsLoop<static_cast<int>(R), 1>>(walk, to);
          else run_for<Bytes, ConvDotsLoop<static_cast<int>(R), static_cast<int>(N)>>(walk, to);
        }
      }
    }
    run_for<Bytes, SumLanesLoop>(static_cast<const T*>(totals), s_.kernel_area() * tile, sums);
    for (Index r = 0; r < rows; ++r) {
      for (Index c = 0; c < columns; ++c) {
        T* place = dw + (out + r) * s_.depth() + (column_block * N + c) * s_.kernel_area();
        for (Index tap = 0; tap < s_.kernel_area(); ++tap) {
          const T sum = sums[tap * tile + r * (tile / R) + c];
          place[tap] = add ? place[tap] + sum : sum;
        }
      }
    }
  }

  ConvSizes s_;
  Index x_size_, dy_size_;  // of one sample
  Index row_blocks_, column_blocks_;
  BlockRef x_block_, dy_block_;
};

}  // namespace kiln::detail
