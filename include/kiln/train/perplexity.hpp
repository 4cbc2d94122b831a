// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Perplexity`: between how many classes, as it were, the model wavers.
#pragma once

#include <cmath>
#include <utility>

#include <kiln/nn/cross_entropy.hpp>

namespace kiln {

/// exp of the mean cross entropy over all labels of the set, which is not the mean of the batches' perplexities.
/// Shapes: logits (N, C) and labels (N), or (N, C, ...) and (N, ...). Throws: as `CrossEntropy`.
struct Perplexity {
  Index ignore_index = -100;  ///< labels that do not count
  double loss = 0;            ///< the sum
  Index count = 0;

  void reset() {
    loss = 0;
    count = 0;
  }

  template <int R, class T, std::integral L>
    requires(R >= 2)
  void update(const Tensor<R, T>& logits, const Tensor<R - 1, L>& labels) {
    const auto losses = CrossEntropy{.ignore_index = ignore_index}.each(logits, labels);
    for (T each : losses.value()) loss += static_cast<double>(each);
    for (L label : labels) count += !std::cmp_equal(label, ignore_index);
  }

  /// NaN over nothing.
  double value() const { return std::exp(loss / static_cast<double>(count)); }
};

}  // namespace kiln
