// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: only a plain struct has fields to reflect, and this type has a constructor, a private member
#include <memory>

#include <kiln/nn/linear.hpp>

struct Model {
  kiln::Linear first{2, 2};
#ifndef KILN_CONTROL
  std::unique_ptr<kiln::Linear> second;
#endif
};

auto find(Model& model) { return kiln::parameters(model); }
