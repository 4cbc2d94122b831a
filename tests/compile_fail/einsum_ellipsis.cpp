// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: einsum: an ellipsis is three dots, at most once for each tensor
#include <kiln/linalg/einsum.hpp>

kiln::Tensor<2> f(const kiln::Tensor<2>& a, const kiln::Tensor<2>& b) {
#ifndef KILN_CONTROL
  return kiln::einsum<"..j,jk->..k">(a, b);
#else
  return kiln::einsum<"...j,jk->...k">(a, b);
#endif
}
