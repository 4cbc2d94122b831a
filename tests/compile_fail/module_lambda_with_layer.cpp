// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: this lambda owns more than numbers, and a parameter inside a lambda would silently stay untrained
#include <kiln/nn/activation.hpp>
#include <kiln/nn/linear.hpp>
#include <kiln/nn/sequential.hpp>

int main() {
  kiln::Linear layer{2, 2};
#ifndef KILN_CONTROL
  kiln::Sequential model{[layer](const kiln::Var<2>& x) { return layer(x); }};
#else
  kiln::Sequential model{layer, [scale = 2](const kiln::Var<2>& x) { return x * scale; }};
#endif
  return static_cast<int>(kiln::parameters(model).size());
}
