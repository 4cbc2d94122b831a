// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/early_stopping.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include "script.hpp"

TEST_SUITE_BEGIN("train");

using namespace kiln;

namespace {

/// How many epochs a fit with these validation losses has.
Index epochs(std::vector<double> losses, EarlyStopping stop) {
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  learn.quiet();
  const auto count = static_cast<Index>(losses.size());
  learn.fit(count, 0.1, toy::Script{losses}, stop);
  const auto done = static_cast<Index>(learn.recorder().epochs.size());
  CHECK(stop.stopped == (done < count));
  return done;
}

}  // namespace

TEST_CASE("the fit ends after `patience` epochs that improved nothing, the last one recorded") {
  const double none = std::nan("");
  CHECK(epochs({5, 4, 3, 2}, {}) == 4);
  CHECK(epochs({5, 4, 4, 2}, {}) == 3);
  CHECK(epochs({5, 6, 7, 4, 5, 6, 5, 3}, {.patience = 3}) == 7);
  CHECK(epochs({5, 4.9, 4.8, 4.7, 4.6, 4.5}, {.patience = 3, .min_delta = 0.25}) == 6);  // 4.7 improves 5, 4.5 does not
  CHECK(epochs({5, 4.9, 4.8, 4.7, 4.6, 4.5}, {.patience = 2, .min_delta = 1}) == 3);
  CHECK(epochs({none, none, none}, {.patience = 2}) == 2);
  CHECK(epochs({none, 3, none, 2, 1}, {.patience = 2}) == 5);
  CHECK(epochs({5, 6, 7, 6, 8}, {.mode = MonitorMode::max}) == 4);
}

TEST_CASE("a metric is monitored as its name says") {
  struct Fall {
    void on(AfterValidate, Fit& fit) { fit.metrics[0].value = fit.epoch() == 1 ? 0.5 : 0.25; }
  };
  auto data = toy::loaders();
  toy::Mlp model;
  EarlyStopping stop{.monitor = "accuracy"};
  Learner learn{data, model, CrossEntropy{}, SGD{}, Accuracy{}, stop, Fall{}};
  learn.quiet();
  learn.fit(5, 0.1);
  CHECK(learn.recorder().epochs.size() == 3);
  CHECK(stop.best == BestValue{0.5, 1});
  learn.fit(1, 0.1);
  CHECK(stop.best == BestValue{0.25, 0});  // a fit begins anew, unless it is told not to
  CHECK_FALSE(stop.stopped);
  stop.reset_on_fit = false;
  learn.fit(1, 0.1);
  CHECK(stop.best == BestValue{0.25, 0});
  CHECK(stop.stopped);
}

TEST_CASE("a cancelled validation improves nothing") {
  struct Skip {
    void on(BeforeValidate, Fit& fit) { fit.cancel(Scope::validate); }
  };
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}, EarlyStopping{.patience = 2}, Skip{}};
  learn.quiet();
  learn.fit(5, 0.1);
  CHECK(learn.recorder().epochs.size() == 2);
}

TEST_CASE("impossible settings of EarlyStopping are refused before anything is trained") {
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}, Accuracy{}};
  learn.quiet();
  auto refused = [&](EarlyStopping stop, const char* message) {
    CHECK_THROWS_WITH_AS(learn.fit(1, 0.1, stop), message, UsageError);
    CHECK(learn.position().step == 0);
  };
  refused({.patience = 0}, "EarlyStopping: patience must be at least 1: got 0");
  refused({.min_delta = -1}, "EarlyStopping: min_delta must not be negative: got -1");
  refused({.monitor = "f1"},
          "EarlyStopping: what is monitored must be one of train_loss, valid_loss, accuracy: got f1");
}

TEST_SUITE_END();
