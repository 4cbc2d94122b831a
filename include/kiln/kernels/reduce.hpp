// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Reductions of the middle axis of (outer, n, inner) to (outer, inner). The order of every sum is fixed by the shape:
/// blocks are summed first and then their sums, so the rounding error grows with the logarithm of n rather than with n.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <kiln/core/shape.hpp>

namespace kiln::detail {

/// The sizes of a reduction: of x (outer, n, inner) over the middle axis.
struct ReduceDims {
  Index outer, n, inner;
};

/// x[0] + ... + x[n-1], pairwise above 256 elements, in 8 interleaved partial sums below.
template <class T>
T sum_contiguous(const T* x, Index n) {
  if (n > 256) {
    Index half = (n / 2 + 7) / 8 * 8;
    return static_cast<T>(sum_contiguous(x, half) + sum_contiguous(x + half, n - half));
  }
  std::array<T, 8> part{};
  Index i = 0;
  for (; i + 8 <= n; i += 8) {
    for (Index k = 0; k < 8; ++k)
      part[static_cast<std::size_t>(k)] = static_cast<T>(part[static_cast<std::size_t>(k)] + x[i + k]);
  }
  for (Index k = 0; i < n; ++i, ++k)
    part[static_cast<std::size_t>(k)] = static_cast<T>(part[static_cast<std::size_t>(k)] + x[i]);
  return static_cast<T>(((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7])));
}

/// out[c] = sum over n rows of x[row * stride + c] for up to 128 columns, pairwise above 64 rows.
template <class T>
void sum_rows(const T* x, Index n, Index stride, Index columns, T* out) {
  if (n > 64) {
    std::array<T, 128> second;
    Index half = n / 2;
    sum_rows(x, half, stride, columns, out);
    sum_rows(x + half * stride, n - half, stride, columns, second.data());
    for (Index c = 0; c < columns; ++c) out[c] = static_cast<T>(out[c] + second[static_cast<std::size_t>(c)]);
    return;
  }
  std::fill_n(out, columns, T{});
  for (Index row = 0; row < n; ++row) {
    for (Index c = 0; c < columns; ++c) out[c] = static_cast<T>(out[c] + x[row * stride + c]);
  }
}

template <class T>
void sum(const T* x, ReduceDims dims, T* out) {
  for (Index o = 0; o < dims.outer; ++o, x += dims.n * dims.inner, out += dims.inner) {
    if (dims.inner == 1) {
      *out = sum_contiguous(x, dims.n);
    } else {
      for (Index c = 0; c < dims.inner; c += 128) {
        sum_rows(x + c, dims.n, dims.inner, (std::min)(Index{128}, dims.inner - c), out + c);
      }
    }
  }
}

/// Position of the extreme element; the first NaN wins over every number, the first of equals over the later ones.
/// `better(a, b)`: a replaces b.
template <class T, class Better>
void arg_extreme(const T* x, ReduceDims dims, Better better, Index* position) {
  auto is_nan = [](T value) { return value != value; };
  for (Index o = 0; o < dims.outer; ++o, x += dims.n * dims.inner) {
    for (Index c = 0; c < dims.inner; ++c) {
      Index best = 0;
      for (Index i = 1; i < dims.n; ++i) {
        T challenger = x[i * dims.inner + c];
        T champion = x[best * dims.inner + c];
        if (better(challenger, champion) || (is_nan(challenger) && !is_nan(champion))) best = i;
      }
      *position++ = best;
    }
  }
}

}  // namespace kiln::detail
