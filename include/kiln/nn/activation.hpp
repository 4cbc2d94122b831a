// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Activations and `Flatten` as layers: structs without parameters that call the function of the same name.
#pragma once

#include <kiln/autograd/activation.hpp>
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

/// Gaussian error linear unit; `approximate` by tanh.
struct GELU {
  static constexpr std::string_view layer_name = "GELU";
  bool approximate = false;
  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const auto& x) { return gelu(x, approximate); });
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

/// x * tanh(softplus(x)).
struct Mish {
  static constexpr std::string_view layer_name = "Mish";
  auto operator()(const auto& input) const {
    return announce(*this, input, [](const auto& x) { return mish(x); });
  }
};

/// x where it is positive, alpha * (exp(x) - 1) elsewhere.
struct ELU {
  static constexpr std::string_view layer_name = "ELU";
  double alpha = 1;
  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const auto& x) { return elu(x, alpha); });
  }
};

/// x where it is positive, negative_slope * x elsewhere.
struct LeakyReLU {
  static constexpr std::string_view layer_name = "LeakyReLU";
  double negative_slope = 0.01;
  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const auto& x) { return leaky_relu(x, negative_slope); });
  }
};

/// min(leaky_relu(x, leak) - sub, max), as in fast.ai's course: `GeneralRelu{.leak = 0.1, .sub = 0.4, .max = 6}`.
struct GeneralRelu {
  static constexpr std::string_view layer_name = "GeneralRelu";
  double leak = 0;
  double sub = 0;
  double max = std::numeric_limits<double>::infinity();
  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const auto& x) { return general_relu(x, {leak, sub, max}); });
  }
};

/// x * relu6(x + 3) / 6.
struct Hardswish {
  static constexpr std::string_view layer_name = "Hardswish";
  auto operator()(const auto& input) const {
    return announce(*this, input, [](const auto& x) { return hardswish(x); });
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
