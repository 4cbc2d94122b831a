// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `ConvNet`: convolutions of stride 2, one behind the other, until one pixel is left; and `ConvBlock`, the convolution
/// with its norm and activation that all models here are made of. Models are not part of kiln.hpp.
#pragma once

#include <kiln/autograd/shaping.hpp>
#include <kiln/nn/activation.hpp>
#include <kiln/nn/batch_norm.hpp>
#include <kiln/nn/conv.hpp>

namespace kiln {

namespace detail {

/// A norm where one is wanted.
template <class Norm>
std::optional<Norm> norm_if(bool wanted, Index channels) {
  if (!wanted) return std::nullopt;
  return Norm{channels};
}

/// Convolution, then norm and activation where there are any.
template <class T>
Var<4, T> conv_norm_act(const Var<4, T>& x, const auto& conv, const auto& norm, const auto& act) {
  Var<4, T> y = conv(x);
  if (norm && act) return call_layers(*norm, *act, y);
  if (norm) y = (*norm)(y);
  if (act) y = (*act)(y);
  return y;
}

}  // namespace detail

/// Convolution, batch norm, activation: (N, in, H, W) to (N, out, H / stride, W / stride), rounded up. The convolution
/// has a bias only where no norm follows. Without activation by `.act = std::nullopt`.
template <class T, class Act = ReLU>
struct BasicConvBlock {
  static constexpr std::string_view layer_name = "ConvBlock";

  Index in = 0;
  Index out = 0;
  Size2 kernel = 3;  ///< odd, so that half of it is the padding
  Size2 stride = 1;
  bool batch_norm = true;
  std::optional<Act> act = Act{};
  BasicConv2d<T> conv = convolution();
  std::optional<BasicBatchNorm2d<T>> norm = detail::norm_if<BasicBatchNorm2d<T>>(batch_norm, out);

  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const Var<4, T>& x) { return detail::conv_norm_act(x, conv, norm, act); });
  }
  /// relu(norm(conv(x)) + more), the last three at once, for a block with norm and without activation.
  Var<4, T> fused(const ReLU& relu, const Var<4, T>& input, const Var<4, T>& more) const {
    return announce(
        *this, input, [&](const Var<4, T>& x) { return norm->fused(relu, conv(x), more); }, "ConvBlock+Sum+ReLU");
  }

 private:
  BasicConv2d<T> convolution() const {
    const Size2 padding{kernel.height / 2, kernel.width / 2};
    if (!batch_norm) return {.in = in, .out = out, .kernel = kernel, .stride = stride, .padding = padding};
    return {.in = in, .out = out, .kernel = kernel, .stride = stride, .padding = padding, .bias = std::nullopt};
  }
};

/// (N, in, H, W) to (N, classes): a ConvBlock for each of `channels`, and one to the classes, without activation. Each
/// halves height and width, so that images of 28 by 28 pixels need four channels; with a first stride of 1 one more.
/// Throws: ShapeError unless a single pixel is left. Source: fast.ai's course, part 2 of 2022, notebooks
/// 07_convolutions, 11_initializing and 13_resnet.
template <class T, class Act = ReLU>
struct BasicConvNet {
  static constexpr std::string_view layer_name = "ConvNet";

  Index in = 1;
  std::vector<Index> channels = {8, 16, 32, 64};
  Index classes = 10;
  bool batch_norm = true;
  bool last_norm = false;  ///< whether the classes are normalised too
  Size2 first_stride = 2;
  Act act = {};
  std::vector<BasicConvBlock<T, Act>> blocks = make_blocks();

  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const Var<4, T>& x) {
      Var<4, T> y = x;
      for (const auto& block : blocks) y = block(y);
      if (y.size(2) != 1 || y.size(3) != 1) {
        fail<ShapeError>("conv_net", "as many channels as it takes to halve the image to a single pixel",
                         concat(channels.size(), " make ", y.shape(), " of ", x.shape()));
      }
      return flatten(y);
    });
  }

 private:
  std::vector<BasicConvBlock<T, Act>> make_blocks() const {
    std::vector<BasicConvBlock<T, Act>> made;
    Index from = in;
    for (Index to : channels) {
      const Size2 stride = made.empty() ? first_stride : Size2(2);
      made.push_back({.in = from, .out = to, .stride = stride, .batch_norm = batch_norm, .act = act});
      from = to;
    }
    made.push_back({.in = from, .out = classes, .stride = 2, .batch_norm = last_norm, .act = std::nullopt});
    return made;
  }
};

using ConvBlock = BasicConvBlock<float>;
using ConvNet = BasicConvNet<float>;

}  // namespace kiln
