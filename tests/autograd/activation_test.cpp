// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/autograd/activation.hpp>

#include <doctest/doctest.h>

#include <kiln/autograd/gradcheck.hpp>

using namespace kiln;

TEST_SUITE_BEGIN("autograd");

namespace {

// Away from every kink.
const Tensor<2, double> points{{-4.1, -2.2, -0.7, -0.2}, {0.3, 0.9, 2.6, 5.3}};

}  // namespace

TEST_CASE("gradients of activations agree with differences, also where an input is used twice") {
  auto check = [](auto f) {
    CHECK(gradcheck(f, points));
    CHECK(gradcheck([&](auto x) { return f(x) * f(x) + x; }, points));
  };
  check([](auto x) { return softplus(x); });
  check([](auto x) { return gelu(x); });
  check([](auto x) { return gelu(x, true); });
  check([](auto x) { return silu(x); });
  check([](auto x) { return mish(x); });
  check([](auto x) { return elu(x); });
  check([](auto x) { return elu(x, 0.3); });
  check([](auto x) { return leaky_relu(x); });
  check([](auto x) { return leaky_relu(x, -0.5); });
  check([](auto x) { return general_relu(x, {.leak = 0.1, .sub = 0.4, .max = 2}); });
  check([](auto x) { return hardswish(x); });
}

TEST_CASE("activations of constants record nothing") {
  Tape tape;
  CHECK_FALSE(mish(tape(points)).wants_grad());
  CHECK(leaky_relu(tape(points)).context() == &tape);
  CHECK(hardswish(Var(points)).context() == nullptr);
}

TEST_CASE("activations leave what they were given as it was") {
  const Tensor<2, double> before = points;
  Tape tape;
  auto x = tape.variable(points);
  auto y = general_relu(x, {.leak = 0.1}) + elu(x);
  for (Index i = 0; i < points.numel(); ++i) CHECK(x.value().data()[i] == before.data()[i]);
  CHECK(y.shape() == points.shape());
}

TEST_SUITE_END();
