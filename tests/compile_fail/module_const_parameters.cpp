// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: the parameters of a const model cannot be handed out for training
#include <kiln/nn/linear.hpp>

int main() {
#ifndef KILN_CONTROL
  const
#endif
      kiln::Linear layer{2, 2};
  return static_cast<int>(kiln::parameters(layer).size());
}
