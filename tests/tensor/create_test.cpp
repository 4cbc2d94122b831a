// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/tensor/create.hpp>

#include "sample.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

using namespace kiln;
using namespace kiln_test;

TEST_SUITE_BEGIN("tensor");

TEST_CASE("zeros, ones, full") {
  check(zeros({2, 3}), Tensor<2>{{0, 0, 0}, {0, 0, 0}});
  check(ones<int>({2}), Tensor<1, int>{1, 1});
  check(full<double>({1, 2}, 0.5), Tensor<2, double>{{0.5, 0.5}});
  check(full<bool>({2}, true), Tensor<1, bool>{true, true});
  check(full(Shape<0>{}, 7), Tensor<0>(7));
  static_assert(std::is_same_v<decltype(full({2}, 7)), Tensor<1, float>>);
  CHECK(zeros({0, 5}).shape() == Shape<2>{0, 5});
  const std::size_t unsigned_size = 3;
  CHECK(zeros({unsigned_size, 2}).shape() == Shape<2>{3, 2});
  CHECK_THROWS_WITH_AS(zeros({2, -1}), "shape: sizes must not be negative: got shape (2, -1)", ShapeError);
}

TEST_CASE("arange") {
  check(arange(4), Tensor<1>{0, 1, 2, 3});
  check(arange<int>(2, 9, 3), Tensor<1, int>{2, 5, 8});
  check(arange<int>(5, 0, -2), Tensor<1, int>{5, 3, 1});
  check(arange<double>(0, 1, 0.25), Tensor<1, double>{0, 0.25, 0.5, 0.75});
  check(arange<double>(1, -1, -0.5), Tensor<1, double>{1, 0.5, 0, -0.5});
  check(arange<std::uint8_t>(250, 255), Tensor<1, std::uint8_t>{250, 251, 252, 253, 254});
  CHECK(arange<int>(3, 3).numel() == 0);
  CHECK(arange<int>(3, 0).numel() == 0);
  CHECK(arange(-1).numel() == 0);
  CHECK_THROWS_WITH_AS(arange<int>(0, 1, 0), "arange: the step must not be 0: got 0", UsageError);
  CHECK_THROWS_WITH_AS(arange(std::numeric_limits<float>::infinity()),
                       "arange: start, stop and step must be finite: got 0, inf, 1", UsageError);
  CHECK_THROWS_AS(arange(std::numeric_limits<float>::quiet_NaN()), UsageError);
}

TEST_CASE("eye") {
  check(eye(2), Tensor<2>{{1, 0}, {0, 1}});
  check(eye<int>(1), Tensor<2, int>{{1}});
  CHECK(eye(0).numel() == 0);
  CHECK_THROWS_WITH_AS(eye(-1), "shape: sizes must not be negative: got shape (-1, -1)", ShapeError);
}

TEST_CASE("from_span copies a container's elements") {
  std::vector<double> values{1, 2, 3, 4};
  auto x = from_span(values, {2, 2});
  static_assert(std::is_same_v<decltype(x), Tensor<2, double>>);
  values[0] = 100;
  check(x, Tensor<2, double>{{1, 2}, {3, 4}});
  check(from_span(std::array<int, 2>{5, 6}, {2}), Tensor<1, int>{5, 6});
  check(from_span(std::span<const double>(values).first(2), Shape<1>{2}), Tensor<1, double>{100, 2});
  CHECK_THROWS_WITH_AS(from_span(values, {3}), "from_span: shape (3,) needs 3 values: got 4", ShapeError);
}

TEST_CASE("stack puts tensors behind each other along a new axis") {
  const std::vector<Tensor<1>> parts{{1, 2}, {3, 4}, {5, 6}};
  check(stack(std::span<const Tensor<1>>(parts)), Tensor<2>{{1, 2}, {3, 4}, {5, 6}});
  const std::vector<Tensor<1>> uneven{{1, 2}, {3}};
  CHECK_THROWS_WITH_AS(stack(std::span<const Tensor<1>>(uneven)), "stack: all shapes must be equal: got (2,) and (1,)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(stack(std::span<const Tensor<1>>()), "stack: at least one tensor is needed: got none",
                       UsageError);
}

TEST_SUITE_END();
