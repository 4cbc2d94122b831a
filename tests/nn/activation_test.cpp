// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/nn/activation.hpp>

#include <cmath>
#include <limits>

#include <kiln/autograd/gradcheck.hpp>

#include "oracle.hpp"

using namespace kiln;

TEST_SUITE_BEGIN("nn");

namespace {

const Oracle pytorch[] = {
#include "activation.inc"
#include "layers.inc"
};

template <int R, class T>
void check_layer(const std::string& name, const auto& layer, const Tensor<R, T>& x) {
  Tape tape;
  auto v = tape.variable(x);
  auto y = layer(v);
  check_oracle(pytorch, name, y.value());
  check_oracle(pytorch, name, layer(x).value());  // without a context
  differentiate_weighted(tape, y);
  check_oracle(pytorch, name + ".dx", tape.grad(v));
}

/// Ordinary values, kinks and extreme values.
template <class T>
Tensor<2, T> inputs_with_kinks() {
  auto x = zeros<T>({6, 4});
  const auto ordinary = numbers<T>({3, 4}, 20);
  std::copy(ordinary.begin(), ordinary.end(), x.begin());
  const Tensor<2, T> kinks{{0, -T{}, 3, -3}, {6.5, -6.5, 30, -30}, {100, -100, 700, -700}};
  std::copy(kinks.begin(), kinks.end(), x.begin() + 12);
  return x;
}

/// Ordinary and extreme values.
template <class T>
Tensor<2, T> inputs() {
  auto x = zeros<T>({5, 4});
  const auto ordinary = numbers<T>({3, 4}, 20);
  std::copy(ordinary.begin(), ordinary.end(), x.begin());
  const Tensor<2, T> extreme{{0, 30, -30, 100}, {-100, 8, -8, 1}};
  std::copy(extreme.begin(), extreme.end(), x.begin() + 12);
  return x;
}

}  // namespace

TEST_CASE_TEMPLATE("activations equal PyTorch's", T, float, double) {
  const auto x = inputs<T>();
  check_layer("relu", ReLU{}, x);
  check_layer("sigmoid", Sigmoid{}, x);
  check_layer("tanh", Tanh{}, x);
  check_layer("gelu", GELU{}, x);
  check_layer("silu", SiLU{}, x);
  check_layer("softplus", Softplus{}, x);
  check_layer("softmax.0", Softmax{.axis = 0}, x);
  check_layer("softmax.1", Softmax{}, x);
  check_layer("log_softmax.0", LogSoftmax{.axis = 0}, x);
  check_layer("log_softmax.1", LogSoftmax{}, x);
  const auto x3 = numbers<T>({2, 3, 4}, 21);
  check_layer("softmax.rank3", Softmax{.axis = 1}, x3);
  check_layer("log_softmax.rank3", LogSoftmax{.axis = -2}, x3);
}

TEST_CASE_TEMPLATE("activations with kinks or settings equal PyTorch's", T, float, double) {
  const auto x = inputs_with_kinks<T>();
  check_layer("gelu_tanh", GELU{.approximate = true}, x);
  check_layer("mish", Mish{}, x);
  check_layer("elu", ELU{}, x);
  check_layer("elu_alpha", ELU{0.3}, x);
  check_layer("leaky_relu", LeakyReLU{}, x);
  check_layer("leaky_relu_slope", LeakyReLU{0.2}, x);
  check_layer("leaky_relu_negative", LeakyReLU{-0.5}, x);
  check_layer("general_relu", GeneralRelu{}, x);
  check_layer("general_relu_leak", GeneralRelu{.leak = 0.1, .sub = 0.4}, x);
  check_layer("general_relu_max", GeneralRelu{.leak = 0.1, .sub = 0.5, .max = 6}, x);
  check_layer("general_relu_plain_max", GeneralRelu{.sub = 0.25, .max = 1}, x);
  check_layer("hardswish", Hardswish{}, x);
  constexpr T inf = std::numeric_limits<T>::infinity();
  check_layer("general_relu_infinite", GeneralRelu{.sub = 0.5, .max = 2}, Tensor<1, T>{inf, -inf, 2.5, 0});
}

TEST_CASE("a NaN goes through activations") {
  const auto x = full({1}, std::numeric_limits<float>::quiet_NaN());
  auto check = [&](auto layer) { CHECK(std::isnan(layer(x).value().item())); };
  check(ReLU{}), check(Mish{}), check(ELU{}), check(LeakyReLU{}), check(Hardswish{}), check(GELU{.approximate = true});
  check(GeneralRelu{}), check(GeneralRelu{.leak = 0.1, .sub = 0.4, .max = 6});
}

TEST_CASE("activations have the same bits on any number of threads and in any place") {
  const auto x = numbers<float>({100, 401}, 23);
  auto check = [&](auto layer) {
    auto run = [&](int threads) {
      set_num_threads(threads);
      Tape tape;
      auto v = tape.variable(x);
      auto y = layer(v);
      differentiate_weighted(tape, y);
      return std::pair(y.value().clone(), tape.grad(v).clone());
    };
    const auto one = run(1), several = run(5);
    CHECK(std::equal(one.first.begin(), one.first.end(), several.first.begin()));
    CHECK(std::equal(one.second.begin(), one.second.end(), several.second.begin()));
    // Alone, an element is not part of a vector.
    bool same = true;
    for (Index i = 0; i < 200; ++i) same &= layer(full({1}, x.data()[i])).value().item() == one.first.data()[i];
    CHECK(same);
  };
  const int before = num_threads();
  check(ReLU{}), check(LeakyReLU{}), check(GeneralRelu{.leak = 0.1, .sub = 0.4}), check(Hardswish{}), check(Mish{});
  set_num_threads(before);
}

TEST_CASE("gradients of activations agree with differences") {
  const Tensor<2, double> x = numbers<double>({3, 4}, 20) + 0.01;  // away from relu's kink
  auto check = [&](auto layer) { CHECK(gradcheck(layer, x)); };
  check(ReLU{}), check(Sigmoid{}), check(Tanh{}), check(GELU{}), check(SiLU{}), check(Softplus{});
  check(Mish{}), check(ELU{0.7}), check(LeakyReLU{}), check(Hardswish{}), check(GELU{.approximate = true});
  check(LeakyReLU{-0.5}), check(GeneralRelu{.leak = 0.1, .sub = 0.4, .max = 1});
  check(Softmax{}), check(LogSoftmax{}), check(Softmax{.axis = 0}), check(LogSoftmax{.axis = 0}), check(Flatten{});
}

TEST_CASE("activations take sizes 0 and 1, and any rank") {
  auto check = [&](auto layer) {
    CHECK(layer(zeros({0, 3})).shape() == Shape<2>(0, 3));
    CHECK(layer(zeros({1})).shape() == Shape<1>(1));
    CHECK(layer(zeros({2, 1, 1, 2})).shape() == Shape<4>(2, 1, 1, 2));
  };
  check(ReLU{}), check(Sigmoid{}), check(Tanh{}), check(GELU{}), check(SiLU{}), check(Softplus{}), check(Softmax{});
  check(LogSoftmax{}), check(Mish{}), check(ELU{}), check(LeakyReLU{}), check(GeneralRelu{}), check(Hardswish{});
}

TEST_CASE("flatten keeps the batch axis") {
  const auto x = numbers<float>({2, 3, 4}, 22);
  const auto y = Flatten{}(x);
  CHECK(y.shape() == Shape<2>(2, 12));
  CHECK(std::equal(x.begin(), x.end(), y.value().begin()));
  CHECK(Flatten{}(zeros({0, 3, 4})).shape()[0] == 0);
  CHECK(Flatten{}(zeros({5})).shape() == Shape<1>(5));
}

TEST_CASE("an axis that does not exist is named with the layer") {
  CHECK(message_of<IndexError>([] {
          Softmax{.axis = 2}(zeros({2, 3}));
        }) == "Softmax: softmax: axis must lie in [-2, 2): got 2");
}

TEST_SUITE_END();
