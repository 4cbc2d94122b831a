// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/core/sides2.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <type_traits>

using namespace kiln;

TEST_SUITE_BEGIN("core");

TEST_CASE("one number is a margin all around, four are left, right, top and bottom") {
  static_assert(Sides2(3) == Sides2(3, 3, 3, 3));
  const Sides2 margin = {1, std::int8_t{2}, 3u, 4};
  CHECK(margin.left == 1);
  CHECK(margin.right == 2);
  CHECK(margin.top == 3);
  CHECK(margin.bottom == 4);
  CHECK(Sides2() == 0);
  CHECK(concat(margin) == "(1, 2, 3, 4)");
  CHECK_THROWS_WITH_AS(Sides2{std::numeric_limits<std::uint64_t>::max()},
                       "shape: a size must fit a signed 64-bit integer: got 18446744073709551615", ShapeError);
  static_assert(!std::is_constructible_v<Sides2, double>);
  static_assert(!std::is_constructible_v<Sides2, int, int>);
}

TEST_SUITE_END();
