// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `ResNet`: the course's residual network for small images, and its `ResBlock`. Not part of kiln.hpp.
#pragma once

#include <kiln/models/conv_net.hpp>
#include <kiln/nn/dropout.hpp>
#include <kiln/nn/linear.hpp>
#include <kiln/nn/pool.hpp>

namespace kiln {

/// act(conv2(conv1(x)) + shortcut(pool(x))): (N, in, H, W) to (N, out, H / stride, W / stride), rounded up. The
/// shortcut is x itself as far as that fits: a stride averages, other channels need a convolution of 1 by 1. Source: He
/// et al. 2015, https://arxiv.org/abs/1512.03385; fast.ai's course, part 2 of 2022, notebook 13_resnet; for the zero
/// and the average He et al. 2018, https://arxiv.org/abs/1812.01187, sections 3.1 and 4.2.
template <class T, class Act = ReLU>
struct BasicResBlock {
  static constexpr std::string_view layer_name = "ResBlock";

  Index in = 0;
  Index out = 0;
  Size2 stride = 1;
  Size2 kernel = 3;
  bool batch_norm = true;
  bool stride_first = false;   ///< conv1 has the stride instead of conv2: less arithmetic
  bool shortcut_norm = false;  ///< whether the shortcut's convolution is normalised
  bool zero_init = false;      ///< conv2's norm begins with weight 0: an untrained block is its shortcut
  Act act = {};
  BasicConvBlock<T, Act> conv1{in, out, kernel, stride_first ? stride : Size2(1), batch_norm, act};
  BasicConvBlock<T, Act> conv2 = second_convolution();
  std::optional<AvgPool2d> pool = average();
  std::optional<BasicConvBlock<T, Act>> shortcut = one_by_one();

  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const Var<4, T>& x) {
      Var<4, T> kept = x;
      if (pool) kept = (*pool)(kept);
      if (shortcut) kept = (*shortcut)(kept);
      Var<4, T> y = conv1(x);
      if constexpr (std::is_same_v<Act, ReLU>) {
        const bool apart = x.context() && detail::layers_run_apart(*x.context());
        if (conv2.norm && !apart) return conv2.fused(act, y, kept);
      }
      y = conv2(y);
      return act(y + kept);
    });
  }

 private:
  BasicConvBlock<T, Act> second_convolution() const {
    BasicConvBlock<T, Act> block{out, out, kernel, stride_first ? Size2(1) : stride, batch_norm, std::nullopt};
    if (zero_init && block.norm) block.norm->weight->value.fill(0);
    return block;
  }
  std::optional<AvgPool2d> average() const {
    if (stride == Size2(1)) return std::nullopt;
    return AvgPool2d{.kernel = stride, .ceil_mode = true};
  }
  std::optional<BasicConvBlock<T, Act>> one_by_one() const {
    if (in == out) return std::nullopt;
    return BasicConvBlock<T, Act>{in, out, 1, 1, batch_norm && shortcut_norm, std::nullopt};
  }
};

/// (N, in, H, W) to (N, classes): for each of `channels` a stage of ResBlocks, the first of which halves height and
/// width, but not that of the first stage; then the average over each channel, dropout, a linear layer and a norm.
/// The course's network for 28 by 28 pixels is `ResNet{}`, its wide one `ResNet{.channels = {16, 32, 64, 128, 256,
/// 512}}`; `ResNet{.channels = {16, 32, 64}, .blocks_per_stage = 2}` does with a seventh of the parameters.
/// Source: as ResBlock's; where one pixel is left, as in the course, its average is what the course flattens.
template <class T, class Act = ReLU>
struct BasicResNet {
  static constexpr std::string_view layer_name = "ResNet";

  Index in = 1;
  std::vector<Index> channels = {8, 16, 32, 64, 128, 256};
  Index classes = 10;
  Index blocks_per_stage = 1;
  Size2 first_kernel = 3;
  bool batch_norm = true;
  bool last_norm = true;   ///< whether the classes are normalised too
  bool zero_init = false;  ///< see ResBlock: for deep ones; a shallow one learns faster without
  double dropout = 0;      ///< of whole channels behind the first stage, and of elements in front of the linear layer
  Act act = {};
  std::vector<std::vector<BasicResBlock<T, Act>>> stages = make_stages();
  Dropout2d drop_channels{dropout};
  GlobalAvgPool2d pool = {};
  Dropout drop{dropout};
  BasicLinear<T> head = make_head();  ///< without bias in front of a norm
  std::optional<BasicBatchNorm1d<T>> norm = detail::norm_if<BasicBatchNorm1d<T>>(last_norm, classes);

  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const Var<4, T>& x) {
      Var<4, T> y = x;
      for (const auto& stage : stages) {
        for (const auto& block : stage) y = block(y);
        if (dropout > 0 && &stage == &stages.front()) y = drop_channels(y);
      }
      Var<2, T> z = pool(y);
      if (dropout > 0) z = drop(z);
      z = head(z);
      return norm ? (*norm)(z) : z;
    });
  }

 private:
  BasicLinear<T> make_head() const {
    const Index features = channels.empty() ? in : channels.back();
    if (last_norm) return {.in = features, .out = classes, .bias = std::nullopt};
    return {features, classes};
  }
  std::vector<std::vector<BasicResBlock<T, Act>>> make_stages() const {
    std::vector<std::vector<BasicResBlock<T, Act>>> made;
    Index from = in;
    for (Index to : channels) {
      auto& stage = made.emplace_back();
      for (Index i = 0; i < blocks_per_stage; ++i) {
        const bool first = made.size() == 1 && i == 0, halves = made.size() > 1 && i == 0;
        stage.push_back({.in = from,
                         .out = to,
                         .stride = halves ? 2 : 1,
                         .kernel = first ? first_kernel : Size2(3),
                         .batch_norm = batch_norm,
                         .zero_init = zero_init,
                         .act = act});
        from = to;
      }
    }
    return made;
  }
};

using ResBlock = BasicResBlock<float>;
using ResNet = BasicResNet<float>;

}  // namespace kiln
