// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The vector loops of the Winograd convolution. Lanes are channels: a tile's 4 by 4 pixels become 16 frequencies by
/// additions of whole vectors, and what is left of the convolution is a matrix product for each frequency.
/// Source: Lavin & Gray 2015, https://arxiv.org/abs/1509.09308, section 4.1.
#pragma once

#include <kiln/core/shape.hpp>
#include <kiln/kernels/matmul_tile.hpp>
#include <kiln/kernels/simd.hpp>

namespace kiln::detail {

/// Frequencies of a row of tiles: B' d B of each tile's 4 by 4 pixels d, of which neighbours share two columns.
struct WinogradInputLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const T* const* rows, Index tiles, T* to, Index frequency_step,
                                                Index tile_step) {
    constexpr Index L = lanes<T, Bytes>;
    Vec<T, Bytes> e[4][4], v;  // B' d, by row and column
    const T *row0 = rows[0], *row1 = rows[1], *row2 = rows[2], *row3 = rows[3];
    for (Index column = 0; column < 2 * tiles + 2; column += 2) {
#pragma GCC unroll 2
      for (Index j = 0; j < 2; ++j) {
        Vec<T, Bytes> d[4];
        load(d[0], row0 + (column + j) * L);
        load(d[1], row1 + (column + j) * L);
        load(d[2], row2 + (column + j) * L);
        load(d[3], row3 + (column + j) * L);
        e[0][2 + j] = d[0] - d[2];
        e[1][2 + j] = d[1] + d[2];
        e[2][2 + j] = d[2] - d[1];
        e[3][2 + j] = d[1] - d[3];
      }
      if (column > 0) {
        T* place = to;
#pragma GCC unroll 4
        for (Index i = 0; i < 4; ++i) {  // NOLINT(modernize-loop-convert): unrolled
          v = e[i][0] - e[i][2];
          store(place, v);
          v = e[i][1] + e[i][2];
          store(place + frequency_step, v);
          v = e[i][2] - e[i][1];
          store(place + 2 * frequency_step, v);
          v = e[i][1] - e[i][3];
          store(place + 3 * frequency_step, v);
          place += 4 * frequency_step;
        }
        to += tile_step;
      }
#pragma GCC unroll 4
      for (Index i = 0; i < 4; ++i) {  // NOLINT(modernize-loop-convert): unrolled
        e[i][0] = e[i][2];
        e[i][1] = e[i][3];
      }
    }
  }
};

/// A row of results: A' m A + bias of each tile's frequencies m, which are 2 by 2 pixels. The last ones may lie
/// outside.
struct WinogradOutputLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const T* from, Index frequency_step, Index tile_step, const T* bias,
                                                T* upper, T* lower, Index columns) {
    constexpr Index L = lanes<T, Bytes>;
    Vec<T, Bytes> offset, v;
    load(offset, bias);
    for (Index column = 0; column < columns; column += 2) {
      Vec<T, Bytes> s[2][4];  // A' m
#pragma GCC unroll 4
      for (Index j = 0; j < 4; ++j) {
        Vec<T, Bytes> m[4];
#pragma GCC unroll 4
        for (Index i = 0; i < 4; ++i) load(m[i], from + (4 * i + j) * frequency_step);
        s[0][j] = m[0] + m[1] + m[2];
        s[1][j] = m[1] - m[2] - m[3];
      }
#pragma GCC unroll 2
      for (Index i = 0; i < 2; ++i) {
        T* to = i == 0 ? upper : lower;
        if (!to) break;
        v = s[i][0] + s[i][1] + s[i][2] + offset;
        store(to + column * L, v);
        if (column + 1 == columns) continue;
        v = s[i][1] - s[i][2] - s[i][3] + offset;
        store(to + (column + 1) * L, v);
      }
      from += tile_step;
    }
  }
};

/// Frequencies of a row of the result's gradient: A d A' of each tile's 2 by 2 pixels d.
struct WinogradGradientLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const T* upper, const T* lower, Index tiles, T* to,
                                                Index frequency_step, Index tile_step) {
    constexpr Index L = lanes<T, Bytes>;
    for (; tiles > 0; --tiles) {
      Vec<T, Bytes> d[2][2], e[4][2], v;
#pragma GCC unroll 2
      for (Index j = 0; j < 2; ++j) {
        load(d[0][j], upper + j * L);
        load(d[1][j], lower + j * L);
        e[0][j] = d[0][j];
        e[1][j] = d[0][j] + d[1][j];
        e[2][j] = d[0][j] - d[1][j];
        e[3][j] = -d[1][j];
      }
      T* place = to;
#pragma GCC unroll 4
      for (Index i = 0; i < 4; ++i) {  // NOLINT(modernize-loop-convert): unrolled
        store(place, e[i][0]);
        v = e[i][0] + e[i][1];
        store(place + frequency_step, v);
        v = e[i][0] - e[i][1];
        store(place + 2 * frequency_step, v);
        v = -e[i][1];
        store(place + 3 * frequency_step, v);
        place += 4 * frequency_step;
      }
      upper += 2 * L;
      lower += 2 * L;
      to += tile_step;
    }
  }
};

/// A matrix product for each frequency: to[i, j] = sum over p of s[i, p] * v[p, j], or added to what is there.
template <class T>
struct WinogradProducts {
  const T* s;
  Index s_frequency, s_row, s_step;
  const T* v;
  Index v_frequency, v_step;
  T* to;
  Index to_frequency, to_row;
  Index rows, depth;  // rows in whole tiles
  bool add;
};

/// N vectors of columns of these products, R rows at a time.
template <int R, int N>
struct WinogradProductLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const WinogradProducts<T>* products, Index column) {
    constexpr Index L = lanes<T, Bytes>;
    using V = Vec<T, Bytes>;
    const Index s_row = products->s_row, s_step = products->s_step, v_step = products->v_step;
    const Index to_row = products->to_row;
    for (Index frequency = 0; frequency < 16; ++frequency) {
      const T* s_block = products->s + frequency * products->s_frequency;
      T* to = products->to + frequency * products->to_frequency + column;
      for (Index row = 0; row < products->rows; row += R) {
        const T* s = s_block;
        const T* v = products->v + frequency * products->v_frequency + column;
        V sums[R][N] = {};
        if (products->add) {
#pragma GCC unroll 8
          for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
            for (int n = 0; n < N; ++n) load(sums[r][n], to + r * to_row + n * L);
          }
        }
        for (Index p = products->depth; p > 0; --p) {
          V across[N];
#pragma GCC unroll 8
          for (int n = 0; n < N; ++n) {
            load(across[n], v + n * L);
            keep_in_register(across[n]);
          }
#pragma GCC unroll 8
          for (int r = 0; r < R; ++r) {
            V factor = s[r * s_row] - V{};
            if constexpr (N > 1) keep_in_register(factor);  // for one vector, the product reads it from memory
#pragma GCC unroll 8
            for (int n = 0; n < N; ++n) sums[r][n] += factor * across[n];
          }
          s += s_step;
          v += v_step;
        }
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
          for (int n = 0; n < N; ++n) store(to + r * to_row + n * L, sums[r][n]);
        }
        s_block += R * s_row;
        to += R * to_row;
      }
    }
  }
};

}  // namespace kiln::detail
