// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// exp(x - max) of rows, the rows' max and the sums of these: what softmax and its losses are made of.
#pragma once

#include <algorithm>

#include <kiln/kernels/float_math.hpp>
#include <kiln/kernels/map_each.hpp>

namespace kiln::detail {

struct ExpOp {
  template <class T>
  [[gnu::always_inline]] T operator()(T x) const {
    return exp_of(x);
  }
};

/// Replaces x (rows, columns) by exp(x - max) of each row, which has at least one column.
struct SoftmaxLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(T* x, Index rows, Index columns, T* max, T* sum) {
    // Some rows at once, so that short ones make full vectors too, and long ones stay in the cache.
    const Index at_once = columns < 1024 ? 1024 / columns : 1;
    for (Index first = 0; first < rows; first += at_once) {
      const Index last = first + at_once < rows ? first + at_once : rows;
      for (Index row = first; row < last; ++row) max[row] = subtract_max<Bytes>(x + row * columns, columns);
      T* begin = x + first * columns;
      MapEachLoop<ExpOp>::template run<Bytes>(ExpOp{}, (last - first) * columns, begin, static_cast<const T*>(begin));
      for (Index row = first; row < last; ++row) sum[row] = sum_row<Bytes>(x + row * columns, columns);
    }
  }

 private:
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline T subtract_max(T* x, Index n) {
    constexpr int width = Bytes < 32 ? Bytes : 32;  // GCC 12 compares longer ones lane by lane
    constexpr Index L = lanes<T, width>;
    T most = x[0];
    Index i = 0;
    if (n >= 2 * L) {
      Vec<T, width> v, w;
      load(v, x);
      for (i = L; i + L <= n; i += L) {
        load(w, x + i);
        v = w > v ? w : v;
      }
      T lane[L];
      store(lane, v);
      for (Index k = 0; k < L; ++k) most = lane[k] > most ? lane[k] : most;
    }
    for (; i < n; ++i) most = x[i] > most ? x[i] : most;
    for (i = 0; i + L <= n; i += L) {
      Vec<T, width> v;
      load(v, x + i);
      v -= most;
      store(x + i, v);
    }
    for (; i < n; ++i) x[i] -= most;
    return most;
  }

  /// In two chains of additions, or by lanes: in an order that the number alone fixes.
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline T sum_row(const T* x, Index n) {
    constexpr Index L = lanes<T, Bytes>;
    T one{}, two{};
    Index i = 0;
    if (n >= 2 * L) {
      Vec<T, Bytes> v, sums = {};
      for (; i + L <= n; i += L) {
        load(v, x + i);
        sums += v;
      }
      one = sum_lanes<T, Bytes>(sums);
    }
    for (; i + 2 <= n; i += 2) {
      one += x[i];
      two += x[i + 1];
    }
    return (i < n ? one + x[i] : one) + two;
  }
};

}  // namespace kiln::detail
