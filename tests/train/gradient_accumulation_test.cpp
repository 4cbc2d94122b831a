// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/gradient_accumulation.hpp>

#include <doctest/doctest.h>

#include <kiln/train/gradient_clip.hpp>

#include "script.hpp"

TEST_SUITE_BEGIN("train");

using namespace kiln;

namespace {

using Net = Sequential<BasicLinear<double>, ReLU, BasicLinear<double>>;

/// Training batches of a given size, in one order.
auto batches_of(Index size) {
  return DataLoaders{DataLoader{toy::points<double>(20), LoaderOptions{.batch_size = size, .workers = 0}},
                     DataLoader{toy::points<double>(10), LoaderOptions{.batch_size = 10, .workers = 0}}};
}

/// The first layer's weight after two epochs, and how many steps there were.
template <class... Callbacks>
std::pair<Tensor<2, double>, Index> train(Index batch_size, Callbacks... callbacks) {
  manual_seed(1);
  auto data = batches_of(batch_size);
  Net model{{3, 8}, {}, {8, 2}};
  Learner learn{data, model, CrossEntropy{}, SGD{.lr = 0.5, .momentum = 0.9}};
  learn.quiet();
  learn.fit(2, callbacks...);
  return {std::get<0>(model.layers).weight.value, learn.optimizer().steps()};
}

}  // namespace

TEST_CASE("several batches make the step of one big batch") {
  struct Case {
    Index small, samples, big;  // 20 samples in batches of `small`, against batches of `big`
  };
  for (const Case c : {Case{8, 20, 20}, Case{8, 1000, 20}, Case{4, 8, 8}, Case{4, 7, 8}, Case{3, 9, 9}, Case{2, 20, 20},
                       Case{20, 1, 20}}) {
    CAPTURE(c.small);
    CAPTURE(c.samples);
    const auto [expected, expected_steps] = train(c.big);
    const auto [got, steps] = train(c.small, GradientAccumulation{.samples = c.samples});
    CHECK(steps == expected_steps);
    CHECK(all_close(got, expected, 1e-12, 1e-12));
    const auto [clipped, clipped_steps] = train(c.big, GradientClip{.max_norm = 0.1});
    const auto both = train(c.small, GradientClip{.max_norm = 0.1}, GradientAccumulation{.samples = c.samples});
    CHECK(all_close(both.first, clipped, 1e-12, 1e-12));
    CHECK_FALSE(all_close(clipped, expected, 1e-3, 1e-3));
  }
  CHECK_FALSE(all_close(train(4).first, train(8).first, 1e-3, 1e-3));
}

TEST_CASE(
    "a group that a cancelled epoch leaves over goes on in the next one, a cancelled backward counts for nothing") {
  struct Stop {
    Scope scope;
    void on(BeforeBackward, Fit& fit) {
      if (fit.batch == 1) fit.cancel(scope);
    }
  };
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{.lr = 0.1}};
  learn.quiet();
  GradientAccumulation accumulate{.samples = 16};
  learn.fit(1, accumulate, Stop{Scope::epoch});
  CHECK(accumulate.seen == 8);
  CHECK(learn.optimizer().steps() == 0);
  learn.fit(2, accumulate, Stop{Scope::epoch});
  CHECK(accumulate.seen == 0);
  CHECK(learn.optimizer().steps() == 1);
  learn.fit(1, accumulate, Stop{Scope::backward});  // 8 and 4 samples, at the end of the epoch
  CHECK(learn.optimizer().steps() == 2);
}

TEST_CASE("an exception in the middle of a group leaves nothing of it to the next fit") {
  struct Throw {
    void on(AfterBackward, Fit&) { throw std::runtime_error("mine"); }
  };
  auto train_after = [](bool failed) {
    manual_seed(1);
    auto data = batches_of(4);
    Net model{{3, 8}, {}, {8, 2}};
    Learner learn{data, model, CrossEntropy{}, SGD{.lr = 0.1}, GradientAccumulation{.samples = 8}};
    learn.quiet();
    if (failed) CHECK_THROWS_WITH(learn.fit(1, Throw{}), "mine");
    learn.fit(1);
    return std::get<0>(model.layers).weight.value;
  };
  CHECK(all_equal(train_after(true), train_after(false)));
}

TEST_CASE("impossible settings of GradientAccumulation are refused") {
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  CHECK_THROWS_WITH_AS(learn.fit(1, 0.1, GradientAccumulation{.samples = 0}),
                       "GradientAccumulation: samples must be at least 1: got 0", UsageError);
}

TEST_SUITE_END();
