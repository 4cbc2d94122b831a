// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/tensor/reduce.hpp>

#include "sample.hpp"

#include <cstdint>
#include <limits>

#include <kiln/tensor/create.hpp>

using namespace kiln;
using namespace kiln_test;

TEST_SUITE_BEGIN("tensor");

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
using Vector = Tensor<1, double>;

}  // namespace

TEST_CASE("reductions over every combination of axes, as in NumPy") {
  const auto x = sample<3>({2, 3, 4});
#include "reduce.inc"
}

TEST_CASE("reductions of views read through their strides") {
  auto holder = sample<3>({4, 3, 2});
  for (Index i = 0; i < 24; ++i) holder.unchecked(i % 4, i / 4 % 3, i / 12) = sample<3>({2, 3, 4}).data()[i];
  const auto x = std::as_const(holder).view().permute_view({2, 1, 0});
  check(x.clone(), sample<3>({2, 3, 4}));
#include "reduce.inc"
}

TEST_CASE("negative axes count from the end") {
  const auto x = sample<3>({2, 3, 4});
  check(sum(x, -1), sum(x, 2));
  check(sum(x, {-3, -1}), sum(x, {0, 2}));
}

TEST_CASE("reductions over no elements, and over one") {
  const auto none = zeros<double>({2, 0});
  check(sum(none, 1), Vector{0, 0});
  check(mean(none, 1), Vector{not_a_number, not_a_number});
  check(logsumexp(none, 1), Vector{-inf, -inf});
  CHECK(sum(none, 0).numel() == 0);
  CHECK(max(none, 0).numel() == 0);
  check(sum(zeros<double>({0, 2}), 0), Vector{0, 0});
  CHECK_THROWS_WITH_AS(max(none, 1), "max: the reduced axes must hold at least one element: they hold none",
                       ShapeError);
  CHECK_THROWS_WITH_AS(min(none), "min: the reduced axes must hold at least one element: they hold none", ShapeError);
  CHECK_THROWS_WITH_AS(argmax(none, 1), "argmax: the reduced axes must hold at least one element: they hold none",
                       ShapeError);
  CHECK_THROWS_WITH_AS(argmin(none, 1), "argmin: the reduced axes must hold at least one element: they hold none",
                       ShapeError);
  check(var(Vector{3}), Tensor<0, double>(not_a_number));
  check(population_var(Vector{3}), Tensor<0, double>(0));
  check(sum(Tensor<0, double>(3)), Tensor<0, double>(3));
  check(max(Vector{3}, 0), Tensor<0, double>(3));
}

TEST_CASE("axes that are not there") {
  const auto x = zeros({2, 3});
  CHECK_THROWS_WITH_AS(sum(x, 2), "sum: axis must lie in [-2, 2): got 2", IndexError);
  CHECK_THROWS_WITH_AS(argmax(x, -3), "argmax: axis must lie in [-2, 2): got -3", IndexError);
  CHECK_THROWS_WITH_AS(mean(x, {0, -2}), "mean: an axis can be reduced only once: axis -2 came twice", IndexError);
}

TEST_CASE("NaN and infinities in reductions") {
  const Tensor<2, double> x{{1, not_a_number, 3}, {inf, -inf, 0}, {-inf, -inf, -inf}};
  check(max(x, 1), Vector{not_a_number, inf, -inf});
  check(min(x, 1), Vector{not_a_number, -inf, -inf});
  check(argmax(x, 1), Tensor<1, Index>{1, 0, 0});
  check(argmin(x, 1), Tensor<1, Index>{1, 1, 0});
  check(sum(x, 1), Vector{not_a_number, not_a_number, -inf});
  check(logsumexp(x, 1), Vector{not_a_number, inf, -inf});
  check(logsumexp(Vector{1e4, 1e4}), Tensor<0, double>(1e4 + std::log(2.0)));
  check(argmax(Vector{2, 5, 5}, 0), Tensor<0, Index>(1));
}

TEST_CASE("sums of integers have 64 bits, and long sums of floats keep their precision") {
  check(sum(full<std::uint8_t>({1000}, 255)), Tensor<0, Index>(255000));
  check(sum(Tensor<2, bool>{{true, false}, {true, true}}, 1), Tensor<1, Index>{1, 2});
  check(max(Tensor<1, int>{-5, -3}), Tensor<0, int>(-3));
  CHECK(sum(full({1 << 22}, 0.1f)).item() == doctest::Approx(0.1 * (1 << 22)).epsilon(1e-6));
  CHECK(sum(full({1 << 15, 3}, 0.1f), 0)(1) == doctest::Approx(0.1 * (1 << 15)).epsilon(1e-6));
  CHECK(population_var(full<double>({1000}, 1e8) + arange<double>(1000) / 1000).item() ==
        doctest::Approx(0.08333325).epsilon(1e-6));
}

TEST_CASE("standard deviations of floats whose squares are out of range") {
  // torch.std(torch.tensor([1e30, -1e30, 2e30])), of the same times 1e-60, and torch.std(1e8 + torch.arange(1000) /
  // 1000)
  CHECK(stddev(Tensor<1>{1e30f, -1e30f, 2e30f}).item() == doctest::Approx(1.5275252e30f));
  CHECK(stddev(Tensor<1>{1e-30f, -1e-30f, 2e-30f}).item() / 1e-30f == doctest::Approx(1.5275252f));
  CHECK(std::isinf(stddev(Tensor<1>{3e38f, 3e38f, -3e38f}).item()));
  check(stddev(Vector{3}), Tensor<0, double>(not_a_number));
  check(stddev(Vector{}), Tensor<0, double>(not_a_number));
  CHECK(stddev(full<double>({1000}, 1e8) + arange<double>(1000) / 1000).item() ==
        doctest::Approx(0.2888194361).epsilon(1e-8));
}

TEST_CASE("all and any") {
  CHECK(all(Tensor<1, bool>{true, true}));
  CHECK_FALSE(all(Tensor<1, bool>{true, false}));
  CHECK(any(Tensor<1, bool>{true, false}));
  CHECK_FALSE(any(Tensor<1, bool>()));
  CHECK(all(Tensor<1, bool>()));
  const Tensor<2, bool> rows{{true, false}, {true, false}};
  CHECK(all(rows.view().permute_view({1, 0}).row_view(0)));
  CHECK_FALSE(any(rows.view().permute_view({1, 0}).row_view(1)));
}

TEST_CASE("all and any do not copy a tensor") {
  const Tensor<2> x = zeros({1024, 1024});
  release_cached_memory();
  CHECK_FALSE(all(x));
  CHECK_FALSE(any(x));
  CHECK(memory_use().cached == 0);
}

TEST_CASE("comparison of whole tensors") {
  CHECK(all_equal(Vector{1, 2}, Vector{1, 2}));
  CHECK_FALSE(all_equal(Vector{1, 2}, Vector{1}));
  CHECK_FALSE(all_equal(Vector{not_a_number}, Vector{not_a_number}));
  CHECK_FALSE(all_equal(Tensor<0>(), detail::without_elements<0, float>()));
  CHECK_FALSE(all_equal(detail::without_elements<0, float>(), Tensor<0>()));
  CHECK_FALSE(all_close(Tensor<0>(), detail::without_elements<0, float>()));
  CHECK(all_close(Vector{1, inf}, Vector{1 + 1e-6, inf}));
  CHECK_FALSE(all_close(Vector{1}, Vector{1 + 1e-4}));
  CHECK_FALSE(all_close(Vector{1}, Vector{inf}));
  CHECK_FALSE(all_close(Vector{-inf}, Vector{inf}));
  CHECK_FALSE(all_close(Vector{not_a_number}, Vector{not_a_number}));
}

TEST_CASE("sum_to_shape undoes broadcasting") {
  const auto x = sample<3>({2, 3, 4});
  check(sum_to_shape(x, Shape<3>{2, 1, 4}), sum(x, 1, keep_axes));
  check(sum_to_shape(x, Shape<1>{4}), sum(x, {0, 1}));
  check(sum_to_shape(x, Shape<2>{3, 1}), sum(x, {0, 2}).reshape({3, 1}));
  check(sum_to_shape(x, Shape<0>{}), sum(x));
  check(sum_to_shape(zeros<double>({0, 3}), Shape<2>{1, 3}), zeros<double>({1, 3}));
  CHECK_THROWS_WITH_AS(
      sum_to_shape(x, Shape<2>{2, 4}),
      "sum_to_shape: sizes must be equal or 1, counted from the last axis: got shapes (2, 3, 4) and (2, 4)",
      ShapeError);
  CHECK_THROWS_WITH_AS(sum_to_shape(zeros<double>({1, 3}), Shape<2>{2, 3}),
                       "sum_to_shape: the result must be repeatable to shape (1, 3): got (2, 3)", ShapeError);
}

TEST_SUITE_END();
