// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Plateau`: lowers a learning rate when a metric has stopped improving.
///
///     Plateau plateau{.factor = 0.5, .patience = 2};
///     lr = plateau.next(lr, valid_loss);  // after every epoch
#pragma once

#include <algorithm>
#include <cmath>

#include <kiln/core/error.hpp>
#include <kiln/core/shape.hpp>

namespace kiln {

/// Settings and state. After `patience` epochs without an improvement the next one that brings none multiplies the rate
/// by `factor`; then `cooldown` epochs pass before bad ones are counted again. NaN is no improvement.
/// Source: torch.optim.lr_scheduler.ReduceLROnPlateau.
struct Plateau {
  enum class Mode { min, max };
  enum class ThresholdMode { rel, abs };

  Mode mode = Mode::min;  ///< whether the metric should fall or rise
  double factor = 0.1;
  Index patience = 10;
  double threshold = 1e-4;  ///< a smaller change is no improvement
  ThresholdMode threshold_mode = ThresholdMode::rel;
  Index cooldown = 0;
  double min_lr = 0;  ///< the rate stays above
  double eps = 1e-8;  ///< a smaller change of the rate is not made

  double best = mode == Mode::min ? HUGE_VAL : -HUGE_VAL;
  Index bad_epochs = 0;  ///< since the best one, or since the rate was lowered
  Index cooldown_left = 0;

  /// Forgets what it has seen.
  void reset() {
    best = mode == Mode::min ? HUGE_VAL : -HUGE_VAL;
    bad_epochs = cooldown_left = 0;
  }

  /// The rate for the next epoch. Throws: UsageError for impossible settings.
  double next(double lr, double metric) { return update(metric) ? lowered(lr) : lr; }

  /// The two halves of `next`, for several rates and one metric: counts an epoch and says whether the rates must fall,
  bool update(double metric) {
    check();
    if (improves(metric)) {
      best = metric;
      bad_epochs = 0;
    } else {
      ++bad_epochs;
    }
    if (cooldown_left > 0) {
      --cooldown_left;
      bad_epochs = 0;
    }
    if (bad_epochs <= patience) return false;
    cooldown_left = cooldown;
    bad_epochs = 0;
    return true;
  }
  /// and what a rate falls to.
  double lowered(double lr) const {
    const double lower = (std::max)(lr * factor, min_lr);
    return lr - lower > eps ? lower : lr;
  }

  /// Whether a metric is better than the best one by more than the threshold.
  bool improves(double metric) const {
    const double sign = mode == Mode::min ? -1 : 1;
    const double needed =
        threshold_mode == ThresholdMode::rel ? best * (1 + sign * threshold) : best + sign * threshold;
    return mode == Mode::min ? metric < needed : metric > needed;
  }

  void check() const {
    auto require = [](bool good, std::string_view field, std::string_view expected, auto value) {
      if (!good) fail<UsageError>(concat("Plateau.", field), expected, concat("got ", value));
    };
    require(factor >= 0 && factor < 1, "factor", "must lie in [0, 1)", factor);
    require(patience >= 0, "patience", "must not be negative", patience);
    require(threshold >= 0 && threshold < HUGE_VAL, "threshold", "must be finite and not negative", threshold);
    require(cooldown >= 0, "cooldown", "must not be negative", cooldown);
    require(min_lr >= 0, "min_lr", "must not be negative", min_lr);
    require(eps >= 0, "eps", "must not be negative", eps);
  }

  friend bool operator==(const Plateau&, const Plateau&) = default;
};

}  // namespace kiln
