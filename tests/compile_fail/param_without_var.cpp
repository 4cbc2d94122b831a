// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: a Param does not know the tape, so an operation needs a Var beside it
#include <kiln/autograd/arithmetic.hpp>

struct Layer {
  kiln::Param<1> gain;
  auto operator()(const kiln::Var<2>& x) const {
#ifndef KILN_CONTROL
    return x * (1 + gain);
#else
    return x * (1 + kiln::in_context_of(x, gain));
#endif
  }
};

auto f(const Layer& layer, const kiln::Var<2>& x) { return layer(x); }
