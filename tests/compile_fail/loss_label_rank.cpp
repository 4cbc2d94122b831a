// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: this loss takes scores .N, C. and labels .N., or scores .N, C, .... and labels .N, ....: the target has
// one axis
#include <kiln/nn/loss.hpp>

void compare(const kiln::Var<2>& logits, const kiln::Tensor<1, int>& y) {
  cross_entropy(logits, y);
#ifndef KILN_CONTROL
  cross_entropy(logits, kiln::zeros<int>({2, 3}));
#endif
}
