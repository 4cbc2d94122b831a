// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/autograd/any_var.hpp>

#include <doctest/doctest.h>

#include <utility>

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/reduction.hpp>

using namespace kiln;

TEST_SUITE_BEGIN("autograd");

TEST_CASE("an AnyVar gives its var back, gradient included") {
  Tape tape;
  auto x = tape.variable(Tensor<2>{{1, 2}});
  AnyVar any = x * 2;
  CHECK(any.is<2>());
  CHECK_FALSE(any.is<2, double>());
  CHECK_FALSE(any.is<1>());
  CHECK(any.wants_grad());
  CHECK(concat(any.dims()) == "(1, 2)");
  AnyVar copy = any;
  any = AnyVar();
  CHECK(any.empty());
  tape.differentiate(sum(copy.as<2>()));
  CHECK(all_equal(tape.grad(x), Tensor<2>{{2, 2}}));
}

TEST_CASE("copies of an AnyVar share the elements") {
  AnyVar any = Var(Tensor<1>{1, 2});
  AnyVar copy = any;
  CHECK(copy.value().as<1>().data() == any.value().as<1>().data());
  AnyVar moved = std::move(copy);
  CHECK(moved.value().as<1>().data() == any.value().as<1>().data());
  any = moved;
  CHECK(any.as<1>().value()(1) == 2);
}

TEST_CASE("an AnyVar says what it is asked wrongly for") {
  AnyVar any = Var(Tensor<2>{{1}});
  CHECK_THROWS_WITH_AS(any.as<1>(), "as: asked for Tensor<1, float>: it holds Tensor<2, float>", UsageError);
  CHECK_THROWS_WITH_AS((any.as<2, double>()), "as: asked for Tensor<2, double>: it holds Tensor<2, float>", UsageError);
  CHECK_THROWS_WITH_AS(AnyVar().as<1>(), "as: asked for Tensor<1, float>: it holds nothing", UsageError);
  CHECK_THROWS_WITH_AS(any.scalar(), "as: asked for Tensor<0, float>: it holds Tensor<2, float>", UsageError);
  CHECK(AnyVar(Var(Tensor<0>(2.5f))).scalar() == 2.5);
  CHECK(AnyVar(Var(Tensor<0, double>(0.1))).scalar() == 0.1);
}

TEST_SUITE_END();
