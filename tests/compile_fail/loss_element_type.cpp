// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: this loss takes a prediction and a target of the same element type
#include <kiln/nn/loss.hpp>

void compare(const kiln::Var<1>& logits, const kiln::Tensor<1, int>& target) {
#ifndef KILN_CONTROL
  bce_with_logits(logits, target);
#else
  bce_with_logits(logits, target.to<float>());
#endif
}
