// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: a model holds tensors as Param<R> .trained. or Buffer<R> .saved, not trained., not as a bare Tensor
#include <kiln/nn/module.hpp>

struct Model {
  kiln::Param<1> gain;
  kiln::Buffer<1> mean;
#ifndef KILN_CONTROL
  kiln::Tensor<1> offset;
#endif
};

auto find(Model& model) { return kiln::parameters(model); }
