// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `InstanceNorm1d` and `InstanceNorm2d`: normalise each channel of each sample by itself.
#pragma once

#include <cstdint>
#include <optional>

#include <kiln/nn/module.hpp>
#include <kiln/nn/normalize_channels.hpp>
#include <kiln/nn/normalize_groups.hpp>

namespace kiln {

/// `InstanceNorm1d` (Axes 1) takes (N, C, L), `InstanceNorm2d` (Axes 2) takes (N, C, H, W), where C is `features`:
/// y = (x - mean) / sqrt(variance + eps), with mean and variance of each plane, in training and eval mode alike. With
/// `affine` times weight plus bias. With `track_running_stats`, averages over the samples are remembered in training as
/// in BatchNorm2d, and used in eval mode; as in PyTorch, num_batches_tracked stays 0.
/// Throws: ShapeError unless axis 1 is `features` and planes that are normalised by themselves have two values or more.
/// Source: Ulyanov et al. 2016, https://arxiv.org/abs/1607.08022; names and formulas of torch.nn.InstanceNorm2d.
template <class T, int Axes>
struct BasicInstanceNorm {
  static_assert(Axes == 1 || Axes == 2, "kiln: there are InstanceNorm1d and InstanceNorm2d");
  static constexpr std::string_view layer_name = Axes == 1 ? "InstanceNorm1d" : "InstanceNorm2d";
  static constexpr bool is_norm = true;

  Index features = 0;
  double eps = 1e-5;
  double momentum = 0.1;             ///< the weight of a new batch in the running statistics
  bool affine = false;               ///< whether there are weight and bias
  bool track_running_stats = false;  ///< whether there are running statistics
  std::optional<Param<1, T>> weight = detail::norm_param<T>(affine, Shape<1>(features), 1);
  std::optional<Param<1, T>> bias = detail::norm_param<T>(affine, Shape<1>(features), 0);
  std::optional<Buffer<1, T>> running_mean = tracked(full<T>({features}, 0));
  std::optional<Buffer<1, T>> running_var = tracked(full<T>({features}, 1));
  std::optional<Buffer<0, std::int64_t>> num_batches_tracked = tracked(Tensor<0, std::int64_t>(0));

  auto operator()(const auto& input) const {
    return announce(*this, input, [&]<int R>(const Var<R, T>& x) {
      static_assert(Axes != 1 || R == 3, "kiln: InstanceNorm1d takes (N, C, L)");
      static_assert(Axes != 2 || R == 4, "kiln: InstanceNorm2d takes (N, C, H, W)");
      detail::require_features("instance_norm", layer_name, features, x.shape());
      return detail::with_affine(x, weight, bias, Shape<1>(features),
                                 [&](const auto& w, const auto& b) { return forward(x, w, b); });
    });
  }

 private:
  template <int R, class U>
  std::optional<Buffer<R, U>> tracked(Tensor<R, U> initial) const {
    if (!track_running_stats) return std::nullopt;
    return Buffer<R, U>(std::move(initial));
  }

  template <int R>
  Var<R, T> forward(const Var<R, T>& x, const Var<1, T>& w, const Var<1, T>& b) const {
    if (x.mode() == Mode::eval && running_mean)
      return detail::normalize_channels("instance_norm", x, w, b, eps, running_mean->value, running_var->value);
    const detail::GroupDims dims{detail::ChannelDims(x.shape()), features};
    const Index count = dims.all.inner;
    if (count < 2) {
      fail<ShapeError>("instance_norm", "each channel of a sample needs more than one value",
                       concat("got shape ", x.shape()));
    }
    const bool remember = running_mean && x.context() && dims.all.samples > 0;
    detail::NormMoments moments(remember ? dims.stats() : 0);
    auto y = detail::normalize_groups("instance_norm", x, w, b, dims, eps, remember ? &moments : nullptr);
    if (remember) {
      x.context()->defer([this, moments = moments.averaged(features), count] {
        moments.remember(running_mean->value, running_var->value, momentum, count);
      });
    }
    return y;
  }
};

template <class T>
using BasicInstanceNorm1d = BasicInstanceNorm<T, 1>;
template <class T>
using BasicInstanceNorm2d = BasicInstanceNorm<T, 2>;
using InstanceNorm1d = BasicInstanceNorm1d<float>;
using InstanceNorm2d = BasicInstanceNorm2d<float>;

}  // namespace kiln
