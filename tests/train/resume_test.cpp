// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Every callback of the library in a fit that is resumed in the middle of an epoch, and many of them together.
#include <kiln/train/ema.hpp>

#include <doctest/doctest.h>

#include <filesystem>

#include <kiln/optim/adam.hpp>
#include <kiln/train/csv_logger.hpp>
#include <kiln/train/early_stopping.hpp>
#include <kiln/train/gradient_accumulation.hpp>
#include <kiln/train/gradient_clip.hpp>
#include <kiln/train/json_lines.hpp>
#include <kiln/train/mixup.hpp>
#include <kiln/train/reduce_lr_on_plateau.hpp>
#include <kiln/train/save_best.hpp>
#include <kiln/train/short_run.hpp>
#include <kiln/train/stop_on_interrupt.hpp>
#include <kiln/train/terminate_on_nan.hpp>

#include "../viz/folder.hpp"
#include "script.hpp"

TEST_SUITE_BEGIN("train");

using namespace kiln;

namespace {

/// Trains with these callbacks, takes the state after some step, and goes on from it twice, which must give the same
/// bits each time. Returns the model's, so that a caller can see that the callbacks did something.
template <class... Callbacks>
std::vector<std::byte> resume_twice(Index step, Callbacks... callbacks) {
  manual_seed(3);
  auto data = toy::loaders();
  toy::Deep model;
  Learner learn{data, model, CrossEntropy{}, Adam{.lr = 0.01}, Accuracy{}};
  learn.quiet();
  struct Take {
    NoState no_state;
    Trainer& learner;
    Index step;
    LearnerState state = {};
    int order = 1000;
    void on(AfterBatch, Fit& fit) {
      if (fit.training && fit.position.step == step) state = learner.state();
    }
  };
  const std::tuple<Callbacks...> fresh(callbacks...);
  Take take{.no_state = {}, .learner = learn, .step = step};
  learn.fit(6, take, callbacks...);
  REQUIRE(take.state.position.step == step);
  const auto expected = toy::bits(model);
  const auto losses = learn.recorder().losses;
  const auto rows = learn.recorder().epochs;
  const double lr = learn.optimizer().hyper(0, "lr");
  for (int again = 0; again < 2; ++again) {
    next_stream(Purpose::user);
    learn.fit(1, 5.0);
    learn.restore(take.state);
    CHECK(toy::bits(model) != expected);
    auto others = fresh;
    std::apply([&](auto&... other) { learn.resume(other...); }, others);
    CHECK(toy::bits(model) == expected);
    CHECK(learn.recorder().losses == losses);
    REQUIRE(learn.recorder().epochs.size() == rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      CHECK(learn.recorder().epochs[i].train_loss == rows[i].train_loss);
      CHECK(learn.recorder().epochs[i].valid_loss == rows[i].valid_loss);
      CHECK(learn.recorder().epochs[i].metrics == rows[i].metrics);
    }
    CHECK(learn.optimizer().hyper(0, "lr") == lr);
  }
  return expected;
}

}  // namespace

TEST_CASE("a fit with any callback is resumed in the middle of an epoch to the same bits") {
  Folder folder;
  const auto plain = resume_twice(5);
  CHECK(resume_twice(5, EarlyStopping{.patience = 3, .min_delta = 100}) != plain);
  CHECK(resume_twice(5, SaveBest{.path = folder / "best", .monitor = "accuracy", .put_back = true}) != plain);
  CHECK(resume_twice(8, ReduceLROnPlateau{
                            .patience = 1, .threshold = 10, .threshold_mode = Plateau::ThresholdMode::abs}) != plain);
  CHECK(resume_twice(5, GradientClip{.max_norm = 0.1}) != plain);
  CHECK(resume_twice(4, GradientAccumulation{.samples = 16}) != plain);  // with half a group in the gradients
  CHECK(resume_twice(5, MixUp{}) != plain);
  CHECK(resume_twice(5, Ema{.decay = 0.5, .copy_to_model = true}) != plain);
  CHECK(resume_twice(5, Ema{.decay = 0.5}) == plain);
  CHECK(resume_twice(3, ShortEpoch{.fraction = 0.5}) != plain);
  CHECK(resume_twice(5, CsvLogger{.path = folder / "log.csv"}) == plain);
  CHECK(resume_twice(5, JsonLines{.path = folder / "log.jsonl"}) == plain);
  CHECK(resume_twice(5, TerminateOnNaN{}) == plain);
  CHECK(resume_twice(5, StopOnInterrupt{}) == plain);
}

TEST_CASE("and so is one with many") {
  Folder folder;
  resume_twice(7, GradientAccumulation{.samples = 16}, GradientClip{.max_norm = 0.5}, Ema{.decay = 0.7}, MixUp{},
               SaveBest{.path = folder / "best", .put_back = true}, EarlyStopping{.patience = 4}, TerminateOnNaN{},
               ReduceLROnPlateau{.patience = 0}, CsvLogger{.path = folder / "log.csv"}, StopOnInterrupt{});
}

TEST_CASE("accumulation, clipping, averaging, saving and stopping together, given in any order") {
  struct Look {
    NoState no_state;
    toy::Deep& model;
    Index steps = 0;
    double largest = 0;
    std::vector<std::vector<std::byte>> validated = {}, trained = {};
    int order = 40;  // behind clipping, before the weights are put back
    void on(BeforeStep, Fit& fit) {
      ++steps;
      largest = (std::max)(largest, grad_norm(fit.parameters()));
    }
    void on(AfterTrain, Fit&) { trained.push_back(toy::bits(model)); }
    void on(AfterValidate, Fit&) { validated.push_back(toy::bits(model)); }
  };
  Folder folder;
  manual_seed(1);
  auto data = toy::loaders();
  toy::Deep model;
  Look look{{}, model};
  EarlyStopping stop{.patience = 2};
  SaveBest best{.path = folder / "best.safetensors", .put_back = true};
  Ema ema{.decay = 0.8, .copy_to_model = true};
  Learner learn{data, model, CrossEntropy{}, SGD{.lr = 0.1}, stop, best, ema, look, toy::Script{{3, 2, 4, 5, 1}}};
  learn.quiet();
  learn.fit(5, GradientClip{.max_norm = 0.01}, GradientAccumulation{.samples = 16});
  CHECK(look.steps == 8);  // two in each of four epochs
  CHECK(look.largest <= 0.01 + 1e-6);
  CHECK(learn.optimizer().steps() == 8);
  CHECK(ema.updates == 8);
  CHECK(stop.stopped);
  CHECK(best.best == BestValue{2, 1});
  REQUIRE(look.validated.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) CHECK(look.validated[i] != look.trained[i]);
  CHECK(toy::bits(model) == look.validated[1]);  // SaveBest has the last word, and saved what was validated
  toy::Deep loaded;
  load(loaded, folder / "best.safetensors");
  CHECK(toy::bits(loaded) == look.validated[1]);
}

TEST_SUITE_END();
