// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/tensor/elementwise.hpp>

#include "sample.hpp"

#include <cstdint>
#include <limits>

#include <kiln/tensor/create.hpp>
#include <kiln/tensor/reduce.hpp>

using namespace kiln;
using namespace kiln_test;

TEST_SUITE_BEGIN("tensor");

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
using Vector = Tensor<1, double>;

}  // namespace

TEST_CASE("operands of all shapes are broadcast as in NumPy"){
#include "broadcast.inc"
}

TEST_CASE("shapes that do not broadcast") {
  CHECK_THROWS_WITH_AS(zeros({2, 3}) + zeros({2}),
                       "add: sizes must be equal or 1, counted from the last axis: got shapes (2, 3) and (2,)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(zeros({0}) * zeros({2}),
                       "multiply: sizes must be equal or 1, counted from the last axis: got shapes (0,) and (2,)",
                       ShapeError);
}

TEST_CASE("arithmetic with numbers and views") {
  Tensor<2, double> x{{1, 2}, {3, 4}};
  check(x.row_view(1) / 2, Vector{1.5, 2});
  check(1 - x.row_view(0), Vector{0, -1});
  check(x + x.view().permute_view({1, 0}), Tensor<2, double>{{2, 5}, {5, 8}});
  check(pow(x, 2), Tensor<2, double>{{1, 4}, {9, 16}});
  check(pow(2, x.row_view(0)), Vector{2, 4});
  check(maximum(x, 2), Tensor<2, double>{{2, 2}, {3, 4}});
  check(minimum(x, x.row_view(0)), Tensor<2, double>{{1, 2}, {1, 2}});
  check(-x, Tensor<2, double>{{-1, -2}, {-3, -4}});
}

TEST_CASE("in place, what is read is read before it is overwritten") {
  Tensor<2, double> x{{1, 2}, {3, 4}};
  x -= x.row_view(0);
  check(x, Tensor<2, double>{{0, 0}, {2, 2}});
  Tensor<2, double> y{{1, 2}, {3, 4}};
  y += y.view().permute_view({1, 0});
  check(y, Tensor<2, double>{{2, 5}, {5, 8}});
  y *= y;
  check(y, Tensor<2, double>{{4, 25}, {25, 64}});
  y /= 2;
  y -= Vector{1, 2};
  check(y, Tensor<2, double>{{1, 10.5}, {11.5, 30}});
  CHECK_THROWS_WITH_AS((y += Vector{1, 2, 3}),
                       "add: sizes must be equal or 1, counted from the last axis: got shapes (2, 2) and (3,)",
                       ShapeError);
  Vector z{1};
  CHECK_THROWS_WITH_AS((z += Vector{1, 2}), "add: the right side must fit into shape (1,): got (2,)", ShapeError);
  CHECK_THROWS_WITH_AS((z *= Tensor<2, double>{{1}}), "multiply: the right side must fit into shape (1,): got (1, 1)",
                       ShapeError);
  check(z, Vector{1});
}

TEST_CASE("in place, elements that are shared are copied first") {
  Vector x{1, 2};
  Vector kept = detail::alias(x);
  auto step = [&](auto change, const Vector& after) {
    x = Vector{1, 2};
    kept = detail::alias(x);
    change();
    check(x, after);
    check(kept, Vector{1, 2});
    const double* data = x.data();
    change();  // no longer shared: in place
    CHECK(x.data() == data);
  };
  step([&] { x += 1; }, Vector{2, 3});
  step([&] { x -= 1; }, Vector{0, 1});
  step([&] { x *= x; }, Vector{1, 4});
  step([&] { x /= kept.row_view(1); }, Vector{0.5, 1});
  step([&] { x -= x.view(); }, Vector{0, 0});
  step([&] { x += kept; }, Vector{2, 4});
  step([&] { x.fill(7); }, Vector{7, 7});
  Vector none;
  none += 1;
  none.fill(1);
  CHECK(none.data() == nullptr);
}

TEST_CASE("integers wrap around") {
  const Tensor<1, std::int32_t> x{std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int32_t>::min(),
                                  -3};
  const Tensor<1, std::int32_t> low{std::numeric_limits<std::int32_t>::min()};
  check(x + 1, Tensor<1, std::int32_t>{low(0), low(0) + 1, -2});
  check(x * 2, Tensor<1, std::int32_t>{-2, 0, -6});
  check(-low, low);
  check(abs(low), low);
  check(square(x), Tensor<1, std::int32_t>{1, 0, 9});
  check(Tensor<1, std::int64_t>{std::numeric_limits<std::int64_t>::min()} - 1,
        Tensor<1, std::int64_t>{std::numeric_limits<std::int64_t>::max()});
  check(Tensor<1, std::uint8_t>{250, 5} + 10, Tensor<1, std::uint8_t>{4, 15});
  check(Tensor<1, std::uint16_t>{65535} * Tensor<1, std::uint16_t>{65535}, Tensor<1, std::uint16_t>{1});
  check(Tensor<1, std::int8_t>{-128} * -1, Tensor<1, std::int8_t>{-128});
}

TEST_CASE("division of integers") {
  check(Tensor<1, int>{7, -7, 8} / 2, Tensor<1, int>{3, -3, 4});  // towards zero, as in C++
  check(Tensor<1, int>{std::numeric_limits<int>::min(), 4} / -1, Tensor<1, int>{std::numeric_limits<int>::min(), -4});
  CHECK_THROWS_WITH_AS((Tensor<1, int>{1, 2} / Tensor<1, int>{1, 0}),
                       "divide: an integer divisor must not be zero: got 0", UsageError);
  CHECK_THROWS_WITH_AS((5 / Tensor<1, std::uint8_t>{0}), "divide: an integer divisor must not be zero: got 0",
                       UsageError);
}

TEST_CASE("a number beyond an integer tensor's range is refused rather than changed") {
  const Tensor<1, std::uint8_t> x{255};
  CHECK_THROWS_WITH_AS(static_cast<void>(x == -1),
                       "elementwise: a number must lie in the range of unsigned char: got -1", UsageError);
  CHECK_THROWS_WITH_AS(x + 256, "elementwise: a number must lie in the range of unsigned char: got 256", UsageError);
  CHECK_THROWS_AS(static_cast<void>(Tensor<1, std::int32_t>{1} < (std::int64_t{1} << 40)), UsageError);
  CHECK_THROWS_AS(static_cast<void>(Tensor<1, std::int64_t>{-1} == std::numeric_limits<std::uint64_t>::max()),
                  UsageError);
  CHECK((Tensor<1, std::int64_t>{-1} == -1).item());
}

TEST_CASE("comparison") {
  const Vector x{1, 2, not_a_number}, y{1, 3, not_a_number};
  check(x == y, Tensor<1, bool>{true, false, false});
  check(x != y, Tensor<1, bool>{false, true, true});
  check(x < y, Tensor<1, bool>{false, true, false});
  check(x >= y, Tensor<1, bool>{true, false, false});
  check(x > 1, Tensor<1, bool>{false, true, false});
  check(1 <= x, Tensor<1, bool>{true, true, false});
}

TEST_CASE("division of floats, NaN and infinities") {
  check(Vector{1, -1, 0} / 0, Vector{inf, -inf, not_a_number});
  check(maximum(Vector{1, not_a_number, 2}, Vector{not_a_number, 1, 1}), Vector{not_a_number, not_a_number, 2});
  check(minimum(Vector{1, not_a_number, 2}, Vector{not_a_number, 1, 1}), Vector{not_a_number, not_a_number, 1});
  check(relu(Vector{not_a_number, -inf, inf, -1}), Vector{not_a_number, 0, inf, 0});
  check(isnan(Vector{not_a_number, inf, 0}), Tensor<1, bool>{true, false, false});
  check(clamp(Vector{-inf, not_a_number, 0.5, inf}, 0, 1), Vector{0, not_a_number, 0.5, 1});
  check(sigmoid(Vector{-1000, 0, 1000}), Vector{0, 0.5, 1});
}

TEST_CASE("zeros keep their sign as in IEEE 754") {
  CHECK(std::signbit((-Vector{0})(0)));
  CHECK_FALSE(std::signbit((-Vector{-0.0})(0)));
  CHECK_FALSE(std::signbit(abs(Vector{-0.0})(0)));
  CHECK_FALSE(std::signbit(abs(Vector{0.0})(0)));
}

TEST_CASE("functions, against the standard library's") {
  const Vector x{0.25, 1, 2.5};
  auto each = [&](const Vector& ours, auto f) {
    for (Index i = 0; i < 3; ++i) CHECK(ours(i) == f(x(i)));
  };
  each(exp(x), [](double v) { return std::exp(v); });
  each(expm1(x), [](double v) { return std::expm1(v); });
  each(log(x), [](double v) { return std::log(v); });
  each(log1p(x), [](double v) { return std::log1p(v); });
  each(sqrt(x), [](double v) { return std::sqrt(v); });
  each(sin(x), [](double v) { return std::sin(v); });
  each(cos(x), [](double v) { return std::cos(v); });
  each(tanh(x), [](double v) { return std::tanh(v); });
  each(erf(x), [](double v) { return std::erf(v); });
  each(floor(x), [](double v) { return std::floor(v); });
  check(round(Vector{0.5, 1.5, 2.5, -0.6}), Vector{0, 2, 2, -1});  // to even, as in NumPy
  check(sign(Vector{-3, 0, 2}), Vector{-1, 0, 1});
  check(sign(Tensor<1, int>{-3, 0, 2}), Tensor<1, int>{-1, 0, 1});
}

TEST_CASE("where picks from tensors, views and numbers") {
  const Tensor<1, bool> mask{true, false};
  check(where(mask, Vector{1, 2}, Vector{3, 4}), Vector{1, 4});
  check(where(mask, Vector{1, 2}, 0), Vector{1, 0});
  check(where(mask, 0, Tensor<2, double>{{1}, {2}}), Tensor<2, double>{{0, 1}, {0, 2}});
  CHECK_THROWS_WITH_AS(where(mask, Vector{1, 2, 3}, 0),
                       "where: sizes must be equal or 1, counted from the last axis: got shapes (2,) and (3,)",
                       ShapeError);
}

TEST_CASE("broadcast_to, transpose, permute") {
  check(broadcast_to(Vector{1, 2}, Shape<2>{2, 2}), Tensor<2, double>{{1, 2}, {1, 2}});
  CHECK_THROWS_WITH_AS(broadcast_to(zeros({2, 1}), Shape<2>{1, 3}),
                       "broadcast_to: shape (2, 1) must be repeatable to the result: got (1, 3)", ShapeError);
  const auto x = sample<3>({2, 3, 4});
  const auto y = permute(x, {2, 0, 1});
  CHECK(y.shape() == Shape<3>{4, 2, 3});
  CHECK(y(3, 1, 2) == x(1, 2, 3));
  CHECK(transpose(x)(3, 2, 1) == x(1, 2, 3));
  CHECK(transpose(zeros({0, 3})).shape() == Shape<2>{3, 0});
}

TEST_CASE_TEMPLATE("long and broadcast operands, on any number of threads", T, float, double) {
  auto filled = [](auto shape) {
    auto x = zeros<T>(shape);
    for (Index i = 0; i < x.numel(); ++i) x.data()[i] = static_cast<T>((i * 7 + 3) % 31) - T(15);
    return x;
  };
  const auto a = filled(Shape<3>(5, 40, 1200)), b = filled(Shape<3>(5, 40, 1200));
  const auto row = filled(Shape<1>(1200));
  const auto column = filled(Shape<3>(5, 1, 1));
  const auto middle = filled(Shape<2>(40, 1));
  const auto turned = filled(Shape<3>(5, 1200, 40));
  const int before = num_threads();
  for (int threads : {1, 5}) {
    set_num_threads(threads);
    const auto same = a * b, with_row = a - row, with_column = column + a, with_middle = a * middle, number = 2 - a;
    const auto strided = a + turned.view().permute_view({0, 2, 1});
    const auto less = a < row;
    const auto chosen = where(less, a, column);
    auto in_place = a;
    in_place += row;
    bool right = true;
    for (Index i = 0; i < 5; ++i) {
      for (Index j = 0; j < 40; ++j) {
        for (Index k = 0; k < 1200; ++k) {
          const T x = a(i, j, k);
          right = right && same(i, j, k) == x * b(i, j, k) && with_row(i, j, k) == x - row(k);
          right = right && with_column(i, j, k) == column(i, 0, 0) + x && with_middle(i, j, k) == x * middle(j, 0);
          right = right && number(i, j, k) == 2 - x && strided(i, j, k) == x + turned(i, k, j);
          right = right && less(i, j, k) == (x < row(k)) && chosen(i, j, k) == (x < row(k) ? x : column(i, 0, 0));
          right = right && in_place(i, j, k) == x + row(k);
        }
      }
    }
    CHECK(right);
  }
  set_num_threads(before);
}

TEST_SUITE_END();
