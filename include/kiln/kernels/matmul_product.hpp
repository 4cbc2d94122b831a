// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// What the native matmul makes of a product: which operand is broadcast, and what becomes of the sums in the end.
#pragma once

#include <utility>

#include <kiln/core/shape.hpp>
#include <kiln/kernels/matmul.hpp>
#include <kiln/kernels/matmul_loops.hpp>

namespace kiln::detail {

constexpr Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }
constexpr Index round_up(Index a, Index b) { return ceil_div(a, b) * b; }

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
  void finish(const MatmulLoops<T>& loops, const T* sums, Index sums_row, Index i, Index j, Index sum_rows,
              Index sum_columns) const {
    const T* bias_here = bias ? bias + (transposed ? i : j) : nullptr;
    FinishJob<T> job{sums, sums_row, c_at(i, j), ldc, sum_rows, sum_columns, alpha, beta, bias_here, relu};
    if (!transposed) return loops.finish(&job);
    std::swap(job.rows, job.columns);
    loops.finish_transposed(&job);
  }
};

}  // namespace kiln::detail
