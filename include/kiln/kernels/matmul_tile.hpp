// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The inner loop of the native matmul: the product of one tile.
///
/// A product is seen as out[i, j] += s[i, p] * v[p, j]: numbers of s are broadcast, v is read in vectors along j. Which
/// operand plays which part is up to the caller.
#pragma once

#include <kiln/core/shape.hpp>
#include <kiln/kernels/simd.hpp>

namespace kiln::detail {

/// How much of the output one tile holds: as many accumulators as the registers take.
template <class T, int Bytes>
struct TileSize {
  static constexpr bool many = many_registers<Bytes>;
  static constexpr int rows = many ? 8 : 4;
  static constexpr int fewer_rows = many ? 5 : 3;  // with `rows`, makes up every number from 28 or 6 on
  static constexpr int vectors = many || Bytes > 16 ? 3 : 2;
  static constexpr Index width = vectors * lanes<T, Bytes>;
  static constexpr int dot_rows = many ? 4 : 2;
  static constexpr int dot_columns = 5;
};

/// Keeps a loaded vector in a register: g++ 12 would load it again for every use, and two loads a product are too many.
template <class V>
[[gnu::always_inline]] inline void keep_in_register([[maybe_unused]] V& v) {
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)
  if constexpr (sizeof(V) >= 16) asm("" : "+v"(v));
#endif
}

/// A column of tiles, one below the other: sums(i, j) = the sum over p of s[i, p] * v[p, j], in rows of whole vectors.
template <class T>
struct TileJob {
  const T* s;
  Index s_row, s_step;  // from row to row, and from p to p
  Index s_tile;         // from tile to tile
  const T* v;
  Index v_step;
  Index depth;
  Index tiles;
  T* sums;
  Index sums_row;
  bool add;  // to what is in `sums`
};

template <class T>
[[gnu::always_inline]] inline void prefetch([[maybe_unused]] const T* p) {
#if defined(__GNUC__)
  __builtin_prefetch(p);
#endif
}

/// Tiles of R rows and N vectors of columns; v's numbers lie side by side along j.
template <int R, int N>
struct TileLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const TileJob<T>* job) {
    constexpr Index L = lanes<T, Bytes>;
    using V = Vec<T, Bytes>;
    const Index s_row = job->s_row;
    for (Index tile = 0; tile < job->tiles; ++tile) {
      const T* s = job->s + tile * job->s_tile;
      const T* v = job->v;
      T* out = job->sums + tile * R * job->sums_row;
      V sums[R][N] = {};
      if (job->add) {
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
          for (int n = 0; n < N; ++n) load(sums[r][n], out + r * job->sums_row + n * L);
        }
      } else if (job->depth > 4) {  // there is time until they are written
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
          for (int n = 0; n < N; ++n) prefetch(out + r * job->sums_row + n * L);
        }
      }
      for (Index p = 0; p < job->depth; ++p) {
        V row[N];
#pragma GCC unroll 8
        for (int n = 0; n < N; ++n) {
          load(row[n], v + n * L);
          keep_in_register(row[n]);
          prefetch(v + 16 * job->v_step + n * L);
        }
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
          V factor = s[r * s_row] - V{};
          keep_in_register(factor);
#pragma GCC unroll 8
          for (int n = 0; n < N; ++n) sums[r][n] += factor * row[n];
        }
        s += job->s_step;
        v += job->v_step;
      }
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
        for (int n = 0; n < N; ++n) store(out + r * job->sums_row + n * L, sums[r][n]);
      }
    }
  }
};

}  // namespace kiln::detail
