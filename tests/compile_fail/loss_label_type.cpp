// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: this loss takes class labels, so its target must be a Tensor of integers, such as Tensor<1, int>
#include <kiln/nn/loss.hpp>

void compare(const kiln::Var<2>& logits, const kiln::Tensor<1, int>& y) {
  cross_entropy(logits, y);
#ifndef KILN_CONTROL
  cross_entropy(logits, y.to<float>());
#endif
}
