// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Linear`: a fully connected layer, y = x weight' + bias.
#pragma once

#include <cmath>
#include <optional>

#include <kiln/autograd/linear_algebra.hpp>
#include <kiln/nn/init.hpp>
#include <kiln/nn/module.hpp>

namespace kiln {

struct ReLU;

/// x (..., in) to (..., out). Weight and bias start uniform in +-1/sqrt(in), as torch.nn.Linear. Without bias by
/// `.bias = std::nullopt`. Throws: ShapeError unless the input's last axis is `in`.
template <class T>
struct BasicLinear {
  static constexpr std::string_view layer_name = "Linear";
  using FusesWith = ReLU;

  Index in = 0;
  Index out = 0;
  Param<2, T> weight = kaiming_uniform<T>({out, in}, {.negative_slope = std::sqrt(5.0)});
  std::optional<Param<1, T>> bias = uniform<T>({out}, -bound(), bound());

  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const auto& x) { return product(x, false); });
  }
  auto fused(const ReLU&, const auto& input) const {
    return announce(
        *this, input, [&](const auto& x) { return product(x, true); }, "Linear+ReLU");
  }

 private:
  auto product(const auto& x, bool relu) const {
    if (out == 0) fail<UsageError>("linear", "the layer needs its sizes, as in Linear{784, 10}", "it was made without");
    if (bias) return detail::linear("linear", relu, x, weight, *bias);
    return detail::linear("linear", relu, x, weight);
  }
  double bound() const { return 1 / std::sqrt(static_cast<double>((std::max)(in, Index{1}))); }
};

using Linear = BasicLinear<float>;

}  // namespace kiln
