// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The second way of the native matmul: dot products of rows and columns, several at once, without packing.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include <kiln/core/memory.hpp>
#include <kiln/core/parallel.hpp>
#include <kiln/kernels/matmul_pack.hpp>
#include <kiln/kernels/matmul_product.hpp>
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

/// Multiplies by dot products of rows of s and columns of v; both must lie side by side along p.
template <class T, int Bytes>
class DotProduct {
 public:
  using Size = TileSize<T, Bytes>;
  static constexpr Index R = Size::dot_rows;
  static constexpr Index N = Size::dot_columns;
  static constexpr Index L = lanes<T, Bytes>;

  static double cost(const Product<T>& p) {
    if (p.s_step != 1 || (p.v_step != 1 && p.v_column != 1)) return 1e300;
    const Index weighted = p.columns / N * N + p.columns % N * 2;  // those left over cost twice
    const auto columns = static_cast<double>(weighted);
    double rows = static_cast<double>(round_up(p.rows, R));
    double repack = p.v_step == 1 ? 0. : .6 * static_cast<double>(p.columns * p.depth);
    return rows * columns * (static_cast<double>(p.depth) / static_cast<double>(L) * 1.1 + 6) + repack;
  }

  static void run(Product<T> p) {
    BlockRef block;
    if (p.v_step != 1) {
      block = BlockRef(static_cast<std::size_t>(p.columns * p.depth) * sizeof(T));
      T* copy = static_cast<T*>(block.payload());
      run_for<Bytes, TransposeLoop>(p.v, p.v_step, p.columns, p.depth, copy);
      p.v = copy;
      p.v_column = p.depth;
    }
    // A task has some rows. Its sums go to c, or as many of them at once as the stack holds to where they are finished.
    constexpr Index most_sums = 1024;
    const bool direct = p.plain();
    const Index tasks = 1 + p.rows * p.columns * p.depth / 100'000;
    const Index task_rows = round_up(ceil_div(p.rows, tasks), R);
    parallel_for(ceil_div(p.rows, task_rows), [&](Index task) {
      const Index first = task * task_rows, last = (std::min)(p.rows, first + task_rows);
      T scratch[most_sums + L];
      const Index most_columns = direct ? p.columns : most_sums / R / N * N;
      for (Index j = 0; j < p.columns; j += most_columns) {
        const Index columns = (std::min)(p.columns - j, most_columns);
        const Index most_rows = direct ? task_rows : most_sums / columns / R * R;
        for (Index i = first; i < last; i += most_rows) {
          const Index rows = (std::min)(last - i, most_rows);
          DotJob<T> job{
              p.s + i * p.s_row, p.s_row, rows, p.v + j * p.v_column, p.v_column, columns, p.depth, {}, {}, 1};
          job.sums = direct ? p.c_at(i, j) : scratch;
          job.sums_row = direct ? (p.transposed ? 1 : p.ldc) : columns;
          if (direct && p.transposed) job.sums_column = p.ldc;
          multiply(job);
          if (!direct) p.template finish<Bytes>(scratch, columns, i, j, rows, columns);
        }
      }
    });
  }

 private:
  static void multiply(DotJob<T> job) {
    const DotJob<T>* same = &job;
    if (job.columns >= N) run_for<Bytes, DotTileLoop<R, N>>(same);
    const Index whole = job.columns / N * N;
    job.v += whole * job.v_column;
    job.sums += whole * job.sums_column;
    job.columns -= whole;
    if (job.columns > 0) run_for<Bytes, DotTileLoop<R, 1>>(same);
  }
};

}  // namespace kiln::detail
