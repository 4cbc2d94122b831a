// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// What layers that normalise share: how they see their input, their moments, and sums of columns.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include <kiln/autograd/record.hpp>
#include <kiln/kernels/normalize_columns.hpp>

namespace kiln::detail {

/// A tensor (N, C, ...) as N samples of C planes of `inner` elements.
struct ChannelDims {
  Index samples = 1, channels = 1, inner = 1;

  template <int R>
  explicit ChannelDims(const Shape<R>& shape) {
    static_assert(R >= 2, "kiln: channels are normalised in (N, C) or (N, C, ...)");
    for (int axis = 0; axis < R; ++axis) (axis == 0 ? samples : axis == 1 ? channels : inner) *= shape[axis];
  }
  ChannelDims(Index n, Index c, Index plane) : samples(n), channels(c), inner(plane) {}

  Index per_channel() const { return samples * inner; }
  Index per_sample() const { return channels * inner; }
  /// Planes of a vector or two are not worth a loop each: they are seen as columns with the numbers of their channel.
  bool as_columns() const { return inner < 32; }
};

/// Elements, zero at first, in memory from the pool.
template <class X>
class Scratch {
  static_assert(std::is_trivially_destructible_v<X>);

 public:
  explicit Scratch(Index count = 0) : block_(static_cast<std::size_t>(count) * sizeof(X)) {
    std::uninitialized_value_construct_n(data(), count);
  }
  X* data() { return static_cast<X*>(block_.payload()); }
  X& operator[](Index i) { return data()[i]; }

 private:
  BlockRef block_;
};

/// Mean and (biased) variance of each channel or group.
struct NormMoments {
  Tensor<1, double> mean, variance;

  explicit NormMoments(Index count)
      : mean(uninitialised<double>(Shape<1>(count))), variance(uninitialised<double>(Shape<1>(count))) {}

  void set(Index i, const PartialMoments& moments) {
    mean.data()[i] = moments.mean();
    variance.data()[i] = moments.variance();
  }

  /// Of moments of N samples with `channels` each, the mean over the samples.
  NormMoments averaged(Index channels) const {
    NormMoments result(channels);
    const Index samples = mean.numel() / channels;
    for (auto [from, to] : {std::pair(mean.data(), result.mean.data()), {variance.data(), result.variance.data()}}) {
      for (Index c = 0; c < channels; ++c) {
        double sum = 0;
        for (Index n = 0; n < samples; ++n) sum += from[n * channels + c];
        to[c] = sum / static_cast<double>(samples);
      }
    }
    return result;
  }

  /// Moves running statistics by a share `momentum` towards these, which are of so many values each.
  template <class T>
  void remember(Tensor<1, T>& running_mean, Tensor<1, T>& running_var, double momentum, Index values) const {
    const auto count = static_cast<double>(values);
    auto move = [&](Tensor<1, T>& running, const Tensor<1, double>& batch, double factor) {
      unshare(running);
      for (Index i = 0; i < running.numel(); ++i) {
        const auto old = static_cast<double>(running.data()[i]);
        running.data()[i] = static_cast<T>((1 - momentum) * old + momentum * factor * batch.data()[i]);
      }
    };
    move(running_mean, mean, 1);
    move(running_var, variance, count / (count - 1));  // unbiased
  }
};

/// 1 / standard deviation.
inline double norm_scale(double variance, double eps) { return 1 / std::sqrt(variance + eps); }

/// Statistics as layers use them and keep them for the gradient.
template <class T>
struct NormStats {
  Tensor<1, T> mean, scale;

  explicit NormStats(Index count) : mean(uninitialised<T>(Shape<1>(count))), scale(uninitialised<T>(Shape<1>(count))) {}

  void set(Index i, double m, double variance, double eps) {
    mean.data()[i] = static_cast<T>(m);
    scale.data()[i] = static_cast<T>(norm_scale(variance, eps));
  }
};

/// The initial weight or bias of a layer that has them.
template <class T, int R>
std::optional<Param<R, T>> norm_param(bool affine, const Shape<R>& shape, T value) {
  if (!affine) return std::nullopt;
  return full<T>(shape, value);
}

template <int R>
void require_features(std::string_view op, std::string_view layer, Index features, const Shape<R>& shape) {
  if (features == 0) {
    fail<UsageError>(op, concat("the layer needs its size, as in ", layer, "{64}"), "it was made without");
  }
  if (shape[1] != features) {
    fail<ShapeError>(op, concat("input's axis 1 must be ", features), concat("got shape ", shape));
  }
}

/// f(weight, bias) with the layer's own as vars in the context of x, or without context as ones and zeros.
template <int R, class T, int P, class F>
auto with_affine(const Var<R, T>& x, const std::optional<Param<P, T>>& weight, const std::optional<Param<P, T>>& bias,
                 const Shape<P>& shape, F f) {
  return f(weight ? to_var(x.context(), *weight) : Var<P, T>(ones<T>(shape)),
           bias ? to_var(x.context(), *bias) : Var<P, T>(zeros<T>(shape)));
}

/// Adds one of the sums of each channel to the gradient of a weight or bias.
template <int P, class T>
void add_channel_grad(GradSlot<P, T>& slot, const GradSums* sums, double GradSums::*sum) {
  slot.add_by([&](Tensor<P, T>& to, bool first) {
    for (Index c = 0; c < to.numel(); ++c) to.data()[c] = static_cast<T>(sums[c].*sum) + (first ? T{} : to.data()[c]);
  });
}

/// A number for each channel as one for each of its columns.
template <class T>
void spread_channels(const T* values, Index channels, Index inner, T* to) {
  for (Index c = 0; c < channels; ++c) std::fill_n(to + c * inner, inner, values[c]);
}

/// `Count` sums for each column: in T over a few rows at once, then in double.
template <class T, Index Count>
class ColumnSums {
 public:
  explicit ColumnSums(Index columns) : columns_(columns), part_(Count * columns), total_(Count * columns) {}

  /// `add(first, rows, sums)` adds rows to `Count * columns` sums.
  template <class F>
  void add_rows(Index rows, F add) {
    constexpr Index at_once = 64;
    for (Index first = 0; first < rows; first += at_once) {
      std::fill_n(part_.data(), Count * columns_, T{});
      add(first, (std::min)(at_once, rows - first), part_.data());
      for (Index i = 0; i < Count * columns_; ++i) total_[i] += static_cast<double>(part_[i]);
    }
  }
  /// The sums that came first, those that came second, ...
  const double* operator[](Index sum) { return total_.data() + sum * columns_; }

 private:
  Index columns_;
  Scratch<T> part_;
  Scratch<double> total_;
};

}  // namespace kiln::detail
