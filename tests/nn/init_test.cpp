// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/nn/init.hpp>

#include <algorithm>

#include <kiln/autograd/param.hpp>

#include "oracle.hpp"

using namespace kiln;

TEST_SUITE_BEGIN("nn");

namespace {

struct Moments {
  double mean = 0, deviation = 0, low = 0, high = 0;

  template <int R, class T>
  explicit Moments(const Tensor<R, T>& x) {
    const auto n = static_cast<double>(x.numel());
    for (T v : x) mean += static_cast<double>(v) / n;
    for (T v : x) deviation += (static_cast<double>(v) - mean) * (static_cast<double>(v) - mean) / n;
    deviation = std::sqrt(deviation);
    low = static_cast<double>(*std::min_element(x.begin(), x.end()));
    high = static_cast<double>(*std::max_element(x.begin(), x.end()));
  }
};

/// Mean 0 and this deviation within about five standard errors, with the shape of a uniform or normal distribution.
template <class X>
void check_uniform(const X& x, double deviation) {
  const Moments m(x);
  const double bound = deviation * std::sqrt(3.0);
  CHECK(std::abs(m.mean) < 5 * deviation / std::sqrt(static_cast<double>(x.numel())));
  CHECK(m.deviation == doctest::Approx(deviation).epsilon(0.02));
  CHECK(m.high <= bound);
  CHECK(m.low >= -bound);
  CHECK(m.high > 0.999 * bound);
  CHECK(m.low < -0.999 * bound);
}
template <class X>
void check_normal(const X& x, double deviation) {
  const Moments m(x);
  CHECK(std::abs(m.mean) < 5 * deviation / std::sqrt(static_cast<double>(x.numel())));
  CHECK(m.deviation == doctest::Approx(deviation).epsilon(0.02));
  CHECK(m.high > 3.5 * deviation);
  CHECK(m.low < -3.5 * deviation);
}

template <class T, std::size_t N>
void check_bits(const auto& got, const T (&expected)[N]) {
  REQUIRE(static_cast<std::size_t>(got.numel()) == N);
  for (std::size_t i = 0; i < N; ++i) CHECK(got.data()[i] == expected[i]);
}

}  // namespace

TEST_CASE("gains are those of torch.nn.init.calculate_gain") {
  CHECK(calculate_gain(Nonlinearity::linear) == 1);
  CHECK(calculate_gain(Nonlinearity::sigmoid) == 1);
  CHECK(calculate_gain(Nonlinearity::tanh) == doctest::Approx(1.6666666666666667).epsilon(1e-15));
  CHECK(calculate_gain(Nonlinearity::relu) == doctest::Approx(1.4142135623730951).epsilon(1e-15));
  CHECK(calculate_gain(Nonlinearity::leaky_relu) == doctest::Approx(1.4141428569978354).epsilon(1e-15));
  CHECK(calculate_gain(Nonlinearity::leaky_relu, 0.2) == doctest::Approx(1.3867504905630728).epsilon(1e-15));
  CHECK(calculate_gain(Nonlinearity::selu) == 0.75);
}

TEST_CASE("fans count inputs and outputs, the receptive field included") {
  CHECK(fans(Shape<2>(10, 784)).in == 784);
  CHECK(fans(Shape<2>(10, 784)).out == 10);
  CHECK(fans(Shape<4>(16, 8, 3, 5)).in == 120);
  CHECK(fans(Shape<4>(16, 8, 3, 5)).out == 240);
}

TEST_CASE_TEMPLATE("initial values have the deviation that their paper wants", T, float, double) {
  manual_seed(5);
  const Shape<2> shape(300, 200);
  check_uniform(uniform<T>(shape, -0.5, 0.5), 0.5 / std::sqrt(3.0));
  check_normal(normal<T>(shape, 0, 0.1), 0.1);
  CHECK(Moments(normal<T>({60000}, 3, 0.1)).mean == doctest::Approx(3).epsilon(0.001));
  check_uniform(xavier_uniform<T>(shape), std::sqrt(2.0 / 500));
  check_normal(xavier_normal<T>(shape, {.gain = 2}), 2 * std::sqrt(2.0 / 500));
  check_uniform(kaiming_uniform<T>(shape), std::sqrt(2.0 / 200));
  check_uniform(kaiming_uniform<T>(shape, {.negative_slope = std::sqrt(5.0)}), 1 / std::sqrt(3.0 * 200));
  check_normal(kaiming_normal<T>(shape, {.fan = Fan::out}), std::sqrt(2.0 / 300));
  check_normal(kaiming_normal<T>(shape, {.nonlinearity = Nonlinearity::tanh}), 5.0 / 3 / std::sqrt(200.0));
  check_normal(kaiming_normal<T>({40, 20, 5, 5}, {.fan = Fan::out}), std::sqrt(2.0 / 1000));
  check_uniform(xavier_uniform<T>({40, 20, 5, 5}), std::sqrt(2.0 / 1500));
}

TEST_CASE("the same seed gives the same weights") {
  manual_seed(42);
  check_bits(kaiming_uniform({2, 3}),
             {-0x1.71933ep-2f, 0x1.10ddeep-1f, -0x1.5545e4p+0f, -0x1.60b9e4p-3f, 0x1.b978ecp-1f, 0x1.c941fep-5f});
  check_bits(kaiming_normal({2, 3}),
             {0x1.189dep+0f, -0x1.82d102p-4f, 0x1.9f53a4p+0f, 0x1.764a54p+0f, 0x1.6c7cfap+0f, 0x1.1e893ap-2f});
  check_bits(xavier_uniform<double>({1, 3}), {0x1.3f324705ffa5p-3, -0x1.d794d9f27f87p-4, -0x1.079eda32fad39p+0});
  check_bits(xavier_normal<double>({1, 3}), {0x1.20349c030f2bep-2, 0x1.f022a3f31a79dp-1, -0x1.00d1b67d926acp+0});

  manual_seed(42);
  const auto first = kaiming_uniform({2, 3});
  const auto second = kaiming_uniform({2, 3});
  CHECK(!std::equal(first.begin(), first.end(), second.begin()));  // every call has a stream of its own
  manual_seed(43);
  const auto other = kaiming_uniform({2, 3});
  CHECK(!std::equal(first.begin(), first.end(), other.begin()));
}

TEST_CASE("an existing parameter is started again by assigning its value") {
  manual_seed(7);
  Param<2> weight = zeros({20, 30});
  weight.trainable = false;
  weight.value = kaiming_normal(weight.shape());
  CHECK(weight.value(19, 29) != 0);
  CHECK(!weight.trainable);
}

TEST_CASE("weights without elements are nothing special") {
  CHECK(kaiming_uniform({0, 5}).shape() == Shape<2>(0, 5));
  CHECK(kaiming_normal({5, 0}).shape() == Shape<2>(5, 0));
  CHECK(xavier_uniform({0, 0}).shape() == Shape<2>(0, 0));
  CHECK(message_of<ShapeError>([] {
          kaiming_uniform({-1, 5});
        }) == "shape: sizes must not be negative: got shape (-1, 5)");
}

TEST_SUITE_END();
