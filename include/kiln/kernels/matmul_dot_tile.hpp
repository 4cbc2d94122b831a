// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The other inner loop of the native matmul: dot products of some rows and columns at once, without packing.
#pragma once

#include <cstddef>
#include <cstring>
#include <utility>

#include <kiln/core/shape.hpp>
#include <kiln/kernels/matmul_tile.hpp>
#include <kiln/kernels/simd.hpp>

namespace kiln::detail {

/// v = sums of neighbours, of x in the lower half and of y in the upper half.
template <class V, std::size_t... I>
[[gnu::always_inline]] inline void add_neighbours(const V& x, const V& y, V& v, std::index_sequence<I...>) {
  v = __builtin_shufflevector(x, y, (2 * I)...) + __builtin_shufflevector(x, y, (2 * I + 1)...);
}

/// Halves the number of vectors, then of lanes in use, until the first vector begins with the sum of each.
template <Index Lanes, Index Count, class V>
[[gnu::always_inline]] inline void add_lanes(V* x) {
  if constexpr (Lanes > 1) {
    constexpr Index half = Count > 1 ? Count / 2 : 1;
#pragma GCC unroll 4
    for (Index i = 0; i < half; ++i) {
      add_neighbours(x[2 * i % Count], x[(2 * i + 1) % Count], x[i],
                     std::make_index_sequence<sizeof(V) / sizeof(x[0][0])>{});
    }
    add_lanes<Lanes / 2, half>(x);
  }
}

/// Rows of s and columns of v, both side by side along p, to be multiplied without packing.
template <class T>
struct DotJob {
  const T* s;
  Index s_row, rows;
  const T* v;
  Index v_column, columns;
  Index depth;
  T* sums;
  Index sums_row, sums_column;
};

/// Tiles of R rows and N columns of dot products. Columns beyond the last whole tile are left out.
template <int R, int N>
struct DotTileLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const DotJob<T>* job) {
    for (Index i = 0; i < job->rows; i += R) {
      const Index rows = job->rows - i < R ? job->rows - i : R;
      for (Index j = 0; j + N <= job->columns; j += N) {
        tile<Bytes>(job->s + i * job->s_row, job->s_row, rows, job->v + j * job->v_column, *job,
                    job->sums + i * job->sums_row + j * job->sums_column);
      }
    }
  }

 private:
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void tile(const T* s, Index s_row, Index rows, const T* v, const DotJob<T>& job,
                                                 T* out) {
    constexpr Index L = lanes<T, Bytes>;
    using V = Vec<T, Bytes>;
    V sums[R][N] = {};
    // A tile at the edge computes its last row again.
    const T* row[R];
    for (int r = 0; r < R; ++r) row[r] = s + (r < rows ? r : rows - 1) * s_row;
    Index p = 0;
    for (; p + L <= job.depth; p += L) {
      V x[R];
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        load(x[r], row[r] + p);
        keep_in_register(x[r]);
      }
#pragma GCC unroll 8
      for (int n = 0; n < N; ++n) {
        V y;
        load(y, v + n * job.v_column + p);
        keep_in_register(y);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) sums[r][n] += x[r] * y;
      }
    }
    T results[N][R];
#pragma GCC unroll 8
    for (int n = 0; n < N; ++n) {
      V column[R];
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) column[r] = sums[r][n];
      if constexpr (L > 1) {
        add_lanes<L, R>(column);
        std::memcpy(results[n], &column[0], sizeof(results[n]));
      } else {
        for (int r = 0; r < R; ++r) std::memcpy(&results[n][r], &column[r], sizeof(T));
      }
    }
    for (; p < job.depth; ++p) {
      for (int n = 0; n < N; ++n) {
        for (int r = 0; r < R; ++r) results[n][r] += row[r][p] * v[n * job.v_column + p];
      }
    }
    for (Index r = 0; r < rows; ++r) {
#pragma GCC unroll 8
      for (int n = 0; n < N; ++n) out[r * job.sums_row + n * job.sums_column] = results[n][r];
    }
  }
};

}  // namespace kiln::detail
