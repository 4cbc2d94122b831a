// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/tensor/view.hpp>

#include <doctest/doctest.h>

#include <type_traits>
#include <utility>

#include <kiln/tensor/reduce.hpp>

using namespace kiln;

TEST_SUITE_BEGIN("tensor");

TEST_CASE("a view is a window on the tensor's elements") {
  Tensor<2, int> x{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}};
  auto rows = x.slice_view(1, 3);
  CHECK(rows.shape() == Shape<2>{2, 3});
  CHECK(rows(0, 0) == 4);
  rows(1, 2) = 90;
  CHECK(x(2, 2) == 90);
  auto row = x.row_view(1);
  static_assert(decltype(row)::rank == 1);
  CHECK(row(2) == 6);
  row.fill(0);
  CHECK(all_equal(x, Tensor<2, int>{{1, 2, 3}, {0, 0, 0}, {7, 8, 90}}));
  CHECK(x.row_view(0).row_view(2)() == 3);
  CHECK(x.slice_view(1, 1).numel() == 0);
  CHECK(rows.numel() == 6);
  CHECK(rows.size(-1) == 3);
}

TEST_CASE("a view of a const tensor, and one of a view for writing, are for reading") {
  const Tensor<2> x{{1, 2}};
  static_assert(std::is_same_v<decltype(x.view()), TensorView<2, const float>>);
  static_assert(std::is_same_v<decltype(x.row_view(0)), TensorView<1, const float>>);
  Tensor<2> y{{1, 2}};
  TensorView<2, const float> reading = y.view();
  CHECK(reading(0, 1) == 2);
  static_assert(!std::is_convertible_v<TensorView<2, const float>, TensorView<2, float>>);
}

template <class X>
concept has_view = requires { std::declval<X>().view(); };
template <class X>
concept has_row_view = requires { std::declval<X>().row_view(0); };
static_assert(has_view<Tensor<2>&> && !has_view<Tensor<2>>, "a view of a temporary would outlive it");
static_assert(has_row_view<Tensor<2>&> && !has_row_view<Tensor<2>>);

TEST_CASE("axes of a view in another order") {
  Tensor<3, int> x{{{1, 2, 3}, {4, 5, 6}}};
  auto y = x.view().permute_view({2, 0, 1});
  CHECK(y.shape() == Shape<3>{3, 1, 2});
  CHECK(y(2, 0, 1) == 6);
  y(0, 0, 1) = 40;
  CHECK(x(0, 1, 0) == 40);
  CHECK(all_equal(y.clone(), Tensor<3, int>{{{1, 40}}, {{2, 5}}, {{3, 6}}}));
  CHECK(all_equal(Tensor<3, int>(x.view().permute_view({-1, -2, -3})),
                  Tensor<3, int>{{{1}, {40}}, {{2}, {5}}, {{3}, {6}}}));
  CHECK_THROWS_WITH_AS(x.view().permute_view({0, 1, 3}), "permute: axis must lie in [-3, 3): got 3", IndexError);
  CHECK_THROWS_WITH_AS(x.view().permute_view({0, 1, 1}), "permute: every axis must be named once: axis 1 came twice",
                       IndexError);
}

TEST_CASE("copying into a view, overlaps included") {
  Tensor<2, int> x{{1, 2}, {3, 4}, {5, 6}};
  x.slice_view(1, 3).copy_from(x.slice_view(0, 2));
  CHECK(all_equal(x, Tensor<2, int>{{1, 2}, {1, 2}, {3, 4}}));
  x.slice_view(0, 2).copy_from(x.view().slice_view(1, 3).permute_view({1, 0}));
  CHECK(all_equal(x, Tensor<2, int>{{1, 3}, {2, 4}, {3, 4}}));
  x.row_view(0).copy_from(Tensor<1, int>{8, 9});
  CHECK(x(0, 1) == 9);
  CHECK_THROWS_WITH_AS(x.row_view(0).copy_from(Tensor<1, int>{1}),
                       "copy_from: the source must have shape (2,): got (1,)", ShapeError);
}

TEST_CASE("views outside the tensor") {
  Tensor<2, int> x{{1, 2}, {3, 4}};
  CHECK_THROWS_WITH_AS(x.row_view(2), "row_view: the row must lie in [0, 2): got 2", IndexError);
  CHECK_THROWS_WITH_AS(x.row_view(-1), "row_view: the row must lie in [0, 2): got -1", IndexError);
  CHECK_THROWS_WITH_AS(x.slice_view(1, 3), "slice_view: rows must lie in [0, 2): got [1, 3)", IndexError);
  CHECK_THROWS_WITH_AS(x.slice_view(2, 1), "slice_view: rows must lie in [0, 2): got [2, 1)", IndexError);
  CHECK_THROWS_WITH_AS(x.view()(0, 2), "element: position must lie inside shape (2, 2): got (0, 2)", IndexError);
}

TEST_SUITE_END();
