// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: einsum needs tensors of one element type; convert with `.to<float>\(\)`
#include <kiln/linalg/einsum.hpp>

kiln::Tensor<2> f(const kiln::Tensor<2>& a, const kiln::Tensor<2, double>& b) {
#ifndef KILN_CONTROL
  return kiln::einsum<"ij,jk->ik">(a, b);
#else
  return kiln::einsum<"ij,jk->ik">(a, b.to<float>());
#endif
}
