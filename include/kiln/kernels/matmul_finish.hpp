// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The last loop of the native matmul: what becomes of the sums in the end.
#pragma once

#include <kiln/core/shape.hpp>
#include <kiln/kernels/simd.hpp>
#include <kiln/kernels/transpose.hpp>

namespace kiln::detail {

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

}  // namespace kiln::detail
