// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/autograd/reduction.hpp>

#include "oracle.hpp"

#include <kiln/autograd/arithmetic.hpp>

using namespace kiln;
using namespace oracle;

TEST_SUITE_BEGIN("autograd");

TEST_CASE("reductions of vars: values and gradients of PyTorch"){
#include "reduction.inc"
}

TEST_CASE("reductions of vars at limits"){
#include "reduction_limits.inc"
}

TEST_CASE("reductions of vars say which axis is wrong") {
  Tape tape;
  auto x = tape.variable(zeros({2, 3}));
  CHECK_THROWS_WITH_AS(sum(x, 2), "sum: axis must lie in [-2, 2): got 2", IndexError);
  CHECK_THROWS_WITH_AS(mean(x, -3), "mean: axis must lie in [-2, 2): got -3", IndexError);
  CHECK_THROWS_WITH_AS(var(x, 2), "var: axis must lie in [-2, 2): got 2", IndexError);
  CHECK_THROWS_WITH_AS(logsumexp(x, 2), "logsumexp: axis must lie in [-2, 2): got 2", IndexError);
  CHECK_THROWS_WITH_AS(softmax(x, 2), "softmax: axis must lie in [-2, 2): got 2", IndexError);
  CHECK_THROWS_WITH_AS(log_softmax(x, 2), "log_softmax: axis must lie in [-2, 2): got 2", IndexError);
  CHECK_THROWS_WITH_AS(max(x, {1, -1}), "max: an axis can be reduced only once: axis -1 came twice", IndexError);
  CHECK_THROWS_WITH_AS(min(tape.variable(zeros({2, 0})), 1),
                       "min: the reduced axes must hold at least one element: they hold none", ShapeError);
}

TEST_CASE("softmax of tensors") {
  const Tensor<2, double> x{{1, 2, 3}, {1000, 0, 0}};
  check_close(softmax(x), softmax(Var(x)).value());
  check_close(log_softmax(x, 0), log_softmax(Var(x), 0).value());
}

TEST_SUITE_END();
