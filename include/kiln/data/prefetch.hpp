// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Prefetcher`: threads that make numbered results ahead of the one thread that takes them, in order. They sleep when
/// there is nothing to do and never hold more than `depth` results that have not been taken.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <kiln/core/shape.hpp>

namespace kiln::detail {

/// `make(i)` makes result i; several threads call it at once. What it throws, `take` throws in that result's place.
template <class Make>
class Prefetcher {
 public:
  using Result = decltype(std::declval<const Make&>()(Index{}));

  Prefetcher(Make make, int workers, Index depth) : make_(std::move(make)), slots_(static_cast<std::size_t>(depth)) {
    threads_.reserve(static_cast<std::size_t>(workers));
    try {
      while (static_cast<int>(threads_.size()) < workers) threads_.emplace_back(&Prefetcher::work, this);
    } catch (const std::exception&) {
      // The system gives us no more threads: those that we have do the work, or the taker does.
    }
  }

  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  ~Prefetcher() {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wanted_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  /// Begins to make the results [begin, end). The prefetcher must be parked, as it is at first.
  void start(Index begin, Index end) {
    {
      std::lock_guard lock(mutex_);
      next_ = taken_ = begin;
      end_ = end;
    }
    wanted_.notify_all();
  }

  /// The next result in order; there must be one. Throws: what making it threw; the one after can still be taken.
  Result take() {
    if (threads_.empty()) return make_(taken_++);
    Slot slot;
    bool running_low;
    {
      std::unique_lock lock(mutex_);
      Slot& ready = slot_of(taken_);
      made_.wait(lock, [&] { return ready.result || ready.error; });
      slot = std::exchange(ready, Slot{});
      ++taken_;
      running_low = next_ - taken_ <= static_cast<Index>(slots_.size() / 2);
    }
    if (running_low) wanted_.notify_one();  // not at each result: to wake a thread costs microseconds
    if (slot.error) std::rethrow_exception(std::move(slot.error));
    return *std::move(slot.result);
  }

  /// Waits for the results that are being made and drops all that have not been taken.
  void park() {
    std::unique_lock lock(mutex_);
    end_ = next_;
    made_.wait(lock, [&] { return making_ == 0; });
    for (Slot& slot : slots_) slot = Slot{};
  }

 private:
  struct Slot {
    std::optional<Result> result;
    std::exception_ptr error;
  };

  Slot& slot_of(Index i) { return slots_[static_cast<std::size_t>(i) % slots_.size()]; }

  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      wanted_.wait(lock, [&] { return stop_ || (next_ < end_ && next_ - taken_ < static_cast<Index>(slots_.size())); });
      if (stop_) return;
      const Index i = next_++;
      ++making_;
      lock.unlock();
      Slot made;
      try {
        made.result.emplace(make_(i));
      } catch (...) {
        made.error = std::current_exception();
      }
      lock.lock();
      --making_;
      slot_of(i) = std::move(made);
      made_.notify_one();
    }
  }

  const Make make_;
  std::mutex mutex_;
  std::condition_variable wanted_;  // workers wait for something to make
  std::condition_variable made_;    // the taker waits for a result, or for workers to finish
  std::vector<Slot> slots_;         // result i, between made and taken, is in slot i modulo their number
  Index next_ = 0;                  // to make
  Index end_ = 0;
  Index taken_ = 0;  // to take
  int making_ = 0;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace kiln::detail
