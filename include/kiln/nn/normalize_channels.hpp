// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Normalisation of each channel over all samples and positions: the arithmetic behind batch norm of any rank.
#pragma once

#include <kiln/kernels/map_each.hpp>
#include <kiln/nn/normalize.hpp>

namespace kiln::detail {

struct ReluOfSum {
  template <class T>
  [[gnu::always_inline]] T operator()(T a, T b) const {
    const T sum = a + b;
    return sum < 0 ? T{} : sum;  // NaN stays NaN
  }
};
struct ReluOfOne {
  template <class T>
  [[gnu::always_inline]] T operator()(T a) const {
    return a < 0 ? T{} : a;
  }
};
struct ReluGrad {
  template <class T>
  [[gnu::always_inline]] T operator()(T y, T dy) const {
    return y <= 0 ? T{} : dy;  // NaN passes it on
  }
};

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

  /// f(the same channels of some samples, the position of the first) for all samples: few enough to stay in the cache
  /// nearest to the CPU, unless columns are summed.
  template <class F>
  void for_samples(F f) const {
    const Index fit = dims_.as_columns() ? dims_.samples : 4096 / columns();
    const Index group = (std::clamp)(fit, Index{1}, (std::max)(dims_.samples, Index{1}));
    for (Index first = 0; first < dims_.samples; first += group) {
      ChannelDims some = dims_;
      some.samples = (std::min)(group, dims_.samples - first);
      f(ChannelBlock(some, first_, count_), first * dims_.per_sample());
    }
  }

  /// to = f(from...), element by element.
  template <class Op, class... In>
  void apply(Op op, T* to, const In*... from) const {
    for (Index s = 0; s < dims_.samples; ++s) {
      const Index at = begin() + s * dims_.per_sample();
      run_for_isa<MapEachLoop<Op>>(op, columns(), to + at, from + at...);
    }
  }

  void normalize(const T* x, NormParams<T> params, T* y) const {
    Scratch<T> memory = own(params);
    x += begin();
    y += begin();
    if (dims_.as_columns()) run_for_isa<NormalizeLoop<true, true>>(x, runs(), params, y);
    else run_for_isa<NormalizeLoop<false, false>>(x, runs(), params, y);
  }

  /// Adds to the sums of each channel.
  void add_grad_sums(const T* x, const T* dy, NormParams<T> params, GradSums* to) const {
    Scratch<T> memory = own(params);
    x += begin();
    dy += begin();
    if (!dims_.as_columns()) return run_for_isa<GradSumsLoop<false>>(x, dy, runs(), params, to + first_, Index{0});
    const Index width = columns();
    ColumnSums<T, 2> sums(width);
    sums.add_rows(dims_.samples, [&](Index row, Index rows, T* sum) {
      RunDims some = runs();
      some.samples = rows;
      const Index from = row * dims_.per_sample();
      run_for_isa<ColumnGradSumsLoop<true>>(x + from, dy + from, some, params, sum, sum + width);
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

/// What may follow in the same pass: `more`, of the same shape, is added unless it is without elements, and then what
/// is negative becomes 0.
template <int R, class T>
struct ThenRelu {
  bool wanted = false;
  Var<R, T> more = without_elements<R, T>();
};

/// y = (x - mean) scale weight + bias by channels, then what follows, for some channels.
template <class T>
void normalize_block(const ChannelBlock<T>& block, const T* x, const NormParams<T>& params, bool relu, const T* more,
                     T* y) {
  block.for_samples([&](const ChannelBlock<T>& some, Index at) {
    some.normalize(x + at, params, y + at);
    if (more) some.apply(ReluOfSum{}, y + at, static_cast<const T*>(y + at), more + at);
    else if (relu) some.apply(ReluOfOne{}, y + at, static_cast<const T*>(y + at));
  });
}

/// (x - mean) scale weight + bias by channels, and what follows, recorded with the gradient. If the statistics were
/// computed from x, it flows through them too; otherwise they are constants.
template <int R, class T>
Var<R, T> record_channels(std::string_view op, Tensor<R, T> y, const Var<R, T>& x, const Var<1, T>& weight,
                          const Var<1, T>& bias, const ThenRelu<R, T>& then, NormStats<T> stats, bool computed_from_x) {
  auto pull_back = [x, weight, stats = std::move(stats), computed_from_x,
                    kept = then.wanted ? alias(y) : without_elements<R, T>()](
                       const Tensor<R, T>& dy, GradSlot<R, T>& dx, GradSlot<1, T>& dw, GradSlot<1, T>& db,
                       GradSlot<R, T>& dmore) {
    const ChannelDims dims(x.shape());
    const double share = computed_from_x ? 1 / static_cast<double>(dims.per_channel()) : 0;
    const T* w = weight.value().data();
    Scratch<GradSums> sums(dims.channels);
    Scratch<T> mean_dy(dims.channels), mean_dy_normal(dims.channels);
    // dz, what goes back through the relu, lies in `masked` if that is not null.
    auto add_sums = [&](const ChannelBlock<T>& block, T* masked) {
      block.for_samples([&](const ChannelBlock<T>& some, Index at) {
        const T* dz = dy.data() + at;
        if (masked) {
          some.apply(ReluGrad{}, masked + at, kept.data() + at, dz);
          dz = masked + at;
        }
        some.add_grad_sums(x.value().data() + at, dz, {stats.mean.data(), stats.scale.data()}, sums.data());
      });
      for (Index c = block.first(); c < block.last(); ++c) {
        mean_dy[c] = static_cast<T>(static_cast<double>(w[c]) * sums[c].dy * share);
        mean_dy_normal[c] = static_cast<T>(static_cast<double>(w[c]) * sums[c].dy_normal * share);
      }
    };
    const bool relu = kept.data() != nullptr;
    auto dz = relu && (dmore || !dx) ? uninitialised<T>(dy.shape()) : without_elements<R, T>();
    if (dx) {
      dx.add_by([&](Tensor<R, T>& to, bool first) {
        // Without a use of its own, dz can lie where dx comes to lie.
        if (relu && !dz.data() && !first) dz = uninitialised<T>(dy.shape());
        T* masked = !relu ? nullptr : dz.data() ? dz.data() : to.data();
        const NormParams<T> params{stats.mean.data(), stats.scale.data(), w,
                                   nullptr,           mean_dy.data(),     mean_dy_normal.data()};
        const bool sums_wanted = dw || db || computed_from_x || relu;
        for_channel_blocks<T>(dims, [&](const ChannelBlock<T>& block) {
          if (sums_wanted) add_sums(block, masked);
          block.input_grad(x.value().data(), masked ? masked : dy.data(), params, to.data(), first);
        });
      });
    } else {
      for_channel_blocks<T>(dims, [&](const ChannelBlock<T>& block) { add_sums(block, relu ? dz.data() : nullptr); });
    }
    add_channel_grad(dw, sums.data(), &GradSums::dy_normal);
    add_channel_grad(db, sums.data(), &GradSums::dy);
    if (dmore) dmore += std::move(dz);
  };
  return record(op, std::move(y), std::move(pull_back), x, weight, bias, then.more);
}

template <int R, class T>
void require_same_shape(std::string_view op, const Var<R, T>& x, const ThenRelu<R, T>& then) {
  if (then.more.value().data() && then.more.shape() != x.shape()) {
    fail<ShapeError>(op, concat("what is added must have shape ", x.shape()), concat("got ", then.more.shape()));
  }
}

/// Normalises by the statistics of x itself, which it puts into `moments`.
template <int R, class T>
Var<R, T> normalize_channels(std::string_view op, const Var<R, T>& x, const Var<1, T>& weight, const Var<1, T>& bias,
                             double eps, NormMoments& moments, const ThenRelu<R, T>& then = {}) {
  require_same_shape(op, x, then);
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
    normalize_block(block, x.value().data(), params, then.wanted, then.more.value().data(), y.data());
  });
  return record_channels(op, std::move(y), x, weight, bias, then, std::move(stats), true);
}

/// Normalises by given statistics.
template <int R, class T>
Var<R, T> normalize_channels(std::string_view op, const Var<R, T>& x, const Var<1, T>& weight, const Var<1, T>& bias,
                             double eps, const Tensor<1, T>& mean, const Tensor<1, T>& variance,
                             const ThenRelu<R, T>& then = {}) {
  require_same_shape(op, x, then);
  const ChannelDims dims(x.shape());
  auto y = uninitialised<T>(x.shape());
  NormStats<T> stats(dims.channels);
  for (Index c = 0; c < dims.channels; ++c)
    stats.set(c, static_cast<double>(mean.data()[c]), static_cast<double>(variance.data()[c]), eps);
  const NormParams<T> params{stats.mean.data(), stats.scale.data(), weight.value().data(), bias.value().data()};
  for_channel_blocks<T>(dims, [&](const ChannelBlock<T>& block) {
    normalize_block(block, x.value().data(), params, then.wanted, then.more.value().data(), y.data());
  });
  return record_channels(op, std::move(y), x, weight, bias, then, std::move(stats), false);
}

}  // namespace kiln::detail
