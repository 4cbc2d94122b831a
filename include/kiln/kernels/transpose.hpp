// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Transposing small matrices in registers, by shuffles that every instruction set has.
#pragma once

#include <cstddef>
#include <utility>

#include <kiln/core/shape.hpp>
#include <kiln/kernels/simd.hpp>

namespace kiln::detail {

/// low, high = the lanes of x and y taken in turn, first and second half.
template <class V, std::size_t... I>
[[gnu::always_inline]] inline void interleave(const V& x, const V& y, V& low, V& high, std::index_sequence<I...>) {
  constexpr std::size_t L = sizeof...(I);
  V first = __builtin_shufflevector(x, y, (I / 2 + I % 2 * L)...);
  high = __builtin_shufflevector(x, y, (I / 2 + I % 2 * L + L / 2)...);
  low = first;
}

/// Transposes `Rows` vectors, a power of two, in registers: their first lanes come first, then their second lanes, ...
template <class T, int Bytes, Index Rows>
[[gnu::always_inline]] inline void transpose(Vec<T, Bytes>* x) {
  constexpr auto L = static_cast<std::size_t>(lanes<T, Bytes>);
  if constexpr (L > 1) {
#pragma GCC unroll 4
    for (Index size = 1; size < Rows; size *= 2) {
      Vec<T, Bytes> y[Rows];
#pragma GCC unroll 16
      for (Index i = 0; i < Rows / 2; ++i) {
        interleave(x[i], x[i + Rows / 2], y[2 * i], y[2 * i + 1], std::make_index_sequence<L>{});
      }
#pragma GCC unroll 16
      for (Index i = 0; i < Rows; ++i) x[i] = y[i];
    }
  }
}

}  // namespace kiln::detail
