// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// What the tensor tests share: the inputs of tests/oracles/tensor.py, and a comparison that shows where tensors
/// differ.
#pragma once

#include <doctest/doctest.h>

#include <cmath>

#include <kiln/tensor/tensor.hpp>

namespace kiln_test {

using namespace kiln;

/// Eighths, all different.
template <int R>
Tensor<R, double> sample(const Shape<R>& shape) {
  auto x = detail::uninitialised<double>(shape);
  for (Index i = 0; i < x.numel(); ++i) x.data()[i] = static_cast<double>(i * 37 % 101) / 8 - 5;
  return x;
}

/// Equal up to rounding; NaN equals NaN.
template <int R, class T>
void check(const Tensor<R, T>& ours, const Tensor<R, T>& expected) {
  REQUIRE(ours.shape() == expected.shape());
  for (Index i = 0; i < ours.numel(); ++i) {
    const T a = ours.data()[i], b = expected.data()[i];
    const bool same = a == b || (a != a && b != b);
    const double distance = std::abs(static_cast<double>(a) - static_cast<double>(b));
    if (!same && !(distance <= 1e-13 * (1 + std::abs(static_cast<double>(b))))) {
      CAPTURE(i);
      REQUIRE(a == b);
    }
  }
  CHECK(true);
}

}  // namespace kiln_test
