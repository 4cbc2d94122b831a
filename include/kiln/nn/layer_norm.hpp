// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `LayerNorm`: normalises each sample over its last axis, or axes, in training and eval mode alike.
#pragma once

#include <optional>

#include <kiln/nn/module.hpp>
#include <kiln/nn/normalize_groups.hpp>

namespace kiln {

/// x (..., shape): y = (x - mean) / sqrt(variance + eps) * weight + bias, where mean and variance are those of the last
/// Axes axes, 1 to 3, and weight and bias have their shape. `LayerNorm{{128}}`; `LayerNormOver<3>{{8, 14, 14}}`.
/// Throws: ShapeError unless the input's last axes are `shape`.
/// Source: Ba, Kiros & Hinton 2016, https://arxiv.org/abs/1607.06450; names and formulas of torch.nn.LayerNorm.
template <class T, int Axes = 1>
struct BasicLayerNorm {
  static_assert(Axes >= 1 && Axes <= 3, "kiln: LayerNorm normalises over the last axis, the last two or three");
  static constexpr std::string_view layer_name = "LayerNorm";
  static constexpr bool is_norm = true;

  Shape<Axes> shape = {};
  double eps = 1e-5;
  bool affine = true;  ///< whether there are weight and bias
  std::optional<Param<Axes, T>> weight = detail::norm_param<T>(affine, shape, 1);
  std::optional<Param<Axes, T>> bias = detail::norm_param<T>(affine, shape, 0);

  auto operator()(const auto& input) const {
    return announce(*this, input, [&]<int R>(const Var<R, T>& x) {
      static_assert(R >= Axes, "kiln: LayerNorm's input has at least the axes that it normalises over");
      const Index size = numel(shape);
      if (size == 0)
        fail<UsageError>("layer_norm", "the layer needs its shape, as in LayerNorm{{64}}", "it was made without");
      Index rows = 1;
      for (int axis = 0; axis < R; ++axis) {
        const int own = axis - (R - Axes);
        if (own < 0) {
          rows *= x.size(axis);
        } else if (x.size(axis) != shape[own]) {
          fail<ShapeError>("layer_norm", concat("input's last axes must be ", shape), concat("got shape ", x.shape()));
        }
      }
      return detail::with_affine(x, weight, bias, shape, [&](const auto& w, const auto& b) {
        return detail::normalize_groups("layer_norm", x, w, b, {{rows, size, 1}, 1}, eps);
      });
    });
  }
};

template <int Axes>
using LayerNormOver = BasicLayerNorm<float, Axes>;
using LayerNorm = LayerNormOver<1>;

}  // namespace kiln
