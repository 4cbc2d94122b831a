// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Activations of vars, besides relu, sigmoid and tanh, which are in arithmetic.hpp; each with its pull-back, forward
/// and backward in one pass. Values and gradients, those at the kinks too, are torch.nn.functional's.
#pragma once

#include <limits>
#include <numbers>

#include <kiln/autograd/arithmetic.hpp>

namespace kiln {

namespace detail {

/// y = f(x) with the gradient dy * slope(x).
template <int R, class T, class F, class Slope>
Var<R, T> activation(std::string_view op, Index cost, const Var<R, T>& x, const F& f, const Slope& slope) {
  auto pull_back = [cost, slope, kept = alias(x.value())](const Tensor<R, T>& dy, GradSlot<R, T>& dx) {
    add_each(
        cost, dx, [slope](T v, T d) __attribute__((always_inline)) { return d * slope(v); }, kept, dy);
  };
  return record(op, each(cost, x.value(), f), std::move(pull_back), x);
}

}  // namespace detail

/// log(1 + exp(x)), linear where that would overflow.
template <int R, class T>
Var<R, T> softplus(const Var<R, T>& x) {
  auto value = [](T v) __attribute__((always_inline)) { return detail::softplus_of(v); };
  return detail::activation(
      "softplus", detail::costly, x, value, [](T v) __attribute__((always_inline)) { return detail::logistic(v); });
}

/// x times the normal distribution function of x, or with `approximate` the paper's formula by tanh.
/// Source: Hendrycks & Gimpel 2016, https://arxiv.org/abs/1606.08415, section 2.
template <int R, class T>
Var<R, T> gelu(const Var<R, T>& x, bool approximate = false) {
  if (approximate) {
    constexpr T a = std::numbers::sqrt2_v<T> * std::numbers::inv_sqrtpi_v<T>;
    constexpr auto b = static_cast<T>(0.044715);
    auto value = [](T v) __attribute__((always_inline)) {
      return v / 2 * (1 + detail::tanh_of(a * (v + b * v * v * v)));
    };
    auto slope = [](T v) __attribute__((always_inline)) {
      const T t = detail::tanh_of(a * (v + b * v * v * v));
      return (1 + t) / 2 + v / 2 * (1 - t * t) * a * (1 + 3 * b * v * v);
    };
    return detail::activation("gelu", detail::costly, x, value, slope);
  }
  auto phi = [](T v) __attribute__((always_inline)) {
    return static_cast<T>(0.5) * (1 + detail::erf_of(v / std::numbers::sqrt2_v<T>));
  };
  auto slope = [phi](T v) __attribute__((always_inline)) {
    const T density = detail::exp_of(-v * v / 2) * std::numbers::inv_sqrtpi_v<T> / std::numbers::sqrt2_v<T>;
    return phi(v) + v * density;
  };
  return detail::activation(
      "gelu", detail::costly, x, [phi](T v) __attribute__((always_inline)) { return v * phi(v); }, slope);
}

/// x * sigmoid(x), also called swish.
template <int R, class T>
Var<R, T> silu(const Var<R, T>& x) {
  auto slope = [](T v) __attribute__((always_inline)) {
    const T s = detail::logistic(v);
    return s * (1 + v * (1 - s));
  };
  return detail::activation(
      "silu", detail::costly, x, [](T v) __attribute__((always_inline)) { return v * detail::logistic(v); }, slope);
}

/// x * tanh(softplus(x)). Source: Misra 2019, https://arxiv.org/abs/1908.08681.
template <int R, class T>
Var<R, T> mish(const Var<R, T>& x) {
  // tanh(log(1 + e)) = n / (n + 2) with n = e (e + 2), which is 1 from 20 on.
  auto value = [](T v) __attribute__((always_inline)) {
    const T e = detail::exp_of(v), n = e * (e + 2);
    return detail::choose(v > 20, v, v * n / (n + 2));
  };
  auto slope = [](T v) __attribute__((always_inline)) {
    const T e = detail::exp_of(v), n = e * (e + 2), t = n / (n + 2);
    return detail::choose(v > 20, T{1}, t + v * (1 - t * t) * e / (1 + e));
  };
  return detail::activation("mish", detail::costly, x, value, slope);
}

/// x where it is positive, alpha * (exp(x) - 1) elsewhere. Source: Clevert et al. 2015,
/// https://arxiv.org/abs/1511.07289.
template <int R, class T>
Var<R, T> elu(const Var<R, T>& x, double alpha = 1) {
  const auto a = static_cast<T>(alpha);
  auto value = [a](T v) __attribute__((always_inline)) { return detail::choose(v <= 0, a * detail::expm1_of(v), v); };
  auto slope = [a](T v) __attribute__((always_inline)) { return detail::choose(v <= 0, a * detail::exp_of(v), T{1}); };
  return detail::activation("elu", detail::costly, x, value, slope);
}

/// x where it is positive, negative_slope * x elsewhere.
template <int R, class T>
Var<R, T> leaky_relu(const Var<R, T>& x, double negative_slope = 0.01) {
  const auto s = static_cast<T>(negative_slope);
  auto value = [s](T v) { return v > 0 ? v : v * s; };
  auto slope = [s](T v) { return v > 0 ? T{1} : s; };
  if (s < 0) return detail::activation("leaky_relu", detail::cheap, x, value, slope);
  // The result has the sign of x, which need not be kept then.
  auto pull_back = [slope](const auto& y, const auto& dy, auto& dx) {
    detail::add_each(
        detail::cheap, dx, [slope](T v, T d) { return d * slope(v); }, y, dy);
  };
  return record("leaky_relu", detail::each(detail::cheap, x.value(), value), pull_back, x);
}

struct GeneralReluOptions {
  double leak = 0;                                       ///< the slope left of 0
  double sub = 0;                                        ///< what is subtracted, so that the mean may become 0
  double max = std::numeric_limits<double>::infinity();  ///< what the result is limited to
};

/// min(leaky_relu(x, leak) - sub, max). Source: fast.ai's course, part 2 2022, lesson 17.
template <int R, class T>
Var<R, T> general_relu(const Var<R, T>& x, const GeneralReluOptions& options) {
  const auto leak = static_cast<T>(options.leak), sub = static_cast<T>(options.sub), max = static_cast<T>(options.max);
  auto line = [=](T v) { return (v > 0 || v != v ? v : leak == 0 ? T{} : v * leak) - sub; };
  auto value = [=](T v) { return line(v) > max ? max : line(v); };
  if (!(leak >= 0) || max < std::numeric_limits<T>::infinity()) {
    auto slope = [=](T v) { return line(v) > max ? T{} : v > 0 ? T{1} : leak; };
    return detail::activation("general_relu", detail::cheap, x, value, slope);
  }
  // Where x is positive can be read off the result, but for an x that was lost in rounding: x need not be kept then.
  auto slope = [=](T result) { return result > -sub ? T{1} : leak; };
  auto pull_back = [slope](const auto& y, const auto& dy, auto& dx) {
    detail::add_each(
        detail::cheap, dx, [slope](T v, T d) { return d * slope(v); }, y, dy);
  };
  return record("general_relu", detail::each(detail::cheap, x.value(), value), pull_back, x);
}

/// x * relu6(x + 3) / 6: 0 below -3, x above 3. Source: Howard et al. 2019, https://arxiv.org/abs/1905.02244.
template <int R, class T>
Var<R, T> hardswish(const Var<R, T>& x) {
  auto gate = [](T v) { return v < -3 ? T{} : v > 3 ? T{6} : v + 3; };
  auto slope = [](T v) { return v < -3 ? T{} : v < 3 ? v / 3 + T{0.5} : T{1}; };
  return detail::activation(
      "hardswish", detail::cheap, x, [=](T v) { return v * gate(v) / 6; }, slope);
}

}  // namespace kiln
