// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: einsum: there is one output, so no comma can follow the arrow
#include <kiln/linalg/einsum.hpp>

kiln::Tensor<2> f(const kiln::Tensor<2>& a, const kiln::Tensor<2>& b) {
#ifndef KILN_CONTROL
  return kiln::einsum<"ij,jk->i,k">(a, b);
#else
  return kiln::einsum<"ij,jk->ik">(a, b);
#endif
}
