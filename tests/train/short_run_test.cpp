// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/short_run.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include <kiln/train/early_stopping.hpp>

#include "script.hpp"

TEST_SUITE_BEGIN("train");

using namespace kiln;

namespace {

/// Counts batches.
struct Count {
  int order = -1;
  Index trained = 0, validated = 0;
  void on(AfterBatch, Fit& fit) { ++(fit.training ? trained : validated); }
};

template <class Short>
Count run(Index epochs, Short cut) {
  auto data = DataLoaders{DataLoader{toy::points(20), LoaderOptions{.batch_size = 2, .workers = 0}},
                          DataLoader{toy::points(10), LoaderOptions{.batch_size = 2, .workers = 0}}};
  toy::Mlp model;
  Count count;
  Learner learn{data, model, CrossEntropy{}, SGD{}, count};
  learn.quiet();
  learn.fit(epochs, 0.1, cut);
  return count;
}

}  // namespace

TEST_CASE("a short epoch has its share of the batches, and one at least") {
  auto check = [](ShortEpoch cut, Index trained, Index validated) {
    const Count count = run(2, cut);
    CHECK(count.trained == 2 * trained);
    CHECK(count.validated == 2 * validated);
  };
  check({.fraction = 0.01}, 1, 1);
  check({.fraction = 0.3}, 3, 2);
  check({.fraction = 0.31}, 4, 2);
  check({.fraction = 0.5, .short_valid = false}, 5, 5);
  check({.fraction = 1}, 10, 5);
  CHECK_THROWS_WITH_AS(run(1, ShortEpoch{.fraction = 0}), "ShortEpoch: fraction must lie in (0, 1]: got 0", UsageError);
  CHECK_THROWS_WITH_AS(run(1, ShortEpoch{.fraction = 2}), "ShortEpoch: fraction must lie in (0, 1]: got 2", UsageError);
}

TEST_CASE("a single batch is trained, and nothing is validated") {
  const Count count = run(3, SingleBatch{});
  CHECK(count.trained == 1);
  CHECK(count.validated == 0);
}

TEST_CASE("a development run has a batch of each kind and one epoch, and others do not mind it") {
  auto data = toy::loaders();
  toy::Mlp model;
  EarlyStopping stop{.patience = 1};
  Learner learn{data, model, CrossEntropy{}, SGD{}, Accuracy{}, stop};
  learn.quiet();
  Count count;
  learn.fit(5, 0.1, FastDevRun{}, count);
  CHECK(count.trained == 1);
  CHECK(count.validated == 1);
  REQUIRE(learn.recorder().epochs.size() == 1);
  CHECK(std::isfinite(learn.recorder().epochs[0].valid_loss));
  CHECK(std::isfinite(learn.recorder().epochs[0].metrics[0].value));
  CHECK(stop.best.epoch == -1);
  learn.fit(1, 0.1);
  CHECK(stop.best.epoch == 0);

  struct Try {
    int order = -100;
    void on(BeforeFit, Fit& fit) { fit.trial = true; }
  };
  learn.fit(2, 0.1, Try{}, FastDevRun{});  // another trial is left alone
  CHECK(learn.recorder().epochs.size() == 4);
}

TEST_SUITE_END();
