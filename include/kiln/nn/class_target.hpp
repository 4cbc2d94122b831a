// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Class labels as the target of a loss: checked against the scores, weighted, some of them ignored.
#pragma once

#include <utility>
#include <vector>

#include <kiln/autograd/record.hpp>

namespace kiln::detail {

/// Scores (N, C, ...), or (C), as rows of C entries that lie `inner` elements apart.
struct ClassRows {
  Index outer = 1, classes = 1, inner = 1;

  template <int R>
  explicit ClassRows(const Shape<R>& shape) {
    constexpr int class_axis = R == 1 ? 0 : 1;
    for (int axis = 0; axis < R; ++axis)
      (axis < class_axis ? outer : axis == class_axis ? classes : inner) *= shape[axis];
  }
  Index count() const { return outer * inner; }
  /// The position of a row's first entry.
  Index begin(Index row) const { return row / inner * classes * inner + row % inner; }
};

/// Whether scores and target can be those of a loss on labels; says in a sentence what is wrong.
template <class Scores, class Target>
consteval bool takes_labels() {
  if constexpr (!VarOperand<Scores> || !is_tensor<Target>) {
    static_assert(VarOperand<Scores>, "kiln: a loss's first argument is the prediction, a Var or Tensor");
    static_assert(is_tensor<Target>, "kiln: this loss's second argument is the target, a Tensor of class labels");
    return false;
  } else {
    constexpr bool labels =
        std::is_integral_v<typename Target::value_type> && !std::is_same_v<typename Target::value_type, bool>;
    static_assert(
        labels,
        "kiln: this loss takes class labels, so its target must be a Tensor of integers, such as Tensor<1, int>; "
        "y.to<int>() converts");
    constexpr bool ranks = Scores::rank >= 1 && Target::rank == (Scores::rank == 1 ? 0 : Scores::rank - 1);
    static_assert(
        ranks,
        "kiln: this loss takes scores (N, C) and labels (N), or scores (N, C, ...) and labels (N, ...): the target "
        "has one axis less than the prediction");
    return labels && ranks;
  }
}

/// Checked labels and their weights; an ignored one is -1 with weight 0.
template <int R, class T>
struct Labels {
  Tensor<R, Index> label;
  Tensor<R, T> weight;
  double total_weight = 0;

  template <int S, class I>
  Labels(std::string_view op, const Shape<S>& scores, const Tensor<R, I>& target, const std::vector<double>& weights,
         Index ignored)
      : label(uninitialised<Index>(target.shape())), weight(uninitialised<T>(target.shape())) {
    check_shapes(op, scores, target.shape());
    const Index classes = ClassRows(scores).classes;
    if (!weights.empty() && static_cast<Index>(weights.size()) != classes) {
      fail<ShapeError>(op, concat("weight must have an entry for each of the ", classes, " classes"),
                       concat("got ", weights.size()));
    }
    for (Index row = 0; row < target.numel(); ++row) {
      const I y = target.data()[row];
      const bool counts = !std::cmp_equal(y, ignored);
      if (counts && (std::cmp_less(y, 0) || std::cmp_greater_equal(y, classes))) {
        fail<IndexError>(op, concat("labels of ", classes, " classes must lie in [0, ", classes, ")"),
                         concat("got ", static_cast<Index>(y), " in row ", row));
      }
      const double w = !counts ? 0 : weights.empty() ? 1 : weights[static_cast<std::size_t>(y)];
      label.data()[row] = counts ? static_cast<Index>(y) : -1;
      weight.data()[row] = static_cast<T>(w);
      total_weight += w;
    }
  }

 private:
  template <int S>
  static void check_shapes(std::string_view op, const Shape<S>& scores, const Shape<R>& target) {
    Shape<R> expected;
    for (int axis = 0; axis < R; ++axis) expected[axis] = scores[axis == 0 ? 0 : axis + 1];
    if (target != expected) {
      fail<ShapeError>(op, concat("labels for scores of shape ", scores, " must have shape ", expected),
                       concat("got ", target));
    }
  }
};

}  // namespace kiln::detail
