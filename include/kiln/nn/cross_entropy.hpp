// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `CrossEntropy` of logits and class labels, and `NLL` of log-probabilities and class labels. Both are settings that
/// can be called: `CrossEntropy{.label_smoothing = 0.1}(logits, y)`. The functions `cross_entropy` and `nll_loss` take
/// them as options: `cross_entropy(logits, y, {.label_smoothing = 0.1})`.
#pragma once

#include <cmath>

#include <kiln/core/parallel.hpp>
#include <kiln/nn/class_target.hpp>
#include <kiln/nn/loss_reduction.hpp>

namespace kiln {

namespace detail {

/// Log-softmax and NLL in one. A row's loss is the sum over classes of q (log_sum + max - x), where max is the row's
/// largest logit, log_sum = log(sum(exp(x - max))), and q the target: (1 - smoothing) at the label, smoothing / C
/// everywhere, weighted. max and log_sum are kept apart, because their sum would round the loss of large logits.
template <int R, class T, int L>
struct CrossEntropyRows {
  Var<R, T> x;
  Labels<L, T> labels;
  double smoothing;
  ClassRows rows{x.shape()};
  Tensor<1, T> spread = {};  // smoothing / C, weighted, for each class; nothing without smoothing
  T spread_sum = 0;
  Tensor<L, T> max = uninitialised<T>(labels.label.shape());
  Tensor<L, T> log_sum = uninitialised<T>(labels.label.shape());

  void set_spread(const std::vector<double>& weight) {
    if (smoothing == 0) return;
    spread = full<T>({rows.classes}, static_cast<T>(smoothing / static_cast<double>(rows.classes)));
    for (std::size_t c = 0; c < weight.size(); ++c) spread.data()[c] *= static_cast<T>(weight[c]);
    for (T share : spread) spread_sum += share;
  }

  T at_label(Index row) const { return static_cast<T>(1 - smoothing) * labels.weight.data()[row]; }

  template <class F>
  void for_counted_rows(F f) const {
    parallel_ranges(rows.count(), 32 * rows.classes, [&](Index first, Index last) {
      for (Index row = first; row < last; ++row) f(row, labels.label.data()[row], x.value().data() + rows.begin(row));
    });
  }

  Tensor<L, T> losses() {
    auto result = uninitialised<T>(labels.label.shape());
    for_counted_rows([&](Index row, Index y, const T* logits) {
      if (y < 0) {
        result.data()[row] = 0;
        return;
      }
      T largest = logits[0];
      for (Index c = 1; c < rows.classes; ++c) largest = (std::max)(largest, logits[c * rows.inner]);
      double sum = 0;
      for (Index c = 0; c < rows.classes; ++c) sum += static_cast<double>(std::exp(logits[c * rows.inner] - largest));
      const T log_of_sum = static_cast<T>(std::log(sum));
      T loss = at_label(row) * (log_of_sum + (largest - logits[y * rows.inner]));
      for (Index c = 0; c < spread.numel(); ++c) {
        loss += spread.data()[c] * (log_of_sum + (largest - logits[c * rows.inner]));
      }
      max.data()[row] = largest;
      log_sum.data()[row] = log_of_sum;
      result.data()[row] = loss;
    });
    return result;
  }

  /// dx = slope (sum(q) softmax(x) - q)
  void add_gradient(auto slope, GradSlot<R, T>& dx) const {
    dx.add_by([&](Tensor<R, T>& to, bool first) {
      for_counted_rows([&](Index row, Index y, const T* logits) {
        T* out = to.data() + rows.begin(row);
        const T on = at_label(row);
        const T g = slope(row);
        for (Index c = 0; c < rows.classes; ++c) {
          T d = 0;
          if (y >= 0) {
            const T p = std::exp(logits[c * rows.inner] - max.data()[row] - log_sum.data()[row]);
            d = g * ((on + spread_sum) * p - (c == y ? on : T{}) - (smoothing != 0 ? spread.data()[c] : T{}));
          }
          out[c * rows.inner] = first ? d : out[c * rows.inner] + d;
        }
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
        x, {"cross_entropy", x.shape(), labels, weight, ignore_index}, label_smoothing};
    rows.set_spread(weight);
    const double divisor = reduction == Reduction::mean ? rows.labels.total_weight : 1;
    auto losses = rows.losses();
    auto pull = [rows = std::move(rows)](auto slope, auto& dx) { rows.add_gradient(slope, dx); };
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
