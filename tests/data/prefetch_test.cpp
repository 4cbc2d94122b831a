// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/data/prefetch.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <stdexcept>
#include <string>

TEST_SUITE_BEGIN("data");

using kiln::Index;

namespace {

struct Make {
  std::atomic<Index>* made;
  Index operator()(Index i) const {
    std::this_thread::sleep_for(std::chrono::microseconds((i * 7919) % 50));  // done out of order
    ++*made;
    if (i % 10 == 3) throw std::runtime_error(std::to_string(i));
    return i * i;
  }
};

}  // namespace

TEST_CASE("results come in order, errors in their place, with any number of threads") {
  for (int workers : {0, 1, 2, 3, 7}) {
    std::atomic<Index> made = 0;
    kiln::detail::Prefetcher<Make> prefetcher(Make{&made}, workers, 2 * workers);
    for (int round = 0; round < 3; ++round) {
      prefetcher.start(5, 50);
      for (Index i = 5; i < 50; ++i) {
        if (i % 10 == 3) CHECK_THROWS_WITH_AS(prefetcher.take(), std::to_string(i).c_str(), std::runtime_error);
        else REQUIRE(prefetcher.take() == i * i);
      }
      prefetcher.park();
    }
    CHECK(made == 3 * 45);
  }
}

TEST_CASE("threads stay within the depth, park early and start again elsewhere") {
  std::atomic<Index> made = 0;
  kiln::detail::Prefetcher<Make> prefetcher(Make{&made}, 2, 4);
  prefetcher.start(0, 1000);
  CHECK(prefetcher.take() == 0);
  CHECK(prefetcher.take() == 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(made <= 6);
  prefetcher.park();
  const Index after_parking = made;
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(made == after_parking);
  prefetcher.start(500, 510);
  CHECK(prefetcher.take() == 500 * 500);
}

TEST_CASE("nothing that threads made before parking turns up after it") {
  std::atomic<Index> made = 0;
  kiln::detail::Prefetcher<Make> prefetcher(Make{&made}, 3, 6);
  for (Index begin = 0; begin < 2000; begin += 100) {
    prefetcher.start(begin, begin + 100);
    for (Index i = begin; i < begin + 3; ++i) REQUIRE(prefetcher.take() == i * i);
    prefetcher.park();
  }
}

TEST_CASE("threads that have nothing to do use no time") {
  std::atomic<Index> made = 0;
  kiln::detail::Prefetcher<Make> prefetcher(Make{&made}, 3, 6);
  prefetcher.start(0, 1000);  // the queue is full soon
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const std::clock_t before = std::clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  CHECK(double(std::clock() - before) / CLOCKS_PER_SEC < 0.02);
}

TEST_SUITE_END();
