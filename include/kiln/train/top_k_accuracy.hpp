// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `TopKAccuracy`: the share of samples whose label is among the k largest scores.
#pragma once

#include <cmath>
#include <string>

#include <kiln/train/confusion_matrix.hpp>

namespace kiln {

/// Of equal scores the first is the larger, and NaN is larger than any, as in `argmax`: with k = 1 it is `Accuracy`.
/// Shapes: pred (N, C), y (N).
struct TopKAccuracy {
  Index k = 5;
  Index right = 0;
  Index count = 0;

  /// Such as `top_5_accuracy`.
  std::string name() const { return concat("top_", k, "_accuracy"); }

  void reset() { right = count = 0; }

  /// Throws: UsageError unless k lies in [1, C]; ShapeError, IndexError.
  template <class T, std::integral L>
  void update(const Tensor<2, T>& pred, const Tensor<1, L>& y) {
    const Index classes = pred.size(1);
    if (k < 1 || k > classes) {
      fail<UsageError>("top-k accuracy", concat("k must lie in [1, ", classes, "], for so many classes"),
                       concat("got ", k));
    }
    detail::require_labels("top-k accuracy", pred, y);
    for (Index row = 0; row < y.numel(); ++row) {
      const T* scores = pred.data() + row * classes;
      right += larger_than(scores, classes, static_cast<Index>(y.data()[row])) < k;
    }
    count += y.numel();
  }

  /// NaN over nothing.
  double value() const { return static_cast<double>(right) / static_cast<double>(count); }

 private:
  /// How many scores come before that of the label.
  template <class T>
  static Index larger_than(const T* scores, Index classes, Index label) {
    auto is_nan = [](T score) { return score != score; };
    const T own = scores[label];
    Index larger = 0;
    for (Index c = 0; c < classes; ++c) {
      const bool equal = scores[c] == own || (is_nan(scores[c]) && is_nan(own));
      const bool above = scores[c] > own || (is_nan(scores[c]) && !is_nan(own));
      larger += above || (equal && c < label);
    }
    return larger;
  }
};

}  // namespace kiln
