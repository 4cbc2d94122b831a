// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/optim/epoch_schedule.hpp>

#include <doctest/doctest.h>

#include "schedule_values.hpp"
#include "trajectory.hpp"

using namespace kiln;
using trajectory::message_of;

namespace {

void follows(const std::string& name, const EpochSchedule& schedule) {
  INFO(name);
  const auto& expected = schedule_values::epoch_values.at(name);
  REQUIRE(expected.size() == 31);
  for (std::size_t epoch = 0; epoch < expected.size(); ++epoch) {
    INFO(epoch);
    CHECK(schedule(static_cast<Index>(epoch)) == doctest::Approx(expected[epoch]).epsilon(1e-14).scale(0.1));
  }
}

}  // namespace

TEST_SUITE_BEGIN("optim");

TEST_CASE("schedules by epoch are PyTorch's") {
  follows("step", step_lr(0.1, {.step_size = 3, .gamma = 0.5}));
  follows("step_default", step_lr(0.1, {.step_size = 7}));
  follows("multi_step", multi_step_lr(0.1, {.milestones = {9, 4, 20, 9}}));
  follows("exponential", exponential_lr(0.1, 0.9));
  follows("cosine", cosine_annealing_lr(0.1, {.t_max = 10}));
  follows("cosine_min", cosine_annealing_lr(0.1, {.t_max = 7, .eta_min = 0.01}));
}

TEST_CASE("an epoch schedule becomes one of progress") {
  const EpochSchedule count = [](Index epoch) { return static_cast<double>(epoch); };
  for (Index epochs : {1, 3, 7, 10, 49, 1000}) {
    const Schedule schedule = by_epoch(count, epochs);
    for (Index epoch = 0; epoch < epochs; ++epoch) {
      const auto begun = static_cast<double>(epoch), all = static_cast<double>(epochs);
      CHECK(schedule(begun / all) == begun);
      CHECK(schedule(begun * (1 / all)) == begun);
      CHECK(schedule((begun + 0.999) / all) == begun);
    }
    CHECK(schedule(1) == static_cast<double>(epochs - 1));
  }
  CHECK(by_epoch(step_lr(0.5, {.step_size = 2, .gamma = 0.5}), 4)(0.5) == 0.25);
}

TEST_CASE("an epoch is not mistaken for a progress") {
  static_assert(!std::is_convertible_v<EpochSchedule, Schedule>);
  static_assert(!std::is_convertible_v<Schedule, EpochSchedule>);
  const EpochSchedule rate = exponential_lr(0.1, 0.9);
  CHECK(message_of([&] { rate(-1); }) == "schedule: the epoch must not be negative: got -1");
}

TEST_CASE("schedules by epoch say what they need") {
  CHECK(message_of([] { step_lr(1, {.step_size = 0}); }) == "step_lr: step_size must be positive: got 0");
  CHECK(message_of([] { cosine_annealing_lr(1, {.t_max = 0}); }) ==
        "cosine_annealing_lr: t_max must be positive: got 0");
  CHECK(message_of([] { by_epoch(exponential_lr(1, 1), 0); }) ==
        "by_epoch: the number of epochs must be positive: got 0");
}

TEST_SUITE_END();
