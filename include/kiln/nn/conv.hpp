// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Conv1d`, `Conv2d` and `ConvTranspose2d`: layers whose weights are shared by all positions of a signal or image.
#pragma once

#include <cmath>
#include <optional>

#include <kiln/autograd/convolution.hpp>
#include <kiln/nn/init.hpp>
#include <kiln/nn/module.hpp>

namespace kiln {

struct ReLU;

namespace detail {

/// How many channels a weight has for each of `channels`. Throws: UsageError unless `groups` divides both.
inline Index channels_per_group(std::string_view op, Index in, Index out, Index groups, Index channels) {
  if (groups < 1 || in % groups != 0 || out % groups != 0) {
    fail<UsageError>(op, concat("groups must divide in, ", in, ", and out, ", out), concat("got ", groups));
  }
  return channels / groups;
}

/// Weight and bias of a convolution start uniform in +-1/sqrt(fan in), as PyTorch's.
template <class T, int R>
Tensor<R, T> initial_conv_weight(const Shape<R>& shape) {
  return kaiming_uniform<T>(shape, {.negative_slope = std::sqrt(5.0)});
}
template <class T, int R>
Tensor<1, T> initial_conv_bias(Index out, const Shape<R>& weight) {
  const double bound = 1 / std::sqrt((std::max)(1.0, fans(weight).in));
  return uniform<T>({out}, -bound, bound);
}

inline void require_conv_sizes(std::string_view op, std::string_view example, Index in, Index out, Size2 kernel) {
  if (in > 0 && out > 0 && kernel.height > 0 && kernel.width > 0) return;
  fail<UsageError>(op, concat("the layer needs its sizes, as in ", example), "it was made without");
}

}  // namespace detail

/// (N, in, H, W) to (N, out, H', W'), where H' = (H + 2 padding - dilation (kernel - 1) - 1) / stride + 1. Without bias
/// by `.bias = std::nullopt`. Throws: ShapeError unless the input's axis 1 is `in` and the kernel fits the padded
/// image. Source: torch.nn.Conv2d.
template <class T>
struct BasicConv2d {
  static constexpr std::string_view layer_name = "Conv2d";
  using FusesWith = ReLU;

  Index in = 0;
  Index out = 0;
  Size2 kernel = 0;
  Size2 stride = 1;
  Size2 padding = 0;
  Size2 dilation = 1;
  Index groups = 1;
  Param<4, T> weight = detail::initial_conv_weight<T>(
      Shape<4>{out, detail::channels_per_group("conv2d", in, out, groups, in), kernel.height, kernel.width});
  std::optional<Param<1, T>> bias = detail::initial_conv_bias<T>(out, weight.shape());

  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const auto& x) { return convolution(x, false); });
  }
  auto fused(const ReLU&, const auto& input) const {
    return announce(
        *this, input, [&](const auto& x) { return convolution(x, true); }, "Conv2d+ReLU");
  }

 private:
  auto convolution(const auto& x, bool relu) const {
    detail::require_conv_sizes("conv2d", "Conv2d{1, 8, 3}", in, out, kernel);
    const Conv2dOptions options{stride, padding, dilation, groups};
    if (bias) return detail::conv2d("conv2d", relu, options, x, weight, *bias);
    return detail::conv2d("conv2d", relu, options, x, weight);
  }
};

/// (N, in, L) to (N, out, L'), where L' = (L + 2 padding - dilation (kernel - 1) - 1) / stride + 1. Without bias by
/// `.bias = std::nullopt`. Throws: ShapeError unless the input's axis 1 is `in` and the kernel fits the padded signal.
/// Source: torch.nn.Conv1d.
template <class T>
struct BasicConv1d {
  static constexpr std::string_view layer_name = "Conv1d";

  Index in = 0;
  Index out = 0;
  Index kernel = 0;
  Index stride = 1;
  Index padding = 0;
  Index dilation = 1;
  Index groups = 1;
  Param<3, T> weight =
      detail::initial_conv_weight<T>(Shape<3>{out, detail::channels_per_group("conv1d", in, out, groups, in), kernel});
  std::optional<Param<1, T>> bias = detail::initial_conv_bias<T>(out, weight.shape());

  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const auto& x) {
      detail::require_conv_sizes("conv1d", "Conv1d{1, 8, 3}", in, out, kernel);
      const Conv1dOptions options{stride, padding, dilation, groups};
      return bias ? conv1d(x, weight, *bias, options) : conv1d(x, weight, options);
    });
  }
};

/// (N, in, H, W) to (N, out, H', W'), where H' = (H - 1) stride - 2 padding + dilation (kernel - 1) + output_padding +
/// 1: a Conv2d of the same options turns the result's shape back into the input's. Without bias by
/// `.bias = std::nullopt`. Throws: ShapeError unless the input's axis 1 is `in`.
/// Source: torch.nn.ConvTranspose2d.
template <class T>
struct BasicConvTranspose2d {
  static constexpr std::string_view layer_name = "ConvTranspose2d";

  Index in = 0;
  Index out = 0;
  Size2 kernel = 0;
  Size2 stride = 1;
  Size2 padding = 0;
  Size2 output_padding = 0;
  Index groups = 1;
  Size2 dilation = 1;
  Param<4, T> weight = detail::initial_conv_weight<T>(
      Shape<4>{in, detail::channels_per_group("conv_transpose2d", in, out, groups, out), kernel.height, kernel.width});
  std::optional<Param<1, T>> bias = detail::initial_conv_bias<T>(out, weight.shape());

  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const auto& x) {
      detail::require_conv_sizes("conv_transpose2d", "ConvTranspose2d{8, 1, 3}", in, out, kernel);
      const ConvTranspose2dOptions options{stride, padding, output_padding, groups, dilation};
      return bias ? conv_transpose2d(x, weight, *bias, options) : conv_transpose2d(x, weight, options);
    });
  }
};

using Conv1d = BasicConv1d<float>;
using Conv2d = BasicConv2d<float>;
using ConvTranspose2d = BasicConvTranspose2d<float>;

}  // namespace kiln
