// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The sums of normalisation layers down columns: what `RunMomentsLoop` and `GradSumsLoop` do along runs, for rows of
/// elements that each have a statistic of their own. The sums are kept in memory, so that rows are read as they lie.
#pragma once

#include <kiln/kernels/normalize.hpp>

namespace kiln::detail {

/// Adds rows, `stride` apart, to the sums of their columns.
struct ColumnSumsLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const T* x, Index rows, Index stride, Index columns, T* sums) {
    constexpr Index L = lanes<T, Bytes>;
    for (Index row = 0; row < rows; ++row, x += stride) {
      Index i = 0;
      for (; i + L <= columns; i += L) step<Vec<T, Bytes>>(x + i, sums + i);
      for (; i < columns; ++i) step<T>(x + i, sums + i);
    }
  }

 private:
  template <class V, class T>
  [[gnu::always_inline]] static inline void step(const T* x, T* sums) {
    V v, sum;
    load(v, x);
    load(sum, sums);
    sum += v;
    store(sums, sum);
  }
};

/// Adds the distances of rows from `mean`, and their squares, to the sums of their columns.
struct ColumnMomentsLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const T* x, Index rows, Index stride, Index columns, const T* mean,
                                                T* distances, T* squares) {
    constexpr Index L = lanes<T, Bytes>;
    for (Index row = 0; row < rows; ++row, x += stride) {
      Index i = 0;
      for (; i + L <= columns; i += L) step<Vec<T, Bytes>>(x + i, mean + i, distances + i, squares + i);
      for (; i < columns; ++i) step<T>(x + i, mean + i, distances + i, squares + i);
    }
  }

 private:
  template <class V, class T>
  [[gnu::always_inline]] static inline void step(const T* x, const T* mean, T* distances, T* squares) {
    V v, u, sum;
    load(v, x);
    load(u, mean);
    v -= u;
    load(sum, distances);
    sum += v;
    store(distances, sum);
    load(sum, squares);
    sum += v * v;
    store(squares, sum);
  }
};

/// Adds dy, and dy times the normalised x, to the sums of their columns.
template <bool EachStat>
struct ColumnGradSumsLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const T* x, NormGrad<T> dy, RunDims dims, NormParams<T> params,
                                                T* sum_dy, T* sum_dy_normal) {
    constexpr Index L = lanes<T, Bytes>;
    for (Index s = 0; s < dims.samples; ++s) {
      for (Index r = 0; r < dims.runs; ++r) {
        const Index begin = dims.at(s, r), n = dims.length;
        const Index stat = EachStat ? r * n : dims.stat(s, r);
        const T *mean = params.mean + stat, *scale = params.scale + stat;
        T *a = sum_dy + r * n, *b = sum_dy_normal + r * n;
        const NormGrad<T> own = dy.from(begin);
        Index i = 0;
        for (; i + L <= n; i += L) step<Vec<T, Bytes>>(x + begin + i, own, mean, scale, i, a + i, b + i);
        for (; i < n; ++i) step<T>(x + begin + i, own, mean, scale, i, a + i, b + i);
      }
    }
  }

 private:
  template <class V, class T>
  [[gnu::always_inline]] static inline void step(const T* x, const NormGrad<T>& dy, const T* means, const T* scales,
                                                 Index i, T* sum_dy, T* sum_dy_normal) {
    V v, g, mean, scale, sum;
    load(v, x);
    dy.get(g, i);
    load_or_spread<EachStat>(mean, means, i);
    load_or_spread<EachStat>(scale, scales, i);
    load(sum, sum_dy);
    sum += g;
    store(sum_dy, sum);
    load(sum, sum_dy_normal);
    sum += g * ((v - mean) * scale);
    store(sum_dy_normal, sum);
  }
};

}  // namespace kiln::detail
