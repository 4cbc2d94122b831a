// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// What the .inc files, written by tests/oracles/autograd.py, are made of: `check` and `with`.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <tuple>
#include <utility>

#include <kiln/autograd/gradcheck.hpp>

namespace oracle {

using namespace kiln;

/// An input and the gradient that PyTorch found for it.
template <int R, class T>
struct With {
  Tensor<R, T> x, dx;
};

template <int R, class T>
With<R, T> with(Tensor<R, T> x, Tensor<R, T> dx) {
  return {std::move(x), std::move(dx)};
}

/// Equal up to rounding; NaN equals NaN.
template <int R, class T>
void check_close(const Tensor<R, T>& ours, const Tensor<R, double>& expected) {
  REQUIRE(ours.shape() == expected.shape());
  const double tolerance = std::is_same_v<T, double> ? 1e-11 : 4e-6;
  for (Index i = 0; i < ours.numel(); ++i) {
    const double a = static_cast<double>(ours.data()[i]), b = expected.data()[i];
    const bool close = a == b || (a != a && b != b) || std::abs(a - b) <= tolerance * (1 + std::abs(b));
    if (!close) {
      CAPTURE(i);
      CHECK(a == b);
      return;
    }
  }
  CHECK(true);
}

/// Value and gradients when all inputs are variables of a tape. A var that is used twice gets both gradients.
template <class T, class F, class Y, class... Inputs>
void check_on_tape(F f, const Y& value, const Inputs&... inputs) {
  Tape tape;
  auto run = [&](const auto&... vars) {
    auto y = f(vars...);
    check_close(y.value(), value);
    CHECK(y.wants_grad());
    auto twice = record(
        "twice", Tensor<0, T>(0), [](const auto& dz, auto& first, auto& second) { first += dz, second += dz; },
        detail::project(y), detail::project(y));
    tape.differentiate(twice);
    (check_close(tape.grad(vars), (inputs.dx * 2.0)), ...);
  };
  run(tape.variable(inputs.x.template to<T>())...);
}

/// Value and gradient when one input is a variable, and the others are constants.
template <class F, class Y, class... Inputs>
void check_one_variable(std::size_t variable, F f, const Y& value, const Inputs&... inputs) {
  Tape tape;
  std::size_t number = 0;
  auto var_of = [&](const auto& input) { return number++ == variable ? tape.variable(input.x) : tape(input.x); };
  auto check_grad = [&](const auto& input, const auto& var) {
    if (number++ == variable) check_close(tape.grad(var), input.dx);
    else CHECK_FALSE(var.wants_grad());
  };
  const std::tuple vars{var_of(inputs)...};  // braces, for their order
  auto y = std::apply(f, vars);
  check_close(y.value(), value);
  tape.differentiate(detail::project(y));
  number = 0;
  std::apply([&](const auto&... var) { (check_grad(inputs, var), ...); }, vars);
}

template <class F, class Y, class... Inputs>
void check_values(const std::string& name, F f, const Y& value, const Inputs&... inputs) {
  CAPTURE(name);
  check_on_tape<double>(f, value, inputs...);
  for (std::size_t i = 0; i < sizeof...(Inputs); ++i) check_one_variable(i, f, value, inputs...);
  auto constant = f(Var(inputs.x)...);
  check_close(constant.value(), value);
  CHECK_FALSE(constant.wants_grad());
}

/// Everything, for inputs at which the operation is smooth.
template <class F, class Y, class... Inputs>
void check(const std::string& name, F f, const Y& value, const Inputs&... inputs) {
  CAPTURE(name);
  check_values(name, f, value, inputs...);
  check_on_tape<float>(f, value, inputs...);
  const auto report = gradcheck(f, inputs.x...);
  CHECK_MESSAGE(report, report.text());
}

}  // namespace oracle
