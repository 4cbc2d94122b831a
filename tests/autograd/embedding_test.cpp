// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/autograd/embedding.hpp>

#include <doctest/doctest.h>

#include <kiln/autograd/gradcheck.hpp>

using namespace kiln;

TEST_SUITE_BEGIN("autograd");

TEST_CASE("an embedding picks rows, of a tensor, a parameter or a var") {
  const Tensor<1, int> indices{2, 0};
  const Tensor<2> table{{1, 2}, {3, 4}, {5, 6}};
  CHECK(embedding(indices, table).value()(0, 1) == 6);
  CHECK(embedding(indices, Var<2>(table)).value()(1, 0) == 1);
  const Param<2> weight = table;
  Tape tape;
  auto y = embedding(tape(indices), weight);
  CHECK(y.wants_grad());
  CHECK(y.value()(0, 0) == 5);
  auto z = embedding(indices, tape.variable(table));
  CHECK(z.wants_grad());
  CHECK(gradcheck([&](auto w) { return embedding(indices, w); }, Tensor<2, double>{{1, 2}, {3, 4}, {5, 6}}));
}

TEST_CASE("an embedding's parts must come from one tape") {
  Tape one, other;
  const Tensor<1, int> indices{0};
  CHECK_THROWS_WITH_AS(embedding(one(indices), other.variable(ones({2, 2}))),
                       "embedding: all inputs must come from one tape: they come from two", UsageError);
}

TEST_SUITE_END();
