// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: einsum: a tensor needs as many labels as it has axes; an ellipsis stands for any number of them
#include <kiln/linalg/einsum.hpp>

kiln::Tensor<2> f(const kiln::Tensor<2>& a, const kiln::Tensor<2>& b) {
#ifndef KILN_CONTROL
  return kiln::einsum<"ij,jkl->il">(a, b);
#else
  return kiln::einsum<"ij,jk->ik">(a, b);
#endif
}
