// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `orthogonal`: initial weights whose rows, or columns if there are fewer of them, are orthonormal.
#pragma once

#include <kiln/nn/init.hpp>

namespace kiln {

struct OrthogonalOptions {
  double gain = 1;
};

/// A weight (O, ...) as a matrix of O rows, uniformly distributed among those with orthonormal rows or columns, times
/// gain. Source: Saxe et al. 2013, https://arxiv.org/abs/1312.6120; torch.nn.init.orthogonal_.
template <class T = float, int R>
Tensor<R, T> orthogonal(const Shape<R>& shape, OrthogonalOptions options = {}) {
  static_assert(R >= 2, "kiln: orthogonal initial values are for weights of rank 2 or more");
  auto result = detail::uninitialised<T>(shape);
  if (result.numel() == 0) return result;
  const Index rows = shape[0], columns = result.numel() / rows;
  const Index length = (std::max)(rows, columns), count = (std::min)(rows, columns);

  // Gram and Schmidt on normal vectors, in double, and each twice: once leaves what rounding brought in. (No product is
  // fused with its sum, so that the bits are the same with every compiler.)
  auto vectors = normal<double>({count, length});
  for (Index v = 0; v < count; ++v) {
    double* x = vectors.data() + v * length;
    auto dot = [&](const double* y) {
      double sum = 0;
      for (Index i = 0; i < length; ++i) sum += detail::rounded(x[i] * y[i]);
      return sum;
    };
    for (Index other = 0; other < 2 * v; ++other) {
      const double* y = vectors.data() + other % v * length;
      const double overlap = dot(y);
      for (Index i = 0; i < length; ++i) x[i] -= detail::rounded(overlap * y[i]);
    }
    const double norm = std::sqrt(dot(x));
    for (Index i = 0; i < length; ++i) x[i] /= norm;
  }

  for (Index r = 0; r < rows; ++r) {
    for (Index c = 0; c < columns; ++c) {
      const double value = rows <= columns ? vectors.unchecked(r, c) : vectors.unchecked(c, r);
      result.data()[r * columns + c] = static_cast<T>(options.gain * value);
    }
  }
  return result;
}
template <class T = float, int R>
Tensor<R, T> orthogonal(const Extent (&sizes)[R], OrthogonalOptions options = {}) {
  return orthogonal<T>(Shape<R>(sizes), options);
}

}  // namespace kiln
