// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/reduce_lr_on_plateau.hpp>

#include <doctest/doctest.h>

#include "script.hpp"

TEST_SUITE_BEGIN("train");

using namespace kiln;

namespace {

struct Rates {
  static constexpr int order = 100;
  std::size_t group = 0;
  std::vector<double> rates = {};
  void on(AfterEpoch, Fit& fit) { rates.push_back(fit.optimizer().hyper(group, "lr")); }
};

}  // namespace

TEST_CASE("the rates are PyTorch's, in every group") {
  // tests/oracles/callbacks.py
  const std::vector<double> losses{1, 0.9, 0.9, 0.9, 0.9, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8};
  const std::vector<double> first{0.8, 0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.4, 0.2, 0.2, 0.2, 0.2, 0.15, 0.15};
  const std::vector<double> second{1.6, 1.6, 1.6, 1.6, 0.8, 0.8, 0.8, 0.8, 0.4, 0.4, 0.4, 0.4, 0.2, 0.2};
  auto data = toy::loaders();
  toy::Mlp model;
  Optimizer optimizer{SGD{.lr = 0.8}, parameters(model.hidden)};
  optimizer.add_group(SGD{.lr = 1.6}, parameters(model.out));
  Learner learn{data, model, CrossEntropy{}, optimizer, toy::Script{losses}};
  learn.quiet();
  Rates low{.group = 0}, high{.group = 1};
  learn.fit(14, ReduceLROnPlateau{.factor = 0.5, .patience = 2, .cooldown = 1, .min_lr = 0.15}, low, high);
  CHECK(low.rates == first);
  CHECK(high.rates == second);
}

TEST_CASE("a metric that rises lowers nothing, and a fit begins anew") {
  auto data = toy::loaders();
  toy::Mlp model;
  ReduceLROnPlateau reduce{.factor = 0.5, .patience = 0, .mode = MonitorMode::max};
  Learner learn{data, model, CrossEntropy{}, SGD{}, toy::Script{{1, 2, 3}}, reduce};
  learn.quiet();
  learn.fit(3, 0.1);
  CHECK(learn.optimizer().hyper(0, "lr") == 0.1);
  learn.fit(1, 0.1);
  CHECK(learn.optimizer().hyper(0, "lr") == 0.1);
  reduce.reset_on_fit = false;
  learn.fit(1, 0.1);
  CHECK(learn.optimizer().hyper(0, "lr") == 0.05);
}

TEST_CASE("impossible settings of ReduceLROnPlateau are refused before anything is trained") {
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  learn.quiet();
  CHECK_THROWS_WITH_AS(learn.fit(1, 0.1, ReduceLROnPlateau{.factor = 1}), "Plateau.factor: must lie in [0, 1): got 1",
                       UsageError);
  CHECK_THROWS_WITH_AS(learn.fit(1, 0.1, ReduceLROnPlateau{.monitor = "f1"}),
                       "ReduceLROnPlateau: what is monitored must be one of train_loss, valid_loss: got f1",
                       UsageError);
  CHECK(learn.position().step == 0);
}

TEST_SUITE_END();
