// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `LearnerState`: all that decides how a training goes on, as a value.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include <kiln/core/random.hpp>
#include <kiln/core/reflect.hpp>
#include <kiln/train/param_scheduler.hpp>
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
  /// NaN over nothing.
  double value() const { return weight > 0 ? sum / weight : std::numeric_limits<double>::quiet_NaN(); }
  friend bool operator==(const WeightedMean&, const WeightedMean&) = default;
};

/// A parameter or buffer with its gradient.
struct TensorState {
  std::string name;
  AnyTensor value;
  AnyTensor grad;  ///< empty if there is none
  bool trainable = false;
};

/// What Learner::state returns and Learner::restore puts back.
struct LearnerState {
  std::vector<TensorState> tensors;
  OptimizerState optimizer;
  Position position;
  unsigned scopes = 0;  ///< by bit, those that were in progress: their before events do not come again
  WeightedMean train_mean;
  Recorder recorder;
  ParamScheduler schedules;
  std::vector<CallbackState> callbacks;  ///< the Learner's in the order given, then those of the fit in progress
  std::string data_order;                ///< what decides the order of the training data: `seed 3, shuffle true, ...`
  RandomState random;
  std::uint64_t seed = 0;
};

namespace detail {

/// A plain struct's fields as text: `samples 20, shuffle true, seed 3`.
template <class Struct>
std::string describe_fields(const Struct& object) {
  std::string text;
  for_each_field(object, [&](std::string_view name, const auto& value) {
    if constexpr (requires { append_text(text, value); }) text += concat(text.empty() ? "" : ", ", name, " ", value);
  });
  return text;
}

}  // namespace detail

}  // namespace kiln
