// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `GradientAccumulation`: one step for several batches, as if they were one.
#pragma once

#include <utility>

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/optim/clip.hpp>
#include <kiln/train/callback.hpp>

namespace kiln {

/// Makes a step when `samples` have been seen since the last one, or more if the batches do not divide it, and after
/// the last batch of an epoch with however many there are. The step is that of one batch of all these samples, for
/// losses that are means over the batch; only batch norm still sees the batches apart. A group that a cancelled epoch
/// leaves over goes on in the next, in the same fit. Source: fastai's GradientAccumulation, which weighs a group whose
/// size is not `n_acc` wrongly.
struct GradientAccumulation {
  static constexpr int order = -10;

  Index samples = 32;

  Index seen = 0;      ///< since the last step
  Index in_batch = 0;  ///< of the batch in progress, until its gradient is there

  /// Throws: UsageError for impossible settings.
  void on(BeforeFit, Fit&) {
    if (samples < 1) fail<UsageError>("GradientAccumulation", "samples must be at least 1", concat("got ", samples));
    seen = 0;
  }

  void on(BeforeBackward, Fit& fit) {
    in_batch = fit.batch_size;
    const double share = static_cast<double>(in_batch) / static_cast<double>(samples);
    if (fit.loss.is<0, double>()) fit.loss = fit.loss.as<0, double>() * share;
    else fit.loss = fit.loss.as<0>() * share;
  }
  void on(AfterCancelBackward, Fit&) { in_batch = 0; }
  void on(AfterBackward, Fit&) { seen += std::exchange(in_batch, 0); }

  void on(BeforeStep, Fit& fit) {
    if (seen < samples && fit.batch + 1 < fit.batches) fit.cancel(Scope::step);
    if (seen == 0) return;
    const double factor = static_cast<double>(samples) / static_cast<double>(seen);
    if (std::exchange(seen, 0) == samples) return;
    detail::for_each_grad(fit.parameters(), [&]<class T>(std::span<T> grad) {
      for (T& g : grad) g *= static_cast<T>(factor);
    });
  }
};

}  // namespace kiln
