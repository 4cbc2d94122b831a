// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Activations and `Flatten` as layers: structs without parameters that call the function of the same name.
#pragma once

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/reduction.hpp>
#include <kiln/autograd/shaping.hpp>
#include <kiln/nn/module.hpp>

namespace kiln {

/// max(x, 0).
struct ReLU {
  static constexpr std::string_view layer_name = "ReLU";
  auto operator()(const auto& input) const {
    return announce(*this, input, [](const auto& x) { return relu(x); });
  }
};

/// 1 / (1 + exp(-x)).
struct Sigmoid {
  static constexpr std::string_view layer_name = "Sigmoid";
  auto operator()(const auto& input) const {
    return announce(*this, input, [](const auto& x) { return sigmoid(x); });
  }
};

/// Hyperbolic tangent.
struct Tanh {
  static constexpr std::string_view layer_name = "Tanh";
  auto operator()(const auto& input) const {
    return announce(*this, input, [](const auto& x) { return tanh(x); });
  }
};

/// Gaussian error linear unit, exact form.
struct GELU {
  static constexpr std::string_view layer_name = "GELU";
  auto operator()(const auto& input) const {
    return announce(*this, input, [](const auto& x) { return gelu(x); });
  }
};

/// x * sigmoid(x).
struct SiLU {
  static constexpr std::string_view layer_name = "SiLU";
  auto operator()(const auto& input) const {
    return announce(*this, input, [](const auto& x) { return silu(x); });
  }
};

/// log(1 + exp(x)).
struct Softplus {
  static constexpr std::string_view layer_name = "Softplus";
  auto operator()(const auto& input) const {
    return announce(*this, input, [](const auto& x) { return softplus(x); });
  }
};

/// exp(x) / sum(exp(x)) along an axis.
struct Softmax {
  static constexpr std::string_view layer_name = "Softmax";
  int axis = -1;
  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const auto& x) { return softmax(x, axis); });
  }
};

/// log(softmax(x)) along an axis.
struct LogSoftmax {
  static constexpr std::string_view layer_name = "LogSoftmax";
  int axis = -1;
  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const auto& x) { return log_softmax(x, axis); });
  }
};

/// (N, ...) to (N, product of the rest).
struct Flatten {
  static constexpr std::string_view layer_name = "Flatten";
  auto operator()(const auto& input) const {
    return announce(*this, input, [](const auto& x) { return flatten(x); });
  }
};

}  // namespace kiln
