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

/// Where sums go in the end: c = alpha * sum + beta * c, then + bias and relu if asked for. c has `rows` rows; `sums`
/// are as many rows or, transposed, columns; these are read in whole vectors, up to a vector beyond the last sum.
template <class T>
struct FinishJob {
  const T* sums;
  Index sums_row;
  T* c;
  Index ldc;
  Index rows, columns;
  T alpha, beta;
  const T* bias;  // or null
  bool relu;
};

/// Finishes sums that lie in rows, as c, or in columns.
template <bool Transposed>
struct FinishLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const FinishJob<T>* job) {
    constexpr Index L = lanes<T, Bytes>;
    if constexpr (!Transposed) {
      for (Index i = 0; i < job->rows; ++i) {
        finish<Bytes>(job->sums + i * job->sums_row, job->columns, job->c + i * job->ldc, job->bias, *job);
      }
    } else {
      for (Index first = 0; first < job->columns; first += L) {
        const Index columns = job->columns - first < L ? job->columns - first : L;
        for (Index top = 0; top < job->rows; top += L) {
          const Index rows = job->rows - top < L ? job->rows - top : L;
          Vec<T, Bytes> square[L] = {};
#pragma GCC unroll 16
          for (Index j = 0; j < L; ++j) {
            if (j < columns) load(square[j], job->sums + (first + j) * job->sums_row + top);
          }
          transpose<T, Bytes, L>(square);
          T results[L * L];
#pragma GCC unroll 16
          for (Index i = 0; i < L; ++i) store(results + i * L, square[i]);
          for (Index i = 0; i < rows; ++i) {
            finish<Bytes>(results + i * L, columns, job->c + (top + i) * job->ldc + first,
                          job->bias ? job->bias + first : nullptr, *job);
          }
        }
      }
    }
  }

 private:
  /// The numbers of a row, in vectors and then in smaller ones.
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void finish(const T* sums, Index count, T* c, const T* bias,
                                                   const FinishJob<T>& job) {
    constexpr Index L = lanes<T, Bytes>;
    using V = Vec<T, Bytes>;
    for (; count >= L; count -= L, sums += L, c += L) {
      V x, other;
      load(x, sums);
      x *= job.alpha;
      if (job.beta != T{0}) {
        load(other, c);
        x += job.beta * other;
      }
      if (bias) {
        load(other, bias);
        x += other;
        bias += L;
      }
      if (job.relu) x = x < V{} ? V{} : x;  // NaN stays NaN
      store(c, x);
    }
    if constexpr (L > 1) {
      if (count > 0) finish<Bytes / 2>(sums, count, c, bias, job);
    }
  }
};

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
