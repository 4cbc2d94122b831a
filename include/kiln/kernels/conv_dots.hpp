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
#include <kiln/kernels/vector_ops.hpp>

namespace kiln::detail {

/// Some samples at a time, x and dy are spread over lanes; then tiles of R by N channels are multiplied for all taps.
/// Of few weights, each task computes all, over a part of the samples, whose numbers stay in its cache; the parts are
/// summed in the end. Of many, all tasks spread samples, and then each computes some tiles.
template <class T, int Bytes>
class ConvDotProducts {
 public:
  static constexpr Index L = lanes<T, Bytes>;
  static constexpr Index R = many_registers<Bytes> ? 4 : 2;

  /// dy counts where y is positive, if there is one.
  ConvDotProducts(const ConvSizes& sizes, const T* x, const T* dy, const T* y)
      : s_(sizes),
        x_(x),
        dy_(dy),
        y_(y),
        x_size_(s_.in * s_.image_area()),
        dy_size_(s_.out * s_.result_area()),
        blocks_((s_.samples + L - 1) / L),
        columns_(s_.group_in() == 1 ? 1 : 4),
        row_blocks_((s_.group_out() + R - 1) / R),
        column_blocks_((s_.group_in() + columns_ - 1) / columns_),
        tiles_(s_.groups * row_blocks_ * column_blocks_),
        tile_size_(s_.kernel_area() * R * columns_) {}

  /// Sets or adds to dw, and sets db, which may be null, to the sums of dy's channels.
  void run(T* dw, bool add, T* db) {
    if (db) bias_block_ = memory(blocks_ * s_.out);
    const Index parts = choose_parts(), part_size = tiles_ * tile_size_;
    const BlockRef sums_block = memory(parts * part_size);
    T* sums = static_cast<T*>(sums_block.payload());
    if (parts > 1) {
      parallel_for(parts, [&](Index part) {
        add_parts({part * blocks_ / parts, (part + 1) * blocks_ / parts}, sums + part * part_size);
      });
    } else {
      add_tiles(sums);
    }
    parallel_ranges(tiles_, parts * tile_size_, [&](Index first, Index last) {
      for (Index part = 1; part < parts; ++part)
        axpy(T{1}, sums + part * part_size + first * tile_size_, sums + first * tile_size_,
             (last - first) * tile_size_);
      for (Index tile = first; tile < last; ++tile) give(Tile(*this, tile), sums + tile * tile_size_, dw, add);
    });
    for (Index o = 0; db && o < s_.out; ++o) {
      double sum = 0;
      for (Index block = 0; block < blocks_; ++block) sum += static_cast<double>(bias_sums(block)[o]);
      db[o] = static_cast<T>(sum);
    }
  }

 private:
  static constexpr Index most_parts = 16;
  static constexpr Index few_weights = 1 << 16;
  static constexpr Index near_bytes = 384 << 10;  // of spread samples, in a part of a second cache
  static constexpr Index far_bytes = 4 << 20;     // in a cache that is shared
  static constexpr Index least_pixels = 32;       // whose products repay the sum over lanes

  static BlockRef memory(Index count) { return BlockRef(static_cast<std::size_t>(count) * sizeof(T)); }

  Index choose_parts() const {
    if (s_.out * s_.depth() > few_weights) return 1;
    const Index parts = (std::min)({most_parts, blocks_, blocks_ * s_.result_area() / least_pixels});
    return parts < 4 ? 1 : parts;
  }

  /// Some channels of dy and of x, and which of all channels these are.
  struct Tile {
    Index rows, columns, out, in, weight_column;

    Tile(const ConvDotProducts& d, Index tile) {
      const Index column = tile % d.column_blocks_ * d.columns_, row = tile / d.column_blocks_ % d.row_blocks_ * R;
      const Index group = tile / d.column_blocks_ / d.row_blocks_;
      rows = (std::min)(R, d.s_.group_out() - row);
      columns = (std::min)(d.columns_, d.s_.group_in() - column);
      out = group * d.s_.group_out() + row;
      in = group * d.s_.group_in() + column;
      weight_column = column;
    }
  };

  /// Blocks of samples, spread over lanes.
  struct Wave {
    BlockRef x_block, dy_block;
    T *x, *dy;
    Index most, first = 0, count = 0;

    Wave(const ConvDotProducts& d, Index bytes, Index blocks)
        : most((std::clamp)(bytes / ((d.x_size_ + d.dy_size_) * L * Index{sizeof(T)}), Index{1}, blocks)) {
      x_block = memory(most * d.x_size_ * L);
      dy_block = memory(most * d.dy_size_ * L);
      x = static_cast<T*>(x_block.payload());
      dy = static_cast<T*>(dy_block.payload());
    }
  };

  /// f() for one wave after the other, until all these blocks were in one.
  template <class F>
  static void for_each_wave(Wave& wave, ConvRange blocks, F f) {
    for (wave.first = blocks.first; wave.first < blocks.last; wave.first += wave.most) {
      wave.count = (std::min)(wave.most, blocks.last - wave.first);
      f();
    }
  }

  /// All weights' sums over some blocks of samples.
  void add_parts(ConvRange blocks, T* sums) const {
    Wave wave(*this, near_bytes, blocks.size());
    const BlockRef totals = memory(tile_size_ * L);
    for_each_wave(wave, blocks, [&] {
      for (Index block = 0; block < wave.count; ++block) {
        spread_x(wave, block, 0, s_.in);
        spread_dy(wave, block, 0, s_.out);
      }
      for (Index tile = 0; tile < tiles_; ++tile)
        multiply(wave, Tile(*this, tile), static_cast<T*>(totals.payload()), sums + tile * tile_size_,
                 wave.first > blocks.first);
    });
  }

  /// The same over all samples, by all threads.
  void add_tiles(T* sums) const {
    // So many channels are spread by a task.
    auto channels = [](Index area) { return (std::max)(Index{1}, 4096 / (std::max)(Index{1}, area)); };
    const Index in = channels(s_.image_area()), out = channels(s_.result_area());
    const Index x_tasks = (s_.in + in - 1) / in, dy_tasks = (s_.out + out - 1) / out;
    Wave wave(*this, far_bytes, blocks_);
    for_each_wave(wave, {0, blocks_}, [&] {
      parallel_for(wave.count * (x_tasks + dy_tasks), [&](Index task) {
        const Index block = task / (x_tasks + dy_tasks), part = task % (x_tasks + dy_tasks);
        if (part < x_tasks) spread_x(wave, block, part * in, (std::min)(s_.in, (part + 1) * in));
        else spread_dy(wave, block, (part - x_tasks) * out, (std::min)(s_.out, (part - x_tasks + 1) * out));
      });
      parallel_for(tiles_, [&](Index tile) {
        const BlockRef totals = memory(tile_size_ * L);
        multiply(wave, Tile(*this, tile), static_cast<T*>(totals.payload()), sums + tile * tile_size_, wave.first > 0);
      });
    });
  }

  /// Channels first, ..., last - 1 of a block of samples.
  void spread_x(const Wave& wave, Index block, Index first, Index last) const {
    const Index area = s_.image_area();
    spread(x_, nullptr, x_size_, wave.first + block, first * area, last * area, wave.x + block * x_size_ * L);
  }
  void spread_dy(const Wave& wave, Index block, Index first, Index last) const {
    const Index area = s_.result_area();
    T* to = wave.dy + block * dy_size_ * L;
    spread(dy_, y_, dy_size_, wave.first + block, first * area, last * area, to);
    if (!bias_block_.payload()) return;
    for (Index o = first; o < last; ++o)
      run_for<Bytes, SumLoop>(static_cast<const T*>(to) + o * area * L, area * L, bias_sums(wave.first + block) + o);
  }
  void spread(const T* from, const T* passed, Index size, Index block, Index begin, Index end, T* to) const {
    const Index sample = block * L, at = sample * size + begin;
    run_for<Bytes, ToLanesLoop>(from + at, passed ? passed + at : nullptr, size, (std::min)(L, s_.samples - sample),
                                end - begin, end - begin, Index{0}, to + begin * L);
  }

  /// The sums of dy's channels over a block of samples.
  T* bias_sums(Index block) const { return static_cast<T*>(bias_block_.payload()) + block * s_.out; }

  /// A tile's sums over the samples of a wave, for each tap, row and column; or added to what is there.
  void multiply(const Wave& wave, const Tile& tile, T* totals, T* sums, bool add) const {
    std::fill_n(totals, tile_size_ * L, T{0});

    // Some lines of an image, or some small images: what a tile reads for one tap should be near for the next.
    const Index line_bytes =
        (R * s_.result.width + columns_ * s_.image.width * s_.stride.height) * L * Index{sizeof(T)};
    // A tile of one column reads much for what it multiplies: its lines should stay in the first cache.
    const Index band_bytes = Index{columns_ == 1 ? 32 : 64} << 10;
    const Index lines_near = (std::max)(Index{1}, band_bytes / (std::max)(Index{1}, line_bytes));
    const Index images_near = (std::max)(Index{1}, lines_near / (std::max)(Index{1}, s_.result.height));

    const ConvAxis down = ConvAxis::vertical(s_, false), across = ConvAxis::horizontal(s_, false);
    ConvDots<T> dots{};
    dots.s_channel = s_.result_area() * L;
    dots.s_image = dy_size_ * L;
    dots.s_line = s_.result.width * L;
    dots.v_channel = s_.image_area() * L;
    dots.v_image = x_size_ * L;
    dots.v_line = s_.stride.height * s_.image.width * L;
    dots.v_pixel = s_.stride.width * L;
    dots.rows = tile.rows;
    dots.columns = tile.columns;
    for (Index first = 0; first < wave.count; first += images_near) {
      const T* s = wave.dy + (first * dy_size_ + tile.out * s_.result_area()) * L;
      const T* v = wave.x + (first * x_size_ + tile.in * s_.image_area()) * L;
      dots.images = (std::min)(images_near, wave.count - first);
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
          T* to = totals + tap * R * columns_ * L;
          const ConvDots<T>* walk = &dots;
          if (columns_ == 1) run_for<Bytes, ConvDotsLoop<static_cast<int>(R), 1>>(walk, to);
          else run_for<Bytes, ConvDotsLoop<static_cast<int>(R), 4>>(walk, to);
        }
      }
    }
    run_for<Bytes, SumLanesLoop>(static_cast<const T*>(totals), tile_size_, sums, add);
  }

  void give(const Tile& tile, const T* sums, T* dw, bool add) const {
    for (Index r = 0; r < tile.rows; ++r) {
      for (Index c = 0; c < tile.columns; ++c) {
        T* place = dw + (tile.out + r) * s_.depth() + (tile.weight_column + c) * s_.kernel_area();
        for (Index tap = 0; tap < s_.kernel_area(); ++tap) {
          const T sum = sums[(tap * R + r) * columns_ + c];
          place[tap] = add ? place[tap] + sum : sum;
        }
      }
    }
  }

  ConvSizes s_;
  const T *x_, *dy_, *y_;
  Index x_size_, dy_size_;  // of one sample
  Index blocks_;            // of L samples
  Index columns_;           // of a tile
  Index row_blocks_, column_blocks_, tiles_;
  Index tile_size_;
  BlockRef bias_block_;
};

}  // namespace kiln::detail
