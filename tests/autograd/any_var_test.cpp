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

TEST_CASE("an AnyVar with another value keeps the context, but no gradient") {
  Tape tape{Mode::eval};
  const AnyVar any = tape.variable(Tensor<2>{{1, 2}}) * 2;
  const AnyVar other = any.with_value(Tensor<2>{{5}, {6}});
  CHECK(concat(other.dims()) == "(2, 1)");
  CHECK(other.as<2>().value()(1, 0) == 6);
  CHECK(other.as<2>().context() == any.as<2>().context());
  CHECK_FALSE(other.wants_grad());
  CHECK(any.value().as<2>()(0, 1) == 4);
  CHECK_THROWS_WITH_AS(any.with_value(Tensor<1>{1}),
                       "with_value: the value must be a Tensor<2, float>: got Tensor<1, float>", UsageError);
}

TEST_CASE_TEMPLATE("a gradient on its way is seen, and may be replaced", T, float, double) {
  Tape tape;
  auto x = tape.variable(Tensor<1, T>{1, 2});
  std::string seen;
  AnyVar y = AnyVar(x * 3).on_grad("look", [&](AnyTensor& dy) {
    seen = concat(dy.type(), " ", dy.as<1, T>()(0), " ", dy.as<1, T>()(1));
    dy.as<1, T>() *= T{2};
  });
  AnyVar copy = y;
  tape.differentiate(sum(copy.as<1, T>() * Tensor<1, T>{5, 7}) + sum(x));
  CHECK(seen == concat(AnyTensor(Tensor<1, T>{}).type(), " 5 7"));
  CHECK(all_equal(tape.grad(x), Tensor<1, T>{31, 43}));
}

TEST_CASE("what is done to a gradient that is seen is done to that one alone") {
  Tape tape;
  auto x = tape.variable(Tensor<1>{1, 2});
  auto branch = AnyVar(x).on_grad("look", [](AnyTensor& dy) { dy.as<1>() *= 0.f; }).as<1>();
  tape.differentiate(sum(branch + x));  // both get the same gradient, shared
  CHECK(all_equal(tape.grad(x), Tensor<1>{1, 1}));
}

TEST_CASE("where no gradient is wanted none is seen") {
  Tape tape;
  auto x = tape.variable(Tensor<1>{1, 2});
  bool seen = false;
  AnyVar c = AnyVar(tape(Tensor<1>{1, 1})).on_grad("look", [&](AnyTensor&) { seen = true; });
  CHECK_FALSE(c.wants_grad());
  CHECK(AnyVar().on_grad("look", [&](AnyTensor&) { seen = true; }).empty());
  tape.differentiate(sum(c.as<1>() * x));
  CHECK_FALSE(seen);
}

TEST_CASE("a gradient keeps its type and shape") {
  auto walk = [](AnyTensor instead) {
    Tape tape;
    auto x = tape.variable(Tensor<1>{1, 2});
    tape.differentiate(sum(AnyVar(x).on_grad("look", [&](AnyTensor& dy) { dy = instead; }).as<1>()));
  };
  CHECK_NOTHROW(walk(Tensor<1>{1, 2}));
  CHECK_THROWS_WITH_AS(walk(Tensor<1>{1}),
                       "backward of look: look: the gradient must stay a Tensor<1, float> of shape (2,): it became "
                       "Tensor<1, float> of shape (1,)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(walk(AnyTensor()),
                       "backward of look: look: the gradient must stay a Tensor<1, float> of shape (2,): it became "
                       "nothing",
                       ShapeError);
}

TEST_SUITE_END();
