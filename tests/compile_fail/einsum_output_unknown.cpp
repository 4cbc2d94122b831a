// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: einsum: every label of the output must also be a label of some tensor
#include <kiln/linalg/einsum.hpp>

kiln::Tensor<2> f(const kiln::Tensor<2>& a, const kiln::Tensor<2>& b) {
#ifndef KILN_CONTROL
  return kiln::einsum<"ij,jk->iz">(a, b);
#else
  return kiln::einsum<"ij,jk->ik">(a, b);
#endif
}
