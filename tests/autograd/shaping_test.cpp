// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/autograd/shaping.hpp>

#include "oracle.hpp"

using namespace kiln;
using namespace oracle;

TEST_SUITE_BEGIN("autograd");

TEST_CASE("shaping of vars: values and gradients of PyTorch"){
#include "shaping.inc"
}

TEST_CASE("shaping of vars says what does not fit") {
  Tape tape;
  auto x = tape.variable(zeros({2, 3}));
  CHECK_THROWS_WITH_AS(reshape(x, {4, 2}),
                       "reshape: shape (2, 3) has 6 elements and needs a shape with as many: got (4, 2)", ShapeError);
  CHECK_THROWS_WITH_AS(permute(x, {0, 0}), "permute: every axis must be named once: axis 0 came twice", IndexError);
  CHECK_THROWS_WITH_AS(permute(x, {0, 2}), "permute: axis must lie in [-2, 2): got 2", IndexError);
  CHECK_THROWS_WITH_AS(slice(x, 2, 0, 1), "slice: axis must lie in [-2, 2): got 2", IndexError);
  CHECK_THROWS_WITH_AS(slice(x, -1, 1, 4), "slice: entries must lie in [0, 3) of axis 1: got [1, 4)", IndexError);
  CHECK_THROWS_WITH_AS(slice(x, 0, -1, 1), "slice: entries must lie in [0, 2) of axis 0: got [-1, 1)", IndexError);
  CHECK_THROWS_WITH_AS(concat_axis(0, x, Var<2>(zeros({2, 2}))),
                       "concat_axis: shapes must agree but for axis 0: got (2, 3) and (2, 2)", ShapeError);
  CHECK_THROWS_WITH_AS(gather(x, 1, zeros<int>({3, 1})),
                       "gather: the index must have the input's sizes but for axis 1: got shapes (2, 3) and (3, 1)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(gather(x, 1, Tensor<2, int>{{0}, {3}}), "gather: indices must lie in [0, 3): got 3", IndexError);
  CHECK_THROWS_WITH_AS(gather(x, 1, Tensor<2, int>{{-1}, {0}}), "gather: indices must lie in [0, 3): got -1",
                       IndexError);
}

TEST_CASE("flatten leaves a vector as it is") {
  Tape tape;
  auto x = tape.variable(Tensor<1, double>{1, 2});
  CHECK(flatten(x).node() == x.node());
}

TEST_SUITE_END();
