// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// What the native matmul makes of a product: which operand is broadcast, and what becomes of the sums in the end.
#pragma once

#include <utility>

#include <kiln/core/shape.hpp>
#include <kiln/kernels/matmul.hpp>
#include <kiln/kernels/simd.hpp>
#include <kiln/kernels/transpose.hpp>

namespace kiln::detail {

constexpr Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }
constexpr Index round_up(Index a, Index b) { return ceil_div(a, b) * b; }

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

/// The product with its parts given out: s (rows, depth) is broadcast, v (depth, columns) is read in vectors. Either
/// operand can be s; if it is b, then c is written transposed.
template <class T>
struct Product {
  Index rows, columns, depth;
  const T* s;
  Index s_row, s_step;
  const T* v;
  Index v_column, v_step;
  T* c;
  Index ldc;
  bool transposed;  // c is
  T alpha, beta;
  const T* bias;
  bool relu;

  Product(const MatmulArgs<T>& args, bool swap)
      : rows(args.m),
        columns(args.n),
        depth(args.k),
        s(args.a),
        s_row(args.a_row_stride()),
        s_step(args.a_column_stride()),
        v(args.b),
        v_column(args.b_column_stride()),
        v_step(args.b_row_stride()),
        c(args.c),
        ldc(args.ldc),
        transposed(swap),
        alpha(args.alpha),
        beta(args.beta),
        bias(args.bias),
        relu(args.relu) {
    if (!swap) return;
    std::swap(rows, columns);
    std::swap(s, v);
    std::swap(s_row, v_column);
    std::swap(s_step, v_step);
  }

  /// Whether sums are what c is to be.
  bool plain() const { return alpha == T{1} && beta == T{0} && !bias && !relu; }

  T* c_at(Index i, Index j) const { return c + (transposed ? j * ldc + i : i * ldc + j); }

  /// c from row i and column j on, from so many sums in rows.
  template <int Bytes>
  void finish(const T* sums, Index sums_row, Index i, Index j, Index sum_rows, Index sum_columns) const {
    const T* bias_here = bias ? bias + (transposed ? i : j) : nullptr;
    if (transposed) {
      FinishJob<T> job{sums, sums_row, c_at(i, j), ldc, sum_columns, sum_rows, alpha, beta, bias_here, relu};
      run_for<Bytes, FinishLoop<true>>(static_cast<const FinishJob<T>*>(&job));
    } else {
      FinishJob<T> job{sums, sums_row, c_at(i, j), ldc, sum_rows, sum_columns, alpha, beta, bias_here, relu};
      run_for<Bytes, FinishLoop<false>>(static_cast<const FinishJob<T>*>(&job));
    }
  }
};

}  // namespace kiln::detail
