// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: matmul needs vectors, matrices or batches of matrices; multiply by a scalar with `\*`
#include <kiln/linalg/matmul.hpp>

void f(const kiln::Tensor<2>& a, const kiln::Tensor<0>& scalar, const kiln::Tensor<1>& vector) {
  kiln::matmul(a, vector);
#ifndef KILN_CONTROL
  kiln::matmul(a, scalar);
#endif
}
