// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: einsum: the result can have at most 8 axes
#include <kiln/linalg/einsum.hpp>

void f(const kiln::Tensor<5>& a, const kiln::Tensor<4>& b) {
  kiln::einsum<"abcde,fghi->abcdefgh">(a, b);
#ifndef KILN_CONTROL
  kiln::einsum<"abcde,fghi">(a, b);
#endif
}
