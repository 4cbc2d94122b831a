// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Pooling as layers: structs without parameters that call the function of the same name.
#pragma once

#include <kiln/autograd/pool.hpp>
#include <kiln/nn/module.hpp>

namespace kiln {

/// The maximum of each window, as torch.nn.MaxPool2d: `MaxPool2d{2}`, `MaxPool2d{.kernel = 3, .stride = 2}`.
struct MaxPool2d {
  static constexpr std::string_view layer_name = "MaxPool2d";

  Size2 kernel;
  Size2 stride = kernel;
  Size2 padding = 0;
  Size2 dilation = 1;
  bool ceil_mode = false;  ///< whether a last window may reach beyond the padded input

  auto operator()(const auto& input) const {
    return announce(*this, input, [&]<class T>(const Var<4, T>& x) {
      return max_pool2d(x, {kernel, stride, padding, dilation, ceil_mode});
    });
  }
};

/// The average of each window, as torch.nn.AvgPool2d.
struct AvgPool2d {
  static constexpr std::string_view layer_name = "AvgPool2d";

  Size2 kernel;
  Size2 stride = kernel;
  Size2 padding = 0;
  bool ceil_mode = false;
  bool count_include_pad = true;  ///< whether padding counts in the divisor

  auto operator()(const auto& input) const {
    return announce(*this, input, [&]<class T>(const Var<4, T>& x) {
      return avg_pool2d(x, {kernel, stride, padding, ceil_mode, count_include_pad});
    });
  }
};

/// MaxPool2d for (N, C, L).
struct MaxPool1d {
  static constexpr std::string_view layer_name = "MaxPool1d";

  Index kernel = 0;
  Index stride = kernel;
  Index padding = 0;
  Index dilation = 1;
  bool ceil_mode = false;

  auto operator()(const auto& input) const {
    return announce(*this, input, [&]<class T>(const Var<3, T>& x) {
      return max_pool1d(x, {kernel, stride, padding, dilation, ceil_mode});
    });
  }
};

/// AvgPool2d for (N, C, L).
struct AvgPool1d {
  static constexpr std::string_view layer_name = "AvgPool1d";

  Index kernel = 0;
  Index stride = kernel;
  Index padding = 0;
  bool ceil_mode = false;
  bool count_include_pad = true;

  auto operator()(const auto& input) const {
    return announce(*this, input, [&]<class T>(const Var<3, T>& x) {
      return avg_pool1d(x, {kernel, stride, padding, ceil_mode, count_include_pad});
    });
  }
};

/// Averages over windows that divide each plane evenly, to a plane of the size `output`, whatever the input's.
struct AdaptiveAvgPool2d {
  static constexpr std::string_view layer_name = "AdaptiveAvgPool2d";

  Size2 output = 1;

  auto operator()(const auto& input) const {
    return announce(*this, input, [&]<class T>(const Var<4, T>& x) { return adaptive_avg_pool2d(x, output); });
  }
};

/// Maxima over the same windows.
struct AdaptiveMaxPool2d {
  static constexpr std::string_view layer_name = "AdaptiveMaxPool2d";

  Size2 output = 1;

  auto operator()(const auto& input) const {
    return announce(*this, input, [&]<class T>(const Var<4, T>& x) { return adaptive_max_pool2d(x, output); });
  }
};

/// The average of each plane: (N, C, H, W) to (N, C), ready for a Linear.
struct GlobalAvgPool2d {
  static constexpr std::string_view layer_name = "GlobalAvgPool2d";

  auto operator()(const auto& input) const {
    return announce(*this, input, []<class T>(const Var<4, T>& x) { return global_avg_pool2d(x); });
  }
};

}  // namespace kiln
