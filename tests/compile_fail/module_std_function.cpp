// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: a parameter inside a std::function would silently stay untrained
#include <functional>

#include <kiln/nn/activation.hpp>
#include <kiln/nn/linear.hpp>

struct Model {
#ifndef KILN_CONTROL
  std::function<kiln::Var<2>(const kiln::Var<2>&)> body = kiln::Linear{2, 2};
#else
  kiln::Linear body{2, 2};
#endif
  kiln::Var<2> (*activation)(const kiln::Var<2>&) = kiln::relu;
};

int main() {
  Model model;
  return static_cast<int>(kiln::parameters(model).size());
}
