// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/autograd/var.hpp>

#include <doctest/doctest.h>

#include <type_traits>

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/reduction.hpp>

using namespace kiln;

TEST_SUITE_BEGIN("autograd");

TEST_CASE("the value of a temporary var outlives it") {
  Context context;
  auto twice = [](const Var<1>& x) { return x * 2; };
  const auto& y = twice(context(Tensor<1>{1, 2})).value();
  const Tensor<1> other{7, 7};  // would take the place of what y refers to, were it gone
  CHECK(all_equal(y, Tensor<1>{2, 4}));
  Var<1> v = Tensor<1>{1};
  static_assert(std::is_same_v<decltype(v.value()), const Tensor<1>&>);
  static_assert(std::is_same_v<decltype(std::move(v).value()), Tensor<1>>);
}

TEST_CASE("the value of a temporary var is copied only if its elements are shared") {
  Var<1> v = Tensor<1>{1, 2};
  const float* data = v.value().data();
  Tensor<1> moved = std::move(v).value();
  CHECK(moved.data() == data);

  Tape tape;
  auto x = tape.variable(Tensor<1>{0});
  auto y = exp(x);  // whose pull-back needs the result
  auto loss = sum(y);
  Tensor<1> result = std::move(y).value();
  result(0) = 100;
  tape.differentiate(loss);
  CHECK(tape.grad(x)(0) == 1);
}

TEST_SUITE_END();
