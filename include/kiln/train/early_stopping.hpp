// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `EarlyStopping`: ends the fit when what is monitored has stopped improving.
#pragma once

#include <string>

#include <kiln/train/callback.hpp>
#include <kiln/train/monitor.hpp>

namespace kiln {

/// Ends the fit, by cancellation, after `patience` epochs in a row that improved nothing by more than `min_delta`. An
/// epoch whose figure is NaN, or was not computed, improved nothing. Source: fastai's EarlyStoppingCallback.
struct EarlyStopping {
  static constexpr int order = 60;
  static constexpr bool trials = false;

  std::string monitor = "valid_loss";  ///< or train_loss, or a metric's name
  Index patience = 1;
  double min_delta = 0;
  MonitorMode mode = MonitorMode::automatic;
  bool reset_on_fit = true;  ///< a new fit knows nothing of the last one

  BestValue best = {};
  Index waited = 0;      ///< epochs since the best one
  bool stopped = false;  ///< whether it has ended the last fit

  /// Throws: UsageError for impossible settings and unknown names.
  void on(BeforeFit, Fit& fit) {
    if (patience < 1) fail<UsageError>("EarlyStopping", "patience must be at least 1", concat("got ", patience));
    if (!(min_delta >= 0))
      fail<UsageError>("EarlyStopping", "min_delta must not be negative", concat("got ", min_delta));
    detail::monitored("EarlyStopping", fit, monitor);
    detail::rises("EarlyStopping", monitor, mode);
    stopped = false;
    if (reset_on_fit) best = {};
    waited = 0;
  }

  void on(AfterEpoch, Fit& fit) {
    const double value = detail::monitored("EarlyStopping", fit, monitor);
    const bool improved = best.improve(value, detail::rises("EarlyStopping", monitor, mode), min_delta, fit.epoch());
    waited = improved ? 0 : waited + 1;
    if (waited < patience) return;
    stopped = true;
    fit.cancel(Scope::fit);
  }
};

}  // namespace kiln
