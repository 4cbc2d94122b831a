// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Metrics of predicted numbers, over all elements of the whole set, in double precision.
#pragma once

#include <cmath>
#include <vector>

#include <kiln/core/error.hpp>
#include <kiln/tensor/tensor.hpp>

namespace kiln {
namespace detail {

template <int R, class T, class Y>
void require_same_shape(std::string_view op, const Tensor<R, T>& pred, const Tensor<R, Y>& y) {
  if (pred.shape() == y.shape()) return;
  fail<ShapeError>(op, "prediction and target must have one shape", concat("got ", pred.shape(), " and ", y.shape()));
}

/// A mean over elements.
struct ElementMean {
  double sum = 0;
  Index count = 0;

  template <int R, class T, class Y, class Distance>
  void update(std::string_view op, const Tensor<R, T>& pred, const Tensor<R, Y>& y, Distance distance) {
    require_same_shape(op, pred, y);
    for (Index i = 0; i < y.numel(); ++i) {
      sum += distance(static_cast<double>(pred.data()[i]) - static_cast<double>(y.data()[i]));
    }
    count += y.numel();
  }
  double value() const { return sum / static_cast<double>(count); }
};

}  // namespace detail

/// The mean of (pred - y)^2. Shapes: equal.
struct MeanSquaredError {
  detail::ElementMean mean;

  void reset() { mean = {}; }
  template <int R, class T, class Y>
  void update(const Tensor<R, T>& pred, const Tensor<R, Y>& y) {
    mean.update("mean squared error", pred, y, [](double d) { return d * d; });
  }
  /// NaN over nothing.
  double value() const { return mean.value(); }
};

/// The mean of |pred - y|. Shapes: equal.
struct MeanAbsoluteError {
  detail::ElementMean mean;

  void reset() { mean = {}; }
  template <int R, class T, class Y>
  void update(const Tensor<R, T>& pred, const Tensor<R, Y>& y) {
    mean.update("mean absolute error", pred, y, [](double d) { return std::abs(d); });
  }
  /// NaN over nothing.
  double value() const { return mean.value(); }
};

/// The coefficient of determination, 1 - sum (pred - y)^2 / sum (y - mean of y)^2: 1 is perfect, 0 no better than the
/// mean. For targets of several columns the mean of theirs; that of a constant column is 1 if met, otherwise 0.
/// Shapes: equal, (N) or (N, ...). Source: scikit-learn's r2_score.
struct R2Score {
  /// Sums over one column so far; `spread` is about the mean, so that no large squares are subtracted.
  struct Column {
    double mean = 0, spread = 0, residual = 0;
  };
  std::vector<Column> columns;
  Index count = 0;

  void reset() {
    columns.clear();
    count = 0;
  }

  /// Throws: ShapeError, also for another number of columns than before.
  template <int R, class T, class Y>
  void update(const Tensor<R, T>& pred, const Tensor<R, Y>& y) {
    static_assert(R >= 1, "kiln: R2Score needs a prediction and a target with an axis of samples");
    detail::require_same_shape("r2 score", pred, y);
    std::size_t width = 1;
    for (int axis = 1; axis < R; ++axis) width *= static_cast<std::size_t>(y.size(axis));
    if (count == 0) columns.resize(width);
    if (columns.size() != width) {
      fail<ShapeError>("r2 score", concat("all batches must have ", columns.size(), " columns"),
                       concat("got shape ", y.shape()));
    }
    const auto* p = pred.data();
    const auto* t = y.data();
    for (Index row = 0; row < y.size(0); ++row) {
      ++count;
      for (Column& column : columns) {
        const auto truth = static_cast<double>(*t++);
        const double error = truth - static_cast<double>(*p++);
        const double from_mean = truth - column.mean;
        column.mean += from_mean / static_cast<double>(count);
        column.spread += from_mean * (truth - column.mean);
        column.residual += error * error;
      }
    }
  }

  /// NaN over fewer than two samples.
  double value() const {
    if (count < 2) return NAN;
    double sum = 0;
    for (const Column& c : columns) {
      const double constant = c.residual == 0 ? 1 : 0 * c.residual;  // NaN stays NaN
      sum += c.spread == 0 ? constant : 1 - c.residual / c.spread;
    }
    return sum / static_cast<double>(columns.size());
  }
};

}  // namespace kiln
