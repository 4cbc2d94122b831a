// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: matmul needs two tensors of the same element type; convert one with `.to<float>\(\)`
#include <kiln/linalg/matmul.hpp>

kiln::Tensor<2> f(const kiln::Tensor<2>& a, const kiln::Tensor<2, double>& b) {
#ifndef KILN_CONTROL
  return kiln::matmul(a, b);
#else
  return kiln::matmul(a, b.to<float>());
#endif
}
