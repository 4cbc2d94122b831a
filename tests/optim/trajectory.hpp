// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// What every optimizer is put through: PyTorch's trajectories, and a few functions to minimise.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <kiln/optim/optimizer.hpp>

namespace trajectory {

using namespace kiln;

struct Case {
  std::string_view name;
  bool is_double;
  std::vector<double> values;  // of the three parameters after each of the 20 steps
};

inline const std::vector<double>& expected(std::string_view name, bool is_double) {
  static const std::vector<Case> cases{
#include "trajectories.inc"
  };
  for (const Case& c : cases) {
    if (c.name == name && c.is_double == is_double) return c.values;
  }
  FAIL("no trajectory named ", std::string(name));
  return cases.front().values;
}

/// As `gradient` in tests/oracles/optim.py.
template <class T>
Tensor<1, T> gradient(const Tensor<1, T>& x, int step) {
  const Tensor<1, T> curvature{T(0.5), T(2), T(4)};
  auto g = zeros<T>({3});
  for (int i = 0; i < 3; ++i) g(i) = curvature(i) * x(i) - T(0.25) + T((step * 7 + i * 3) % 5 - 2) / 8;
  return g;
}

/// `before_step(optimizer, step)` says whether the parameter has a gradient.
template <class T, class Rule, class F>
void follow_as(std::string_view name, const Rule& rule, F before_step) {
  const double tolerance = std::is_same_v<T, double> ? 1e-12 : 1e-6;
  Param<1, T> x{Tensor<1, T>{T(1), T(-0.75), T(0.5)}};
  Optimizer optimizer{rule, {{"x", x}}};
  const std::vector<double>& values = expected(name, std::is_same_v<T, double>);
  REQUIRE(values.size() == 60);
  for (int step = 0; step < 20; ++step) {
    optimizer.zero_grad();
    if (before_step(optimizer, step)) x.grad = gradient(x.value, step);
    optimizer.step();
    for (int i = 0; i < 3; ++i) {
      CAPTURE(std::string(name));
      CAPTURE(step);
      CHECK(double(x.value(i)) == doctest::Approx(values[static_cast<std::size_t>(step * 3 + i)]).epsilon(tolerance));
    }
  }
}

template <class Rule, class F>
void follow(std::string_view name, const Rule& rule, F before_step) {
  follow_as<float>(name, rule, before_step);
  follow_as<double>(name, rule, before_step);
}

template <class Rule>
void follow(std::string_view name, const Rule& rule) {
  follow(name, rule, [](Optimizer&, int) { return true; });
}

/// (x - 1)^2 / 2 + 10 (y + 2)^2 / 2, least at (1, -2).
struct Quadratic {
  static constexpr double least[] = {1, -2};
  static Tensor<1, double> gradient(double x, double y) { return {x - 1, 10 * (y + 2)}; }
};

/// A long bent valley: (1 - x)^2 + 100 (y - x^2)^2, least at (1, 1).
struct Rosenbrock {
  static constexpr double least[] = {1, 1};
  static Tensor<1, double> gradient(double x, double y) {
    return {-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)};
  }
};

/// From (-1, 1), with a learning rate that falls to nothing, since some rules do not come to rest at a constant one.
template <class Function, class Rule>
void minimises(const Rule& rule, int steps) {
  Param<1, double> p{Tensor<1, double>{-1, 1}};
  Optimizer optimizer{rule, {{"p", p}}};
  for (int step = 0; step < steps; ++step) {
    optimizer.hyper(0, "lr") = rule.lr * (steps - step) / steps;
    p.grad = Function::gradient(p.value(0), p.value(1));
    optimizer.step();
  }
  CHECK(p.value(0) == doctest::Approx(Function::least[0]).epsilon(1e-2));
  CHECK(p.value(1) == doctest::Approx(Function::least[1]).epsilon(1e-2));
}

template <class F>
std::string message_of(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace trajectory
