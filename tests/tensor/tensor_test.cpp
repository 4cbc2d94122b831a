// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/tensor/tensor.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

using namespace kiln;

TEST_SUITE_BEGIN("tensor");

namespace {

template <int R, class T>
std::vector<T> elements(const Tensor<R, T>& x) {
  return std::vector<T>(x.begin(), x.end());
}

}  // namespace

TEST_CASE("a tensor from nested lists") {
  const Tensor<2> x{{1, 2, 3}, {4, 5, 6}};
  CHECK(x.shape() == Shape<2>{2, 3});
  CHECK(elements(x) == std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(x(1, 2) == 6);
  CHECK(x.unchecked(1, 0) == 4);
  CHECK(x.numel() == 6);
  CHECK(x.size(0) == 2);
  CHECK(x.size(-1) == 3);

  const Tensor<3, int> deep{{{1}, {2}}, {{3}, {4}}};
  CHECK(deep.shape() == Shape<3>{2, 2, 1});
  CHECK(deep(1, 0, 0) == 3);
  const Tensor<1, bool> flags{true, false};
  CHECK(flags(0));

  CHECK_THROWS_WITH_AS((Tensor<2>{{1, 2}, {3}}), "tensor: every list along axis 1 must have 2 entries: one has 1",
                       ShapeError);
  CHECK_THROWS_WITH_AS((Tensor<2>{{1}, {2, 3}}), "tensor: every list along axis 1 must have 1 entries: one has 2",
                       ShapeError);
  CHECK_THROWS_WITH_AS((Tensor<3>{{{1}, {2}}, {{3}}}), "tensor: every list along axis 1 must have 2 entries: one has 1",
                       ShapeError);
}

TEST_CASE("tensors without elements, and with one") {
  const Tensor<2> none;
  CHECK(none.shape() == Shape<2>{0, 0});
  CHECK(none.numel() == 0);
  CHECK(none.begin() == none.end());
  const Tensor<0> zero;
  CHECK(zero.numel() == 1);
  CHECK(zero.item() == 0);
  CHECK(zero() == 0);
  CHECK(Tensor<0, int>(7).item() == 7);
  CHECK(Tensor<3>{{{5}}}.item() == 5);
  CHECK(detail::uninitialised<float>(Shape<3>{2, 0, 3}).numel() == 0);
  CHECK_THROWS_WITH_AS(none.item(), "item: the tensor must have exactly one element: got shape (0, 0)", ShapeError);
  CHECK_THROWS_WITH_AS((Tensor<1>{1, 2}).item(), "item: the tensor must have exactly one element: got shape (2,)",
                       ShapeError);
}

TEST_CASE("elements outside the shape") {
  Tensor<2> x{{1, 2, 3}, {4, 5, 6}};
  CHECK_THROWS_WITH_AS(x(2, 0), "element: position must lie inside shape (2, 3): got (2, 0)", IndexError);
  CHECK_THROWS_WITH_AS(x(0, 3), "element: position must lie inside shape (2, 3): got (0, 3)", IndexError);
  CHECK_THROWS_WITH_AS(x(0, -1), "element: position must lie inside shape (2, 3): got (0, -1)", IndexError);
  CHECK_THROWS_WITH_AS(std::as_const(x)(5u, 0), "element: position must lie inside shape (2, 3): got (5, 0)",
                       IndexError);
  CHECK_THROWS_WITH_AS(x.size(2), "size: axis must lie in [-2, 2): got 2", IndexError);
}

TEST_CASE("a copy has elements of its own") {
  Tensor<1> x{1, 2};
  Tensor<1> copy = x, clone = x.clone(), assigned;
  assigned = x;
  x(0) = 100;
  CHECK(copy(0) == 1);
  CHECK(clone(0) == 1);
  CHECK(assigned(0) == 1);
  const float* kept = assigned.data();
  assigned = x;  // of the same shape: written in place
  CHECK(assigned.data() == kept);
  CHECK(assigned(0) == 100);
  assigned = *&assigned;
  CHECK(assigned(0) == 100);
}

TEST_CASE("moving hands the elements over") {
  Tensor<1> x{1, 2};
  const float* data = x.data();
  Tensor<1> y = std::move(x);
  CHECK(y.data() == data);
  CHECK(x.numel() == 0);
  x = std::move(y);
  CHECK(x.data() == data);
  CHECK(y.shape() == Shape<1>{0});
  y = Tensor<1>{5};
  CHECK(y(0) == 5);
  static_assert(std::is_nothrow_move_constructible_v<Tensor<3>> && std::is_nothrow_move_assignable_v<Tensor<3>>);
}

TEST_CASE("a scalar that was moved away has no element") {
  const std::string error = "tensor: a scalar must have a value: it was moved away, or never was set";
  Tensor<0> from(1);
  Tensor<0> to = std::move(from);
  CHECK(from.numel() == 0);
  CHECK(from.begin() == from.end());
  CHECK_THROWS_WITH_AS(from.item(), error.c_str(), UsageError);
  CHECK_THROWS_WITH_AS(from(), error.c_str(), UsageError);
  CHECK_THROWS_WITH_AS(from.view(), error.c_str(), UsageError);
  CHECK_THROWS_WITH_AS(std::as_const(from).view(), error.c_str(), UsageError);
  CHECK_THROWS_WITH_AS(from.to<int>(), error.c_str(), UsageError);
  CHECK_THROWS_WITH_AS(from.reshape({1}), error.c_str(), UsageError);
  from.fill(3);
  CHECK(from.numel() == 0);
  Tensor<0> assigned(2);
  assigned = from;
  CHECK(assigned.numel() == 0);
  assigned = to;
  CHECK(assigned.item() == 1);
}

TEST_CASE("an alias shares the elements until one side is assigned") {
  Tensor<1> x{1, 2};
  Tensor<1> alias = detail::alias(x);
  CHECK(alias.data() == x.data());
  CHECK_FALSE(detail::unshared(x));
  x = Tensor<1>{3, 4};
  CHECK(alias(0) == 1);
  CHECK(detail::unshared(x));
  Tensor<1> again = detail::alias(x);
  const Tensor<1> other{5, 6};
  x = other;  // not in place, since the alias would see it
  CHECK(again(0) == 3);
  CHECK(x(0) == 5);
}

TEST_CASE("reshape copies an lvalue and takes over a temporary") {
  const Tensor<1, int> x{1, 2, 3, 4, 5, 6};
  const auto y = x.reshape({2, 3});
  CHECK(y(1, 0) == 4);
  CHECK(y.data() != x.data());
  Tensor<1, int> z = x;
  const int* data = z.data();
  auto moved = std::move(z).reshape({3, 2});
  CHECK(moved.data() == data);
  CHECK(x.reshape({-1, 2}).shape() == Shape<2>{3, 2});
  CHECK(x.reshape({1, 6, -1}).shape() == Shape<3>{1, 6, 1});
  CHECK(x.reshape(Shape<2>{6, 1}).shape() == Shape<2>{6, 1});
  CHECK(Tensor<1>{5}.reshape(Shape<0>{}).item() == 5);
  CHECK(Tensor<2>().reshape({0, 4}).shape() == Shape<2>{0, 4});
}

TEST_CASE("reshape to a shape that does not fit") {
  const Tensor<2> x{{1, 2, 3}, {4, 5, 6}};
  auto message = [](const char* got) {
    return concat("reshape: shape (2, 3) has 6 elements and needs a shape with as many: got ", got);
  };
  CHECK_THROWS_WITH_AS(x.reshape({4}), message("(4,)").c_str(), ShapeError);
  CHECK_THROWS_WITH_AS(x.reshape({-1, 4}), message("(-1, 4)").c_str(), ShapeError);
  CHECK_THROWS_WITH_AS(x.reshape({-1, -1}), message("(-1, -1)").c_str(), ShapeError);
  CHECK_THROWS_WITH_AS(x.reshape({-2, -3}), message("(-2, -3)").c_str(), ShapeError);
  CHECK_THROWS_WITH_AS(x.reshape({-1, 0}), message("(-1, 0)").c_str(), ShapeError);
  CHECK_THROWS_WITH_AS(x.reshape({Index{1} << 62, 4}),
                       "shape: the number of elements must fit 64 bits: got shape (4611686018427387904, 4)",
                       ShapeError);
  CHECK_THROWS_AS(Tensor<2>().reshape({-1, 0}), ShapeError);  // as in NumPy: any size would do
}

TEST_CASE("conversion of elements") {
  const auto x = Tensor<1>{1.75f, -2.5f, 0}.to<int>();
  static_assert(std::is_same_v<decltype(x), const Tensor<1, int>>);
  CHECK(elements(x) == std::vector<int>{1, -2, 0});
  CHECK(elements(x.to<bool>()) == std::vector<bool>{true, true, false});
  CHECK(elements(Tensor<1, bool>{true, false}.to<double>()) == std::vector<double>{1, 0});
}

TEST_CASE("sizes that cannot be") {
  CHECK_THROWS_WITH_AS(detail::uninitialised<float>(Shape<2>{3, -1}),
                       "shape: sizes must not be negative: got shape (3, -1)", ShapeError);
  CHECK_THROWS_WITH_AS(detail::uninitialised<float>(Shape<2>{Index{1} << 40, Index{1} << 40}),
                       "shape: the number of elements must fit 64 bits: got shape (1099511627776, 1099511627776)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(detail::uninitialised<double>(Shape<1>{Index{1} << 61}),
                       "tensor: the bytes of a tensor must fit 64 bits: got shape (2305843009213693952,)", ShapeError);
  CHECK_THROWS_WITH_AS(detail::uninitialised<std::uint8_t>(Shape<1>{Index{1} << 60}),
                       "memory: the system must have room for the tensor: it has none for 1152921504606846976 bytes",
                       Error);
}

TEST_SUITE_END();
