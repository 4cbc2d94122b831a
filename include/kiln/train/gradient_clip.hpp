// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `GradientClip`: keeps gradients small before every step.
#pragma once

#include <optional>

#include <kiln/optim/clip.hpp>
#include <kiln/train/callback.hpp>

namespace kiln {

/// `GradientClip{.max_norm = 1.0}` scales all gradients by one factor, so that their common norm is at most that;
/// `{.max_value = 0.5}` moves every element into [-0.5, 0.5]; with both, that comes first. Under GradientAccumulation
/// it clips the sum. Source: fastai's GradientClip; torch.nn.utils.clip_grad_norm_ and clip_grad_value_.
struct GradientClip {
  static constexpr int order = 10;

  std::optional<double> max_norm = {};
  std::optional<double> max_value = {};

  double norm = 0;  ///< of the last step, before max_norm was applied

  /// Throws: UsageError for impossible settings.
  void on(BeforeFit, Fit&) const {
    if (!max_norm && !max_value) fail<UsageError>("GradientClip", "it needs max_norm or max_value", "got neither");
    if (max_norm) detail::require_limit("GradientClip", "max_norm", *max_norm);
    if (max_value) detail::require_limit("GradientClip", "max_value", *max_value);
  }

  void on(BeforeStep, Fit& fit) {
    if (max_value) clip_grad_value(fit.parameters(), *max_value);
    if (max_norm) norm = clip_grad_norm(fit.parameters(), *max_norm);
  }
};

}  // namespace kiln
