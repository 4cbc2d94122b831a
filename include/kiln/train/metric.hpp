// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Metrics, computed over the validation set. A metric is either a function of a batch, whose mean over all samples is
/// taken, or a struct that counts for itself, over the whole set:
///
///     struct Errors {                                        // reset, then update for every batch, then value
///       Index wrong = 0;
///       void reset() { wrong = 0; }
///       void update(const Tensor<2>& pred, const Tensor<1, int>& y) { ... }
///       double value() const { return wrong; }
///     };
///
/// One without `value()` only collects, for the user to look at, and has no column in the table. A member `name`, a
/// text or a function, replaces the name made from the type.
#pragma once

#include <string>
#include <utility>

#include <kiln/core/type_name.hpp>
#include <kiln/tensor/reduce.hpp>

namespace kiln {

/// Counts for itself.
template <class M>
concept CountingMetric = requires(M& metric) { metric.reset(); };

/// The share of samples whose largest logit is that of the label.
/// Shapes: pred (N, C), y (N).
struct Accuracy {
  Index right = 0;
  Index count = 0;

  void reset() { right = count = 0; }

  template <class T, std::integral L>
  void update(const Tensor<2, T>& pred, const Tensor<1, L>& y) {
    if (pred.size(0) != y.size(0)) {
      fail<ShapeError>("accuracy", "prediction and label must have as many rows",
                       concat("got shapes ", pred.shape(), " and ", y.shape()));
    }
    const auto best = argmax(pred, 1);
    for (Index i = 0; i < y.numel(); ++i) right += best.data()[i] == static_cast<Index>(y.data()[i]);
    count += y.numel();
  }

  /// NaN over nothing.
  double value() const { return static_cast<double>(right) / static_cast<double>(count); }
};

/// Gives a name to a function of (prediction, target): `Metric{"error rate", [](const Tensor<2>& p, const Tensor<1,
/// int>& y) {...}}`.
template <class F>
struct Metric {
  std::string name;
  F function;
};
template <class F>
Metric(const char*, F) -> Metric<F>;
template <class F>
Metric(std::string, F) -> Metric<F>;

namespace detail {

template <class X>
inline constexpr bool is_named_metric = false;
template <class F>
inline constexpr bool is_named_metric<Metric<F>> = true;

/// `Accuracy` to `accuracy`, `TopK` to `top_k`.
inline std::string snake_case(std::string_view camel) {
  std::string result;
  for (char c : camel) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper && !result.empty() && result.back() != '_') result += '_';
    result += upper ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return result;
}

/// A metric over one validation pass, for predictions and targets of given types.
template <class M>
class MetricSum {
 public:
  /// Whether there is a number to show.
  static constexpr bool has_value = !CountingMetric<M> || requires(M& metric) { metric.value(); };

  explicit MetricSum(M& metric) : metric_(metric) {}

  static std::string name(const M& metric) {
    if constexpr (is_named_metric<M>) return metric.name;
    else if constexpr (requires { std::string(metric.name()); }) return std::string(metric.name());
    else if constexpr (requires { std::string(metric.name); }) return std::string(metric.name);
    else return snake_case(type_name<M>());
  }

  void reset() {
    sum_ = 0;
    count_ = 0;
    if constexpr (CountingMetric<M>) metric_.reset();
  }

  template <class P, class Y>
  void update(const P& pred, const Y& y, Index batch_size) {
    if constexpr (CountingMetric<M>) {
      static_assert(
          requires { metric_.update(pred, y); },
          "kiln: this metric's update(pred, y) does not take the model's output and the target as they are");
      metric_.update(pred, y);
    } else {
      auto& function = [this]() -> auto& {
        if constexpr (is_named_metric<M>) return metric_.function;
        else return metric_;
      }();
      static_assert(
          requires { static_cast<double>(function(pred, y)); },
          "kiln: a metric is a function (pred, y) -> double, or a struct with reset(), update(pred, y) and value(), "
          "for the model's output and the target as they are");
      sum_ += static_cast<double>(function(pred, y)) * static_cast<double>(batch_size);
      count_ += batch_size;
    }
  }

  double value() const {
    if constexpr (CountingMetric<M>) {
      static_assert(
          requires { static_cast<double>(std::as_const(metric_).value()); },
          "kiln: a metric's value() must be const and return a number");
      return static_cast<double>(std::as_const(metric_).value());
    } else {
      return sum_ / static_cast<double>(count_);
    }
  }

  /// Adds {name, value} if there is one.
  template <class Columns>
  void append_to(Columns& columns) const {
    if constexpr (has_value) columns.push_back({name(metric_), value()});
  }

 private:
  M& metric_;
  double sum_ = 0;
  Index count_ = 0;
};

}  // namespace detail

}  // namespace kiln
