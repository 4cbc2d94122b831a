// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Normalisation of each channel over all samples and positions: the arithmetic behind batch norm of any rank.
#pragma once

#include <kiln/core/parallel.hpp>
#include <kiln/nn/normalize.hpp>

namespace kiln::detail {

/// Some neighbouring channels of all samples: few enough that they are still in the cache in the second pass.
template <class T>
class ChannelBlock {
 public:
  ChannelBlock(const ChannelDims& dims, Index first, Index count) : dims_(dims), first_(first), count_(count) {}

  Index first() const { return first_; }
  Index last() const { return first_ + count_; }

  /// Adds the elements of each channel to its moments.
  void add_moments(const T* x, PartialMoments* to) const {
    x += begin();
    if (!dims_.as_columns()) return run_for_isa<RunMomentsLoop>(x, runs(), to + first_);
    const Index width = columns(), stride = dims_.per_sample();
    const auto count = static_cast<double>(dims_.samples);
    ColumnSums<T, 1> sums(width);
    sums.add_rows(dims_.samples, [&](Index row, Index rows, T* sum) {
      run_for_isa<ColumnSumsLoop>(x + row * stride, rows, stride, width, sum);
    });
    Scratch<T> mean(width);
    for (Index i = 0; i < width; ++i) mean[i] = static_cast<T>(sums[0][i] / count);
    ColumnSums<T, 2> distances(width);
    distances.add_rows(dims_.samples, [&](Index row, Index rows, T* sum) {
      run_for_isa<ColumnMomentsLoop>(x + row * stride, rows, stride, width, mean.data(), sum, sum + width);
    });
    for (Index i = 0; i < width; ++i)
      to[first_ + i / dims_.inner].add(static_cast<double>(mean[i]), distances[0][i], distances[1][i], count);
  }

  void normalize(const T* x, NormParams<T> params, T* y, const NormRelu<T>& relu) const {
    Scratch<T> memory = own(params);
    x += begin();
    y += begin();
    if (dims_.as_columns()) run_for_isa<NormalizeLoop<true, true>>(x, runs(), params, y, relu.from(begin()));
    else run_for_isa<NormalizeLoop<false, false>>(x, runs(), params, y, relu.from(begin()));
  }

  /// Adds to the sums of each channel.
  void add_grad_sums(const T* x, NormGrad<T> dy, NormParams<T> params, GradSums* to) const {
    Scratch<T> memory = own(params);
    x += begin();
    dy = dy.from(begin());
    if (!dims_.as_columns()) return run_for_isa<GradSumsLoop<false>>(x, dy, runs(), params, to + first_, Index{0});
    const Index width = columns();
    ColumnSums<T, 2> sums(width);
    sums.add_rows(dims_.samples, [&](Index row, Index rows, T* sum) {
      RunDims some = runs();
      some.samples = rows;
      const Index from = row * dims_.per_sample();
      run_for_isa<ColumnGradSumsLoop<true>>(x + from, dy.from(from), some, params, sum, sum + width);
    });
    for (Index i = 0; i < width; ++i) {
      to[first_ + i / dims_.inner].dy += sums[0][i];
      to[first_ + i / dims_.inner].dy_normal += sums[1][i];
    }
  }

  void input_grad(const T* x, const T* dy, NormParams<T> params, T* dx, bool set) const {
    Scratch<T> memory = own(params);
    x += begin();
    dy += begin();
    dx += begin();
    if (dims_.as_columns()) run_for_isa<NormalizeGradLoop<true, true>>(x, dy, runs(), params, dx, set);
    else run_for_isa<NormalizeGradLoop<false, false>>(x, dy, runs(), params, dx, set);
  }

 private:
  Index begin() const { return first_ * dims_.inner; }
  Index columns() const { return count_ * dims_.inner; }
  RunDims runs() const {
    if (dims_.as_columns()) return {dims_.samples, 1, columns(), dims_.per_sample(), 0};
    return {dims_.samples, count_, dims_.inner, dims_.per_sample(), 0};
  }

  /// Makes numbers of all channels those of the block's channels, or of its columns in the memory that is returned.
  Scratch<T> own(NormParams<T>& params) const {
    const bool spread = dims_.as_columns() && dims_.inner > 1;
    Scratch<T> memory(spread ? 6 * columns() : 0);
    T* to = memory.data();
    for (const T** values :
         {&params.mean, &params.scale, &params.weight, &params.bias, &params.mean_dy, &params.mean_dy_normal}) {
      if (!*values) continue;
      *values += first_;
      if (!spread) continue;
      spread_channels(*values, count_, dims_.inner, to);
      *values = std::exchange(to, to + columns());
    }
    return memory;
  }

  ChannelDims dims_;
  Index first_, count_;
};

/// Calls f(block) for blocks that cover all channels, on several threads where that is worth it.
template <class T, class F>
void for_channel_blocks(const ChannelDims& dims, F f) {
  constexpr Index elements = 65536;
  const Index fit = elements / (std::max)(Index{1}, dims.per_channel());
  const Index count = (std::clamp)(fit, Index{1}, (std::max)(Index{1}, dims.channels / 4));
  parallel_ranges((dims.channels + count - 1) / count, 4 * count * dims.per_channel(), [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i)
      f(ChannelBlock<T>(dims, i * count, (std::min)(count, dims.channels - i * count)));
  });
}

/// What may follow in the same pass: relu, and before it the sum with `more` if that has elements.
template <int R, class T>
struct ThenRelu {
  bool wanted = false;
  Var<R, T> more = without_elements<R, T>();

  NormRelu<T> loop() const { return {wanted, more.value().data()}; }
  void require_shape(std::string_view op, const Shape<R>& shape) const {
    if (!loop().more || more.shape() == shape) return;
    fail<ShapeError>(op, concat("what is added must have shape ", shape), concat("got ", more.shape()));
  }
};

/// (x - mean) scale weight + bias by channels, and what follows, recorded with the gradient. If the statistics were
/// computed from x, it flows through them too; otherwise they are constants.
template <int R, class T>
Var<R, T> record_channels(std::string_view op, Tensor<R, T> y, const Var<R, T>& x, const Var<1, T>& weight,
                          const Var<1, T>& bias, const ThenRelu<R, T>& then, NormStats<T> stats, bool computed_from_x) {
  auto pull_back = [x, weight, stats = std::move(stats), computed_from_x, relu = then.wanted,
                    y = then.wanted ? alias(y) : without_elements<R, T>()](const Tensor<R, T>& dy, GradSlot<R, T>& dx,
                                                                           GradSlot<1, T>& dw, GradSlot<1, T>& db,
                                                                           GradSlot<R, T>& dmore) {
    const ChannelDims dims(x.shape());
    const double share = computed_from_x ? 1 / static_cast<double>(dims.per_channel()) : 0;
    const T* w = weight.value().data();
    Scratch<GradSums> sums(dims.channels);
    Scratch<T> mean_dy(dims.channels), mean_dy_normal(dims.channels);
    // What the relu lets through of dy lies in the memory of dy itself, if nothing else needs that, and so may dx.
    auto dz = unshared(dy) ? alias(dy) : relu ? uninitialised<T>(dy.shape()) : without_elements<R, T>();
    const T* arrived = relu ? dz.data() : dy.data();
    auto add_sums = [&](const ChannelBlock<T>& block) {
      block.add_grad_sums(x.value().data(), NormGrad<T>{dy.data(), y.data(), dz.data()},
                          {stats.mean.data(), stats.scale.data()}, sums.data());
      for (Index c = block.first(); c < block.last(); ++c) {
        mean_dy[c] = static_cast<T>(static_cast<double>(w[c]) * sums[c].dy * share);
        mean_dy_normal[c] = static_cast<T>(static_cast<double>(w[c]) * sums[c].dy_normal * share);
      }
    };
    const bool sums_wanted = dw || db || computed_from_x || relu;
    if (dx) {
      auto set_or_add = [&](Tensor<R, T>& to, bool first) {
        const NormParams<T> params{stats.mean.data(), stats.scale.data(), w,
                                   nullptr,           mean_dy.data(),     mean_dy_normal.data()};
        for_channel_blocks<T>(dims, [&](const ChannelBlock<T>& block) {
          if (sums_wanted) add_sums(block);
          block.input_grad(x.value().data(), arrived, params, to.data(), first);
        });
      };
      dx.add_by(set_or_add, dmore ? without_elements<R, T>() : alias(dz));
    } else {
      for_channel_blocks<T>(dims, add_sums);
    }
    add_channel_grad(dw, sums.data(), &GradSums::dy_normal);
    add_channel_grad(db, sums.data(), &GradSums::dy);
    if (dmore) dmore += std::move(dz);
  };
  return record(op, std::move(y), std::move(pull_back), x, weight, bias, then.more);
}

/// Normalises by the statistics of x itself, which it puts into `moments`.
template <int R, class T>
Var<R, T> normalize_channels(std::string_view op, const Var<R, T>& x, const Var<1, T>& weight, const Var<1, T>& bias,
                             double eps, NormMoments& moments, const ThenRelu<R, T>& then = {}) {
  then.require_shape(op, x.shape());
  const ChannelDims dims(x.shape());
  auto y = uninitialised<T>(x.shape());
  NormStats<T> stats(dims.channels);
  Scratch<PartialMoments> sums(dims.channels);
  const NormParams<T> params{stats.mean.data(), stats.scale.data(), weight.value().data(), bias.value().data()};
  for_channel_blocks<T>(dims, [&](const ChannelBlock<T>& block) {
    block.add_moments(x.value().data(), sums.data());
    for (Index c = block.first(); c < block.last(); ++c) {
      moments.set(c, sums[c]);
      stats.set(c, sums[c].mean(), sums[c].variance(), eps);
    }
    block.normalize(x.value().data(), params, y.data(), then.loop());
  });
  return record_channels(op, std::move(y), x, weight, bias, then, std::move(stats), true);
}

/// Normalises by given statistics.
template <int R, class T>
Var<R, T> normalize_channels(std::string_view op, const Var<R, T>& x, const Var<1, T>& weight, const Var<1, T>& bias,
                             double eps, const Tensor<1, T>& mean, const Tensor<1, T>& variance,
                             const ThenRelu<R, T>& then = {}) {
  then.require_shape(op, x.shape());
  const ChannelDims dims(x.shape());
  auto y = uninitialised<T>(x.shape());
  NormStats<T> stats(dims.channels);
  for (Index c = 0; c < dims.channels; ++c)
    stats.set(c, static_cast<double>(mean.data()[c]), static_cast<double>(variance.data()[c]), eps);
  const NormParams<T> params{stats.mean.data(), stats.scale.data(), weight.value().data(), bias.value().data()};
  for_channel_blocks<T>(
      dims, [&](const ChannelBlock<T>& block) { block.normalize(x.value().data(), params, y.data(), then.loop()); });
  return record_channels(op, std::move(y), x, weight, bias, then, std::move(stats), false);
}

}  // namespace kiln::detail
