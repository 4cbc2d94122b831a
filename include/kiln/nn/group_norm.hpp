// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `GroupNorm`: normalises groups of channels of each sample, in training and eval mode alike.
#pragma once

#include <optional>

#include <kiln/nn/module.hpp>
#include <kiln/nn/normalize_groups.hpp>

namespace kiln {

/// x (N, C) or (N, C, ...), where C is `channels`: y = (x - mean) / sqrt(variance + eps) * weight + bias. Mean and
/// variance are those of a group of C / groups neighbouring channels of one sample; weight and bias go by channel.
/// Throws: UsageError unless `groups` divides `channels`, ShapeError unless axis 1 is `channels`.
/// Source: Wu & He 2018, https://arxiv.org/abs/1803.08494; names and formulas of torch.nn.GroupNorm.
template <class T>
struct BasicGroupNorm {
  static constexpr std::string_view layer_name = "GroupNorm";
  static constexpr bool is_norm = true;

  Index groups = 0;
  Index channels = 0;
  double eps = 1e-5;
  bool affine = true;  ///< whether there are weight and bias
  std::optional<Param<1, T>> weight = detail::norm_param<T>(affine, Shape<1>(channels), 1);
  std::optional<Param<1, T>> bias = detail::norm_param<T>(affine, Shape<1>(channels), 0);

  auto operator()(const auto& input) const {
    return announce(*this, input, [&]<int R>(const Var<R, T>& x) {
      static_assert(R >= 2, "kiln: GroupNorm takes (N, C) or (N, C, ...)");
      constexpr std::string_view op = "group_norm";
      if (channels == 0 || groups == 0)
        fail<UsageError>(op, "the layer needs its sizes, as in GroupNorm{.groups = 4, .channels = 64}",
                         concat("got ", groups, " groups of ", channels, " channels"));
      if (groups < 0 || channels % groups != 0)
        fail<UsageError>(op, "the groups must divide the channels",
                         concat("got ", groups, " groups of ", channels, " channels"));
      detail::require_features(op, layer_name, channels, x.shape());
      return detail::with_affine(x, weight, bias, Shape<1>(channels), [&](const auto& w, const auto& b) {
        return detail::normalize_groups(op, x, w, b, {detail::ChannelDims(x.shape()), groups}, eps);
      });
    });
  }
};

using GroupNorm = BasicGroupNorm<float>;

}  // namespace kiln
