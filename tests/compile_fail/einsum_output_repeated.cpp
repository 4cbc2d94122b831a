// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: einsum: a label can appear only once in the output
#include <kiln/linalg/einsum.hpp>

kiln::Tensor<2> f(const kiln::Tensor<2>& a, const kiln::Tensor<2>& b) {
#ifndef KILN_CONTROL
  return kiln::einsum<"ij,jk->ii">(a, b);
#else
  return kiln::einsum<"ij,jk->ik">(a, b);
#endif
}
