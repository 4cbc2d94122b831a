// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: gradcheck without inputs calls f\(context\)
#include <kiln/autograd/gradcheck.hpp>

bool f(const std::vector<kiln::ParamRef>& params) {
#ifndef KILN_CONTROL
  return bool(kiln::gradcheck([] { return kiln::Var<0>(kiln::Tensor<0>(1)); }, params));
#else
  return bool(kiln::gradcheck([](kiln::Context& context) { return context(kiln::Tensor<0>(1)); }, params));
#endif
}
