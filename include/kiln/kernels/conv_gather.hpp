// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The passes of the direct convolution that make images: forward and input gradient. Both gather, for each pixel, what
/// the kernel's taps read from the other images; they differ in which pixels these are.
#pragma once

#include <algorithm>
#include <cstddef>

#include <kiln/core/memory.hpp>
#include <kiln/core/parallel.hpp>
#include <kiln/kernels/conv.hpp>
#include <kiln/kernels/conv_axis.hpp>
#include <kiln/kernels/conv_tile.hpp>

namespace kiln::detail {

/// Makes `to` (N, to channels, rows, columns) from `from`. Each task takes some samples, a band of rows and some of the
/// channels, spreads what it reads over lanes, and computes tiles of channels and pixels. With `passed`, what is read
/// counts only where that is positive; with `relu`, what is made is kept only where it is.
template <class T, int Bytes>
class ConvGather {
 public:
  static constexpr Index L = lanes<T, Bytes>;
  static constexpr Index R = TileSize<T, Bytes>::rows;
  static constexpr Index N = TileSize<T, Bytes>::vectors;

  ConvGather(const ConvSizes& s, bool backward)
      : rows_(ConvAxis::vertical(s, backward)),
        columns_(ConvAxis::horizontal(s, backward)),
        samples_(s.samples),
        groups_(s.groups),
        from_channels_(backward ? s.group_out() : s.group_in()),
        to_channels_(backward ? s.group_in() : s.group_out()),
        taps_(s.kernel_area()),
        from_step_(backward ? s.depth() : s.kernel_area()),
        to_step_(backward ? s.kernel_area() : s.depth()),
        blocks_((to_channels_ + R - 1) / R),
        block_size_((1 + taps_ * from_channels_) * R),
        gap_(columns_.gap()) {}

  void run(const T* from, const T* passed, const T* w, const T* bias, T* to, bool add, bool relu) {
    const Index units = groups_ * blocks_;
    pack(w, bias, units);
    const Index sample_blocks = (samples_ + L - 1) / L;
    const Index bands = choose_bands();
    const Index parts = (std::clamp)(least_tasks / (sample_blocks * bands), Index{1}, units);
    parallel_for(sample_blocks * bands * parts, [&](Index task) {
      const Index part = task % parts, band = task / parts % bands, block = task / parts / bands;
      make(from, passed, to, add, relu, block * L, {band * rows_.to / bands, (band + 1) * rows_.to / bands},
           {part * units / parts, (part + 1) * units / parts});
    });
  }

 private:
  static constexpr Index least_tasks = 16;
  static constexpr Index cache = 704 << 10;  // of what a task reads again and again, most of a second cache

  Index pitch() const { return columns_.from + gap_; }
  Index from_area() const { return rows_.from * columns_.from; }
  Index to_area() const { return rows_.to * columns_.to; }
  Index height(Index block) const { return (std::min)(R, to_channels_ - block * R); }

  /// Blocks of channels one after the other: R biases, then R weights for each tap and channel. Channels beyond the
  /// last have zeros; a block of one channel is stored as such.
  void pack(const T* w, const T* bias, Index units) {
    packed_ = BlockRef(static_cast<std::size_t>(units * block_size_) * sizeof(T));
    T* packed = static_cast<T*>(packed_.payload());
    parallel_ranges(units, block_size_, [&](Index first, Index last) {
      for (Index unit = first; unit < last; ++unit) {
        const Index group = unit / blocks_, block = unit % blocks_;
        const Index rows = height(block), stored = rows == 1 ? 1 : R;
        T* to = packed + unit * block_size_;
        for (Index r = 0; r < stored; ++r) to[r] = bias && r < rows ? bias[group * to_channels_ + block * R + r] : T{0};
        to += stored;
        // A group's weights are (out / groups, in / groups, taps) in either direction.
        const T* from = w + group * to_channels_ * from_channels_ * taps_ + block * R * to_step_;
        for (Index c = 0; c < from_channels_; ++c) {
          for (Index tap = 0; tap < taps_; ++tap) {
            T* place = to + (tap * from_channels_ + c) * stored;
            for (Index r = 0; r < rows; ++r) place[r] = from[r * to_step_ + c * from_step_ + tap];
            for (Index r = rows; r < stored; ++r) place[r] = T{0};
          }
        }
      }
    });
  }

  /// As few bands as leave what a task reads in the cache.
  Index choose_bands() const {
    const Index row_bytes = from_channels_ * pitch() * L * static_cast<Index>(sizeof(T));
    Index bands = 1;
    while (bands < rows_.to && rows_.most_read((rows_.to + bands - 1) / bands) * row_bytes > cache) ++bands;
    return bands;
  }

  void make(const T* from, const T* passed, T* to, bool add, bool relu, Index sample, ConvRange band,
            ConvRange units) const {
    const Index samples = (std::min)(L, samples_ - sample);
    const ConvRange read = rows_.reach(band);
    const BlockRef from_block(static_cast<std::size_t>((gap_ + from_channels_ * read.size() * pitch()) * L) *
                              sizeof(T));
    const BlockRef to_block(static_cast<std::size_t>(R * band.size() * columns_.to * L) * sizeof(T));
    T* spread = static_cast<T*>(from_block.payload()) + gap_ * L;
    std::fill_n(spread - gap_ * L, gap_ * L, T{0});
    const Plan plan(*this, band, read);

    ConvTile<T> tile{spread,
                     from_channels_,
                     read.size() * pitch() * L,
                     columns_.step() * L,
                     nullptr,
                     static_cast<T*>(to_block.payload()),
                     band.size() * columns_.to * L,
                     columns_.period() * L};
    Index spread_group = -1;
    for (Index unit = units.first; unit < units.last; ++unit) {
      const Index group = unit / blocks_, block = unit % blocks_;
      if (group != spread_group) spread_rows(from, passed, sample, samples, read, spread_group = group, spread);
      tile.weights = static_cast<const T*>(packed_.payload()) + unit * block_size_;
      const Index rows = height(block);
      for (Index i = 0; i < plan.line_count; ++i) {
        if (rows == 1) compute<1>(tile, plan.lines[i]);
        else compute<static_cast<int>(R)>(tile, plan.lines[i]);
      }
      const Index channel = group * to_channels_ + block * R;
      T* place = to + (sample * groups_ * to_channels_ + channel) * to_area() + band.first * columns_.to;
      const Index count = band.size() * columns_.to;
      // Whole images of several channels lie side by side.
      const Index runs = count == to_area() ? 1 : rows;
      for (Index run = 0; run < runs; ++run) {
        run_for<Bytes, FromLanesLoop>(static_cast<const T*>(tile.to) + run * tile.to_row, count * (rows / runs),
                                      place + run * to_area(), groups_ * to_channels_ * to_area(), samples, add, relu);
      }
    }
  }

  /// The rows of a group's channels that are read, spread over lanes.
  void spread_rows(const T* from, const T* passed, Index sample, Index samples, ConvRange read, Index group,
                   T* spread) const {
    const Index channels = groups_ * from_channels_;
    const Index first = (sample * channels + group * from_channels_) * from_area() + read.first * columns_.from;
    const Index count = read.size() * columns_.from;
    const Index runs = count == from_area() ? 1 : from_channels_;
    for (Index run = 0; run < runs; ++run) {
      const Index at = first + run * from_area();
      run_for<Bytes, ToLanesLoop>(from + at, passed ? passed + at : nullptr, channels * from_area(), samples,
                                  count * (from_channels_ / runs), columns_.from, gap_,
                                  spread + run * read.size() * pitch() * L);
    }
  }

  /// The pixels of a row that have the same taps.
  struct Line {
    const ConvTap* taps;
    Index tap_count;
    Index to, pixels;
  };

  /// The lines of a band and their taps. (In blocks of the pool, since std::vector would ask the system each time.)
  struct Plan {
    BlockRef line_block, tap_block;
    Line* lines;
    Index line_count = 0;

    Plan(const ConvGather& g, ConvRange band, ConvRange read) {
      const Index classes = g.columns_.classes();
      line_block = BlockRef(static_cast<std::size_t>(band.size() * classes) * sizeof(Line));
      tap_block = BlockRef(static_cast<std::size_t>(band.size() * classes * g.taps_) * sizeof(ConvTap));
      lines = static_cast<Line*>(line_block.payload());
      ConvTap* end = static_cast<ConvTap*>(tap_block.payload());
      for (Index row = band.first; row < band.last; ++row) {
        for (Index first = 0; first < classes; ++first) {
          ConvTap* taps = end;
          for (Index i = 0; i < g.rows_.kernel; ++i) {
            Index from_row, from_column;
            if (!g.rows_.reads_inside(row, i, from_row)) continue;
            for (Index j = 0; j < g.columns_.kernel; ++j) {
              if (!g.columns_.reads(first, j, from_column)) continue;
              *end++ = {((from_row - read.first) * g.pitch() + from_column) * L,
                        (i * g.columns_.kernel + j) * g.from_channels_ + 1};
            }
          }
          lines[line_count++] = {taps, end - taps, ((row - band.first) * g.columns_.to + first) * L,
                                 g.columns_.count(first)};
        }
      }
    }
  };

  /// Tiles of one channel are longer, so that their few sums need not wait for each other.
  template <int Rows>
  static void compute(const ConvTile<T>& tile, const Line& line) {
    constexpr int longest = Rows == 1 ? 4 : static_cast<int>(N);
    for (Index pixel = 0; pixel < line.pixels;) {
      const Index left = line.pixels - pixel;
      const Index from = pixel * tile.pixel_step, to = line.to + pixel * tile.to_pixel;
      // Two and two rather than three and one.
      if (longest > 2 && left >= longest && (longest != 3 || left != 4)) {
        run_for<Bytes, ConvTileLoop<Rows, longest>>(&tile, line.taps, line.tap_count, from, to);
        pixel += longest;
      } else if (left >= 2) {
        run_for<Bytes, ConvTileLoop<Rows, 2>>(&tile, line.taps, line.tap_count, from, to);
        pixel += 2;
      } else {
        run_for<Bytes, ConvTileLoop<Rows, 1>>(&tile, line.taps, line.tap_count, from, to);
        pixel += 1;
      }
    }
  }

  ConvAxis rows_, columns_;
  Index samples_, groups_;
  Index from_channels_, to_channels_;  // of one group
  Index taps_;
  Index from_step_, to_step_;  // from a channel's weights to the next one's
  Index blocks_;               // of R channels or fewer, in a group
  Index block_size_;
  Index gap_;
  BlockRef packed_;
};

}  // namespace kiln::detail
