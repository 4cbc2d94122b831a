// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: this loss takes a prediction and a target of the same rank; reshape one of them
#include <kiln/nn/loss.hpp>

void compare(const kiln::Var<2>& prediction, const kiln::Tensor<1>& target) {
#ifndef KILN_CONTROL
  mse_loss(prediction, target);
#else
  mse_loss(prediction, target.reshape({-1, 1}));
#endif
}
