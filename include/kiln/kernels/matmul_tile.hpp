// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The vector loops of the native matmul: the product of one tile.
///
/// A product is seen as out[i, j] += s[i, p] * v[p, j]: numbers of s are broadcast, v is read in vectors along j. Which
/// operand plays which part is up to the caller.
#pragma once

#include <cstddef>
#include <cstring>
#include <utility>

#include <kiln/core/shape.hpp>
#include <kiln/kernels/simd.hpp>
#include <kiln/kernels/transpose.hpp>

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

/// Where a tile's results go: c = alpha * sum + beta * c for `columns` columns, then + bias and relu if asked for.
template <class T>
struct TileOut {
  T* c;
  Index row_stride;
  Index column_stride;
  Index columns;
  T alpha;
  T beta;
  const T* bias;  // or null
  Index bias_row, bias_column;
  bool relu;
};

/// x = alpha * x + beta * c, then + bias and relu if asked for; x may be a number or a vector.
template <class V, class T>
[[gnu::always_inline]] inline void finish(V& x, const T* c, const T* bias, const TileOut<T>& out) {
  V other;
  x *= out.alpha;
  if (out.beta != T{0}) {
    load(other, c);
    x += out.beta * other;
  }
  if (bias) {
    load(other, bias);
    x += other;
  }
  if (out.relu) x = x < V{} ? V{} : x;  // NaN stays NaN
}

/// A tile of R rows and N vectors of columns; v's numbers lie side by side along j.
template <int R, int N>
struct TileLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const T* s, Index s_row, Index s_step, const T* v, Index v_step,
                                                Index depth, const TileOut<T>* out) {
    constexpr Index L = lanes<T, Bytes>;
    using V = Vec<T, Bytes>;
    V sums[R][N] = {};
    for (Index p = 0; p < depth; ++p) {
      V row[N];
#pragma GCC unroll 8
      for (int n = 0; n < N; ++n) {
        load(row[n], v + n * L);
        keep_in_register(row[n]);
        prefetch(v + 16 * v_step + n * L);
      }
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        V factor = s[r * s_row] - V{};
        keep_in_register(factor);
#pragma GCC unroll 8
        for (int n = 0; n < N; ++n) sums[r][n] += factor * row[n];
      }
      s += s_step;
      v += v_step;
    }
    const bool bias_by_column = !out->bias || out->bias_column == 1;
    if (out->column_stride == 1 && out->columns == N * L && bias_by_column) {
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
        for (int n = 0; n < N; ++n) {
          T* c = out->c + r * out->row_stride + n * L;
          finish(sums[r][n], c, out->bias ? out->bias + n * L : nullptr, *out);
          store(c, sums[r][n]);
        }
      }
      return;
    }
    T results[R * N * static_cast<int>(L)];
    if constexpr (R > 1 && (R & (R - 1)) == 0) {
      if (out->row_stride == 1 && (!out->bias || out->bias_row == 1)) {
        // c lies transposed: so does the tile, then its columns are written as short vectors.
#pragma GCC unroll 8
        for (int n = 0; n < N; ++n) {
          V rows[R];
#pragma GCC unroll 8
          for (int r = 0; r < R; ++r) rows[r] = sums[r][n];
          transpose<T, Bytes, R>(rows);
#pragma GCC unroll 8
          for (int r = 0; r < R; ++r) store(results + (n * R + r) * L, rows[r]);
        }
        for (Index j = 0; j < out->columns; ++j) {
          Vec<T, R* static_cast<int>(sizeof(T))> column;
          T* c = out->c + j * out->column_stride;
          load(column, results + j * R);
          finish(column, c, out->bias, *out);
          store(c, column);
        }
        return;
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
      for (int n = 0; n < N; ++n) store(results + (r * N + n) * L, sums[r][n]);
    }
    put(*out, R, results, N * L, 1);
  }

  template <class T>
  [[gnu::always_inline]] static inline void prefetch([[maybe_unused]] const T* p) {
#if defined(__GNUC__)
    __builtin_prefetch(p);
#endif
  }

  /// Writes the results number by number.
  template <class T>
  [[gnu::always_inline]] static inline void put(const TileOut<T>& out, Index rows, const T* results, Index row_step,
                                                Index column_step) {
    for (Index j = 0; j < out.columns; ++j) {
      for (Index i = 0; i < rows; ++i) {
        T* c = out.c + i * out.row_stride + j * out.column_stride;
        T result = results[i * row_step + j * column_step];
        finish(result, c, out.bias ? out.bias + i * out.bias_row + j * out.bias_column : nullptr, out);
        *c = result;
      }
    }
  }
};

/// v = sums of neighbours, of x in the lower half and of y in the upper half.
template <class V, std::size_t... I>
[[gnu::always_inline]] inline void add_neighbours(const V& x, const V& y, V& v, std::index_sequence<I...>) {
  v = __builtin_shufflevector(x, y, (2 * I)...) + __builtin_shufflevector(x, y, (2 * I + 1)...);
}

/// A tile of R rows and N columns of dot products: for operands that both lie side by side along p, without packing.
template <int R, int N>
struct DotTileLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const T* s, Index s_row, Index rows, const T* v, Index v_column,
                                                Index depth, const TileOut<T>* out) {
    constexpr Index L = lanes<T, Bytes>;
    using V = Vec<T, Bytes>;
    V sums[R][N] = {};
    // A tile at the edge computes its last row again.
    const T* row[R];
    for (int r = 0; r < R; ++r) row[r] = s + (r < rows ? r : rows - 1) * s_row;
    Index p = 0;
    for (; p + L <= depth; p += L) {
      V x[R];
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        load(x[r], row[r] + p);
        keep_in_register(x[r]);
      }
#pragma GCC unroll 8
      for (int n = 0; n < N; ++n) {
        V y;
        load(y, v + n * v_column + p);
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
        // Halves the number of vectors, then of lanes, until one vector begins with the R sums.
#pragma GCC unroll 4
        for (Index left = L, vectors = R; left > 1; left /= 2) {
          vectors = vectors > 1 ? vectors / 2 : 1;
#pragma GCC unroll 4
          for (Index i = 0; i < vectors; ++i) {
            add_neighbours(column[(2 * i) % R], column[(2 * i + 1) % R], column[i],
                           std::make_index_sequence<static_cast<std::size_t>(L)>{});
          }
        }
        std::memcpy(results[n], &column[0], sizeof(results[n]));
      } else {
        for (int r = 0; r < R; ++r) std::memcpy(&results[n][r], &column[r], sizeof(T));
      }
    }
    for (; p < depth; ++p) {
      for (int n = 0; n < N; ++n) {
        for (int r = 0; r < R; ++r) results[n][r] += row[r][p] * v[n * v_column + p];
      }
    }
    TileLoop<R, N>::put(*out, rows, results[0], 1, R);
  }
};

}  // namespace kiln::detail
