// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/callback.hpp>

#include <doctest/doctest.h>

#include "toy.hpp"

TEST_SUITE_BEGIN("train");

using namespace kiln;

namespace {

struct Serious {
  static constexpr bool trials = false;
  Index batches = 0;
  void on(AfterBatch, Fit&) { ++batches; }
};

struct Other {
  Index batches = 0;
  void on(AfterBatch, Fit&) { ++batches; }
};

struct Try {
  static constexpr int order = -100;
  void on(BeforeFit, Fit& fit) { fit.trial = true; }
};

}  // namespace

TEST_CASE("callbacks that say so do not act in a fit whose training is given up") {
  auto data = toy::loaders();
  toy::Mlp model;
  Serious serious;
  Other other;
  Learner learn{data, model, CrossEntropy{}, SGD{}, serious, other};
  learn.quiet();
  learn.fit(1, 0.1, Try{});
  CHECK(serious.batches == 0);
  CHECK(other.batches == 5);
  learn.fit(1, 0.1);
  CHECK(serious.batches == 5);
}

TEST_CASE("the names of the metrics are known when a fit begins") {
  struct Ask {
    void on(BeforeFit, Fit& fit) {
      REQUIRE(fit.metrics.size() == 1);
      CHECK(fit.metrics[0].name == "accuracy");
    }
  };
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}, Accuracy{}};
  learn.quiet();
  learn.fit(1, 0.1, Ask{});
}

TEST_SUITE_END();
