// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: einsum: the text must name the axes of as many tensors, separated by commas, as are given
#include <kiln/linalg/einsum.hpp>

kiln::Tensor<2> f(const kiln::Tensor<2>& a, const kiln::Tensor<2>& b) {
#ifndef KILN_CONTROL
  return kiln::einsum<"ij,jk->ik">(a, b, a);
#else
  return kiln::einsum<"ij,jk->ik">(a, b);
#endif
}
