// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/autograd/pool.hpp>

#include <doctest/doctest.h>

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/gradcheck.hpp>

using namespace kiln;

TEST_SUITE_BEGIN("autograd");

namespace {

/// 1, 2, 3, ...
template <class T, int R>
Tensor<R, T> counted(const Shape<R>& shape) {
  auto x = zeros<T>(shape);
  for (Index i = 0; i < x.numel(); ++i) x.data()[i] = static_cast<T>(i + 1);
  return x;
}

}  // namespace

TEST_CASE("pooling by hand") {
  const Var<4> x(counted<float>(Shape<4>(1, 1, 3, 4)));
  auto values = [](const auto& y) { return std::vector<float>(y.value().begin(), y.value().end()); };
  CHECK(values(max_pool2d(x, {.kernel = 2})) == std::vector<float>{6, 8});
  CHECK(values(max_pool2d(x, {.kernel = 2, .ceil_mode = true})) == std::vector<float>{6, 8, 10, 12});
  CHECK(values(avg_pool2d(x, {.kernel = {3, 2}})) == std::vector<float>{5.5, 7.5});
  CHECK(values(avg_pool2d(x, {.kernel = 2, .padding = 1})) == std::vector<float>{0.25, 1.25, 1, 3.5, 8.5, 5});
  CHECK(values(adaptive_max_pool2d(x, {2, 1})) == std::vector<float>{8, 12});
  CHECK(values(adaptive_avg_pool2d(x, {1, 2})) == std::vector<float>{5.5, 7.5});
  CHECK(values(global_avg_pool2d(x)) == std::vector<float>{6.5});
  const Var<3> signal(counted<float>(Shape<3>(1, 2, 4)));
  CHECK(values(max_pool1d(signal, {.kernel = 2})) == std::vector<float>{2, 4, 6, 8});
  CHECK(values(avg_pool1d(signal, {.kernel = 2})) == std::vector<float>{1.5, 3.5, 5.5, 7.5});
}

TEST_CASE("of several maxima the first takes the gradient") {
  Tape tape;
  auto x = tape.variable(ones({1, 1, 2, 4}));
  auto y = max_pool2d(x, {.kernel = 2});
  tape.differentiate(record(
      "sum", Tensor<0>(2),
      [](const auto&, auto& dy) {
        dy += ones({1, 1, 1, 2});
      },
      y));
  const auto dx = tape.grad(x);
  CHECK(std::vector<float>(dx.begin(), dx.end()) == std::vector<float>{1, 0, 1, 0, 0, 0, 0, 0});
}

TEST_CASE("gradients of pooling agree with differences where an input is used twice") {
  auto x = counted<double>(Shape<4>(1, 2, 5, 4));
  CHECK(gradcheck([](auto v) { return max_pool2d(v, {.kernel = 2}) * avg_pool2d(v, {.kernel = 2}); }, x));
  CHECK(gradcheck([](auto v) { return global_avg_pool2d(v) * global_avg_pool2d(v); }, x));
}

TEST_CASE("pooling of constants records nothing") {
  Tape tape;
  CHECK_FALSE(max_pool2d(tape(ones({1, 1, 2, 2})), {.kernel = 2}).wants_grad());
  CHECK(avg_pool2d(tape(ones({1, 1, 2, 2})), {.kernel = 2}).context() == &tape);
}

TEST_SUITE_END();
