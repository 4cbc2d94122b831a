// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Ema`: an exponential moving average of the weights, which often does better than the weights themselves.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include <kiln/train/callback.hpp>

namespace kiln {

/// After every step of the optimizer: average = decay average + (1 - decay) weights, for parameters and for buffers of
/// floating type; the first step and integer buffers, such as batch norm's count, are copied. Validation, in a fit or
/// by the Learner's `validate`, runs on the average, and the weights are back when it has ended in whatever way. The
/// average goes on from fit to fit. Source: torch.optim.swa_utils.AveragedModel with get_ema_avg_fn and use_buffers =
/// True; warm-up as timm's ModelEmaV3.
struct Ema {
  static constexpr int order = 55;

  double decay = 0.999;
  double warmup_power = 0;     ///< if positive, step n decays by 1 - (1 + n)^-warmup_power at most; timm has 2/3
  bool validate = true;        ///< whether the average is what is validated
  bool copy_to_model = false;  ///< when a fit has ended, unless by an exception, the model is the average

  std::vector<AnyTensor> average = {};  ///< in the order of state_tensors(model); empty before the first step
  Index updates = 0;
  Index steps = 0;      ///< of the optimizer, when it was last looked at
  bool in_use = false;  ///< the model has the average, and `average` has the weights

  /// Throws: UsageError for impossible settings.
  void on(BeforeFit, Fit& fit) {
    if (!(decay >= 0 && decay < 1)) fail<UsageError>("Ema", "decay must lie in [0, 1)", concat("got ", decay));
    if (!(warmup_power >= 0))
      fail<UsageError>("Ema", "warmup_power must not be negative", concat("got ", warmup_power));
    steps = fit.optimizer().steps();
  }

  /// In after_batch rather than in after_step, since buffers are written in between.
  void on(AfterBatch, Fit& fit) {
    if (!fit.training || fit.optimizer().steps() == steps) return;
    steps = fit.optimizer().steps();
    update(fit.state_tensors());
  }

  void on(BeforeValidate, Fit& fit) {
    if (!validate || average.empty()) return;
    swap(fit);
    fit.at_end([this, &fit] { give_back(fit); });
  }
  void on(AfterValidate, Fit& fit) { give_back(fit); }
  void on(AfterCancelEpoch, Fit& fit) { give_back(fit); }
  void on(AfterCancelFit, Fit& fit) { give_back(fit); }

  void on(AfterFit, Fit& fit) {
    if (!copy_to_model) return;
    for (std::size_t i = 0; i < average.size(); ++i)
      std::ranges::copy(average[i].bytes(), fit.state_tensors()[i].bytes().begin());
  }

 private:
  void update(std::span<const ParamRef> tensors) {
    const bool fits = std::ranges::equal(
        tensors, average, [](const ParamRef& tensor, const AnyTensor& mean) { return tensor.takes(mean); });
    if (!fits) {
      average.clear();
      for (const ParamRef& tensor : tensors) average.push_back(tensor.copy_value());
      updates = 1;
      return;
    }
    const double warm = warmup_power > 0 ? 1 - std::pow(1 + static_cast<double>(updates), -warmup_power) : 1;
    const double share = 1 - (std::min)(decay, warm);
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      if (average[i].holds<float>()) approach<float>(average[i].elements<float>(), tensors[i].value<float>(), share);
      else if (average[i].holds<double>())
        approach<double>(average[i].elements<double>(), tensors[i].value<double>(), share);
      else std::ranges::copy(tensors[i].bytes(), average[i].bytes().begin());
    }
    ++updates;
  }

  template <class T>
  static void approach(std::span<T> mean, std::span<const T> value, double share) {
    const T s = static_cast<T>(share);
    for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += s * (value[i] - mean[i]);
  }

  void swap(Fit& fit) {
    for (std::size_t i = 0; i < average.size(); ++i)
      std::ranges::swap_ranges(average[i].bytes(), fit.state_tensors()[i].bytes());
    in_use = !in_use;
  }
  void give_back(Fit& fit) {
    if (in_use) swap(fit);
  }
};

}  // namespace kiln
