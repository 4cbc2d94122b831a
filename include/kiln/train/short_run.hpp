// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Fits that are cut short, to see whether everything works: `learn.fit(1, lr, FastDevRun{});`
#pragma once

#include <utility>

#include <kiln/train/callback.hpp>

namespace kiln {

/// Ends every pass, over training and validation data, after this share of its batches, and after one at least.
/// Source: fastai's ShortEpochCallback.
struct ShortEpoch {
  static constexpr int order = 60;
  static constexpr bool trials = false;

  double fraction = 0.01;
  bool short_valid = true;  ///< the validation too

  /// Throws: UsageError for impossible settings.
  void on(BeforeFit, Fit&) const {
    if (!(fraction > 0 && fraction <= 1))
      fail<UsageError>("ShortEpoch", "fraction must lie in (0, 1]", concat("got ", fraction));
  }

  void on(AfterBatch, Fit& fit) const {
    const Index done = fit.batch + 1;
    if (done == fit.batches || static_cast<double>(done) < fraction * static_cast<double>(fit.batches)) return;
    if (fit.training) fit.cancel(Scope::train);
    if (short_valid) fit.cancel(Scope::validate);
  }
};

/// Ends the fit after its first batch. Source: the course's SingleBatchCB.
struct SingleBatch {
  static constexpr int order = 60;
  static constexpr bool trials = false;

  void on(AfterBatch, Fit& fit) const { fit.cancel(Scope::fit); }
};

/// One batch of training, one of validation, and the fit ends; callbacks that write files, stop fits or keep the best
/// do not act meanwhile. Source: fast_dev_run of PyTorch Lightning's Trainer.
struct FastDevRun {
  static constexpr int order = 60;

  bool acting = false;  ///< not in a search for a learning rate, which needs its batches

  void on(BeforeFit, Fit& fit) { acting = !std::exchange(fit.trial, true); }
  void on(AfterBatch, Fit& fit) const {
    if (acting && fit.batch + 1 < fit.batches) fit.cancel(fit.training ? Scope::train : Scope::validate);
  }
  void on(AfterEpoch, Fit& fit) const {
    if (acting) fit.cancel(Scope::fit);
  }
};

}  // namespace kiln
