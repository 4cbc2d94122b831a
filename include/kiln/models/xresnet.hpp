// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `XResNet`: the ResNet for photographs with the tricks that were found since: `XResNet{}` is XResNet-18. Not part of
/// kiln.hpp.
#pragma once

#include <kiln/models/resnet.hpp>

namespace kiln {

/// (N, in, H, W) to (N, classes): three convolutions instead of one of 7 by 7, the first with stride 2, and a maximum
/// over 3 by 3 pixels with stride 2; a stage of `depths[i]` ResBlocks of `widths[i]` channels each, of which all but
/// the first halve height and width; the average over each channel, dropout, a linear layer. The last norm of a block
/// begins with weight 0. Deeper ones: `{.depths = {3, 4, 6, 3}}` is XResNet-34. Throws: UsageError unless there are as
/// many depths as widths. Source: He et al. 2018, Bag of Tricks, https://arxiv.org/abs/1812.01187, ResNet-D; fastai's
/// xresnet18.
template <class T, class Act = ReLU>
struct BasicXResNet {
  static constexpr std::string_view layer_name = "XResNet";

  Index in = 3;
  Index classes = 1000;
  std::vector<Index> stem_channels = {32, 32, 64};
  std::vector<Index> widths = {64, 128, 256, 512};
  std::vector<Index> depths = {2, 2, 2, 2};
  double dropout = 0;
  Act act = {};
  std::vector<BasicConvBlock<T, Act>> stem = make_stem();
  MaxPool2d stem_pool{.kernel = 3, .stride = 2, .padding = 1};
  std::vector<std::vector<BasicResBlock<T, Act>>> stages = make_stages();
  GlobalAvgPool2d pool = {};
  Dropout drop{dropout};
  BasicLinear<T> head{widths.empty() ? 0 : widths.back(), classes};

  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const Var<4, T>& x) {
      Var<4, T> y = x;
      for (const auto& block : stem) y = block(y);
      y = stem_pool(y);
      for (const auto& stage : stages) {
        for (const auto& block : stage) y = block(y);
      }
      Var<2, T> z = pool(y);
      if (dropout > 0) z = drop(z);
      return head(z);
    });
  }

 private:
  std::vector<BasicConvBlock<T, Act>> make_stem() const {
    std::vector<BasicConvBlock<T, Act>> made;
    Index from = in;
    for (Index to : stem_channels) {
      made.push_back({.in = from, .out = to, .stride = made.empty() ? 2 : 1, .act = act});
      from = to;
    }
    return made;
  }

  std::vector<std::vector<BasicResBlock<T, Act>>> make_stages() const {
    if (widths.size() != depths.size()) {
      fail<UsageError>("xresnet", "each stage must have a width and a depth",
                       concat("got ", widths.size(), " widths and ", depths.size(), " depths"));
    }
    std::vector<std::vector<BasicResBlock<T, Act>>> made;
    Index from = stem_channels.empty() ? in : stem_channels.back();
    for (std::size_t s = 0; s < widths.size(); ++s) {
      auto& stage = made.emplace_back();
      for (Index i = 0; i < depths[s]; ++i) {
        stage.push_back({.in = from,
                         .out = widths[s],
                         .stride = s > 0 && i == 0 ? 2 : 1,
                         .stride_first = true,
                         .shortcut_norm = true,
                         .zero_init = true,
                         .act = act});
        from = widths[s];
      }
    }
    return made;
  }
};

using XResNet = BasicXResNet<float>;

}  // namespace kiln
