// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: a layer of this Sequential cannot be called with what the layer before it returns
#include <kiln/nn/activation.hpp>
#include <kiln/nn/sequential.hpp>

kiln::Var<1> row_sums(const kiln::Var<2>& x) { return sum(x, 1); }

int main() {
#ifndef KILN_CONTROL
  kiln::Sequential model{kiln::ReLU{}, row_sums};
#else
  kiln::Sequential model{kiln::Flatten{}, row_sums};
#endif
  model(kiln::zeros({2, 3, 4}));
}
