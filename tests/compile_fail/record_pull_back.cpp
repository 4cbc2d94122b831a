// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: a pull-back is called as \(dy, dx...\) or \(y, dy, dx...\), where y is the operation's result
#include <kiln/autograd/record.hpp>

kiln::Var<1> twice(const kiln::Var<1>& x) {
#ifndef KILN_CONTROL
  auto pull_back = [](kiln::Tensor<2>, auto& dx) { dx += kiln::zeros(dx.shape()); };
#else
  auto pull_back = [](const kiln::Tensor<1>& dy, auto& dx) { dx += 2 * dy; };
#endif
  return kiln::record("twice", 2 * x.value(), pull_back, x);
}
