// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/optim/rule.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include <kiln/optim/adam.hpp>

#include "trajectory.hpp"

using namespace kiln;
using namespace trajectory;

namespace {

/// Steps of one size, against the sign of the gradient (Bernstein et al. 2018).
struct SignSGD {
  double lr = 1e-3;

  template <class T>
  void update(ParamUpdate<T> u) const {
    for (std::size_t i = 0; i < u.param.size(); ++i) u.param[i] -= T(lr) * (T(u.grad[i] > 0) - T(u.grad[i] < 0));
  }
};

/// As the example in rule.hpp.
struct Momentum {
  double lr = 1e-2;
  double beta = 0.9;

  template <class T>
  void update(ParamUpdate<T> u) const {
    auto velocity = u.slot("velocity");
    for (std::size_t i = 0; i < velocity.size(); ++i) {
      velocity[i] = T(beta) * velocity[i] + u.grad[i];
      u.param[i] -= T(lr) * velocity[i];
    }
  }
};

/// Adam as it stands in the paper.
struct PlainAdam {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;

  template <class T>
  void update(ParamUpdate<T> u) const {
    auto m = u.slot("m"), v = u.slot("v");
    for (std::size_t i = 0; i < m.size(); ++i) {
      m[i] = T(beta1) * m[i] + T(1 - beta1) * u.grad[i];
      v[i] = T(beta2) * v[i] + T(1 - beta2) * u.grad[i] * u.grad[i];
      T mean = m[i] / T(1 - std::pow(beta1, u.count)), square = v[i] / T(1 - std::pow(beta2, u.count));
      u.param[i] -= T(lr) * mean / (std::sqrt(square) + T(eps));
    }
  }
};

/// Its step depends on the whole parameter (You et al. 2017, without momentum).
struct Lars {
  enum class Norm { euclidean, largest };
  double lr = 0.1;
  double trust = 0.5;
  Norm norm = Norm::euclidean;
  int warm_up = 0;

  void update(ParamUpdate<double> u) const {
    double scale = u.count <= warm_up ? 0 : lr * trust * length(u.param) / length(u.grad);
    for (std::size_t i = 0; i < u.param.size(); ++i) u.param[i] -= scale * u.grad[i];
  }
  void check() const {
    if (trust > 1) fail<UsageError>("Lars.trust", "must be at most 1", concat("got ", trust));
  }

 private:
  double length(std::span<const double> x) const {
    double sum = 0, largest = 0;
    for (double value : x) {
      sum += value * value;
      largest = (std::max)(largest, std::abs(value));
    }
    return norm == Norm::euclidean ? std::sqrt(sum) : largest;
  }
};

}  // namespace

TEST_SUITE_BEGIN("optim");

TEST_CASE("a rule of a few lines") {
  Param<1> x{Tensor<1>{1, 1, 1}};
  Optimizer optimizer{SignSGD{.lr = 0.25}, {{"x", x}}};
  x.grad = Tensor<1>{3, -0.1f, 0};
  optimizer.step();
  CHECK(x.value(0) == 0.75f);
  CHECK(x.value(1) == 1.25f);
  CHECK(x.value(2) == 1);
  CHECK(optimizer.rule_name() == "SignSGD");
  minimises<Quadratic>(SignSGD{.lr = 0.05}, 1000);
  minimises<Rosenbrock>(SignSGD{.lr = 1e-3}, 50000);
}

TEST_CASE("a rule with memory") {
  follow("sgd_momentum", Momentum{.lr = 0.1});
  follow("adam", PlainAdam{.lr = 0.1});
  minimises<Rosenbrock>(PlainAdam{.lr = 0.05}, 3000);
}

TEST_CASE("a rule that looks at the whole parameter, with configuration and a check") {
  Param<1, double> x{Tensor<1, double>{3, 4}};
  Optimizer optimizer{Lars{.warm_up = 1}, {{"x", x}}};
  x.grad = Tensor<1, double>{0, 2};
  optimizer.step();
  CHECK(x.value(1) == 4);
  optimizer.step();
  CHECK(x.value(1) == doctest::Approx(4 - 0.1 * 0.5 * 5));
  CHECK(optimizer.hyper_names() == std::vector<std::string_view>{"lr", "trust"});

  optimizer.rule<Lars>().norm = Lars::Norm::largest;
  CHECK(optimizer.state().groups[0].hypers[2] == HyperParameter{"norm", 1});
  optimizer.hyper(0, "trust") = 2;
  CHECK(message_of([&] { optimizer.step(); }) == "Lars.trust: must be at most 1: got 2");
}

TEST_CASE("a rule for another element type says so") {
  Param<1> x{ones({1})};
  x.grad = ones({1});
  Optimizer optimizer{Lars{}, {{"x", x}}};
  CHECK(message_of([&] { optimizer.step(); }) ==
        "Lars: its update must take a ParamUpdate<float>: it takes another element type");
}

TEST_CASE("what a rule sees") {
  ParameterState state{"x", {2}, 3, {}};
  std::vector<float> values{1, 2}, gradient{3, 4};
  ParamUpdate<float> u{std::span(values), std::span<const float>(gradient), state};
  CHECK(u.size() == 2);
  CHECK(u.count == 3);
  CHECK_FALSE(u.has_slot("m"));
  auto m = u.slot("m");
  CHECK(m[0] == 0);
  m[1] = 5;
  for (int i = 0; i < 100; ++i) u.slot(concat("other", i));
  CHECK(u.has_slot("m"));
  CHECK(m.data() == u.slot("m").data());
  CHECK(u.slot("m")[1] == 5);
}

TEST_SUITE_END();
