// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Which class was taken for which: `ConfusionMatrix` is collected by a Learner, `confusion_matrix` counts at once.
///
///     ConfusionMatrix confusion;
///     Learner learn{data, model, CrossEntropy{}, SGD{}, Accuracy{}, confusion};
///     learn.fit(1);
///     confusion.counts(3, 5);  // how often a 3 was taken for a 5
#pragma once

#include <concepts>
#include <utility>

#include <kiln/tensor/create.hpp>
#include <kiln/tensor/reduce.hpp>

namespace kiln {
namespace detail {

/// Throws: ShapeError unless there is a label for every row of scores (N, C); IndexError for one outside [0, C).
template <class T, std::integral L>
void require_labels(std::string_view op, const Tensor<2, T>& pred, const Tensor<1, L>& y) {
  if (pred.size(0) != y.size(0)) {
    fail<ShapeError>(op, "prediction and label must have as many rows",
                     concat("got shapes ", pred.shape(), " and ", y.shape()));
  }
  const Index classes = pred.size(1);
  for (Index row = 0; row < y.numel(); ++row) {
    const L label = y.data()[row];
    if (std::cmp_greater_equal(label, 0) && std::cmp_less(label, classes)) continue;
    fail<IndexError>(op, concat("labels of ", classes, " classes must lie in [0, ", classes, ")"),
                     concat("got ", label, " in row ", row));
  }
}

}  // namespace detail

/// A metric without a value. The prediction is the class with the largest score.
/// Shapes: pred (N, C), y (N), counts (C, C).
struct ConfusionMatrix {
  Tensor<2, Index> counts;  ///< rows are the truth, columns the prediction; (0, 0) before the first batch

  void reset() { counts = {}; }

  /// Throws: ShapeError, also for another number of classes than before; IndexError.
  template <class T, std::integral L>
  void update(const Tensor<2, T>& pred, const Tensor<1, L>& y) {
    detail::require_labels("confusion matrix", pred, y);
    const Index classes = pred.size(1);
    if (counts.numel() == 0) counts = zeros<Index>({classes, classes});
    if (counts.size(0) != classes) {
      fail<ShapeError>("confusion matrix", concat("all batches must have scores of ", counts.size(0), " classes"),
                       concat("got shape ", pred.shape()));
    }
    const auto best = argmax(pred, 1);
    for (Index i = 0; i < y.numel(); ++i) ++counts.data()[static_cast<Index>(y.data()[i]) * classes + best.data()[i]];
  }
};

/// How often each class (row) was taken for each class (column).
/// Shapes: preds (N, C), targets (N), result (C, C). Throws: ShapeError, IndexError for a label outside [0, C).
template <class T, std::integral L>
Tensor<2, Index> confusion_matrix(const Tensor<2, T>& preds, const Tensor<1, L>& targets) {
  ConfusionMatrix matrix;
  matrix.update(preds, targets);
  return std::move(matrix.counts);
}

}  // namespace kiln
