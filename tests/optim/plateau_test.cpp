// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/optim/plateau.hpp>

#include <doctest/doctest.h>

#include <kiln/core/reflect.hpp>

#include "schedule_values.hpp"
#include "trajectory.hpp"

using namespace kiln;
using trajectory::message_of;

namespace {

using Mode = Plateau::Mode;
using ThresholdMode = Plateau::ThresholdMode;

void follows(const std::string& name, Plateau plateau) {
  INFO(name);
  const auto& [rates, bad_epochs, cooldown] = schedule_values::plateau_values.at(name);
  double lr = 0.1;
  for (std::size_t i = 0; i < rates.size(); ++i) {
    INFO(i);
    lr = plateau.next(lr, schedule_values::plateau_metrics[i]);
    CHECK(lr == rates[i]);
    CHECK(static_cast<double>(plateau.bad_epochs) == bad_epochs[i]);
    CHECK(static_cast<double>(plateau.cooldown_left) == cooldown[i]);
  }
}

}  // namespace

TEST_SUITE_BEGIN("optim");

TEST_CASE("Plateau lowers the rate when PyTorch does") {
  follows("defaults", {});
  follows("patience", {.factor = 0.5, .patience = 2});
  follows("impatient", {.patience = 0});
  follows("cooldown", {.factor = 0.5, .patience = 1, .cooldown = 3});
  follows("threshold", {.factor = 0.5, .patience = 1, .threshold = 0.2});
  follows("absolute", {.factor = 0.5, .patience = 1, .threshold = 0.05, .threshold_mode = ThresholdMode::abs});
  follows("max", {.mode = Mode::max, .factor = 0.5, .patience = 2});
  follows("max_absolute", {.mode = Mode::max,
                           .factor = 0.5,
                           .patience = 1,
                           .threshold = 0.1,
                           .threshold_mode = ThresholdMode::abs,
                           .cooldown = 1});
  follows("min_lr", {.patience = 0, .min_lr = 0.003});
  follows("eps", {.patience = 0, .eps = 1e-3});
}

TEST_CASE("Plateau is a value") {
  Plateau plateau{.patience = 1};
  const Plateau fresh = plateau;
  plateau.next(1, 5);
  plateau.next(1, 5);
  CHECK(plateau.best == 5);
  CHECK(plateau.bad_epochs == 1);
  CHECK_FALSE(plateau == fresh);
  Plateau copy = plateau;
  CHECK(copy.next(1, 5) == 0.1);
  CHECK(plateau.next(1, 5) == 0.1);
  CHECK(copy == plateau);
  plateau.reset();
  CHECK(plateau == fresh);
  CHECK(Plateau{.mode = Mode::max}.best == -HUGE_VAL);
  static_assert(field_count<Plateau>() == 11);
}

TEST_CASE("Plateau counts once for several rates") {
  Plateau plateau{.patience = 0, .min_lr = 0.05};
  CHECK_FALSE(plateau.update(1));
  CHECK(plateau.update(1));
  CHECK(plateau.lowered(1) == 0.1);
  CHECK(plateau.lowered(0.2) == 0.05);
  CHECK(plateau.lowered(0.01) == 0.01);  // is below the least already
}

TEST_CASE("Plateau says which setting is impossible") {
  auto used = [](Plateau plateau) { return message_of([&] { plateau.next(1, 1); }); };
  CHECK(used({.factor = 1}) == "Plateau.factor: must lie in [0, 1): got 1");
  CHECK(used({.factor = -0.5}) == "Plateau.factor: must lie in [0, 1): got -0.5");
  CHECK(used({.patience = -1}) == "Plateau.patience: must not be negative: got -1");
  CHECK(used({.threshold = NAN}) == "Plateau.threshold: must be finite and not negative: got nan");
  CHECK(used({.cooldown = -1}) == "Plateau.cooldown: must not be negative: got -1");
  CHECK(used({.min_lr = -1}) == "Plateau.min_lr: must not be negative: got -1");
  CHECK(used({.eps = NAN}) == "Plateau.eps: must not be negative: got nan");
}

TEST_SUITE_END();
