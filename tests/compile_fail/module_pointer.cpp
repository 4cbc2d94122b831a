// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: a model holds its layers by value, in std::vector or in std::optional, not by pointer
#include <kiln/nn/linear.hpp>

struct Model {
  kiln::Linear first{2, 2};
#ifndef KILN_CONTROL
  kiln::Linear* second = nullptr;
#endif
};

auto find(Model& model) { return kiln::parameters(model); }
