// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/nn/linear.hpp>

#include <kiln/autograd/gradcheck.hpp>
#include <kiln/tensor/random.hpp>

#include "oracle.hpp"

using namespace kiln;

TEST_SUITE_BEGIN("nn");

namespace {

const Oracle pytorch[] = {
#include "layers.inc"
};

template <class T>
BasicLinear<T> known_layer() {
  return {.in = 4, .out = 5, .weight = numbers<T>({5, 4}, 10), .bias = numbers<T>({5}, 11)};
}

template <class T, int R>
void check_layer(const std::string& name, const Tensor<R, T>& x) {
  const auto layer = known_layer<T>();
  Tape tape;
  auto v = tape.variable(x);
  auto y = layer(v);
  check_oracle(pytorch, name, y.value());
  differentiate_weighted(tape, y);
  check_oracle(pytorch, name + ".dx", tape.grad(v));
  check_oracle(pytorch, name + ".weight", tape.grad(layer.weight));
  check_oracle(pytorch, name + ".bias", tape.grad(*layer.bias));
}

}  // namespace

TEST_CASE_TEMPLATE("linear equals PyTorch's", T, float, double) {
  check_layer("linear.rank2.3", numbers<T>({3, 4}, 12));
  check_layer("linear.rank1.4", numbers<T>({4}, 12));
  check_layer("linear.rank3.2", numbers<T>({2, 3, 4}, 12));
  check_layer("linear.rank2.1", numbers<T>({1, 4}, 12));

  const auto layer = known_layer<T>();
  Tape tape;
  auto v = tape.variable(numbers<T>({3, 4}, 12));
  auto y = linear(v, layer.weight);
  check_oracle(pytorch, "linear.no_bias", y.value());
  differentiate_weighted(tape, y);
  check_oracle(pytorch, "linear.no_bias.dx", tape.grad(v));
  check_oracle(pytorch, "linear.no_bias.weight", tape.grad(layer.weight));
}

TEST_CASE("linear's gradients agree with differences") {
  auto layer = known_layer<double>();
  CHECK(gradcheck(layer, parameters(layer), numbers<double>({3, 4}, 13)));
}

TEST_CASE("a linear layer starts as PyTorch's: weight and bias uniform in +-1/sqrt(in)") {
  manual_seed(1);
  const Linear layer{400, 300};
  CHECK(layer.weight.shape() == Shape<2>(300, 400));
  CHECK(layer.bias->shape() == Shape<1>(300));
  for (const auto& values : {layer.weight.value.span(), layer.bias->value.span()}) {
    float low = 0, high = 0;
    double squares = 0;
    for (float v : values) low = (std::min)(low, v), high = (std::max)(high, v), squares += double{v} * v;
    CHECK(low >= -0.05f);
    CHECK(low < -0.049f);
    CHECK(high < 0.05f);
    CHECK(high > 0.049f);
    CHECK(std::sqrt(squares / static_cast<double>(values.size())) ==
          doctest::Approx(0.05 / std::sqrt(3.0)).epsilon(0.06));
  }
}

TEST_CASE("a tied weight receives both gradients") {
  const Linear shared{2, 2};
  const Tensor<2> x{{1, 2}};
  Tape tape;
  auto y = linear(linear(tape(x), shared.weight, *shared.bias), shared.weight);
  differentiate_weighted(tape, y);
  const auto both = tape.grad(shared.weight);

  const Param<2> first = shared.weight.value, second = shared.weight.value;
  Tape apart;
  auto z = linear(linear(apart(x), first, *shared.bias), second);
  differentiate_weighted(apart, z);
  const Tensor<2> sum = apart.grad(first) + apart.grad(second);
  for (Index i = 0; i < 4; ++i) CHECK(both.data()[i] == doctest::Approx(sum.data()[i]));
}

TEST_CASE("linear names what does not fit") {
  const Linear layer{784, 10};
  CHECK(message_of<ShapeError>([&] {
          layer(zeros({64, 28, 28}));
        }) == "Linear: linear: input's last axis must be 784: got shape (64, 28, 28)");
  CHECK(message_of<UsageError>([] {
          Linear{}(zeros({1, 1}));
        }) == "Linear: linear: the layer needs its sizes, as in Linear{784, 10}: it was made without");
  CHECK(message_of<ShapeError>([] {
          linear(Var<2>(zeros({1, 3})), zeros({2, 3}), zeros({3}));
        }) == "linear: bias must have shape (2,): got (3,)");
}

TEST_CASE("linear takes no samples, and one") {
  const Linear layer{3, 2};
  CHECK(layer(zeros({0, 3})).shape() == Shape<2>(0, 2));
  const auto y = layer(zeros({1, 3}));
  CHECK(y.value()(0, 1) == layer.bias->value(1));
}

TEST_CASE("a linear layer without bias has no parameter of that name") {
  const Linear layer{.in = 3, .out = 2, .bias = std::nullopt};
  const auto x = randn({4, 3});
  CHECK(all_equal(layer(x).value(), matmul(x, layer.weight.value, {.transpose_b = true})));
  CHECK(parameter_count(layer) == 6);
  auto copy = layer;
  REQUIRE(state_tensors(copy).size() == 1);
  CHECK(state_tensors(copy)[0].name == "weight");
}

TEST_SUITE_END();
