// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// What goes back through a bias and a relu behind it, in one pass: dy where y is positive, and its sums by columns.
#pragma once

#include <algorithm>

#include <kiln/core/parallel.hpp>
#include <kiln/kernels/simd.hpp>

namespace kiln::detail {

/// Sums of the columns of dz (rows, columns). With y, dz is dy where y is positive or NaN, else 0; without, it is dy.
template <class T>
struct BiasGrad {
  Index rows, columns;
  const T* dy;
  const T* y;  ///< of the same shape, or null
  T* dz;       ///< where to put it, or null
  T* sums;     ///< set or added to
  bool set;
};

/// From column `begin` to `end`. Sums are made of runs of 128 rows, so that their rounding errors do not pile up.
struct BiasGradLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(BiasGrad<T> grad, Index begin, Index end) {
    constexpr int width = Bytes < 32 ? Bytes : 32;  // GCC 12 compares longer vectors lane by lane
    constexpr Index L = lanes<T, width>;
    Index column = begin;
    for (; column + 4 * L <= end; column += 4 * L) some<Vec<T, width>, 4>(grad, column);
    for (; column + L <= end; column += L) some<Vec<T, width>, 1>(grad, column);
    for (; column < end; ++column) some<T, 1>(grad, column);
  }

 private:
  /// N neighbouring vectors V, or numbers.
  template <class V, Index N, class T>
  [[gnu::always_inline]] static inline void some(const BiasGrad<T>& grad, Index column) {
    constexpr auto L = static_cast<Index>(sizeof(V)) / static_cast<Index>(sizeof(T));
    const V zero = {};
    V total[N] = {};
    for (Index first = 0; first < grad.rows; first += 128) {
      const Index last = first + 128 < grad.rows ? first + 128 : grad.rows;
      V part[N] = {};
      for (Index row = first; row < last; ++row) {
        const Index at = row * grad.columns + column;
#pragma GCC unroll 4
        for (Index i = 0; i < N; ++i) {
          V g, y;
          load(g, grad.dy + at + i * L);
          if (grad.y) {
            load(y, grad.y + at + i * L);
            g = y <= zero ? zero : g;
          }
          if (grad.dz) store(grad.dz + at + i * L, g);
          part[i] += g;
        }
      }
      for (Index i = 0; i < N; ++i) total[i] += part[i];
    }
    if (!grad.sums) return;
    for (Index i = 0; i < N; ++i) {
      if (!grad.set) {
        V before;
        load(before, grad.sums + column + i * L);
        total[i] += before;
      }
      store(grad.sums + column + i * L, total[i]);
    }
  }
};

template <class T>
void bias_grad(const BiasGrad<T>& grad) {
  constexpr Index block = 64;
  parallel_ranges((grad.columns + block - 1) / block, block * grad.rows, [&](Index first, Index last) {
    run_for_isa<BiasGradLoop>(grad, first * block, (std::min)(grad.columns, last * block));
  });
}

}  // namespace kiln::detail
