// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Schedules that go by whole epochs, as those of torch.optim.lr_scheduler do, and `by_epoch`, which makes them go by
/// progress: `by_epoch(step_lr(0.1, {.step_size = 30}), 90)`.
///
/// They are the closed forms. PyTorch makes each rate from the one before, so that its numbers differ in the last bits:
/// within 100 epochs by about 1e-15 of the value.
#pragma once

#include <algorithm>

#include <kiln/optim/schedule.hpp>

namespace kiln {

/// A pure function of the epoch: anything that can be called, while const, as `double(Index)`.
class EpochSchedule : detail::PureFunction<Index> {
 public:
  template <class F>
    requires(takes<F>)
  EpochSchedule(F f) : PureFunction(std::move(f)) {}

  /// The value in an epoch, counted from 0. Throws: UsageError for a negative one.
  double operator()(Index epoch) const {
    if (epoch < 0) fail<UsageError>("schedule", "the epoch must not be negative", concat("got ", epoch));
    return call(epoch);
  }
};

/// Follows an epoch schedule through training of so many epochs. Throws: UsageError unless there are any.
inline Schedule by_epoch(EpochSchedule schedule, Index epochs) {
  if (epochs < 1) fail<UsageError>("by_epoch", "the number of epochs must be positive", concat("got ", epochs));
  return [schedule = std::move(schedule), epochs](double progress) {
    const double begun = progress * static_cast<double>(epochs) * (1 + detail::joint_tolerance);
    return schedule((std::min)(static_cast<Index>(begun), epochs - 1));
  };
}

struct StepLR {
  Index step_size = 30;
  double gamma = 0.1;
};

/// lr gamma^(epoch / step_size), the quotient rounded down. Throws: UsageError unless step_size is positive.
/// Source: torch.optim.lr_scheduler.StepLR.
inline EpochSchedule step_lr(double lr, StepLR options) {
  if (options.step_size < 1) {
    fail<UsageError>("step_lr", "step_size must be positive", concat("got ", options.step_size));
  }
  return [=](Index epoch) {
    const Index steps = epoch / options.step_size;
    return lr * std::pow(options.gamma, static_cast<double>(steps));
  };
}

struct MultiStepLR {
  std::vector<Index> milestones;
  double gamma = 0.1;
};

/// lr gamma^m, where m is how many milestones have been reached; one given twice counts twice.
/// Source: torch.optim.lr_scheduler.MultiStepLR.
inline EpochSchedule multi_step_lr(double lr, MultiStepLR options) {
  return [lr, options = std::move(options)](Index epoch) {
    auto reached = std::count_if(options.milestones.begin(), options.milestones.end(),
                                 [epoch](Index milestone) { return milestone <= epoch; });
    return lr * std::pow(options.gamma, static_cast<double>(reached));
  };
}

/// lr gamma^epoch. Source: torch.optim.lr_scheduler.ExponentialLR.
inline EpochSchedule exponential_lr(double lr, double gamma) {
  return [=](Index epoch) { return lr * std::pow(gamma, static_cast<double>(epoch)); };
}

struct CosineAnnealingLR {
  Index t_max = 1;     ///< after so many epochs the rate is lowest
  double eta_min = 0;  ///< the lowest rate
};

/// eta_min + (lr - eta_min) (1 + cos(pi epoch / t_max)) / 2: behind t_max it rises again. Throws: UsageError unless
/// t_max is positive. Source: torch.optim.lr_scheduler.CosineAnnealingLR; Loshchilov and Hutter 2017, arXiv:1608.03983.
inline EpochSchedule cosine_annealing_lr(double lr, CosineAnnealingLR options) {
  if (options.t_max < 1) {
    fail<UsageError>("cosine_annealing_lr", "t_max must be positive", concat("got ", options.t_max));
  }
  return [=](Index epoch) {
    const double turn = std::numbers::pi * static_cast<double>(epoch) / static_cast<double>(options.t_max);
    return options.eta_min + (lr - options.eta_min) * (1 + std::cos(turn)) / 2;
  };
}

}  // namespace kiln
