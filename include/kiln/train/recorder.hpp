// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Recorder`: what happened during training: the loss and learning rate of every batch, and a row for every epoch.
#pragma once

#include <chrono>
#include <limits>
#include <vector>

#include <kiln/train/callback.hpp>

namespace kiln {

/// One epoch, as in the table that training prints. What was not computed, because it was cancelled, is NaN.
struct EpochRow {
  Index epoch = 0;
  double train_loss = 0;
  double valid_loss = 0;
  std::vector<MetricValue> metrics;
  double seconds = 0;
};

/// A callback that every Learner has.
struct Recorder {
  static constexpr int order = -50;

  std::vector<double> losses;  ///< of every training batch that was not cancelled before its loss was known
  std::vector<double> rates;   ///< the first group's learning rate for that batch; NaN if its rule has none
  std::vector<EpochRow> epochs;
  std::chrono::steady_clock::time_point epoch_began{};

  void on(BeforeFit, Fit& fit) {
    const auto more = static_cast<std::size_t>((fit.position.last_epoch - fit.position.epoch) * fit.train_batches);
    losses.reserve(losses.size() + more);
    rates.reserve(rates.size() + more);
  }

  void on(BeforeEpoch, Fit&) { epoch_began = std::chrono::steady_clock::now(); }

  void on(AfterBatch, Fit& fit) {
    if (!fit.training || !fit.counted) return;
    const double* rate = fit.optimizer().find_hyper(0, "lr");
    losses.push_back(fit.loss_value);
    rates.push_back(rate ? *rate : std::numeric_limits<double>::quiet_NaN());
  }

  void on(AfterEpoch, Fit& fit) {
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - epoch_began;
    epochs.push_back({fit.epoch(), fit.train_loss, fit.valid_loss, fit.metrics, taken.count()});
  }
};

}  // namespace kiln
