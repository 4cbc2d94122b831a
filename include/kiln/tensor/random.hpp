// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Tensors of random numbers: `randn({3, 4})`. Each call takes the next stream of `manual_seed`, or the stream it is
/// given, which then moves on.
#pragma once

#include <kiln/core/random.hpp>
#include <kiln/tensor/create.hpp>

namespace kiln {

/// Numbers in [0, 1), all equally likely.
template <RandomReal T = float, int R>
Tensor<R, T> rand(const Shape<R>& shape, RandomStream& stream) {
  auto result = detail::uninitialised<T>(shape);
  stream.fill_uniform(result.span(), 0, 1);
  return result;
}
template <RandomReal T = float, int R>
Tensor<R, T> rand(const Shape<R>& shape) {
  RandomStream stream = next_stream(Purpose::user);
  return rand<T>(shape, stream);
}
template <RandomReal T = float, int R, class... Stream>
Tensor<R, T> rand(const Extent (&sizes)[R], Stream&... stream) {
  return rand<T>(Shape<R>(sizes), stream...);
}

/// Standard normal numbers.
template <RandomReal T = float, int R>
Tensor<R, T> randn(const Shape<R>& shape, RandomStream& stream) {
  auto result = detail::uninitialised<T>(shape);
  stream.fill_normal(result.span(), 0, 1);
  return result;
}
template <RandomReal T = float, int R>
Tensor<R, T> randn(const Shape<R>& shape) {
  RandomStream stream = next_stream(Purpose::user);
  return randn<T>(shape, stream);
}
template <RandomReal T = float, int R, class... Stream>
Tensor<R, T> randn(const Extent (&sizes)[R], Stream&... stream) {
  return randn<T>(Shape<R>(sizes), stream...);
}

}  // namespace kiln
