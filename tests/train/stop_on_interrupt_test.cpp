// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/stop_on_interrupt.hpp>

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>

#include "script.hpp"

TEST_SUITE_BEGIN("train");

using namespace kiln;

namespace {

volatile sig_atomic_t handled = 0;

/// What the program had before, put back at the end.
struct OwnHandler {
  struct sigaction before = {};
  explicit OwnHandler(void (*handler)(int) = [](int) { handled = handled + 1; }) {
    struct sigaction mine = {};
    mine.sa_handler = handler;
    ::sigaction(SIGINT, &mine, &before);
    handled = 0;
  }
  ~OwnHandler() { ::sigaction(SIGINT, &before, nullptr); }
};

auto current() {
  struct sigaction now = {};
  ::sigaction(SIGINT, nullptr, &now);
  return now.sa_handler;
}

/// Interrupts at a batch of training or of validation.
struct Interrupt {
  bool training = true;
  Index batch = 1;
  int times = 1;
  bool fails = false;
  void on(AfterPred, Fit& fit) {
    if (fit.training != training || fit.batch != batch || fit.epoch() != 1) return;
    for (int i = 0; i < times; ++i) ::raise(SIGINT);
    if (fails) throw std::runtime_error("mine");
  }
};

}  // namespace

TEST_CASE("an interrupt ends the fit after the batch, with everything recorded") {
  OwnHandler own;
  const auto mine = current();
  for (bool training : {true, false}) {
    for (Index batch : {0, 1}) {
      CAPTURE(training);
      CAPTURE(batch);
      auto data = toy::loaders();
      toy::Mlp model;
      StopOnInterrupt stop;
      Learner learn{data, model, CrossEntropy{}, SGD{}, Accuracy{}, stop};
      learn.quiet();
      learn.fit(4, 0.1, Interrupt{.training = training, .batch = batch});
      CHECK(stop.interrupted);
      REQUIRE(learn.recorder().epochs.size() == 2);
      const EpochRow& row = learn.recorder().epochs[1];
      CHECK(std::isfinite(row.train_loss));
      const bool complete = !training && batch == 1;  // the validation had its two batches
      CHECK(std::isfinite(row.valid_loss) == complete);
      CHECK(std::isfinite(row.metrics[0].value) == complete);
      CHECK(static_cast<Index>(learn.recorder().losses.size()) == (training ? 3 + batch + 1 : 6));
      CHECK(learn.position().epoch == 2);
      CHECK(handled == 0);
      CHECK((current() == mine));
      learn.fit(1, 0.1);
      CHECK_FALSE(stop.interrupted);
      CHECK(learn.recorder().epochs.size() == 3);
      CHECK((current() == mine));
    }
  }
}

TEST_CASE("a second interrupt is handled as if there were no callback, and so are those after the fit") {
  OwnHandler own;
  auto data = toy::loaders();
  toy::Mlp model;
  StopOnInterrupt stop;
  Learner learn{data, model, CrossEntropy{}, SGD{}, stop};
  learn.quiet();
  learn.fit(4, 0.1, Interrupt{.times = 3});
  CHECK(handled == 2);
  ::raise(SIGINT);
  CHECK(handled == 3);
  CHECK_THROWS_WITH(learn.fit(4, 0.1, Interrupt{.fails = true}), "mine");
  CHECK(handled == 3);
  ::raise(SIGINT);
  CHECK(handled == 4);
  learn.fit(1, 0.1);
  CHECK(learn.recorder().epochs.back().epoch == 0);
}

TEST_CASE("without the callback the program's own handler stays") {
  OwnHandler own;
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  learn.quiet();
  learn.fit(2, 0.1, Interrupt{});
  CHECK(handled == 1);
  CHECK(learn.recorder().epochs.size() == 2);
}

TEST_CASE("who ignores interrupts goes on ignoring them") {
  OwnHandler own(SIG_IGN);
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}, StopOnInterrupt{}};
  learn.quiet();
  learn.fit(3, 0.1, Interrupt{});
  CHECK(learn.recorder().epochs.size() == 3);
}

TEST_CASE("a fit that is resumed in the middle of an epoch can be interrupted too") {
  OwnHandler own;
  auto data = toy::loaders();
  toy::Mlp model;
  StopOnInterrupt stop;
  Learner learn{data, model, CrossEntropy{}, SGD{.lr = 0.1}, stop};
  learn.quiet();
  struct Take {
    NoState no_state;
    decltype(learn)& learner;
    LearnerState state = {};
    int order = 1000;
    void on(AfterBatch, Fit& fit) {
      if (fit.training && fit.position.step == 1) state = learner.state();
    }
  } take{.no_state = {}, .learner = learn};
  learn.fit(2, take);
  learn.restore(take.state);
  struct Now {
    NoState no_state;
    void on(AfterPred, Fit&) { ::raise(SIGINT); }
  };
  learn.resume(Now{});
  CHECK(stop.interrupted);
  CHECK(learn.recorder().losses.size() == 2);
  CHECK(handled == 0);
}

TEST_CASE("a program ends by itself after one interrupt from outside, and by the signal after two") {
  for (int times : {1, 2}) {
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      ::signal(SIGINT, SIG_DFL);
      set_num_threads(1);
      auto data = toy::loaders();
      toy::Mlp model;
      struct Wait {  // in the first batch, until the signals have come
        int pipe;
        int times;
        NoState no_state = {};
        void on(AfterPred, Fit&) {
          (void)!::write(pipe, "x", 1);
          while (!detail::InterruptHandler::interrupted()) ::usleep(1000);
          if (times == 2) ::usleep(30'000'000);
        }
      };
      Learner learn{data, model, CrossEntropy{}, SGD{}, StopOnInterrupt{}};
      learn.quiet();
      learn.fit(1000, 0.1, Wait{ready[1], times});
      ::_exit(learn.recorder().losses.size() == 1 ? 42 : 1);
    }
    char byte = 0;
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    ::kill(child, SIGINT);
    if (times == 2) {
      ::usleep(100'000);  // or the two become one
      ::kill(child, SIGINT);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    if (times == 1) CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 42));
    else CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGINT));
    ::close(ready[0]);
    ::close(ready[1]);
  }
}

TEST_SUITE_END();
