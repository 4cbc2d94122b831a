// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The packing loops of the native matmul: operands laid out in the order in which its tiles read them.
#pragma once

#include <cstring>

#include <kiln/core/shape.hpp>
#include <kiln/kernels/simd.hpp>
#include <kiln/kernels/transpose.hpp>

namespace kiln::detail {

/// Copies `count` numbers that lie side by side.
template <int Bytes, class T>
[[gnu::always_inline]] inline void copy_row(const T* from, Index count, T* to) {
  constexpr Index L = lanes<T, Bytes>;
  for (; count >= L; count -= L, from += L, to += L) std::memcpy(to, from, sizeof(Vec<T, Bytes>));
  if constexpr (L > 1) {
    if (count > 0) copy_row<Bytes / 2>(from, count, to);
  }
}

/// Packs panels of s, whose rows lie side by side: out[p * height + i] = in[p * in_step + i], `panels` of them one
/// after the other.
struct PackPanelsLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const T* in, Index in_step, Index height, Index panels, Index depth,
                                                T* out) {
    // Panels side by side share cache lines: a few p of all of them, then the next.
    constexpr Index chunk = 16;
    for (Index first = 0; first < depth; first += chunk) {
      const Index last = first + chunk < depth ? first + chunk : depth;
      for (Index panel = 0; panel < panels; ++panel) {
        const T* from = in + panel * height;
        T* to = out + panel * height * depth;
        for (Index p = first; p < last; ++p) copy_row<Bytes>(from + p * in_step, height, to + p * height);
      }
    }
  }
};

/// Packs a panel of v: out[p * width + j] = in[j * in_column + p * in_step], and 0 from the last column up to the
/// width, which is a whole number of vectors.
struct PackColumnsLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const T* in, Index in_column, Index in_step, Index columns, Index depth,
                                                T* out, Index width) {
    constexpr Index L = lanes<T, Bytes>;
    for (Index p = 0; columns < width && p < depth; ++p) store(out + (p + 1) * width - L, Vec<T, Bytes>{});
    if (in_column == 1) {
      for (Index p = 0; p < depth; ++p) copy_row<Bytes>(in + p * in_step, columns, out + p * width);
      return;
    }
    for (Index first = 0; first < columns; first += L) {
      Index count = columns - first < L ? columns - first : L;
      const T* from = in + first * in_column;
      T* to = out + first;
      Index p = 0;
      for (; in_step == 1 && p + L <= depth; p += L) {
        Vec<T, Bytes> square[L] = {};
#pragma GCC unroll 16
        for (Index j = 0; j < L; ++j) {
          if (j < count) load(square[j], from + j * in_column + p);
        }
        transpose<T, Bytes, L>(square);
#pragma GCC unroll 16
        for (Index j = 0; j < L; ++j) store(to + (p + j) * width, square[j]);
      }
      for (; p < depth; ++p) {
        for (Index j = 0; j < count; ++j) to[p * width + j] = from[j * in_column + p * in_step];
      }
    }
  }
};

/// Transposes a matrix, so that dot products find it side by side: out[j * depth + p] = in[p * in_step + j].
struct TransposeLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const T* in, Index in_step, Index columns, Index depth, T* out) {
    constexpr Index L = lanes<T, Bytes>;
    Index p = 0;
    for (; p + L <= depth; p += L) {
      Index j = 0;
      for (; j + L <= columns; j += L) {
        Vec<T, Bytes> square[L];
#pragma GCC unroll 16
        for (Index i = 0; i < L; ++i) load(square[i], in + (p + i) * in_step + j);
        transpose<T, Bytes, L>(square);
#pragma GCC unroll 16
        for (Index i = 0; i < L; ++i) store(out + (j + i) * depth + p, square[i]);
      }
      for (; j < columns; ++j) {
        for (Index i = 0; i < L; ++i) out[j * depth + p + i] = in[(p + i) * in_step + j];
      }
    }
    for (; p < depth; ++p) {
      for (Index j = 0; j < columns; ++j) out[j * depth + p] = in[p * in_step + j];
    }
  }
};

}  // namespace kiln::detail
