// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `ReduceLROnPlateau`: lowers the learning rates when what is monitored has stopped improving.
#pragma once

#include <string>

#include <kiln/optim/plateau.hpp>
#include <kiln/train/callback.hpp>
#include <kiln/train/monitor.hpp>

namespace kiln {

/// Looks at every epoch's figure and lowers the rates of all parameter groups by one factor, see Plateau; groups thus
/// keep their proportions, except at `min_lr`. For fits without a schedule of `lr`, which would set it anew.
/// Source: torch.optim.lr_scheduler.ReduceLROnPlateau, whose defaults these are, also for what fastai's callback does.
struct ReduceLROnPlateau {
  static constexpr int order = 58;
  static constexpr bool trials = false;

  std::string monitor = "valid_loss";  ///< or train_loss, or a metric's name
  double factor = 0.1;
  Index patience = 10;      ///< so many epochs in a row without improvement are put up with
  double threshold = 1e-4;  ///< a smaller change is no improvement
  Plateau::ThresholdMode threshold_mode = Plateau::ThresholdMode::rel;
  Index cooldown = 0;  ///< so many epochs after the rates were lowered are not counted
  double min_lr = 0;
  double eps = 1e-8;  ///< a smaller change of a rate is not made
  MonitorMode mode = MonitorMode::automatic;
  bool reset_on_fit = true;  ///< a new fit knows nothing of the last one

  Plateau plateau = {};  ///< what it has seen

  /// Throws: UsageError for impossible settings and unknown names; IndexError if a group's rule has no `lr`.
  void on(BeforeFit, Fit& fit) {
    detail::monitored("ReduceLROnPlateau", fit, monitor);
    const Plateau before = plateau;
    plateau = {.mode = detail::rises("ReduceLROnPlateau", monitor, mode) ? Plateau::Mode::max : Plateau::Mode::min,
               .factor = factor,
               .patience = patience,
               .threshold = threshold,
               .threshold_mode = threshold_mode,
               .cooldown = cooldown,
               .min_lr = min_lr,
               .eps = eps};
    plateau.check();
    for (std::size_t g = 0; g < fit.optimizer().group_count(); ++g) fit.optimizer().hyper(g, "lr");
    if (reset_on_fit || plateau.mode != before.mode) return;
    plateau.best = before.best;
    plateau.bad_epochs = before.bad_epochs;
    plateau.cooldown_left = before.cooldown_left;
  }

  void on(AfterEpoch, Fit& fit) {
    if (!plateau.update(detail::monitored("ReduceLROnPlateau", fit, monitor))) return;
    for (std::size_t g = 0; g < fit.optimizer().group_count(); ++g) {
      double& lr = fit.optimizer().hyper(g, "lr");
      lr = plateau.lowered(lr);
    }
  }
};

}  // namespace kiln
