// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Normalisation of each sample by itself, in groups of neighbouring channels: the arithmetic behind group norm,
/// instance norm (a group for each channel) and layer norm (one group, in which each element is a channel).
#pragma once

#include <kiln/core/parallel.hpp>
#include <kiln/nn/normalize.hpp>

namespace kiln::detail {

/// Samples of channels, in groups. Each group is a run of memory.
struct GroupDims {
  ChannelDims all;
  Index groups;

  Index group_size() const { return all.per_sample() / groups; }
  Index stats() const { return all.samples * groups; }
  /// Whether weight and bias are given to the loops by element rather than by plane.
  bool by_element() const { return all.as_columns(); }

  /// Of so many samples, by groups.
  RunDims group_runs(Index samples) const { return {samples, groups, group_size(), all.per_sample(), groups}; }
  /// Of so many samples, in runs that have one weight or a weight for each element.
  RunDims affine_runs(Index samples) const {
    if (by_element()) return group_runs(samples);
    return {samples, all.channels, all.inner, all.per_sample(), groups, all.channels / groups};
  }

  /// Calls f(task, first, last) for at most `most_tasks` ranges of samples, on several threads where it is worth it.
  static constexpr Index most_tasks = 32;
  Index tasks() const { return (std::min)(most_tasks, task_count(all.samples, 4 * all.per_sample())); }
  template <class F>
  void for_sample_ranges(F f) const {
    const Index count = tasks();
    parallel_for(count, [&](Index task) { f(task, task * all.samples / count, (task + 1) * all.samples / count); });
  }

  /// Calls f(first, count) for some samples of a range at a time, which stay in the cache.
  template <class F>
  void for_few_samples(Index first, Index last, F f) const {
    const Index few = (std::max)(Index{1}, 16384 / (std::max)(Index{1}, all.per_sample()));
    for (; first < last; first += few) f(first, (std::min)(few, last - first));
  }
};

/// Weight or bias as the loops take it; `memory` keeps it if need be.
template <class T>
const T* group_affine(const GroupDims& dims, const T* values, Scratch<T>& memory) {
  if (!dims.by_element() || dims.all.inner == 1) return values;
  memory = Scratch<T>(dims.all.per_sample());
  spread_channels(values, dims.all.channels, dims.all.inner, memory.data());
  return memory.data();
}

/// The gradient of a normalisation by groups, all but its types.
template <class T>
class GroupGrad {
 public:
  GroupGrad(const GroupDims& dims, const T* x, const T* dy, const T* weight, const NormStats<T>& stats)
      : dims_(dims), x_(x), dy_(dy), weight_(weight), mean_dy_(dims.stats()), mean_dy_normal_(dims.stats()) {
    params_ = {stats.mean.data(), stats.scale.data(), group_affine(dims, weight, spread_),
               nullptr,           mean_dy_.data(),    mean_dy_normal_.data()};
  }

  /// Sets or adds to dx unless it is null, and sets the sums of each channel unless they are null.
  void run(T* dx, bool set, GradSums* channel_sums) {
    const ChannelDims& all = dims_.all;
    const Index width = all.per_sample();
    const bool columns = dims_.by_element() && channel_sums;
    Scratch<double> task_sums(columns ? 2 * width * dims_.tasks() : 0);
    Scratch<GradSums> plane_sums(dims_.by_element() ? 0 : all.samples * all.channels);
    dims_.for_sample_ranges([&](Index task, Index first, Index last) {
      dims_.for_few_samples(first, last, [&](Index n, Index count) {
        if (dims_.by_element()) sum_groups(n, count);
        else sum_planes(n, count, plane_sums.data());
        if (dx) add_input_grad(n, count, dx, set);
      });
      if (!columns) return;
      ColumnSums<T, 2> sums(width);
      sums.add_rows(last - first, [&](Index row, Index rows, T* sum) {
        const Index at = (first + row) * width;
        run_for_isa<ColumnGradSumsLoop<false>>(x_ + at, NormGrad<T>{dy_ + at}, dims_.group_runs(rows),
                                               params_of(first + row), sum, sum + width);
      });
      std::copy_n(sums[0], 2 * width, task_sums.data() + 2 * width * task);
    });
    if (!channel_sums) return;
    for (Index task = 0; columns && task < dims_.tasks(); ++task) {
      const double* sums = task_sums.data() + 2 * width * task;
      for (Index i = 0; i < width; ++i) {
        channel_sums[i / all.inner].dy += sums[i];
        channel_sums[i / all.inner].dy_normal += sums[width + i];
      }
    }
    for (Index n = 0; !columns && n < all.samples; ++n) {
      for (Index c = 0; c < all.channels; ++c) {
        channel_sums[c].dy += plane_sums[n * all.channels + c].dy;
        channel_sums[c].dy_normal += plane_sums[n * all.channels + c].dy_normal;
      }
    }
  }

 private:
  /// The numbers of the samples from n on.
  NormParams<T> params_of(Index n) const {
    NormParams<T> own = params_;
    for (const T** values : {&own.mean, &own.scale, &own.mean_dy, &own.mean_dy_normal}) *values += n * dims_.groups;
    return own;
  }

  void set_means(Index stat, const GradSums& sums) {
    const auto size = static_cast<double>(dims_.group_size());
    mean_dy_[stat] = static_cast<T>(sums.dy / size);
    mean_dy_normal_[stat] = static_cast<T>(sums.dy_normal / size);
  }

  void sum_groups(Index n, Index count) {
    Scratch<GradSums> sums(count * dims_.groups);
    const Index at = n * dims_.all.per_sample();
    run_for_isa<GradSumsLoop<true>>(x_ + at, NormGrad<T>{dy_ + at}, dims_.group_runs(count), params_of(n), sums.data(),
                                    dims_.groups);
    for (Index i = 0; i < count * dims_.groups; ++i) set_means(n * dims_.groups + i, sums[i]);
  }

  void sum_planes(Index n, Index count, GradSums* planes) {
    const Index channels = dims_.all.channels, group = channels / dims_.groups, at = n * dims_.all.per_sample();
    planes += n * channels;
    run_for_isa<GradSumsLoop<false>>(x_ + at, NormGrad<T>{dy_ + at}, dims_.affine_runs(count), params_of(n), planes,
                                     channels);
    for (Index i = 0; i < count * dims_.groups; ++i) {
      GradSums sums;
      for (Index plane = i * group; plane < (i + 1) * group; ++plane) {
        const auto w = static_cast<double>(weight_[plane % channels]);
        sums.dy += w * planes[plane].dy;
        sums.dy_normal += w * planes[plane].dy_normal;
      }
      set_means(n * dims_.groups + i, sums);
    }
  }

  void add_input_grad(Index n, Index count, T* dx, bool set) const {
    const Index at = n * dims_.all.per_sample();
    const RunDims runs = dims_.affine_runs(count);
    if (dims_.by_element())
      run_for_isa<NormalizeGradLoop<false, true>>(x_ + at, dy_ + at, runs, params_of(n), dx + at, set);
    else run_for_isa<NormalizeGradLoop<false, false>>(x_ + at, dy_ + at, runs, params_of(n), dx + at, set);
  }

  GroupDims dims_;
  const T *x_, *dy_, *weight_;
  Scratch<T> spread_{0};
  Scratch<T> mean_dy_, mean_dy_normal_;
  NormParams<T> params_;
};

/// (x - mean) / sqrt(variance + eps) weight + bias by groups of each sample. Weight and bias have an element for each
/// channel. The moments of the groups are put into `moments` unless that is null.
template <int R, int P, class T>
Var<R, T> normalize_groups(std::string_view op, const Var<R, T>& x, const Var<P, T>& weight, const Var<P, T>& bias,
                           const GroupDims& dims, double eps, NormMoments* moments = nullptr) {
  auto y = uninitialised<T>(x.shape());
  NormStats<T> stats(dims.stats());
  Scratch<T> weights(0), biases(0);
  const NormParams<T> params{stats.mean.data(), stats.scale.data(), group_affine(dims, weight.value().data(), weights),
                             group_affine(dims, bias.value().data(), biases)};
  auto few_samples = [&](Index n, Index count) {
    const Index first = n * dims.groups, at = n * dims.all.per_sample();
    Scratch<PartialMoments> sums(count * dims.groups);
    run_for_isa<RunMomentsLoop>(x.value().data() + at, dims.group_runs(count), sums.data());
    for (Index i = 0; i < count * dims.groups; ++i) {
      stats.set(first + i, sums[i].mean(), sums[i].variance(), eps);
      if (moments) moments->set(first + i, sums[i]);
    }
    NormParams<T> own = params;
    own.mean += first;
    own.scale += first;
    const RunDims runs = dims.affine_runs(count);
    const T* from = x.value().data() + at;
    if (dims.by_element()) run_for_isa<NormalizeLoop<false, true>>(from, runs, own, y.data() + at, NormRelu<T>{});
    else run_for_isa<NormalizeLoop<false, false>>(from, runs, own, y.data() + at, NormRelu<T>{});
  };
  dims.for_sample_ranges([&](Index, Index first, Index last) { dims.for_few_samples(first, last, few_samples); });

  auto pull_back = [x, weight, dims, stats = std::move(stats)](const Tensor<R, T>& dy, GradSlot<R, T>& dx,
                                                               GradSlot<P, T>& dw, GradSlot<P, T>& db) {
    GroupGrad<T> grad(dims, x.value().data(), dy.data(), weight.value().data(), stats);
    Scratch<GradSums> sums(dw || db ? dims.all.channels : 0);
    GradSums* wanted = dw || db ? sums.data() : nullptr;
    if (dx) dx.add_by([&](Tensor<R, T>& to, bool first) { grad.run(to.data(), first, wanted); });
    else grad.run(nullptr, true, wanted);
    add_channel_grad(dw, sums.data(), &GradSums::dy_normal);
    add_channel_grad(db, sums.data(), &GradSums::dy);
  };
  return record(op, std::move(y), std::move(pull_back), x, weight, bias);
}

}  // namespace kiln::detail
