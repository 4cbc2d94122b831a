// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: an integer tensor and a number with a fraction do not mix; convert with x.to<float>\(\)
#include <kiln/tensor/elementwise.hpp>

auto f(const kiln::Tensor<1, int>& x) {
#ifndef KILN_CONTROL
  return x * 0.5;
#else
  return x.to<float>() * 0.5;
#endif
}
