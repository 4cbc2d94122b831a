// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Recorder`: what happened during training: the loss and the hyper-parameters of every batch, and a row for every
/// epoch.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <kiln/train/callback.hpp>

namespace kiln {

/// One epoch, as in the table that training prints. What was not computed, because it was cancelled, is NaN.
struct EpochRow {
  Index epoch = 0;    ///< within its fit, from 0
  Index batches = 0;  ///< how many losses of training batches the recorder had when the epoch ended
  double train_loss = 0;
  double valid_loss = 0;
  std::vector<MetricValue> metrics;
  double seconds = 0;        ///< training and validation
  double train_seconds = 0;  ///< training alone
};

/// A hyper-parameter of one parameter group, for every training batch.
struct HyperHistory {
  std::size_t group = 0;
  std::string name;
  std::vector<double> values;
};

/// A callback that every Learner has.
struct Recorder {
  static constexpr int order = -50;

  std::vector<double> losses;        ///< of every training batch that was not cancelled before its loss was known
  std::vector<HyperHistory> hypers;  ///< of every group's rule, with as many values as there are losses
  std::vector<EpochRow> epochs;

  /// A hyper-parameter's values, such as `recorder.hyper("lr")`. Throws: IndexError if there is none of that name.
  const std::vector<double>& hyper(std::string_view name, std::size_t group = 0) const {
    std::string known;
    for (const HyperHistory& history : hypers) {
      if (history.group != group) continue;
      if (history.name == name) return history.values;
      known += concat(known.empty() ? "" : ", ", history.name);
    }
    fail<IndexError>("recorder", concat("group ", group, " has recorded ", known.empty() ? "nothing" : known),
                     concat("got ", name));
  }

  void on(BeforeFit, Fit& fit) {
    const Optimizer& optimizer = fit.optimizer();
    if (hypers.empty()) {
      for (std::size_t group = 0; group < optimizer.group_count(); ++group) {
        for (std::string_view name : optimizer.hyper_names(group)) hypers.push_back({group, std::string(name), {}});
      }
    }
    const auto more = static_cast<std::size_t>(fit.epochs() * fit.train_batches);
    losses.reserve(losses.size() + more);
    for (HyperHistory& history : hypers) history.values.reserve(losses.size() + more);
    epochs.reserve(epochs.size() + static_cast<std::size_t>(fit.epochs()));
  }

  void on(BeforeEpoch, Fit&) { epoch_began = train_ended = Clock::now(); }

  void on(AfterBatch, Fit& fit) {
    if (!fit.training || !fit.counted) return;
    losses.push_back(fit.loss_value);
    for (HyperHistory& history : hypers) history.values.push_back(fit.optimizer().hyper(history.group, history.name));
  }

  void on(AfterTrain, Fit&) { train_ended = Clock::now(); }

  void on(AfterEpoch, Fit& fit) {
    auto seconds = [&](Clock::time_point end) { return std::chrono::duration<double>(end - epoch_began).count(); };
    epochs.push_back({fit.epoch(), std::ssize(losses), fit.train_loss, fit.valid_loss, fit.metrics,
                      seconds(Clock::now()), seconds(train_ended)});
  }

  /// As if the epoch in progress had begun now: for a fit that is resumed.
  void restart_clock() { epoch_began = train_ended = Clock::now(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point epoch_began{};
  Clock::time_point train_ended{};
};

}  // namespace kiln
