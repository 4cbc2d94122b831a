// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: einsum: a label is a letter from a to z or from A to Z
#include <kiln/linalg/einsum.hpp>

kiln::Tensor<2> f(const kiln::Tensor<2>& a, const kiln::Tensor<2>& b) {
#ifndef KILN_CONTROL
  return kiln::einsum<"i1,1k->ik">(a, b);
#else
  return kiln::einsum<"ij,jk->ik">(a, b);
#endif
}
