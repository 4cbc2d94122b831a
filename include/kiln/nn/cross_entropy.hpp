// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `CrossEntropy` of logits and class labels, and `NLL` of log-probabilities and class labels. Both are settings that
/// can be called: `CrossEntropy{.label_smoothing = 0.1}(logits, y)`. The functions `cross_entropy` and `nll_loss` take
/// them as options: `cross_entropy(logits, y, {.label_smoothing = 0.1})`.
#pragma once

#include <cmath>

#include <kiln/core/parallel.hpp>
#include <kiln/kernels/softmax.hpp>
#include <kiln/nn/class_target.hpp>
#include <kiln/nn/loss_reduction.hpp>

namespace kiln {

namespace detail {

/// Log-softmax and NLL in one. A row's loss is the sum over classes of q (log_sum + max - x), where max is the row's
/// largest logit, log_sum = log(sum(exp(x - max))), and q the target: (1 - smoothing) at the label, smoothing / C
/// everywhere, weighted. max and log_sum are kept apart, because their sum would round the loss of large logits. The
/// logits are read once: what is kept for the gradient is exp(x - max), row behind row, and its sums.
template <int R, class T, int L>
struct CrossEntropyRows {
  Labels<L, T> labels;
  double smoothing;
  ClassRows rows;
  Tensor<1, T> spread = {};  // smoothing / C, weighted, for each class; nothing without smoothing
  T spread_sum = 0;
  Tensor<2, T> exps = uninitialised<T>(Shape<2>(rows.count(), rows.classes));
  Tensor<L, T> sum = uninitialised<T>(labels.label.shape());

  void set_spread(const std::vector<double>& weight) {
    if (smoothing == 0) return;
    spread = full<T>({rows.classes}, static_cast<T>(smoothing / static_cast<double>(rows.classes)));
    for (std::size_t c = 0; c < weight.size(); ++c) spread.data()[c] *= static_cast<T>(weight[c]);
    for (T share : spread) spread_sum += share;
  }

  T at_label(Index row) const { return static_cast<T>(1 - smoothing) * labels.weight.data()[row]; }

  /// f(row, label, the row's exps) for all rows; the label is negative where it does not count.
  template <class F>
  void for_rows(F f) {
    parallel_ranges(rows.count(), 8 * rows.classes, [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) f(row, labels.label.data()[row], exps.data() + row * rows.classes);
    });
  }

  Tensor<L, T> losses(const Tensor<R, T>& x) {
    auto result = uninitialised<T>(labels.label.shape());
    Tensor<1, T> largest = uninitialised<T>(Shape<1>(rows.count()));
    parallel_ranges(rows.count(), 8 * rows.classes, [&](Index first, Index last) {
      T* e = exps.data() + first * rows.classes;
      for (Index row = first; row < last; ++row) {
        const T* logits = x.data() + rows.begin(row);
        for (Index c = 0; c < rows.classes; ++c) e[(row - first) * rows.classes + c] = logits[c * rows.inner];
      }
      run_for_isa<SoftmaxLoop>(e, last - first, rows.classes, largest.data() + first, sum.data() + first);
    });
    for_rows([&](Index row, Index y, const T*) {
      const T* logits = x.data() + rows.begin(row);
      const T log_sum = std::log(sum.data()[row]), max = largest.data()[row];
      T loss = y < 0 ? T{} : at_label(row) * (log_sum + (max - logits[y * rows.inner]));
      for (Index c = 0; c < spread.numel() && y >= 0; ++c)
        loss += spread.data()[c] * (log_sum + (max - logits[c * rows.inner]));
      result.data()[row] = loss;
    });
    return result;
  }

  /// dx = slope (sum(q) softmax(x) - q), made of the exps in their place.
  void add_gradient(auto slope, GradSlot<R, T>& dx) {
    if (!dx) return;
    for_rows([&](Index row, Index y, T* e) {
      if (y < 0) return void(std::fill_n(e, rows.classes, T{}));
      const T on = at_label(row), g = slope(row), factor = g * (on + spread_sum) / sum.data()[row];
      for (Index c = 0; c < rows.classes; ++c) e[c] *= factor;
      for (Index c = 0; c < spread.numel(); ++c) e[c] -= g * spread.data()[c];
      e[y] -= g * on;
    });
    if (rows.inner == 1) return void(dx += std::move(exps).reshape(dx.shape()));
    dx.add_by([&](Tensor<R, T>& to, bool first) {
      for_rows([&](Index row, Index, const T* e) {
        T* out = to.data() + rows.begin(row);
        for (Index c = 0; c < rows.classes; ++c) out[c * rows.inner] = (first ? T{} : out[c * rows.inner]) + e[c];
      });
    });
  }
};

}  // namespace detail

/// Minus the log-softmax of logits (N, C) at the labels (N); also (N, C, ...) and (N, ...), or (C) and a scalar. Stable
/// for logits of any size. A mean over no label at all is NaN, as in PyTorch.
/// Throws: IndexError for a label outside [0, C), ShapeError.
/// Source: torch.nn.CrossEntropyLoss.
struct CrossEntropy {
  double label_smoothing = 0;       ///< this share of the target is spread evenly over all classes
  Index ignore_index = -100;        ///< rows with this label do not count
  std::vector<double> weight = {};  ///< one for each class; a mean is then divided by the sum of the labels' weights
  Reduction reduction = Reduction::mean;

  auto operator()(const auto& logits, const auto& labels) const { return run<false>(logits, labels); }
  /// The loss of each label, not reduced.
  auto each(const auto& logits, const auto& labels) const { return run<true>(logits, labels); }

 private:
  template <bool Each, class Logits, class Labels>
  auto run(const Logits& logits, const Labels& labels) const {
    if constexpr (detail::takes_labels<Logits, Labels>()) {
      auto compute = [&](const auto& x) { return fused<Each>(x, labels); };
      return detail::with_vars("cross_entropy", compute, logits);
    }
  }

  template <bool Each, int R, class T, int L, class I>
  auto fused(const Var<R, T>& x, const Tensor<L, I>& labels) const {
    if (!(label_smoothing >= 0 && label_smoothing <= 1)) {
      fail<UsageError>("cross_entropy", "label_smoothing must lie in [0, 1]", concat("got ", label_smoothing));
    }
    detail::CrossEntropyRows<R, T, L> rows{
        {"cross_entropy", x.shape(), labels, weight, ignore_index}, label_smoothing, detail::ClassRows(x.shape())};
    rows.set_spread(weight);
    const double divisor = reduction == Reduction::mean ? rows.labels.total_weight : 1;
    auto losses = rows.losses(x.value());
    auto pull = [rows = std::move(rows)](auto slope, auto& dx) mutable { rows.add_gradient(slope, dx); };
    if constexpr (Each) return detail::record_each("cross_entropy", std::move(losses), std::move(pull), x);
    else return detail::record_reduced("cross_entropy", losses, divisor, std::move(pull), x);
  }
};

/// See CrossEntropy.
auto cross_entropy(const auto& logits, const auto& labels, const CrossEntropy& options = {}) {
  return options(logits, labels);
}

/// Minus the log-probabilities (N, C) at the labels (N); shapes and errors as for CrossEntropy.
/// Source: torch.nn.NLLLoss.
struct NLL {
  Index ignore_index = -100;
  std::vector<double> weight = {};
  Reduction reduction = Reduction::mean;

  auto operator()(const auto& log_probabilities, const auto& labels) const {
    return run<false>(log_probabilities, labels);
  }
  /// The loss of each label, not reduced.
  auto each(const auto& log_probabilities, const auto& labels) const { return run<true>(log_probabilities, labels); }

 private:
  template <bool Each, class Scores, class Labels>
  auto run(const Scores& scores, const Labels& labels) const {
    if constexpr (detail::takes_labels<Scores, Labels>()) {
      auto compute = [&](const auto& x) { return picked<Each>(x, labels); };
      return detail::with_vars("nll_loss", compute, scores);
    }
  }

  template <bool Each, int R, class T, int L, class I>
  auto picked(const Var<R, T>& x, const Tensor<L, I>& target) const {
    detail::Labels<L, T> labels("nll_loss", x.shape(), target, weight, ignore_index);
    // f(row, position of the label's entry in x, weight) for all that count
    auto for_counted = [rows = detail::ClassRows(x.shape())](const auto& y, auto f) {
      for (Index row = 0; row < rows.count(); ++row) {
        const Index label = y.label.data()[row];
        if (label >= 0) f(row, rows.begin(row) + label * rows.inner, y.weight.data()[row]);
      }
    };
    auto losses = zeros<T>(target.shape());
    for_counted(labels, [&](Index row, Index at, T w) { losses.data()[row] = -w * x.value().data()[at]; });
    const double divisor = reduction == Reduction::mean ? labels.total_weight : 1;
    auto pull = [labels = std::move(labels), for_counted](auto slope, GradSlot<R, T>& dx) {
      dx.add_by([&](Tensor<R, T>& to, bool first) {
        if (first) to.fill(T{});
        for_counted(labels, [&](Index row, Index at, T w) { to.data()[at] -= w * slope(row); });
      });
    };
    if constexpr (Each) return detail::record_each("nll_loss", std::move(losses), std::move(pull), x);
    else return detail::record_reduced("nll_loss", losses, divisor, std::move(pull), x);
  }
};

/// See NLL.
auto nll_loss(const auto& log_probabilities, const auto& labels, const NLL& options = {}) {
  return options(log_probabilities, labels);
}

}  // namespace kiln
