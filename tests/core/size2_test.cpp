// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/core/size2.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <type_traits>

using namespace kiln;

TEST_SUITE_BEGIN("core");

TEST_CASE("one number is a square, two are height and width") {
  static_assert(Size2(3) == Size2(3, 3));
  const Size2 wide = {3, std::int8_t{5}};
  CHECK(wide.height == 3);
  CHECK(wide.width == 5);
  CHECK(wide == Size2{3u, 5});
  CHECK_FALSE(wide == Size2(5, 3));
  CHECK(Size2() == 0);
  CHECK(concat(wide) == "(3, 5)");
  CHECK_THROWS_WITH_AS(Size2{std::numeric_limits<std::uint64_t>::max()},
                       "shape: a size must fit a signed 64-bit integer: got 18446744073709551615", ShapeError);
  static_assert(!std::is_constructible_v<Size2, double>);
}
