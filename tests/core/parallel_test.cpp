// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/core/parallel.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <ctime>
#include <set>
#include <stdexcept>

using namespace kiln;

TEST_SUITE_BEGIN("core");

namespace {

/// Restores the number of threads.
struct Threads {
  int before = num_threads();
  explicit Threads(int threads) { set_num_threads(threads); }
  ~Threads() { set_num_threads(before); }
};

}  // namespace

TEST_CASE("[threads] every task runs exactly once, on any number of threads") {
  for (int threads : {1, 2, 3, 7, 2, 1, 4}) {
    Threads scope(threads);
    CHECK(num_threads() == threads);
    for (Index tasks : {0, 1, 2, 3, 10, 1000}) {
      std::vector<int> runs(static_cast<std::size_t>(tasks));
      parallel_for(tasks, [&](Index task) { ++runs[static_cast<std::size_t>(task)]; });
      CHECK(runs == std::vector<int>(static_cast<std::size_t>(tasks), 1));
    }
  }
}

TEST_CASE("[threads] many short jobs in a row, with sleeps between them") {
  Threads scope(3);
  Index sum = 0;
  for (int job = 0; job < 2000; ++job) {
    std::vector<Index> squares(5);
    parallel_for(5, [&](Index task) { squares[static_cast<std::size_t>(task)] = task * task; });
    for (Index square : squares) sum += square;
    if (job % 500 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  CHECK(sum == 2000 * (1 + 4 + 9 + 16));
}

TEST_CASE("[threads] the tasks of one job do run at the same time") {
  Threads scope(2);
  std::atomic<int> arrived = 0;
  parallel_for(2, [&](Index) {
    ++arrived;
    while (arrived.load() < 2) std::this_thread::yield();
  });
  CHECK(arrived == 2);
}

TEST_CASE("[threads] a thread that is held up leaves its other tasks to the rest of the team") {
  for (int threads : {2, 3}) {
    Threads scope(threads);
    for (Index slow = 0; slow < 12; ++slow) {
      std::atomic<int> finished = 0;
      parallel_for(12, [&](Index task) {
        while (task == slow && finished.load() < 11) std::this_thread::yield();
        ++finished;
      });
      CHECK(finished == 12);
    }
  }
}

TEST_CASE("[threads] a nested call and a call beside a busy team run serially") {
  Threads scope(3);
  std::vector<std::vector<int>> runs(8, std::vector<int>(50));
  parallel_for(8, [&](Index outer) {
    auto self = std::this_thread::get_id();
    parallel_for(50, [&](Index inner) {
      ++runs[static_cast<std::size_t>(outer)][static_cast<std::size_t>(inner)];
      if (std::this_thread::get_id() != self) runs[0][0] = -1000;
    });
  });
  for (const auto& row : runs) CHECK(row == std::vector<int>(50, 1));

  std::vector<int> totals(4);
  std::vector<std::thread> callers;
  for (std::size_t caller = 0; caller < totals.size(); ++caller) {
    callers.emplace_back([&, caller] {
      for (int job = 0; job < 200; ++job) {
        std::vector<int> parts(20);
        parallel_for(20, [&](Index task) { parts[static_cast<std::size_t>(task)] = 1; });
        for (int part : parts) totals[caller] += part;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(totals == std::vector<int>(4, 4000));
}

TEST_CASE("[threads] the exception of the lowest throwing task reaches the caller, and the team goes on") {
  for (int threads : {1, 2, 5}) {
    Threads scope(threads);
    for (int repeat = 0; repeat < 20; ++repeat) {
      auto run = [] {
        parallel_for(64, [](Index task) {
          if (task >= 17) fail<UsageError>("task", "fails", concat("number ", task));
        });
      };
      CHECK_THROWS_WITH_AS(run(), "task: fails: number 17", UsageError);
    }
    std::atomic<Index> sum = 0;
    parallel_for(10, [&](Index task) { sum += task; });
    CHECK(sum == 45);
  }
}

TEST_CASE("[threads] the number of threads may change from another thread at any time") {
  Threads scope(2);
  std::atomic<bool> done = false;
  std::thread changer([&] {
    for (int i = 0; !done.load(); ++i) {
      set_num_threads(1 + i % 4);
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  });
  Index wrong = 0;
  for (int job = 0; job < 300; ++job) {
    std::atomic<Index> sum = 0;
    parallel_for(100, [&](Index task) { sum += task; });
    if (sum != 4950) ++wrong;
  }
  done = true;
  changer.join();
  CHECK(wrong == 0);
}

TEST_CASE("[threads] idle workers do not spin for ever") {
  Threads scope(4);
  parallel_for(8, [](Index) {});
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  std::clock_t before = std::clock();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  double busy = static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  CHECK(busy < 0.05);
}

TEST_CASE("[threads] tasks see the scoped choices of the thread that called") {
  Threads scope(3);
  auto seen_on_all_threads = [](const void* choice) {
    std::atomic<int> arrived = 0, seen = 0;
    parallel_for(3, [&](Index) {
      seen += detail::scoped_choices.matmul == choice;
      ++arrived;
      while (arrived.load() < 3) std::this_thread::yield();
    });
    return seen.load();
  };
  int mark = 0;
  detail::scoped_choices.matmul = &mark;
  CHECK(seen_on_all_threads(&mark) == 3);
  detail::scoped_choices.matmul = nullptr;
  CHECK(seen_on_all_threads(nullptr) == 3);
}

TEST_CASE("[threads] ranges cover everything once and do not depend on the number of threads") {
  for (Index items : {0, 1, 5, 16384, 16385, 100'000, 10'000'000}) {
    std::set<std::pair<Index, Index>> expected;
    for (int threads : {1, 3}) {
      Threads scope(threads);
      std::mutex mutex;
      std::set<std::pair<Index, Index>> ranges;
      parallel_ranges(items, 1, [&](Index first, Index last) {
        std::lock_guard lock(mutex);
        ranges.emplace(first, last);
      });
      Index at = 0;
      for (auto [first, last] : ranges) {
        CHECK(first == at);
        CHECK(last > first);
        at = last;
      }
      CHECK(at == items);
      if (threads == 1) expected = ranges;
      CHECK(ranges == expected);
    }
  }
  CHECK(task_count(100) == 1);
  CHECK(task_count(100, 1'000'000) == 100);
  CHECK(task_count(1'000'000'000) == 256);
}

TEST_CASE("threads: nonsense is refused") {
  CHECK_THROWS_WITH_AS(set_num_threads(0), "set_num_threads: needs a number from 1 to 1024: got 0", UsageError);
  CHECK_THROWS_AS(set_num_threads(-1), UsageError);
  CHECK_THROWS_AS(set_num_threads(5000), UsageError);
  CHECK(detail::choose_threads("3", 8) == 3);
  CHECK(detail::choose_threads(nullptr, 8) == 8);
  CHECK(detail::choose_threads("", 0) == 1);
  for (const char* text : {"0", "-2", "two", "2x", " 2", "99999999999"}) {
    CHECK_THROWS_WITH_AS(detail::choose_threads(text, 8),
                         concat("KILN_THREADS: must be a number from 1 to 1024: got ", text).c_str(), UsageError);
  }
}

TEST_SUITE_END();
