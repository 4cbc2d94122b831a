// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/autograd/einsum.hpp>

#include "oracle.hpp"

using namespace kiln;
using namespace oracle;

TEST_SUITE_BEGIN("autograd");

TEST_CASE("einsum of vars: values and gradients of PyTorch"){
#include "einsum.inc"
}

TEST_CASE("einsum of vars with params and tensors") {
  Tape tape;
  Param<2, double> w = Tensor<2, double>{{1, 2}, {3, 4}};
  auto x = tape(Tensor<1, double>{1, -1});
  auto y = einsum<"i,ij,j->">(x, w, Tensor<1, double>{1, 2});
  CHECK(y.item() == 5 - 11);
  check_close(einsum<1>("ij,j", w, x).value(), Tensor<1, double>{-1, -1});
  backward(y);
  check_close(w.grad, Tensor<2, double>{{1, 2}, {-1, -2}});
}

TEST_CASE("einsum of vars says what does not fit") {
  Tape tape;
  auto x = tape.variable(zeros({2, 3}));
  CHECK_THROWS_WITH_AS((einsum<"ij,jk->ik">(x, zeros({4, 5}))),
                       "einsum: label j must have one size: got 3 and 4 in \"ij,jk->ik\" of shapes (2, 3) and (4, 5)",
                       ShapeError);
  CHECK_THROWS_WITH_AS((einsum<2>("ij,jk->ik", x, zeros({4, 5}))),
                       "einsum: label j must have one size: got 3 and 4 in \"ij,jk->ik\" of shapes (2, 3) and (4, 5)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(einsum<1>("ij->ij", x),
                       "einsum: the result has rank 2: got einsum<1> for \"ij->ij\" of shape (2, 3)", UsageError);
  CHECK_THROWS_WITH_AS(einsum<1>("ij->ik", x),
                       doctest::Contains("every label of the output must also be a label of some tensor"), UsageError);
  Tape other;
  CHECK_THROWS_WITH_AS((einsum<"ij,ij">(x, other.variable(zeros({2, 3})))),
                       "einsum: all inputs must come from one tape: they come from two", UsageError);
}

TEST_SUITE_END();
