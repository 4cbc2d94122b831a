// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The vector loops of the direct convolution. Lanes are samples: where a vector holds the same number of as many
/// samples, every stride, dilation and border is only a matter of which vectors meet, and no lane is ever idle.
#pragma once

#include <cstddef>
#include <utility>

#include <kiln/core/shape.hpp>
#include <kiln/kernels/matmul_tile.hpp>
#include <kiln/kernels/simd.hpp>
#include <kiln/kernels/transpose.hpp>

namespace kiln::detail {

/// Stores zeros, and keeps the compiler from calling memset for a vector or two.
template <class V, class T>
[[gnu::always_inline]] inline void store_zeros(T*& place, Index vectors) {
  for (; vectors > 0; --vectors) {
    store(place, V{});
    place += sizeof(V) / sizeof(T);
#if defined(__GNUC__)
    asm volatile("" : : : "memory");
#endif
  }
}

/// v = the two halves, one behind the other.
template <class V, class Half, std::size_t... I>
[[gnu::always_inline]] inline void join_halves(V& v, const Half& low, const Half& high, std::index_sequence<I...>) {
  v = __builtin_shufflevector(low, high, I...);
}

/// v = relu of what is at p; NaN stays NaN. By halves, since GCC 12 compares vectors of 64 bytes lane by lane.
template <class T, int Bytes>
[[gnu::always_inline]] inline void load_relu(Vec<T, Bytes>& v, const T* p) {
  if constexpr (Bytes <= 32) {
    load(v, p);
    v = v < Vec<T, Bytes>{} ? Vec<T, Bytes>{} : v;
  } else {
    constexpr Index L = lanes<T, Bytes>;
    Vec<T, Bytes / 2> low, high;
    load_relu<T, Bytes / 2>(low, p);
    load_relu<T, Bytes / 2>(high, p + L / 2);
    join_halves(v, low, high, std::make_index_sequence<std::size_t{L}>{});
  }
}

/// v = what is at p, but 0 where y is not positive; where y is NaN it passes.
template <class T, int Bytes>
[[gnu::always_inline]] inline void load_passed(Vec<T, Bytes>& v, const T* p, const T* y) {
  if constexpr (Bytes <= 32) {
    Vec<T, Bytes> gate;
    load(v, p);
    load(gate, y);
    v = gate <= Vec<T, Bytes>{} ? Vec<T, Bytes>{} : v;
  } else {
    constexpr Index L = lanes<T, Bytes>;
    Vec<T, Bytes / 2> low, high;
    load_passed<T, Bytes / 2>(low, p, y);
    load_passed<T, Bytes / 2>(high, p + L / 2, y + L / 2);
    join_halves(v, low, high, std::make_index_sequence<std::size_t{L}>{});
  }
}

/// Spreads samples over lanes: to[place(i)][sample] = from[sample][i] for `count` numbers i of up to L samples, and 0
/// in the lanes of samples that are missing. Each `width` numbers, a row, are followed by `gap` vectors of zeros. With
/// `passed`, which lies as `from` does, numbers are 0 where it is not positive: what relu lets back through.
struct ToLanesLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const T* from, const T* passed, Index sample_step, Index samples,
                                                Index count, Index width, Index gap, T* to) {
    constexpr Index L = lanes<T, Bytes>;
    using V = Vec<T, Bytes>;
    if (count < L) {
      for (Index i = 0; i < count; ++i) {
        T* place = to + (i + i / width * gap) * L;
        for (Index lane = 0; lane < L; ++lane) {
          const Index at = lane * sample_step + i;
          place[lane] = lane >= samples || (passed && passed[at] <= 0) ? T{0} : from[at];
        }
        place += L;
        if (i % width == width - 1) store_zeros<V>(place, gap);
      }
      return;
    }
    for (Index i = 0; i < count; i += L) {
      if (i > count - L) i = count - L;  // the last ones overlap
      V square[L] = {};
#pragma GCC unroll 16
      for (Index lane = 0; lane < L; ++lane) {
        const Index at = lane * sample_step + i;
        if (lane >= samples) break;
        if (passed) load_passed<T, Bytes>(square[lane], from + at, passed + at);
        else load(square[lane], from + at);
      }
      transpose<T, Bytes, L>(square);
      T* place = to + (i + i / width * gap) * L;
      Index left = width - i % width;
#pragma GCC unroll 16
      for (Index j = 0; j < L; ++j) {
        store(place, square[j]);
        place += L;
        if (--left == 0) {
          left = width;
          store_zeros<V>(place, gap);
        }
      }
    }
  }
};

/// The way back: to[sample][i] = from[i][sample], or added to what is there, or relu of it.
struct FromLanesLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const T* from, Index count, T* to, Index sample_step, Index samples,
                                                bool add, bool relu) {
    constexpr Index L = lanes<T, Bytes>;
    using V = Vec<T, Bytes>;
    Index i = 0;
    for (; i + L <= count; i += L) {
      V square[L];
#pragma GCC unroll 16
      for (Index j = 0; j < L; ++j) {
        if (relu) load_relu<T, Bytes>(square[j], from + (i + j) * L);
        else load(square[j], from + (i + j) * L);
      }
      transpose<T, Bytes, L>(square);
#pragma GCC unroll 16
      for (Index lane = 0; lane < L; ++lane) {
        if (lane >= samples) break;
        T* place = to + lane * sample_step + i;
        if (add) {
          V old;
          load(old, place);
          square[lane] += old;
        }
        store(place, square[lane]);
      }
    }
    for (; i < count; ++i) {
      for (Index lane = 0; lane < samples; ++lane) {
        T& place = to[lane * sample_step + i];
        const T made = from[i * L + lane];
        place = add ? place + made : relu && made < 0 ? T{0} : made;
      }
    }
  }
};

/// Where one tap of the kernel begins to read: the first channel's vector, and its row of weights.
struct ConvTap {
  Index from;
  Index weights;
};

/// How the vectors of a tile lie in memory.
template <class T>
struct ConvTile {
  const T* from;
  Index channels, channel_step, pixel_step;
  const T* weights;  // rows of R: the biases, then one for each tap and channel
  T* to;
  Index to_row, to_pixel;
};

/// A tile of R channels and N pixels: to[r][n] = bias[r] + sum over taps and channels of weight * from.
template <int R, int N>
struct ConvTileLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const ConvTile<T>* tile, const ConvTap* taps, Index tap_count,
                                                Index from_offset, Index to_offset) {
    using V = Vec<T, Bytes>;
    const Index pixel_step = tile->pixel_step;
    V sums[R][N];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
      for (int n = 0; n < N; ++n) sums[r][n] = tile->weights[r] - V{};
    }
    for (Index tap = 0; tap < tap_count; ++tap) {
      const T* x = tile->from + from_offset + taps[tap].from;
      const T* w = tile->weights + taps[tap].weights * R;
      for (Index c = tile->channels; c > 0; --c) {
        V pixel[N];
#pragma GCC unroll 8
        for (int n = 0; n < N; ++n) {
          load(pixel[n], x + n * pixel_step);
          keep_in_register(pixel[n]);
        }
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
          V factor = w[r] - V{};
          keep_in_register(factor);
#pragma GCC unroll 8
          for (int n = 0; n < N; ++n) sums[r][n] += factor * pixel[n];
        }
        x += tile->channel_step;
        w += R;
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
      for (int n = 0; n < N; ++n) store(tile->to + to_offset + r * tile->to_row + n * tile->to_pixel, sums[r][n]);
    }
  }
};

/// The lines of pixels that a tile of dot products walks along.
template <class T>
struct ConvDots {
  const T* s;
  Index s_channel, s_image, s_line;
  const T* v;
  Index v_channel, v_image, v_line, v_pixel;
  Index rows, columns;  // of the tile, up to R and N: beyond, the last one is computed again
  Index images, lines, pixels;
};

/// A tile of R by N dot products of channels, lane by lane: sums[r][n] += sum over pixels of s[r] * v[n].
template <int R, int N>
struct ConvDotsLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const ConvDots<T>* dots, T* totals) {
    constexpr Index L = lanes<T, Bytes>;
    using V = Vec<T, Bytes>;
    const Index v_pixel = dots->v_pixel;
    V sums[R][N];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n) load(sums[r][n], totals + (r * N + n) * L);
    }
    Index s_at[R], v_at[N];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) s_at[r] = (r < dots->rows ? r : dots->rows - 1) * dots->s_channel;
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) v_at[n] = (n < dots->columns ? n : dots->columns - 1) * dots->v_channel;
    for (Index image = 0; image < dots->images; ++image) {
      for (Index line = 0; line < dots->lines; ++line) {
        const T* s = dots->s + image * dots->s_image + line * dots->s_line;
        const T* v = dots->v + image * dots->v_image + line * dots->v_line;
        for (Index pixel = dots->pixels; pixel > 0; --pixel) {
          V x[R];
#pragma GCC unroll 4
          for (int r = 0; r < R; ++r) {
            load(x[r], s + s_at[r]);
            keep_in_register(x[r]);
          }
#pragma GCC unroll 4
          for (int n = 0; n < N; ++n) {
            V y;
            load(y, v + v_at[n]);
            keep_in_register(y);
#pragma GCC unroll 4
            for (int r = 0; r < R; ++r) sums[r][n] += x[r] * y;
          }
          s += L;
          v += v_pixel;
        }
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n) store(totals + (r * N + n) * L, sums[r][n]);
    }
  }
};

/// sums[i] = the sum of the lanes of vector i, or added to what is there.
struct SumLanesLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const T* vectors, Index count, T* sums, bool add) {
    for (Index i = 0; i < count; ++i) {
      Vec<T, Bytes> v;
      load(v, vectors + i * lanes<T, Bytes>);
      const T sum = sum_lanes<T, Bytes>(v);
      sums[i] = add ? sums[i] + sum : sum;
    }
  }
};

}  // namespace kiln::detail
