// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `BatchNorm1d` and `BatchNorm2d`: normalise each channel over the batch in training, by running statistics in eval
/// mode.
#pragma once

#include <cstdint>
#include <optional>

#include <kiln/nn/module.hpp>
#include <kiln/nn/normalize_channels.hpp>

namespace kiln {

struct ReLU;

/// `BatchNorm1d` (Axes 1) takes (N, C) or (N, C, L), `BatchNorm2d` (Axes 2) takes (N, C, H, W), where C is `features`:
/// y = (x - mean) / sqrt(variance + eps) * weight + bias. In training, mean and variance are those of the batch, and
/// the running ones follow: running += momentum * (batch - running), as PyTorch defines momentum, where a small one
/// means a long memory. That happens when the context commits what layers deferred, as `backward` does; the variance
/// that is remembered is the unbiased one.
/// Throws: ShapeError unless axis 1 is `features` and, in training, there are two values of each channel or more.
/// Source: Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167; names and formulas of torch.nn.BatchNorm2d.
template <class T, int Axes>
struct BasicBatchNorm {
  static_assert(Axes == 1 || Axes == 2, "kiln: there are BatchNorm1d and BatchNorm2d");
  static constexpr std::string_view layer_name = Axes == 1 ? "BatchNorm1d" : "BatchNorm2d";
  static constexpr bool is_norm = true;
  using FusesWith = ReLU;

  Index features = 0;
  double eps = 1e-5;
  double momentum = 0.1;  ///< the weight of a new batch in the running statistics
  bool affine = true;     ///< whether there are weight and bias
  std::optional<Param<1, T>> weight = detail::norm_param<T>(affine, Shape<1>(features), 1);
  std::optional<Param<1, T>> bias = detail::norm_param<T>(affine, Shape<1>(features), 0);
  Buffer<1, T> running_mean = zeros<T>({features});
  Buffer<1, T> running_var = ones<T>({features});
  Buffer<0, std::int64_t> num_batches_tracked = Tensor<0, std::int64_t>(0);

  auto operator()(const auto& input) const {
    return announce(*this, input, [&]<int R>(const Var<R, T>& x) { return normalized(x, detail::ThenRelu<R, T>{}); });
  }
  /// With ReLU in the same passes.
  auto fused(const ReLU&, const auto& input) const {
    return announce(
        *this, input, [&]<int R>(const Var<R, T>& x) { return normalized(x, detail::ThenRelu<R, T>{true}); },
        Axes == 1 ? "BatchNorm1d+ReLU" : "BatchNorm2d+ReLU");
  }
  /// With ReLU of the sum with `more`, of the same shape, in the same passes.
  template <int R>
  Var<R, T> fused(const ReLU&, const Var<R, T>& input, const Var<R, T>& more) const {
    return announce(
        *this, input,
        [&](const Var<R, T>& x) {
          return normalized(x, detail::ThenRelu<R, T>{true, more});
        },
        Axes == 1 ? "BatchNorm1d+Sum+ReLU" : "BatchNorm2d+Sum+ReLU");
  }

 private:
  template <int R>
  Var<R, T> normalized(const Var<R, T>& x, const detail::ThenRelu<R, T>& then) const {
    static_assert(Axes != 1 || R == 2 || R == 3, "kiln: BatchNorm1d takes (N, C) or (N, C, L)");
    static_assert(Axes != 2 || R == 4, "kiln: BatchNorm2d takes (N, C, H, W)");
    detail::require_features("batch_norm", layer_name, features, x.shape());
    return detail::with_affine(x, weight, bias, Shape<1>(features),
                               [&](const auto& w, const auto& b) { return forward(x, w, b, then); });
  }

  template <int R>
  Var<R, T> forward(const Var<R, T>& x, const Var<1, T>& w, const Var<1, T>& b,
                    const detail::ThenRelu<R, T>& then) const {
    if (x.mode() == Mode::eval)
      return detail::normalize_channels("batch_norm", x, w, b, eps, running_mean.value, running_var.value, then);
    const Index count = detail::ChannelDims(x.shape()).per_channel();
    if (count < 2) {
      fail<ShapeError>("batch_norm", "training needs more than one value of each feature",
                       concat("got shape ", x.shape()));
    }
    detail::NormMoments moments(features);
    auto y = detail::normalize_channels("batch_norm", x, w, b, eps, moments, then);
    x.context()->defer([this, moments = std::move(moments), count] {
      moments.remember(running_mean.value, running_var.value, momentum, count);
      num_batches_tracked.value += 1;
    });
    return y;
  }
};

template <class T>
using BasicBatchNorm1d = BasicBatchNorm<T, 1>;
template <class T>
using BasicBatchNorm2d = BasicBatchNorm<T, 2>;
using BatchNorm1d = BasicBatchNorm1d<float>;
using BatchNorm2d = BasicBatchNorm2d<float>;

}  // namespace kiln
