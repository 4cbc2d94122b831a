// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/core/error.hpp>

#include <doctest/doctest.h>

#include <exception>
#include <string>

using namespace kiln;

TEST_SUITE_BEGIN("core");

TEST_CASE("fail throws op, what was expected and what came") {
  CHECK_THROWS_WITH_AS(fail("op", "must be so", "got 3"), "op: must be so: got 3", Error);
  CHECK_THROWS_WITH_AS(fail<ShapeError>("op", "must be so", ""), "op: must be so", ShapeError);
}

TEST_CASE("every error is an Error and a std::exception") {
  CHECK_THROWS_AS(fail<ShapeError>("a", "b", "c"), Error);
  CHECK_THROWS_AS(fail<IndexError>("a", "b", "c"), Error);
  CHECK_THROWS_AS(fail<DataError>("a", "b", "c"), Error);
  CHECK_THROWS_AS(fail<UsageError>("a", "b", "c"), std::exception);
}

TEST_CASE("only the first, innermost place is kept") {
  Error error("op: expected: got");
  error.at("");
  CHECK(std::string(error.what()) == "op: expected: got");
  error.at("Mlp.hidden");
  error.at("Mlp");
  CHECK(std::string(error.what()) == "Mlp.hidden: op: expected: got");
}

TEST_SUITE_END();
