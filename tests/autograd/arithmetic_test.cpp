// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/autograd/arithmetic.hpp>

#include "oracle.hpp"

#include <cmath>
#include <limits>

#include <kiln/autograd/activation.hpp>
#include <kiln/autograd/reduction.hpp>

using namespace kiln;
using namespace oracle;

TEST_SUITE_BEGIN("autograd");

TEST_CASE("arithmetic of vars: values and gradients of PyTorch"){
#include "arithmetic.inc"
}

TEST_CASE("arithmetic of vars at limits"){
#include "arithmetic_limits.inc"
}

TEST_CASE("arithmetic of a var with itself adds both gradients") {
  CHECK(gradcheck([](auto x) { return x * x + x / x - (x + x) * (-x - x); }, Tensor<1, double>{0.5, -2}));
  Tape tape;
  auto x = tape.variable(Tensor<1, double>{3, 4});
  auto y = x * x + x;
  tape.differentiate(detail::project(y));
  check_close(tape.grad(x), Tensor<1, double>{7, 9 * detail::Projection::weight(1)});
}

TEST_CASE("arithmetic takes vars with params, tensors and numbers in any order") {
  Tape tape;
  Param<1, double> p = Tensor<1, double>{2, 4};
  const Tensor<1, double> t{10, 20};
  auto x = tape.variable(Tensor<1, double>{1, 2});
  check_close((p + x).value(), Tensor<1, double>{3, 6});
  check_close((x - p).value(), Tensor<1, double>{-1, -2});
  check_close((t / x).value(), Tensor<1, double>{10, 10});
  check_close((x * t).value(), Tensor<1, double>{10, 40});
  check_close((2 - x).value(), Tensor<1, double>{1, 0});
  check_close((x / 2).value(), Tensor<1, double>{0.5, 1});
  CHECK_FALSE((tape(t) * 2).wants_grad());
}

TEST_CASE("arithmetic of shapes that do not fit") {
  Tape tape;
  auto x = tape.variable(zeros({2, 3}));
  CHECK_THROWS_WITH_AS(x + zeros({4}),
                       "add: sizes must be equal or 1, counted from the last axis: got shapes (2, 3) and (4,)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(
      x - zeros({2, 1, 2}),
      "subtract: sizes must be equal or 1, counted from the last axis: got shapes (2, 3) and (2, 1, 2)", ShapeError);
  CHECK_THROWS_WITH_AS(x * zeros({4}),
                       "multiply: sizes must be equal or 1, counted from the last axis: got shapes (2, 3) and (4,)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(x / zeros({4}),
                       "divide: sizes must be equal or 1, counted from the last axis: got shapes (2, 3) and (4,)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(where(Tensor<1, bool>{true, false}, x, 0),
                       "where: sizes must be equal or 1, counted from the last axis: got shapes (2,) and (2, 3)",
                       ShapeError);
}

TEST_CASE("relu passes a gradient through NaN, as PyTorch does, and none through 0") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Tape tape;
  auto x = tape.variable(Tensor<1, double>{nan, 0, -1, 2, 3});
  tape.differentiate(sum(relu(x) * Tensor<1, double>{5, 6, 7, 8, nan}));
  const auto dx = tape.grad(x);
  CHECK(dx(0) == 5);
  CHECK(dx(1) == 0);
  CHECK(dx(2) == 0);
  CHECK(dx(3) == 8);
  CHECK(std::isnan(dx(4)));
}

TEST_CASE("where does not let the gradient of the branch not taken through") {
  Tape tape;
  auto x = tape.variable(Tensor<1, double>{0, 4});
  tape.differentiate(detail::project(where(Tensor<1, bool>{false, true}, x, 1)));
  check_close(tape.grad(x), Tensor<1, double>{0, detail::Projection::weight(1)});
}

TEST_CASE("relu of a temporary works in its memory where nothing else needs it") {
  Tape tape;
  const auto x = tape.variable(Tensor<1>{-1, 0, 2});
  auto sum_of = x + x;
  const float* memory = sum_of.value().data();
  const auto y = relu(std::move(sum_of));
  CHECK(y.value().data() == memory);
  CHECK(all_equal(y.value(), Tensor<1>{0, 0, 4}));

  auto shared = x + x;
  const auto other = shared;
  CHECK(relu(std::move(shared)).value().data() != other.value().data());
  CHECK(all_equal(other.value(), Tensor<1>{-2, 0, 4}));

  // exp's pull-back reads its result; subtracting 2 makes relu do something, and the tape keeps exp's as it was.
  const auto z = relu(exp(x) - 2) + relu(exp(x));
  CHECK(all_equal(x.value(), Tensor<1>{-1, 0, 2}));
  backward(sum(y) + sum(z));
  const double e = std::exp(2.0);
  CHECK(all_close(tape.grad(x), Tensor<1>{static_cast<float>(std::exp(-1.0)), 1, static_cast<float>(2 + 2 * e)}));
}

TEST_SUITE_END();
