// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/core/shape.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <type_traits>

using namespace kiln;

TEST_SUITE_BEGIN("core");

TEST_CASE("a shape takes any integers, range-checked") {
  const Shape<3> shape{2, std::size_t{3}, std::int8_t{4}};
  CHECK(shape[0] == 2);
  CHECK(shape[2] == 4);
  CHECK(numel(shape) == 24);
  CHECK(shape == Shape<3>(2, 3, 4));
  CHECK_FALSE(shape == Shape<3>(2, 3, 5));
  CHECK(Shape<2>()[1] == 0);
  CHECK(numel(Shape<0>()) == 1);
  CHECK_THROWS_WITH_AS(Shape<1>{std::numeric_limits<std::uint64_t>::max()},
                       "shape: a size must fit a signed 64-bit integer: got 18446744073709551615", ShapeError);
  static_assert(!std::is_constructible_v<Shape<2>, int> && !std::is_constructible_v<Shape<1>, double>);
}

TEST_CASE("shapes as text") {
  CHECK(concat(Shape<3>{64, 28, 28}) == "(64, 28, 28)");
  CHECK(concat(Shape<1>{3}) == "(3,)");
  CHECK(concat(Shape<0>{}) == "()");
}

TEST_CASE("numbers of elements that cannot be") {
  CHECK_THROWS_WITH_AS(numel(Shape<2>{3, -1}), "shape: sizes must not be negative: got shape (3, -1)", ShapeError);
  CHECK_THROWS_WITH_AS(numel(Shape<2>{Index{1} << 32, Index{1} << 32}),
                       "shape: the number of elements must fit 64 bits: got shape (4294967296, 4294967296)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(numel(Shape<3>{Index{1} << 32, Index{1} << 32, 0}),
                       "shape: the number of elements must fit 64 bits: got shape (4294967296, 4294967296, 0)",
                       ShapeError);
  CHECK(numel(Shape<3>{Index{1} << 31, 0, Index{1} << 31}) == 0);
  CHECK(numel(Shape<1>{std::numeric_limits<Index>::max()}) == std::numeric_limits<Index>::max());
}

TEST_CASE("row-major strides") {
  CHECK(row_major_strides(Shape<3>{2, 3, 4}) == Shape<3>{12, 4, 1});
  CHECK(row_major_strides(Shape<2>{0, 5}) == Shape<2>{5, 1});
}

TEST_CASE("axes count from the end if negative") {
  CHECK(checked_axis("op", 1, 3) == 1);
  CHECK(checked_axis("op", -1, 3) == 2);
  CHECK(checked_axis("op", -3, 3) == 0);
  CHECK_THROWS_WITH_AS(checked_axis("op", 3, 3), "op: axis must lie in [-3, 3): got 3", IndexError);
  CHECK_THROWS_WITH_AS(checked_axis("op", -4, 3), "op: axis must lie in [-3, 3): got -4", IndexError);
  CHECK_THROWS_WITH_AS(checked_axis("op", 0, 0), "op: axis must lie in [0, 0): got 0", IndexError);
}

TEST_SUITE_END();
