// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/autograd/linear_algebra.hpp>

#include "oracle.hpp"

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/reduction.hpp>

using namespace kiln;
using namespace oracle;

TEST_SUITE_BEGIN("autograd");

TEST_CASE("products of vars: values and gradients of PyTorch"){
#include "linear_algebra.inc"
}

TEST_CASE("products of vars with params and tensors") {
  Tape tape;
  Param<2, double> w = Tensor<2, double>{{1, 2}, {3, 4}};
  Param<1, double> b = Tensor<1, double>{10, 20};
  auto x = tape(Tensor<2, double>{{1, -1}});
  auto y = linear(matmul(x, w), w, b);
  check_close(y.value(),
              Tensor<2, double>{{4, 6}} + Tensor<2, double>{{-10, -20}} * -1.0 - Tensor<2, double>{{10, 20}});
  backward(sum(y));
  CHECK(w.has_grad());
  check_close(b.grad, Tensor<1, double>{1, 1});
}

TEST_CASE("products of vars that do not fit") {
  Tape tape;
  auto x = tape.variable(zeros({2, 3}));
  CHECK_THROWS_WITH_AS(matmul(x, x), doctest::Contains("matmul: "), ShapeError);
  CHECK_THROWS_WITH_AS(linear(x, zeros({4, 2})), "linear: input's last axis must be 2: got shape (2, 3)", ShapeError);
  CHECK_THROWS_WITH_AS(linear(x, zeros({4, 3}), zeros({3})), "linear: bias must have shape (4,): got (3,)", ShapeError);
}

TEST_CASE("backward by hand and tape agree") {
  // The network of fast.ai's lesson on backpropagation: lin, relu, lin, mean squared error; n rows, m inputs, h hidden.
  const Tensor<2, double> x{{0.5, -1.25, 2}, {3, 0.125, -0.75}, {-0.5, 1, 0.25}, {1.5, -2, 1}};
  const Tensor<1, double> target{1, -2, 0.5, 3};
  Param<2, double> w1 = Tensor<2, double>{{0.25, -0.5}, {1, 0.75}, {-1.5, 0.5}};
  Param<1, double> b1 = Tensor<1, double>{0.125, -0.25};
  Param<2, double> w2 = Tensor<2, double>{{2}, {-0.75}};
  Param<1, double> b2 = Tensor<1, double>{0.5};
  const double n = 4;

  auto lin = [](const auto& in, const auto& w, const auto& b) { return matmul(in, w) + b; };
  const auto l1 = lin(x, w1.value, b1.value);
  const auto l2 = relu(l1);
  const auto out = lin(l2, w2.value, b2.value);
  const auto diff = out.reshape({4}) - target;
  const double loss = mean(square(diff)).item();

  auto lin_grad = [](const auto& in, const auto& out_g, const auto& w) {
    return std::tuple(matmul(out_g, transpose(w)), matmul(transpose(in), out_g), sum(out_g, 0));
  };
  const auto out_g = (2.0 * diff / n).reshape({4, 1});
  const auto [l2_g, w2_g, b2_g] = lin_grad(l2, out_g, w2.value);
  const auto l1_g = (l1 > 0).to<double>() * l2_g;
  const auto [x_g, w1_g, b1_g] = lin_grad(x, l1_g, w1.value);

  Tape tape;
  const auto input = tape.variable(x);
  const auto prediction = lin(relu(lin(input, w1, b1)), w2, b2);
  const auto tape_loss = mean(square(sum(prediction, 1) - target));
  backward(tape_loss);
  CHECK(tape_loss.item() == doctest::Approx(loss).epsilon(1e-14));
  check_close(tape.grad(input), x_g);
  check_close(w1.grad, w1_g);
  check_close(b1.grad, b1_g);
  check_close(w2.grad, w2_g);
  check_close(b2.grad, b2_g);
}

TEST_SUITE_END();
