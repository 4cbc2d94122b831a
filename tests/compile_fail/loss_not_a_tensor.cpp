// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: this loss's second argument is the target, a Tensor of class labels
#include <vector>

#include <kiln/nn/loss.hpp>

void compare(const kiln::Var<2>& log_probabilities, const std::vector<int>& y) {
  nll_loss(log_probabilities, kiln::from_span(y, {2}));
#ifndef KILN_CONTROL
  nll_loss(log_probabilities, y);
#endif
}
