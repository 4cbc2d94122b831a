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

namespace {

/// y, dx, dw and db of relu(linear(x, w, b)), fused or not; w may be frozen, b be missing.
template <int R, class T>
std::vector<std::vector<T>> linear_relu_values(const Tensor<R, T>& x, const Param<2, T>& w, const Param<1, T>* b,
                                               bool fused) {
  Tape tape;
  const auto input = tape.variable(x);
  auto y = !b ? (fused ? linear_relu(input, w) : relu(linear(input, w)))
              : (fused ? linear_relu(input, w, *b) : relu(linear(input, w, *b)));
  auto weights = zeros<T>(y.shape());
  for (Index i = 0; i < weights.numel(); ++i) weights.data()[i] = static_cast<T>(std::sin(static_cast<double>(i)));
  backward(sum(y * weights));
  std::vector<std::vector<T>> all;
  auto add = [&](const auto& t) { all.emplace_back(t.begin(), t.end()); };
  add(y.value());
  add(tape.grad(input));
  add(w.grad);
  if (b) add(b->grad);
  w.zero_grad();
  if (b) b->zero_grad();
  return all;
}

template <class T>
Tensor<2, T> waves(Index rows, Index columns, double phase) {
  auto x = zeros<T>({rows, columns});
  for (Index i = 0; i < x.numel(); ++i) x.data()[i] = static_cast<T>(std::cos(static_cast<double>(i) * 1.7 + phase));
  return x;
}

}  // namespace

TEST_CASE_TEMPLATE("linear_relu has the bits of relu(linear)", T, float, double) {
  for (Index rows : {0, 1, 3, 300}) {
    for (Index out : {0, 1, 10, 83}) {
      for (Index in : {0, 1, 7}) {
        CAPTURE(rows);
        CAPTURE(out);
        CAPTURE(in);
        Param<2, T> w = waves<T>(out, in, 1);
        Param<1, T> b = waves<T>(1, out, 2).reshape({out});
        const auto x = waves<T>(rows, in, 3);
        CHECK(linear_relu_values(x, w, &b, true) == linear_relu_values(x, w, &b, false));
        CHECK(linear_relu_values(x, w, static_cast<Param<1, T>*>(nullptr), true) ==
              linear_relu_values(x, w, static_cast<Param<1, T>*>(nullptr), false));
        w.trainable = false;
        const auto frozen = linear_relu_values(x, w, &b, true);
        CHECK(frozen == linear_relu_values(x, w, &b, false));
        CHECK(frozen[2].empty());
      }
    }
  }
}

TEST_CASE("linear_relu of inputs of any rank, differentiated by finite differences") {
  const auto x = waves<double>(6, 3, 0.3).reshape({2, 3, 3});
  const auto w = waves<double>(5, 3, 0.9);
  const auto b = waves<double>(1, 5, 0.2).reshape({5});
  CHECK(gradcheck([](const auto& u, const auto& v, const auto& c) { return linear_relu(u, v, c); }, x, w, b));
  CHECK(gradcheck([](const auto& u, const auto& v) { return linear_relu(u, v); }, x, w));
  CHECK_THROWS_WITH_AS(linear_relu(x, zeros<double>({4, 2})),
                       "linear_relu: input's last axis must be 2: got shape (2, 3, 3)", ShapeError);
  CHECK_THROWS_WITH_AS(linear_relu(x, w, zeros<double>({3})), "linear_relu: bias must have shape (5,): got (3,)",
                       ShapeError);
}

TEST_CASE("the gradient of a bias has the same bits on any number of threads, and adds to what is there") {
  const auto x = waves<float>(200, 3, 0.3);
  Param<2> w = waves<float>(300, 3, 0.9);
  Param<1> b = waves<float>(1, 300, 0.2).reshape({300});
  const int before = num_threads();
  set_num_threads(1);
  const auto one = linear_relu_values(x, w, &b, true);
  set_num_threads(5);
  CHECK(linear_relu_values(x, w, &b, true) == one);
  set_num_threads(before);
  Tape tape;
  const auto input = tape(x);
  backward(sum(linear_relu(input, w, b)) + sum(linear_relu(input, w, b)));
  const auto twice = b.grad;
  b.zero_grad();
  Tape other;
  backward(sum(linear_relu(other(x), w, b)));
  CHECK(all_close(twice, b.grad * 2));
}

TEST_SUITE_END();
