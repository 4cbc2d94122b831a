// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `SmoothedLoss`: a running mean that forgets, so that the losses of single batches can be read.
#pragma once

#include <limits>

#include <kiln/core/error.hpp>

namespace kiln {

/// The mean of what was added, the newest with weight 1 and each older one with beta times the weight of the next.
/// Source: fastai's AvgSmoothLoss: an exponentially weighted mean, divided by 1 - beta^n against its bias towards 0.
struct SmoothedLoss {
  double beta = 0.98;

  double sum = 0;     ///< weighted
  double weight = 0;  ///< of all; 1 - beta^n

  void reset() { sum = weight = 0; }

  /// Throws: UsageError unless beta lies in [0, 1).
  void add(double loss) {
    if (!(beta >= 0 && beta < 1)) fail<UsageError>("SmoothedLoss.beta", "must lie in [0, 1)", concat("got ", beta));
    sum = beta * sum + (1 - beta) * loss;
    weight = beta * weight + (1 - beta);
  }

  /// NaN over nothing.
  double value() const { return weight > 0 ? sum / weight : std::numeric_limits<double>::quiet_NaN(); }

  friend bool operator==(const SmoothedLoss&, const SmoothedLoss&) = default;
};

}  // namespace kiln
