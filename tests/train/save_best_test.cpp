// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/save_best.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>

#include "../viz/folder.hpp"
#include "script.hpp"

TEST_SUITE_BEGIN("train");

using namespace kiln;

namespace {

/// Keeps the weights after every epoch.
struct Keep {
  NoState no_state;
  toy::Deep& model;
  std::vector<std::vector<std::byte>> epochs = {};
  void on(AfterEpoch, Fit&) { epochs.push_back(toy::bits(model)); }
};

std::vector<std::byte> saved(const std::string& path) {
  toy::Deep model;
  load(model, path);
  return toy::bits(model);
}

}  // namespace

TEST_CASE("the file always has the best weights, and the model if asked for") {
  const double none = std::nan("");
  const std::vector<double> losses{none, 3, 2, none, 2, 5};
  Folder folder;
  for (bool put_back : {false, true}) {
    CAPTURE(put_back);
    manual_seed(1);
    auto data = toy::loaders();
    toy::Deep model;
    Keep keep{{}, model};
    SaveBest best{.path = folder / "best.safetensors", .put_back = put_back};
    Learner learn{data, model, CrossEntropy{}, SGD{.lr = 0.1}, toy::Script{losses}, keep, best};
    learn.quiet();
    learn.fit(6);
    CHECK(best.best == BestValue{2, 2});
    CHECK(saved(best.path) == keep.epochs[2]);
    CHECK(keep.epochs[2] != keep.epochs[5]);
    CHECK(toy::bits(model) == keep.epochs[put_back ? 2 : 5]);
    CHECK(std::distance(std::filesystem::directory_iterator(folder.path), {}) == 1);  // and nothing beside it
  }
}

TEST_CASE("without a path the best weights are kept in memory alone, also when the fit is cancelled") {
  struct Stop {
    void on(BeforeStep, Fit& fit) {
      if (fit.epoch() == 3) fit.cancel(Scope::fit);
    }
  };
  manual_seed(1);
  auto data = toy::loaders();
  toy::Deep model;
  Keep keep{{}, model};
  Learner learn{data, model, CrossEntropy{}, SGD{.lr = 0.1}, toy::Script{{3, 2, 4, 1}}, keep};
  learn.quiet();
  learn.fit(4, SaveBest{.put_back = true}, Stop{});
  CHECK(toy::bits(model) == keep.epochs[1]);
}

TEST_CASE("an exception leaves the weights of that moment in the model and the best ones in the file") {
  struct Throw {
    void on(BeforeStep, Fit& fit) {
      if (fit.epoch() == 2) throw std::runtime_error("mine");
    }
  };
  Folder folder;
  manual_seed(1);
  auto data = toy::loaders();
  toy::Deep model;
  Keep keep{{}, model};
  SaveBest best{.path = folder / "best.safetensors", .put_back = true};
  Learner learn{data, model, CrossEntropy{}, SGD{.lr = 0.1}, toy::Script{{3, 4, 1}}, keep, best};
  learn.quiet();
  CHECK_THROWS_WITH(learn.fit(3, Throw{}), "mine");
  CHECK(toy::bits(model) == keep.epochs[1]);
  CHECK(saved(best.path) == keep.epochs[0]);
}

TEST_CASE("a validation that was cancelled saves nothing") {
  struct Skip {
    void on(BeforeValidate, Fit& fit) { fit.cancel(Scope::validate); }
  };
  Folder folder;
  auto data = toy::loaders();
  toy::Deep model;
  Learner learn{data, model, CrossEntropy{}, SGD{}, Skip{}};
  learn.quiet();
  learn.fit(1, 0.1, SaveBest{.path = folder / "best.safetensors"});
  CHECK_FALSE(std::filesystem::exists(folder / "best.safetensors"));
}

TEST_CASE("impossible settings of SaveBest are refused before anything is trained") {
  auto data = toy::loaders();
  toy::Deep model;
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  learn.quiet();
  CHECK_THROWS_WITH_AS(learn.fit(1, 0.1, SaveBest{}), "SaveBest: it needs a path, or .put_back = true: got neither",
                       UsageError);
  CHECK_THROWS_WITH_AS(learn.fit(1, 0.1, SaveBest{.path = "x", .min_delta = -1}),
                       "SaveBest: min_delta must not be negative: got -1", UsageError);
  CHECK_THROWS_WITH_AS(learn.fit(1, 0.1, SaveBest{.path = "x", .monitor = "f1"}),
                       "SaveBest: what is monitored must be one of train_loss, valid_loss: got f1", UsageError);
  CHECK_THROWS_WITH_AS(learn.fit(1, 0.1, SaveBest{.path = "/nowhere/best.safetensors"}),
                       "SaveBest: there must be a folder that can be written to: /nowhere/: No such file or directory",
                       DataError);
  CHECK(learn.position().step == 0);
}

TEST_SUITE_END();
