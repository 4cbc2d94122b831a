// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/nn/lsuv.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/reduction.hpp>
#include <kiln/nn/activation.hpp>
#include <kiln/nn/init.hpp>
#include <kiln/nn/linear.hpp>
#include <kiln/nn/sequential.hpp>

TEST_SUITE_BEGIN("nn");

using namespace kiln;

namespace {

template <class T>
using Two = Sequential<BasicLinear<T>, ReLU, BasicLinear<T>>;

// The network of tests/oracles/lsuv.py.
template <class T>
Two<T> oracle_net() {
  Two<T> net{{3, 4}, {}, {4, 2}};
  int i = 0;
  for (const ParamRef& param : parameters(net)) {
    auto value = param.value<T>();
    for (std::size_t k = 0; k < value.size(); ++k)
      value[k] = static_cast<T>(std::sin(static_cast<double>(k) * 1.7 + i) * 0.4);
    ++i;
  }
  return net;
}

template <class T>
Tensor<2, T> oracle_batch() {
  return {{0.5, -1, 2}, {1.5, 0.25, -0.75}, {-2, 1, 0.5}, {0, 3, -1}};
}

struct Backwards {  // runs in another order than that of its fields, and one of them twice
  Linear second{6, 6};
  Linear first{6, 6};
  auto operator()(const auto& x) const { return second(relu(second(relu(first(x))))); }
};

struct OwnLayer {  // not linear in its weight
  Param<2> weight = normal({5, 6});
  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const auto& x) { return tanh(linear(x, weight)) * 3; });
  }
};

struct Quiet {
  Param<2> weight = normal({5, 6});
  auto operator()(const auto& x) const { return linear(x, weight); }
};

struct WithQuiet {
  Linear first{6, 6};
  Quiet quiet;
  auto operator()(const auto& x) const { return quiet(first(x)); }
};

std::vector<double> values_of(auto& model) {
  std::vector<double> all;
  for (const ParamRef& param : parameters(model)) {
    for (float x : param.value<float>()) all.push_back(static_cast<double>(x));
  }
  return all;
}

}  // namespace

TEST_CASE_TEMPLATE("LSUV gives the weights and the report that PyTorch gives", T, float, double) {
  auto net = oracle_net<T>();
  const LsuvReport report = lsuv(net, oracle_batch<T>());
  const double tolerance = sizeof(T) == 4 ? 1e-5 : 1e-12;
  auto close = [&](const auto& a, const auto& b) { return all_close(a, b, tolerance, tolerance); };
  const auto& first = std::get<0>(net.layers);
  const auto& last = std::get<2>(net.layers);
  CHECK(close(first.weight.value, Tensor<2, double>{{0, 0.46911603912610567, -0.12088603765424528},
                                                    {-0.43796503834820377, 0.23374480542443402, 0.37773157584996969},
                                                    {-0.33108207316411575, -0.29241537127568062, 0.40643429443662227},
                                                    {0.18768172901359126, -0.454797809363154, -0.070485341505375096}}
                                      .to<T>()));
  CHECK(close(
      first.bias->value,
      Tensor<1, double>{0.36331136469362191, 0.16742180930392692, -0.4849181200009739, -0.12092774801114255}.to<T>()));
  CHECK(close(last.weight.value,
              Tensor<2, double>{{0.89365390170677617, -0.52072085614612384, -0.75946987094821605, 0.71642787905614402},
                                {0.57485429539580724, -0.86456150102391027, -0.35206631662219751, 0.95528511407126038}}
                  .to<T>()));
  CHECK(close(last.bias->value, Tensor<1, double>{0.381848941230989, -0.7395638509516762}.to<T>()));

  REQUIRE(report.layers.size() == 2);
  CHECK(report.layers[0].path == "0");
  CHECK(report.layers[0].mean_before == doctest::Approx(0.029386707726043931).epsilon(1e-6));
  CHECK(report.layers[0].std_before == doctest::Approx(0.84556035415015407).epsilon(1e-6));
  CHECK(report.layers[1].mean_before == doctest::Approx(-0.09896529896577555).epsilon(1e-5));
  CHECK(report.layers[1].std_before == doctest::Approx(0.40700205083378621).epsilon(1e-6));
  CHECK(report.text() ==
        "layer       mean before   std before     mean      std   iterations\n"
        "0  Linear        0.0294       0.8456   0.0000   1.0000            1\n"
        "2  Linear       -0.0990       0.4070   0.0000   1.0000            1\n");
}

TEST_CASE("LSUV goes in the order in which layers run, and measures a layer's first run") {
  manual_seed(1);
  Backwards net;
  const auto x = normal({64, 6}, 3, 10);
  const LsuvReport report = lsuv(net, x);
  REQUIRE(report.layers.size() == 2);
  CHECK(report.layers[0].path == "first");
  CHECK(report.layers[1].path == "second");
  auto check = [](const auto& y) {
    CHECK(std::abs(static_cast<double>(mean(y.value()).item())) < 1e-3);
    CHECK(stddev(y.value()).item() == doctest::Approx(1).epsilon(0.003));
  };
  check(net.first(x));
  check(net.second(relu(net.first(x))));
  CHECK(std::abs(static_cast<double>(mean(net(x).value()).item())) > 1e-3);

  const auto after = values_of(net);
  lsuv(net, x);  // there is nothing left to do
  CHECK(values_of(net) == after);
}

TEST_CASE("a layer that is not linear takes some iterations, one without a bias keeps its mean") {
  manual_seed(2);
  OwnLayer layer;
  const auto x = normal({200, 6});
  const LsuvReport report = lsuv(layer, x);
  REQUIRE(report.layers.size() == 1);
  CHECK(report.layers[0].iterations > 1);
  CHECK(report.layers[0].path.empty());
  CHECK(std::abs(report.layers[0].std - 1) <= 1e-3);
  CHECK(report.text().find("\nOwnLayer ") != std::string::npos);
}

TEST_CASE("LSUV leaves the biases alone on request, and what is frozen always") {
  manual_seed(3);
  Two<float> net{{6, 5}, {}, {5, 2}};
  auto& first = std::get<0>(net.layers);
  auto& last = std::get<2>(net.layers);
  first.bias->value.fill(0.1f);
  freeze(last);
  const auto frozen = last.weight.value;
  const LsuvReport report = lsuv(net, normal({100, 6}), {.tolerance = 0.1, .shift = false});
  CHECK(report.layers.size() == 1);
  CHECK(report.layers[0].iterations > 0);
  CHECK(all_equal(first.bias->value, full({5}, 0.1f)));
  CHECK(all_equal(last.weight.value, frozen));
}

TEST_CASE("the same batch gives the same bits, and gradients stay") {
  auto run = [] {
    manual_seed(4);
    Two<float> net{{6, 5}, {}, {5, 2}};
    std::get<0>(net.layers).weight.grad = ones({5, 6});
    lsuv(net, normal({100, 6}));
    CHECK(all_equal(std::get<0>(net.layers).weight.grad, ones({5, 6})));
    return values_of(net);
  };
  CHECK(run() == run());
}

TEST_CASE("LSUV says what is in its way, and leaves the model as it was") {
  manual_seed(5);
  const auto x = normal({10, 6});
  auto fails = [&](auto net, const Tensor<2>& batch, const std::string& message, LsuvOptions options = {}) {
    const auto before = values_of(net);
    CHECK_THROWS_WITH_AS(lsuv(net, batch, options), message.c_str(), UsageError);
    CHECK(values_of(net) == before);
  };
  fails(Sequential{ReLU{}}, x,
        "lsuv: the model must have a layer with a trainable Param called weight, of rank 2 or more: it has none");
  fails(WithQuiet{}, x,
        "lsuv: quiet must run and be seen to; it can announce itself by "
        "`return kiln::announce(*this, input, [&](const auto& x) { ... });`: it was not seen");
  Two<float> dead{{6, 5}, {}, {5, 2}};
  std::get<2>(dead.layers).weight.value.fill(0);
  std::get<2>(dead.layers).bias->value.fill(0.5f);
  fails(dead, x, "lsuv: the output of 2 must vary and be finite, so that it can be scaled: all of it is 0.5");
  fails(Sequential{Linear{6, 5}}, full({2, 6}, std::numeric_limits<float>::infinity()),
        "lsuv: the output of 0 must vary and be finite, so that it can be scaled: it is not finite");
  fails(Sequential{Linear{6, 5}}, zeros({0, 6}),
        "lsuv: the output of 0 must vary and be finite, so that it can be scaled: it has no elements");
  Two<float> net = {{6, 5}, {}, {5, 2}};
  const auto before = values_of(net);
  std::string message;
  try {
    lsuv(net, x, {.max_iterations = 0});
  } catch (const UsageError& error) {
    message = error.what();
  }
  CHECK(
      message.starts_with("lsuv: the output of 0 must come within 0.001 of mean 0 and standard deviation 1 in 0 "
                          "iterations: they are "));
  CHECK(values_of(net) == before);
}

TEST_SUITE_END();
