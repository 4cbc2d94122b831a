// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: einsum: an output that is written out must have an ellipsis if a tensor's ellipsis stands for an axis
#include <kiln/linalg/einsum.hpp>

kiln::Tensor<2> f(const kiln::Tensor<2>& a, const kiln::Tensor<2>& b) {
#ifndef KILN_CONTROL
  return kiln::einsum<"...j,jk->jk">(a, b);
#else
  return kiln::einsum<"...j,jk->...k">(a, b);
#endif
}
