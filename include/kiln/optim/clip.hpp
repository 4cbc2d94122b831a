// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Gradient clipping, between `backward` and `step`: `clip_grad_norm(parameters(model), 1.0)`.
#pragma once

#include <cmath>
#include <span>

#include <kiln/autograd/param_ref.hpp>

namespace kiln {
namespace detail {

inline void require_limit(std::string_view op, std::string_view name, double value) {
  if (!(value >= 0)) fail<UsageError>(op, concat(name, " must not be negative"), concat("got ", value));
}

/// f(gradient) for every parameter that has one.
template <class F>
void for_each_grad(std::span<const ParamRef> params, F f) {
  for (const ParamRef& param : params) {
    if (param.has_grad()) param.visit_type([&]<class T>(T) { f(param.grad<T>()); });
  }
}

/// The sum of x[i]^2 in double precision, in an order that only the length decides.
template <class T>
double sum_of_squares(std::span<T> x) {
  double sums[8] = {};  // several, so that an addition need not wait for the one before
  for (std::size_t i = 0; i < x.size(); ++i) sums[i % 8] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

}  // namespace detail

/// The Euclidean norm of all gradients together, as if they were one vector.
inline double grad_norm(std::span<const ParamRef> params) {
  double sum = 0;
  detail::for_each_grad(params, [&](auto grad) { sum += detail::sum_of_squares(grad); });
  return std::sqrt(sum);
}

/// Scales all gradients by one factor so that their norm is at most max_norm; returns the norm from before. If that is
/// infinite or NaN, so are gradients afterwards: look at the result. Source: torch.nn.utils.clip_grad_norm_.
inline double clip_grad_norm(std::span<const ParamRef> params, double max_norm) {
  detail::require_limit("clip_grad_norm", "max_norm", max_norm);
  const double norm = grad_norm(params);
  const double factor = max_norm / (norm + 1e-6);
  if (factor >= 1) return norm;
  detail::for_each_grad(params, [&]<class T>(std::span<T> grad) {
    for (T& g : grad) g *= static_cast<T>(factor);
  });
  return norm;
}

/// Moves every element of the gradients into [-limit, limit]; NaN stays. Source: torch.nn.utils.clip_grad_value_.
inline void clip_grad_value(std::span<const ParamRef> params, double limit) {
  detail::require_limit("clip_grad_value", "limit", limit);
  detail::for_each_grad(params, [&]<class T>(std::span<T> grad) {
    const T most = static_cast<T>(limit);
    for (T& g : grad) g = g > most ? most : g < -most ? -most : g;
  });
}

}  // namespace kiln
