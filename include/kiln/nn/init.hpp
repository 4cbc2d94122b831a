// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Initial values of parameters, as functions that return tensors: `Param<2> weight = kaiming_uniform({out, in});`
/// Each call takes the next random stream of `manual_seed`, so the same seed gives the same weights everywhere.
#pragma once

#include <cmath>

#include <kiln/core/random.hpp>
#include <kiln/tensor/create.hpp>

namespace kiln {

/// Uniform in [low, high).
template <class T = float, int R>
Tensor<R, T> uniform(const Extent (&sizes)[R], double low, double high) {
  auto result = detail::uninitialised<T>(Shape<R>(sizes));
  next_stream(Purpose::init).fill_uniform(result.span(), low, high);
  return result;
}

struct KaimingOptions {
  double negative_slope = 0;
};

/// std = gain / sqrt(fan_in)
template <class T = float, int R>
Tensor<R, T> kaiming_uniform(const Extent (&sizes)[R], KaimingOptions options = {}) {
  Index fan_in = 1;
  for (int axis = 1; axis < R; ++axis) fan_in *= sizes[axis].value;
  double gain = std::sqrt(2 / (1 + options.negative_slope * options.negative_slope));
  double bound = gain * std::sqrt(3.0 / static_cast<double>((std::max)(fan_in, Index{1})));
  return uniform<T>(sizes, -bound, bound);
}

}  // namespace kiln
