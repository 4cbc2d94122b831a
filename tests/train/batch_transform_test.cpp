// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/batch_transform.hpp>

#include <doctest/doctest.h>

#include <vector>

#include <kiln/optim/adam.hpp>
#include <kiln/train/cutmix.hpp>

#include "images.hpp"

TEST_SUITE_BEGIN("train");

using namespace kiln;

namespace {

/// Keeps what the model gets.
template <class T>
struct Inputs {
  NoState no_state = {};
  int order = 100;
  std::vector<Tensor<4, T>> trained = {}, validated = {};
  void on(BeforeBatch, Fit& fit) { (fit.training ? trained : validated).push_back(fit.x.as<4, T>()); }
};

template <class T, class... Callbacks>
Inputs<T> inputs_of(Index epochs, Callbacks... callbacks) {
  manual_seed(1);
  auto data = toy::image_loaders<T>();
  toy::ImageNet<T> model;
  Inputs<T> inputs;
  Learner learn{data, model, CrossEntropy{}, SGD{.lr = 0.1}, inputs};
  learn.quiet();
  learn.fit(epochs, callbacks...);
  return inputs;
}

}  // namespace

TEST_CASE_TEMPLATE("a callback transforms batches in training, in validation if asked to", T, float, double) {
  const auto plain = inputs_of<T>(1), trained = inputs_of<T>(1, BatchTransform{VerticalFlip{}}),
             validated = inputs_of<T>(1, BatchTransform{VerticalFlip{}, false, true});
  REQUIRE(plain.trained.size() == 3);
  REQUIRE(plain.validated.size() == 2);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(all_equal(trained.trained[i], VerticalFlip{}(plain.trained[i])));
    CHECK(all_equal(validated.trained[i], plain.trained[i]));
  }
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(all_equal(trained.validated[i], plain.validated[i]));
    CHECK(all_equal(validated.validated[i], VerticalFlip{}(plain.validated[i])));
  }
}

TEST_CASE("what a callback's transforms draw depends on seed, epoch, batch and place") {
  const Cutout cutout{.size = 2, .fill = 99};
  const auto plain = inputs_of<float>(2), once = inputs_of<float>(2, BatchTransform{cutout}),
             again = inputs_of<float>(2, BatchTransform{cutout});
  std::vector<std::vector<bool>> patterns;
  for (std::size_t i = 0; i < once.trained.size(); ++i) {
    CHECK(all_equal(once.trained[i], again.trained[i]));
    CHECK_FALSE(all_equal(once.trained[i], plain.trained[i]));
    patterns.emplace_back();
    for (float value : once.trained[i]) patterns.back().push_back(value == 99);
  }
  std::sort(patterns.begin(), patterns.end());
  CHECK(std::unique(patterns.begin(), patterns.end()) == patterns.end());
  const auto twice = inputs_of<float>(1, BatchTransform{Transforms{VerticalFlip{}, HorizontalFlip{}}});
  CHECK(all_equal(twice.trained[0], HorizontalFlip{}(VerticalFlip{}(plain.trained[0]))));
}

TEST_CASE("a transform that is not for the inputs is refused") {
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  learn.quiet();
  CHECK_THROWS_WITH_AS(learn.fit(1, 0.1, BatchTransform{HorizontalFlip{}}),
                       "BatchTransform: the transform must be one of the batch's inputs: they are a Tensor<2, float>",
                       UsageError);
  learn.fit(1, 0.1, BatchTransform{[](Tensor<2> x) { return x * 2; }});
}

namespace {

auto augmented(int workers) {
  auto data = toy::image_loaders(workers);
  data.train.transform(RandomCrop{.padding = 1}, RandomHorizontalFlip{}, RandomErase{}, RandomAffine{.degrees = 10});
  return data;
}

}  // namespace

TEST_CASE("a fit with transforms is resumed in the middle of an epoch to the same bits, with any number of workers") {
  struct Take {
    NoState no_state;
    Trainer& learner;
    LearnerState state = {};
    int order = 1000;
    void on(AfterBatch, Fit& fit) {
      if (fit.training && fit.position.step == 5) state = learner.state();
    }
  };
  std::vector<std::byte> expected;
  for (int workers : {0, 1, 3}) {
    manual_seed(3);
    auto data = augmented(workers);
    toy::ImageNet<> model;
    Learner learn{data, model, CrossEntropy{}, Adam{.lr = 0.01}, CutMix{}, BatchTransform{RandomCopy{.pct = 0.5}}};
    learn.quiet();
    Take take{.no_state = {}, .learner = learn};
    learn.fit(4, take);
    if (expected.empty()) expected = toy::bits(model);
    CHECK(toy::bits(model) == expected);
    learn.fit(1, 5.0);
    learn.restore(take.state);
    CHECK(toy::bits(model) != expected);
    learn.resume();
    CHECK(toy::bits(model) == expected);
  }
}

TEST_CASE("a state of other transforms is refused") {
  manual_seed(3);
  auto data = augmented(0);
  toy::ImageNet<> model;
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  auto other = toy::image_loaders(0);
  other.train.transform(RandomCrop{.padding = 2});
  Learner others{other, model, CrossEntropy{}, SGD{}};
  CHECK_THROWS_WITH_AS(
      others.restore(learn.state()),
      "restore: the training data must come in the state's order: samples 20, shuffle true, seed 3, transforms "
      "RandomCrop(size (0, 0), padding (1, 1), border 0, fill 0), RandomHorizontalFlip(p 0.5), RandomErase(pct 0.2, "
      "max_num 4, noise none), RandomAffine(degrees 10, translate [0, 0], scale [1, 1], shear [0, 0], fill 0), seed 3: "
      "the loader has samples 20, shuffle true, seed 3, transforms RandomCrop(size (0, 0), padding (2, 2), border 0, "
      "fill 0), seed 3",
      UsageError);
}

TEST_SUITE_END();
