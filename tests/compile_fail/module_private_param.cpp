// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: only a plain struct has fields to reflect, and this type has a constructor, a private member
#include <kiln/nn/linear.hpp>

class Layer {
 public:
  kiln::Var<2> operator()(const kiln::Var<2>& x) const { return linear(x, weight); }

#ifndef KILN_CONTROL
 private:
#endif
  kiln::Param<2> weight;
};

struct Model {
  Layer layer;
};

auto find(Model& model) { return kiln::parameters(model); }
