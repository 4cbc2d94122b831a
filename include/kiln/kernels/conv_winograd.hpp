// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Last rung of the convolution ladder, and the default: 3 by 3 kernels of stride 1 in 16 multiplications for every 4
/// results instead of 36, by the minimal filtering of Winograd. Everything else is left to the direct convolution.
/// Source: Lavin & Gray 2015, https://arxiv.org/abs/1509.09308.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <type_traits>

#include <kiln/core/memory.hpp>
#include <kiln/core/parallel.hpp>
#include <kiln/kernels/conv.hpp>
#include <kiln/kernels/conv_axis.hpp>
#include <kiln/kernels/conv_direct.hpp>
#include <kiln/kernels/conv_tile.hpp>
#include <kiln/kernels/conv_winograd_spread.hpp>
#include <kiln/kernels/conv_winograd_tile.hpp>
#include <kiln/kernels/conv_winograd_weights.hpp>
#include <kiln/kernels/vector_ops.hpp>

namespace kiln {

namespace detail {

/// Images in tiles of 2 by 2 pixels, each of which takes 4 by 4 pixels of what is read. An image is spread over lanes
/// of channels, some rows of tiles at a time become frequencies, these are multiplied, and go back the same way.
template <class T, int Bytes>
class ConvWinograd {
 public:
  static constexpr Index L = lanes<T, Bytes>;
  static constexpr int R = TileSize<T, Bytes>::rows, N = TileSize<T, Bytes>::vectors;

  /// Whether this convolution gains by it.
  static bool fits(const ConvSizes& s) {
    const Size2 padding = s.padding;
    if (s.kernel != Size2(3) || s.stride != Size2(1) || s.dilation != Size2(1) || s.groups != 1) return false;
    if ((std::max)(padding.height, padding.width) > 2 || s.in * s.out > most_weights) return false;
    if (s.result.height != s.image.height + 2 * padding.height - 2) return false;
    if (s.result.width != s.image.width + 2 * padding.width - 2) return false;
    auto worthwhile = [](Size2 made) {
      return 23 * tiles(made.height) * tiles(made.width) <= 9 * made.height * made.width;
    };
    auto fills = [](Index channels) { return 3 * padded(channels) <= 4 * channels; };
    return s.samples > 0 && worthwhile(s.image) && worthwhile(s.result) && fills(s.in) && fills(s.out);
  }

  static void forward(const ConvSizes& s, const T* x, const T* w, const T* bias, T* y, bool add, bool relu) {
    Gather{s.samples, {s.in, s.image, s.padding}, {s.out, s.result, 0}, nullptr, relu}.run(x, w, false, bias, y, add);
  }

  /// A convolution of dy by the weights turned around.
  static void input_gradient(const ConvSizes& s, const T* dy, const T* w, T* dx, bool add, const T* y) {
    const Size2 padding{2 - s.padding.height, 2 - s.padding.width};
    Gather{s.samples, {s.out, s.result, padding}, {s.in, s.image, 0}, y, false}.run(dy, w, true, nullptr, dx, add);
  }

  /// The sums over samples are divided among a number of tasks that the shape decides.
  static void weight_gradient(const ConvSizes& s, const T* x, const T* dy, T* dw, bool add) {
    const Planes from{s.in, s.image, s.padding}, to{s.out, s.result, 0};
    const Index size = 16 * padded(s.out) * padded(s.in);
    const Index parts = (std::min)(most_parts, s.samples);
    const BlockRef block = memory(parts * size);
    T* sums = static_cast<T*>(block.payload());
    parallel_for(parts, [&](Index part) {
      add_frequencies(from, to, x, dy, {part * s.samples / parts, (part + 1) * s.samples / parts}, sums + part * size);
    });
    parallel_ranges(size, parts, [&](Index first, Index last) {
      for (Index part = 1; part < parts; ++part) axpy(T{1}, sums + part * size + first, sums + first, last - first);
    });
    parallel_ranges(s.out * s.in, 64, [&](Index first, Index last) {
      for (Index i = first; i < last; ++i) {
        const T* place = sums + i / s.in * padded(s.in) + i % s.in;
        T m[4][4];
        for (Index f = 0; f < 16; ++f) m[f / 4][f % 4] = place[f * padded(s.out) * padded(s.in)];
        weights_of_frequencies(m, dw + 9 * i, add);
      }
    });
  }

 private:
  static constexpr Index most_weights = 128 * 128;
  static constexpr Index most_parts = 16;

  using Planes = WinogradPlanes;
  using Spread = WinogradSpread<T, Bytes>;
  using Frequencies = WinogradFrequencies<T, Bytes>;
  using Run = WinogradRun;

  static Index padded(Index channels) { return winograd_padded<T, Bytes>(channels); }
  static Index tiles(Index side) { return (side + 1) / 2; }
  static BlockRef memory(Index count) { return BlockRef(static_cast<std::size_t>(count) * sizeof(T)); }

  /// How many tiles are done at once: their frequencies should stay in the second cache.
  static Index tiles_at_once(ConvRange all) { return (std::min)(Index{56}, (all.last - all.first + R - 1) / R * R); }

  static void read_frequencies(const Spread& spread, const Planes& planes, const Run& run, const Frequencies& to,
                               Index tile) {
    for (Index c = 0; c < planes.channels; c += L) {
      const T* rows[4];
      for (Index i = 0; i < 4; ++i)
        rows[i] = spread.row(c, 2 * run.row - planes.margin.height + i) + 2 * run.column * L;
      run_for<Bytes, WinogradInputLoop>(static_cast<const T* const*>(rows), run.count, to.data() + tile * to.width + c,
                                        to.step, to.width);
    }
  }

  static void multiply(const WinogradProducts<T>& products, Index columns) {
    for (Index column = 0; column < columns;) {
      const Index left = (columns - column) / L;
      if (N == 3 && left >= 3 && left != 4) {
        run_for<Bytes, WinogradProductLoop<R, N>>(&products, column);
        column += N * L;
      } else if (left >= 2) {
        run_for<Bytes, WinogradProductLoop<R, 2>>(&products, column);
        column += 2 * L;
      } else {
        run_for<Bytes, WinogradProductLoop<R, 1>>(&products, column);
        column += L;
      }
    }
  }

  /// The pass that makes images.
  struct Gather {
    Index samples;
    Planes from, to;
    const T* passed;  // where this is not positive, what is read is 0; may be null
    bool relu;

    void run(const T* x, const T* w, bool turned, const T* bias, T* y, bool add) const {
      const Index width = padded(to.channels);
      const BlockRef block = memory((16 * from.channels + 1) * width);
      T* weights = static_cast<T*>(block.payload());
      T* biases = weights + 16 * from.channels * width;
      std::fill_n(biases, width, T{0});
      if (bias) std::copy_n(bias, to.channels, biases);
      pack(w, turned, weights);
      const Index at_once = (samples + 63) / 64;
      parallel_for((samples + at_once - 1) / at_once, [&](Index task) {
        make(x, weights, biases, y, add, {task * at_once, (std::min)(samples, (task + 1) * at_once)});
      });
    }

    /// Frequencies of the weights, by frequency, channel read and channel made.
    void pack(const T* w, bool turned, T* packed) const {
      const Index width = padded(to.channels);
      parallel_ranges(from.channels, 64 * width, [&](Index first, Index last) {
        for (Index c = first; c < last; ++c) {
          for (Index o = 0; o < width; ++o) {
            T u[4][4] = {};
            if (o < to.channels) {
              if (turned) frequencies_of_weights<true>(w + 9 * (c * to.channels + o), u);
              else frequencies_of_weights<false>(w + 9 * (o * from.channels + c), u);
            }
            for (Index f = 0; f < 16; ++f) packed[(f * from.channels + c) * width + o] = u[f / 4][f % 4];
          }
        }
      });
    }

    void make(const T* x, const T* weights, const T* biases, T* y, bool add, ConvRange images) const {
      const Size2 grid{tiles(to.size.height), tiles(to.size.width)};
      const ConvRange all{images.first * grid.height * grid.width, images.last * grid.height * grid.width};
      const Index at_once = tiles_at_once(all);
      Spread spread(from, grid.width, 4);
      const Frequencies read(from.channels, at_once), made(to.channels, at_once);
      const Index width = made.width;
      const BlockRef block = memory(to.area() * width);
      T* image = static_cast<T*>(block.payload());
      WinogradProducts<T> products{read.data(), read.step,   read.width, 1,     weights, from.channels * width,
                                   width,       made.data(), made.step,  width, 0,       from.channels,
                                   false};
      for (Index begin = all.first; begin < all.last; begin += at_once) {
        const ConvRange some{begin, (std::min)(begin + at_once, all.last)};
        for_each_winograd_run(some, grid, [&](const Run& run, Index tile) {
          if (run.row == 0 && run.column == 0) spread.take(x, passed, run.image * from.channels * from.area());
          read_frequencies(spread, from, run, read, tile);
        });
        products.rows = (some.last - some.first + R - 1) / R * R;
        multiply(products, width);
        for_each_winograd_run(some, grid, [&](const Run& run, Index tile) {
          const Index top = 2 * run.row, left = 2 * run.column;
          for (Index o = 0; o < to.channels; o += L) {
            T* upper = image + o * to.area() + (top * to.size.width + left) * L;
            T* lower = top + 1 < to.size.height ? upper + to.size.width * L : nullptr;
            run_for<Bytes, WinogradOutputLoop>(static_cast<const T*>(made.data()) + tile * width + o, made.step, width,
                                               biases + o, upper, lower,
                                               (std::min)(2 * run.count, to.size.width - left));
          }
          if (run.row == grid.height - 1 && run.column + run.count == grid.width)
            give(image, y + run.image * to.channels * to.area(), add);
        });
      }
    }

    void give(const T* image, T* y, bool add) const {
      for (Index o = 0; o < to.channels; o += L) {
        run_for<Bytes, FromLanesLoop>(image + o * to.area(), to.area(), y + o * to.area(), to.area(),
                                      (std::min)(L, to.channels - o), add, relu);
      }
    }
  };

  /// sums = for each frequency, the products of dy's and x's channels, summed over the tiles of some images.
  static void add_frequencies(const Planes& from, const Planes& to, const T* x, const T* dy, ConvRange images,
                              T* sums) {
    const Size2 grid{tiles(to.size.height), tiles(to.size.width)};
    const ConvRange all{images.first * grid.height * grid.width, images.last * grid.height * grid.width};
    const Index at_once = tiles_at_once(all);
    Spread x_spread(from, grid.width, 4), dy_spread(to, grid.width, 2);
    const Frequencies x_read(from.channels, at_once), dy_read(to.channels, at_once);
    WinogradProducts<T> products{dy_read.data(), dy_read.step,  1,
                                 dy_read.width,  x_read.data(), x_read.step,
                                 x_read.width,   sums,          dy_read.width * x_read.width,
                                 x_read.width,   dy_read.width, 0,
                                 false};
    for (Index begin = all.first; begin < all.last; begin += at_once) {
      const ConvRange some{begin, (std::min)(begin + at_once, all.last)};
      for_each_winograd_run(some, grid, [&](const Run& run, Index tile) {
        if (run.row == 0 && run.column == 0) {
          x_spread.take(x, nullptr, run.image * from.channels * from.area());
          dy_spread.take(dy, nullptr, run.image * to.channels * to.area());
        }
        read_frequencies(x_spread, from, run, x_read, tile);
        for (Index o = 0; o < to.channels; o += L) {
          const T* upper = dy_spread.row(o, 2 * run.row) + 2 * run.column * L;
          const T* lower = dy_spread.row(o, 2 * run.row + 1) + 2 * run.column * L;
          run_for<Bytes, WinogradGradientLoop>(upper, lower, run.count, dy_read.data() + tile * dy_read.width + o,
                                               dy_read.step, dy_read.width);
        }
      });
      products.depth = some.last - some.first;
      products.add = begin > all.first;
      multiply(products, x_read.width);
    }
  }
};

}  // namespace detail

/// For float, where 12 channels or more fill the lanes; else, and for double, it is the direct convolution. Rounding
/// errors are no larger than its own, since sums are shorter. Where an image holds an infinity or NaN, results next to
/// those that see it may become NaN too.
struct WinogradConv {
  static constexpr std::string_view name = "winograd";
  static constexpr bool epilogue = true;

  template <class T>
  static void forward(const ConvSizes& s, const T* x, const T* w, const T* bias, T* y, bool add, bool relu = false) {
    if (!run<T>(s, [&](auto winograd) { winograd.forward(s, x, w, bias, y, add, relu); }))
      DirectConv::forward(s, x, w, bias, y, add, relu);
  }

  template <class T>
  static void input_gradient(const ConvSizes& s, const T* dy, const T* w, T* dx, bool add, const T* y = nullptr) {
    if (!run<T>(s, [&](auto winograd) { winograd.input_gradient(s, dy, w, dx, add, y); }))
      DirectConv::input_gradient(s, dy, w, dx, add, y);
  }

  template <class T>
  static void weight_gradient(const ConvSizes& s, const T* x, const T* dy, T* dw, bool add, const T* y = nullptr,
                              T* db = nullptr) {
    if (!run<T>(s, [&](auto winograd) {
          const detail::BehindRelu<T> behind(dy, y, s.result_size());
          winograd.weight_gradient(s, x, behind.dz, dw, add);
          if (db) detail::sum_channels(behind.dz, s.samples, s.out, s.result_area(), db);
        }))
      DirectConv::weight_gradient(s, x, dy, dw, add, y, db);
  }

 private:
  /// Calls f(ConvWinograd) of the vectors in use, or nothing and returns false where that does not fit.
  template <class T, class F>
  static bool run(const ConvSizes& s, F f) {
    if constexpr (std::is_same_v<T, float>) {
      auto with = [&](auto winograd) {
        if (!winograd.fits(s)) return false;
        f(winograd);
        return true;
      };
      switch (isa()) {
        case Isa::avx512: return with(detail::ConvWinograd<T, 64>{});
        case Isa::avx2: return with(detail::ConvWinograd<T, 32>{});
        case Isa::baseline: return with(detail::ConvWinograd<T, 16>{});
      }
    }
    return false;
  }
};

}  // namespace kiln
