// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Prefetcher`: makes numbered results for the one thread that takes them in order, ahead of it where that helps.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <kiln/core/clock.hpp>
#include <kiln/core/parallel.hpp>

namespace kiln::detail {

/// `make(i)` makes result i; several threads call it at once. What it throws, `take` throws in that result's place.
///
/// Given a number of workers, so many threads work ahead; they sleep when there is nothing to do. With 0 the taker
/// makes each result when it wants it. Not given one, it measures the first results. Those that take as long as waking
/// a thread does are made by the taker. Longer ones are made by a worker, if the team leaves it a core: beside a team
/// on all cores it would only push one of them off its core, in the middle of a job, so the team itself makes one
/// result on each thread, between the taker's own jobs.
template <class Make>
class Prefetcher {
 public:
  using Result = decltype(std::declval<const Make&>()(Index{}));

  /// Each worker holds at most `ahead` results that have not been taken.
  Prefetcher(Make make, std::optional<int> workers, Index ahead)
      : make_(std::move(make)), workers_(workers.value_or(1)), measures_(!workers), ahead_(ahead) {}

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
    taken_ = next_ = begin;
    end_ = end;
    if (!measures_ || costly_) work_ahead();
  }

  /// The next result in order; there must be one. Throws: what making it threw; the one after can still be taken.
  Result take() {
    if (!in_background_) return make_here();
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
    return given(std::move(slot));
  }

  /// Waits for the results that are being made and drops all that have not been taken.
  void park() {
    std::unique_lock lock(mutex_);
    in_background_ = false;
    made_.wait(lock, [&] { return making_ == 0; });
    for (Slot& slot : slots_) slot = Slot{};
  }

 private:
  struct Slot {
    std::optional<Result> result;
    std::exception_ptr error;
  };

  static constexpr int trials = 4;  // results to measure; the least time counts, as others may have been interrupted
  static constexpr double worth_a_thread = 100e-6;

  Slot& slot_of(Index i) { return slots_[static_cast<std::size_t>(i) % slots_.size()]; }

  Slot made(Index i) const {
    Slot slot;
    try {
      slot.result.emplace(make_(i));
    } catch (...) {
      slot.error = std::current_exception();
    }
    return slot;
  }

  static Result given(Slot slot) {
    if (slot.error) std::rethrow_exception(std::move(slot.error));
    return *std::move(slot.result);
  }

  /// From now on results are made by the workers, if there are to be any.
  void work_ahead() {
    if (workers_ == 0) return;
    if (measures_ && num_threads() >= static_cast<int>(std::thread::hardware_concurrency())) {
      slots_.resize((std::max)(slots_.size(), static_cast<std::size_t>(num_threads())));
      return;
    }
    {
      std::lock_guard lock(mutex_);
      slots_.resize((std::max)(slots_.size(), static_cast<std::size_t>(workers_ * ahead_)));
      next_ = taken_;
      in_background_ = true;
    }
    try {
      while (static_cast<int>(threads_.size()) < workers_) threads_.emplace_back([this] { work(); });
    } catch (const std::exception&) {
      // The system gives us no more threads: those that we have do the work, or the taker does.
    }
    if (threads_.empty()) in_background_ = false;
    wanted_.notify_all();
  }

  Result make_here() {
    if (taken_ < next_) return given(std::exchange(slot_of(taken_++), Slot{}));
    const Index team =
        costly_ ? (std::min)({Index{num_threads()}, end_ - taken_, static_cast<Index>(slots_.size())}) : 1;
    if (team > 1) {
      next_ = taken_ + team;
      parallel_for(team, [&](Index k) { slot_of(taken_ + k) = made(taken_ + k); });
      return given(std::exchange(slot_of(taken_++), Slot{}));
    }
    const Index i = taken_++;
    next_ = taken_;
    if (!measures_ || measured_ == trials) return make_(i);
    const double begin = clock_seconds();
    Result result = make_(i);
    least_ = (std::min)(least_, clock_seconds() - begin);
    if (++measured_ == trials && least_ >= worth_a_thread) {
      costly_ = true;
      work_ahead();
    }
    return result;
  }

  void work() {
    const AloneScope alone;
    std::unique_lock lock(mutex_);
    while (true) {
      auto more = [&] { return in_background_ && next_ < end_ && next_ - taken_ < workers_ * ahead_; };
      wanted_.wait(lock, [&] { return stop_ || more(); });
      if (stop_) return;
      const Index i = next_++;
      ++making_;
      lock.unlock();
      Slot slot = made(i);
      lock.lock();
      --making_;
      slot_of(i) = std::move(slot);
      made_.notify_one();
    }
  }

  const Make make_;
  const int workers_;
  const bool measures_;
  const Index ahead_;

  bool costly_ = false;
  int measured_ = 0;
  double least_ = 1e300;  // seconds

  std::mutex mutex_;
  std::condition_variable wanted_;  // workers wait for something to make
  std::condition_variable made_;    // the taker waits for a result, or for workers to finish
  std::vector<Slot> slots_;         // result i, between made and taken, is in slot i modulo their number
  bool in_background_ = false;      // whether the workers make the results
  Index taken_ = 0;                 // the next to take
  Index next_ = 0;                  // the next to make
  Index end_ = 0;
  int making_ = 0;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace kiln::detail
