// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Normalisation of each channel over all samples and positions: the arithmetic behind batch norm of any rank.
#pragma once

#include <cmath>

#include <kiln/autograd/record.hpp>
#include <kiln/core/parallel.hpp>

namespace kiln::detail {

/// A tensor (N, C, ...) as N blocks of C channels of `inner` elements.
struct ChannelDims {
  Index samples = 1, channels = 1, inner = 1;

  template <int R>
  explicit ChannelDims(const Shape<R>& shape) {
    static_assert(R >= 2, "kiln: channels are normalised in (N, C) or (N, C, ...)");
    for (int axis = 0; axis < R; ++axis) (axis == 0 ? samples : axis == 1 ? channels : inner) *= shape[axis];
  }
  Index per_channel() const { return samples * inner; }

  /// Calls f(channel, i) for every element i. A channel's elements are visited by one thread, always in the same order.
  template <class F>
  void for_each(F f) const {
    parallel_ranges(channels, 4 * per_channel(), [&](Index first, Index last) {
      for (Index n = 0; n < samples; ++n) {
        if (inner == 1) {
          for (Index c = first; c < last; ++c) f(c, n * channels + c);
        } else {
          for (Index c = first; c < last; ++c) {
            const Index begin = (n * channels + c) * inner;
            for (Index i = begin; i < begin + inner; ++i) f(c, i);
          }
        }
      }
    });
  }

  /// For each channel, the sum in double of f(channel, i).
  template <class F>
  Tensor<1, double> sum(F f) const {
    auto sums = zeros<double>({channels});
    for_each([f, to = sums.data()](Index c, Index i) { to[c] += f(c, i); });
    return sums;
  }
};

/// Mean and (biased) variance of each channel. In two passes: E[x^2] - E[x]^2 loses everything where the mean is large.
struct ChannelMoments {
  Tensor<1, double> mean, variance;

  template <class T>
  ChannelMoments(const T* x, const ChannelDims& dims) {
    const auto count = static_cast<double>(dims.per_channel());
    mean = dims.sum([x](Index, Index i) { return static_cast<double>(x[i]); }) / count;
    variance = dims.sum([x, m = mean.data()](Index c, Index i) {
      const double d = static_cast<double>(x[i]) - m[c];
      return d * d;
    }) / count;
  }
};

/// y = (x - mean) scale weight + bias for each channel. If mean and scale = 1 / standard deviation were computed from x
/// itself, the gradient flows through them too; otherwise they are constants.
template <int R, class T>
Var<R, T> normalize_channels(const Var<R, T>& x, const Var<1, T>& weight, const Var<1, T>& bias, Tensor<1, T> mean,
                             Tensor<1, T> scale, bool computed_from_x) {
  const ChannelDims dims(x.shape());
  auto value = uninitialised<T>(x.shape());
  dims.for_each([x = x.value().data(), y = value.data(), w = weight.value().data(), b = bias.value().data(),
                 m = mean.data(), s = scale.data()](Index c, Index i) { y[i] = (x[i] - m[c]) * s[c] * w[c] + b[c]; });

  auto pull_back = [x, weight, dims, mean = std::move(mean), scale = std::move(scale), computed_from_x](
                       const Tensor<R, T>& dy, GradSlot<R, T>& dx, GradSlot<1, T>& dw, GradSlot<1, T>& db) {
    auto normal = [x = x.value().data(), m = mean.data(), s = scale.data()](Index c, Index i) {
      return (x[i] - m[c]) * s[c];
    };
    const auto sum_dy = dims.sum([dy = dy.data()](Index, Index i) { return static_cast<double>(dy[i]); });
    const auto sum_dy_normal =
        dims.sum([=, dy = dy.data()](Index c, Index i) { return static_cast<double>(dy[i] * normal(c, i)); });
    if (dw) dw += sum_dy_normal.template to<T>();
    if (db) db += sum_dy.template to<T>();
    dx.add_by([&](Tensor<R, T>& to, bool first) {
      // dx = weight scale (dy - mean(dy) - normal mean(dy normal))
      const double share = computed_from_x ? 1 / static_cast<double>(dims.per_channel()) : 0;
      const auto mean_dy = (sum_dy * share).template to<T>();
      const auto mean_dy_normal = (sum_dy_normal * share).template to<T>();
      dims.for_each([=, w = weight.value().data(), s = scale.data(), dy = dy.data(), a = mean_dy.data(),
                     b = mean_dy_normal.data(), out = to.data()](Index c, Index i) {
        const T d = w[c] * s[c] * (dy[i] - a[c] - normal(c, i) * b[c]);
        out[i] = first ? d : out[i] + d;
      });
    });
  };
  return record("batch_norm", std::move(value), std::move(pull_back), x, weight, bias);
}

}  // namespace kiln::detail
