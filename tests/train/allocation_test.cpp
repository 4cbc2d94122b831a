// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// After the first epoch a fit asks the system for no memory: this file counts every call of operator new in the whole
// executable, by any thread. Sanitizers have an operator new of their own, under which the pool keeps nothing.
#include <kiln/train/learner.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <thread>
#include <vector>

#include <kiln/data/image_dataset.hpp>
#include <kiln/data/loader.hpp>
#include <kiln/data/random_flip.hpp>
#include <kiln/nn/activation.hpp>
#include <kiln/nn/batch_norm.hpp>
#include <kiln/nn/conv.hpp>
#include <kiln/nn/cross_entropy.hpp>
#include <kiln/nn/dropout.hpp>
#include <kiln/nn/linear.hpp>
#include <kiln/nn/pool.hpp>
#include <kiln/nn/sequential.hpp>
#include <kiln/optim/adam.hpp>
#include <kiln/train/metrics.hpp>
#include <kiln/train/progress.hpp>

#include "../count_allocations.inc"

#ifndef KILN_TEST_SANITIZED

using namespace kiln;

TEST_SUITE_BEGIN("train");

namespace {

/// Counts from the first event of an epoch to the first of the next, or, in the last one, to the end of the fit.
struct CountAllocations {
  static constexpr int order = -1000;  // before all others
  std::vector<long> at;
  NoState no_state;

  explicit CountAllocations(Index epochs) { at.reserve(static_cast<std::size_t>(epochs) + 1); }
  void on(BeforeEpoch, Fit&) { at.push_back(allocations); }
  void on(AfterFit, Fit&) { at.push_back(allocations); }

  std::vector<long> by_epoch() const {
    std::vector<long> result;
    for (std::size_t i = 1; i < at.size(); ++i) result.push_back(at[i] - at[i - 1]);
    return result;
  }
};

auto loaders(std::optional<int> workers, bool flip) {
  ImageDataset images(full<std::uint8_t>({100, 1, 8, 8}, 77), full<int>({100}, 3));
  DataLoaders data{DataLoader{images.slice(0, 100), {.batch_size = 16, .shuffle = true, .workers = workers}},
                   DataLoader{images.slice(0, 40), {.batch_size = 16, .workers = workers}}};
  if (flip) data.train.transform(RandomHorizontalFlip{});
  // As many batches as can be ahead, at once: in an epoch it depends on chance whether there are so many.
  std::vector<Batch<Tensor<4>, Tensor<1, int>>> all;
  for (auto& batch : data.train.epoch(0)) all.push_back(std::move(batch));
  return data;
}

/// Once in an epoch, as long as a bar is not drawn again.
struct PauseOnce {
  NoState no_state;
  void on(BeforeBatch, Fit& fit) {
    if (fit.training && fit.batch == 4) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
};

struct Threads {
  int before = num_threads();
  explicit Threads(int threads) { set_num_threads(threads); }
  ~Threads() { set_num_threads(before); }
};

constexpr Index epochs = 9;

/// Epochs after the first with an allocation. If several threads had work, one of them may by chance have done all of
/// the first epoch, so that a later one needs a buffer more, which is then kept: but that ends.
long not_free_of_allocations(const CountAllocations& count) {
  const std::vector<long> by_epoch = count.by_epoch();
  REQUIRE(by_epoch.size() == epochs);
  CHECK(by_epoch[0] > 0);
  return epochs - 1 - std::count(by_epoch.begin() + 1, by_epoch.end(), 0);
}

}  // namespace

TEST_CASE("after the first epoch a fit makes no heap allocation, with workers, recorder, schedule and metrics") {
  for (int threads : {1, 2}) {
    const Threads scope(threads);
    for (std::optional<int> workers : {std::optional<int>(), {0}, {1}}) {
      for (bool loud : {false, true}) {
        CAPTURE(threads);
        CAPTURE(workers.value_or(-1));
        auto data = loaders(workers, loud);
        Sequential model{Flatten{}, Linear{64, 32}, ReLU{}, Dropout{.p = 0.5}, Linear{32, 10}};
        Learner learn{data, model, CrossEntropy{}, Adam{}, Accuracy{}};
        learn.quiet(!loud);
        CountAllocations count(epochs);
        learn.fit_one_cycle(epochs, 1e-3, count);
        CHECK(not_free_of_allocations(count) <= (threads == 1 && workers == 0 ? 0 : epochs / 2));
      }
    }
  }
}

TEST_CASE("nor does one of a convolutional network") {
  const Threads scope(1);
  auto data = loaders({0}, false);
  Sequential model{Conv2d{1, 8, 3, 2, 1}, BatchNorm2d{8}, ReLU{}, GlobalAvgPool2d{}, Linear{8, 10}};
  Learner learn{data, model, CrossEntropy{}, Adam{}};
  learn.quiet();
  CountAllocations count(epochs);
  learn.fit_one_cycle(epochs, 1e-3, count);
  CHECK(not_free_of_allocations(count) == 0);
}

TEST_CASE("nor does the bar that a terminal shows") {
  const Threads scope(1);
  auto data = loaders({0}, false);
  Sequential model{Flatten{}, Linear{64, 10}};
  Learner learn{data, model, CrossEntropy{}, Adam{}};
  learn.quiet();
  std::FILE* out = std::fopen("/dev/null", "w");
  REQUIRE(out);
  Progress progress(learn.recorder(), out, true, 100);
  CountAllocations count(epochs);
  learn.fit_one_cycle(epochs, 1e-3, count, PauseOnce{}, progress);
  std::fclose(out);
  CHECK(not_free_of_allocations(count) == 0);
}

TEST_SUITE_END();

#endif
