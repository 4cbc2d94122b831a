// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `ParamScheduler`: sets hyper-parameters before every training batch, as functions of the fit's progress:
///
///     Learner learn{..., ParamScheduler{{"lr", sched_cosine(0.6, 0.2)}, {"weight_decay", sched_linear(0, 0.1)}}};
#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include <kiln/optim/schedule.hpp>
#include <kiln/train/callback.hpp>

namespace kiln {

/// One schedule for all parameter groups, or one for each.
class GroupSchedules {
 public:
  template <std::convertible_to<Schedule> S>
  GroupSchedules(S for_all) : by_group_{Schedule(std::move(for_all))} {}
  GroupSchedules(std::vector<Schedule> by_group) : by_group_(std::move(by_group)) {}

  std::size_t size() const { return by_group_.size(); }
  const Schedule& operator[](std::size_t group) const {
    return by_group_.size() == 1 ? by_group_[0] : by_group_[group];
  }

 private:
  std::vector<Schedule> by_group_;
};

/// A hyper-parameter of the optimizer's rule, such as `lr`, and how it changes.
struct HyperSchedule {
  std::string hyper;
  GroupSchedules schedules;
};

/// A callback; `fit_one_cycle` and its kin use it too. Schedules see `fit.progress()`: 0 before the first batch of the
/// fit, 1 after the last. When the fit is over, the hyper-parameters are again what they were before it.
/// Source: fastai's ParamScheduler.
struct ParamScheduler {
  static constexpr int order = -60;  // so that another callback has the last word

  std::vector<HyperSchedule> schedules;

  ParamScheduler() = default;
  ParamScheduler(std::initializer_list<HyperSchedule> list) : schedules(list) {}
  ParamScheduler(std::vector<HyperSchedule> list) : schedules(std::move(list)) {}

  /// Throws: IndexError for a hyper-parameter that a group's rule lacks; UsageError for too many or too few groups.
  void on(BeforeFit, Fit& fit) {
    before_.clear();
    for_each(fit, [&](double& value, const Schedule&) { before_.push_back(value); });
  }

  void on(BeforeBatch, Fit& fit) const {
    if (fit.training) for_each(fit, [&](double& value, const Schedule& schedule) { value = schedule(fit.progress()); });
  }

  void on(AfterFit, Fit& fit) const {
    std::size_t i = 0;
    for_each(fit, [&](double& value, const Schedule&) { value = before_[i++]; });
  }

 private:
  /// f(value, schedule) for every hyper-parameter that has a schedule.
  template <class F>
  void for_each(Fit& fit, F f) const {
    const std::size_t groups = fit.optimizer().group_count();
    for (const HyperSchedule& entry : schedules) {
      if (entry.schedules.size() != 1 && entry.schedules.size() != groups) {
        fail<UsageError>("ParamScheduler",
                         concat(entry.hyper, " needs one schedule, or one for each of ", groups, " parameter groups"),
                         concat("got ", entry.schedules.size()));
      }
      for (std::size_t g = 0; g < groups; ++g) f(fit.optimizer().hyper(g, entry.hyper), entry.schedules[g]);
    }
  }

  std::vector<double> before_;
};

}  // namespace kiln
