// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/monitor.hpp>

#include <doctest/doctest.h>

#include <cmath>

TEST_SUITE_BEGIN("train");

using namespace kiln;

TEST_CASE("figures are found by name") {
  Fit fit;
  fit.train_loss = 1;
  fit.valid_loss = 2;
  fit.metrics = {{"accuracy", 0.5}, {"top_5", 0.75}};
  CHECK(detail::monitored("op", fit, "train_loss") == 1);
  CHECK(detail::monitored("op", fit, "valid_loss") == 2);
  CHECK(detail::monitored("op", fit, "top_5") == 0.75);
  CHECK_THROWS_WITH_AS(
      detail::monitored("SaveBest", fit, "acuracy"),
      "SaveBest: what is monitored must be one of train_loss, valid_loss, accuracy, top_5: got acuracy", UsageError);
}

TEST_CASE("losses and errors fall, known metrics rise, others must say") {
  auto rises = [](std::string_view name) { return detail::rises("op", name, MonitorMode::automatic); };
  for (const char* name :
       {"train_loss", "valid_loss", "error rate", "error_rate", "mse", "root_mse", "perplexity", "mean_absolute_error"})
    CHECK_FALSE(rises(name));
  for (const char* name : {"accuracy", "top_5", "top5", "precision", "f1", "macro f1", "r2", "f1_score"})
    CHECK(rises(name));
  CHECK_THROWS_WITH_AS(rises("latency"),
                       "op: say whether latency should fall or rise, by .mode = MonitorMode::min or max: its name does "
                       "not tell",
                       UsageError);
  CHECK_THROWS_AS(rises("glossy"), UsageError);  // not a loss
  CHECK(detail::rises("op", "valid_loss", MonitorMode::max));
  CHECK_FALSE(detail::rises("op", "latency", MonitorMode::min));
}

TEST_CASE("the best value improves by more than min_delta, and is never NaN") {
  BestValue best;
  CHECK_FALSE(best.improve(std::nan(""), false, 0, 0));
  CHECK(best.epoch == -1);
  CHECK(best.improve(1, false, 0.5, 1));
  CHECK_FALSE(best.improve(0.5, false, 0.5, 2));
  CHECK_FALSE(best.improve(std::nan(""), false, 0.5, 2));
  CHECK(best.improve(0.25, false, 0.5, 3));
  CHECK(best == BestValue{0.25, 3});
  CHECK_FALSE(best.improve(0.25, false, 0, 4));
  BestValue high;
  CHECK(high.improve(0.5, true, 0, 0));
  CHECK_FALSE(high.improve(0.25, true, 0, 1));
  CHECK(high.improve(0.75, true, 0, 2));
  BestValue from_infinity;  // the first figure may be infinite, and the next improves it
  CHECK(from_infinity.improve(HUGE_VAL, false, 0, 0));
  CHECK(from_infinity.improve(5, false, 0, 1));
}

TEST_SUITE_END();
