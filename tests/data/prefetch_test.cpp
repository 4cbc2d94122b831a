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
    kiln::detail::Prefetcher<Make> prefetcher(Make{&made}, workers, 2);
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

namespace {

/// Takes long, and says by which thread it was made.
struct MakeSlowly {
  std::atomic<Index>* made;
  std::thread::id operator()(Index i) const {
    std::this_thread::sleep_for(std::chrono::microseconds(300));
    ++*made;
    if (i == 13) throw std::runtime_error("13");
    return std::this_thread::get_id();
  }
};

struct MakeQuickly {
  std::thread::id operator()(Index) const { return std::this_thread::get_id(); }
};

struct Threads {
  int before = kiln::num_threads();
  explicit Threads(int threads) { kiln::set_num_threads(threads); }
  ~Threads() { kiln::set_num_threads(before); }
};

}  // namespace

TEST_CASE("unless told how many threads, the taker makes what is quickly made") {
  kiln::detail::Prefetcher<MakeQuickly> prefetcher(MakeQuickly{}, std::nullopt, 4);
  prefetcher.start(0, 50);
  for (Index i = 0; i < 50; ++i) REQUIRE(prefetcher.take() == std::this_thread::get_id());
}

TEST_CASE("what takes long is made by the team if it has all cores, else by a thread that works ahead") {
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  for (int threads : {cores + 1, cores - 1}) {
    if (threads < 1) continue;
    const Threads scope(threads);
    std::atomic<Index> made = 0;
    kiln::detail::Prefetcher<MakeSlowly> prefetcher(MakeSlowly{&made}, std::nullopt, 4);
    for (int round = 0; round < 2; ++round) {
      made = 0;
      prefetcher.start(0, 60);
      int elsewhere = 0;
      for (Index i = 0; i < 50; ++i) {
        if (i == 13) CHECK_THROWS_WITH_AS(prefetcher.take(), "13", std::runtime_error);
        else elsewhere += prefetcher.take() != std::this_thread::get_id();
        REQUIRE(made > i);
      }
      CHECK(elsewhere > 0);
      if (threads < cores) CHECK(elsewhere >= 45);
      prefetcher.park();
      const Index after_parking = made;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      CHECK(made == after_parking);
    }
  }
}

TEST_CASE("threads stay within the depth, park early and start again elsewhere") {
  std::atomic<Index> made = 0;
  kiln::detail::Prefetcher<Make> prefetcher(Make{&made}, 2, 2);
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
  kiln::detail::Prefetcher<Make> prefetcher(Make{&made}, 3, 2);
  for (Index begin = 0; begin < 2000; begin += 100) {
    prefetcher.start(begin, begin + 100);
    for (Index i = begin; i < begin + 3; ++i) REQUIRE(prefetcher.take() == i * i);
    prefetcher.park();
  }
}

TEST_CASE("threads that have nothing to do use no time") {
  std::atomic<Index> made = 0;
  kiln::detail::Prefetcher<Make> prefetcher(Make{&made}, 3, 2);
  prefetcher.start(0, 1000);  // the queue is full soon
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const std::clock_t before = std::clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  CHECK(double(std::clock() - before) / CLOCKS_PER_SEC < 0.02);
}

TEST_SUITE_END();
