// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `BatchNorm1d`: normalises each feature over the batch in training, by running statistics in eval mode.
#pragma once

#include <cstdint>
#include <optional>

#include <kiln/nn/module.hpp>
#include <kiln/nn/normalize.hpp>

namespace kiln {

/// (N, C) or (N, C, L), where C is `features`: y = (x - mean) / sqrt(variance + eps) * weight + bias. Running
/// statistics are updated when the context commits what layers deferred, as `backward` does.
/// Throws: ShapeError unless axis 1 is `features` and, in training, there are two values of each feature or more.
/// Source: Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167; names and formulas of torch.nn.BatchNorm1d.
template <class T>
struct BasicBatchNorm1d {
  static constexpr std::string_view layer_name = "BatchNorm1d";

  Index features = 0;
  double eps = 1e-5;
  double momentum = 0.1;  ///< the weight of a new batch in the running statistics
  bool affine = true;     ///< whether there are weight and bias
  std::optional<Param<1, T>> weight = initial(affine, features, 1);
  std::optional<Param<1, T>> bias = initial(affine, features, 0);
  Buffer<1, T> running_mean = zeros<T>({features});
  Buffer<1, T> running_var = ones<T>({features});
  Buffer<0, std::int64_t> num_batches_tracked = Tensor<0, std::int64_t>(0);

  auto operator()(const auto& input) const {
    return announce(*this, input, [&]<int R>(const Var<R, T>& x) {
      static_assert(R == 2 || R == 3, "kiln: BatchNorm1d takes (N, C) or (N, C, L)");
      check(x.shape());
      if (!weight) return forward(x, Var<1, T>(ones<T>({features})), Var<1, T>(zeros<T>({features})));
      auto affine_forward = [&](const auto&... in) { return forward(in...); };
      return detail::with_vars("batch_norm", affine_forward, x, *weight, *bias);
    });
  }

 private:
  static std::optional<Param<1, T>> initial(bool affine, Index features, T value) {
    if (!affine) return std::nullopt;
    return full<T>({features}, value);
  }

  template <int R>
  void check(const Shape<R>& shape) const {
    if (features == 0) {
      fail<UsageError>("batch_norm", "the layer needs its size, as in BatchNorm1d{64}", "it was made without");
    }
    if (shape[1] != features) {
      fail<ShapeError>("batch_norm", concat("input's axis 1 must be ", features), concat("got shape ", shape));
    }
  }

  template <int R>
  Var<R, T> forward(const Var<R, T>& x, const Var<1, T>& w, const Var<1, T>& b) const {
    auto scale = [&](double variance) { return static_cast<T>(1 / std::sqrt(variance + eps)); };
    if (x.mode() == Mode::eval) {
      auto running_scale = map(running_var.value, [&](T variance) { return scale(static_cast<double>(variance)); });
      return detail::normalize_channels(x, w, b, running_mean.value.clone(), std::move(running_scale), false);
    }
    const detail::ChannelDims dims(x.shape());
    if (dims.per_channel() < 2) {
      fail<ShapeError>("batch_norm", "training needs more than one value of each feature",
                       concat("got shape ", x.shape()));
    }
    detail::ChannelMoments moments(x.value().data(), dims);
    auto mean = moments.mean.template to<T>();
    auto batch_scale = map(moments.variance, scale);
    x.context()->defer([this, moments = std::move(moments), count = static_cast<double>(dims.per_channel())] {
      const double keep = 1 - momentum;
      running_mean.value = (running_mean.value.template to<double>() * keep + moments.mean * momentum).template to<T>();
      const auto unbiased = moments.variance * (count / (count - 1));
      running_var.value = (running_var.value.template to<double>() * keep + unbiased * momentum).template to<T>();
      num_batches_tracked.value += 1;
    });
    return detail::normalize_channels(x, w, b, std::move(mean), std::move(batch_scale), true);
  }
};

using BatchNorm1d = BasicBatchNorm1d<float>;

}  // namespace kiln
