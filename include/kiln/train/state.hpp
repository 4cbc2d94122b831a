// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `LearnerState`: all that decides how a training goes on, as a value.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <kiln/core/random.hpp>
#include <kiln/train/recorder.hpp>

namespace kiln {

/// A mean of values that stand for several samples each.
struct WeightedMean {
  double sum = 0;
  double weight = 0;

  void add(double value, Index count) {
    sum += value * static_cast<double>(count);
    weight += static_cast<double>(count);
  }
  double value() const { return weight > 0 ? sum / weight : 0; }
  friend bool operator==(const WeightedMean&, const WeightedMean&) = default;
};

/// A parameter or buffer with its gradient.
struct TensorState {
  std::string name;
  AnyTensor value;
  AnyTensor grad;  ///< empty if there is none
};

/// What Learner::state returns and Learner::restore puts back.
struct LearnerState {
  std::vector<TensorState> tensors;
  OptimizerState optimizer;
  Position position;
  WeightedMean train_mean;
  Recorder recorder;
  std::vector<std::shared_ptr<const void>> callbacks;  ///< copies of the callbacks, in the order in which they act
  RandomState random;
  std::uint64_t seed = 0;
};

}  // namespace kiln
