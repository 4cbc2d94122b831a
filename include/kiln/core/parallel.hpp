// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `parallel_for`: independent tasks shared among a team of threads. What the tasks are follows from the shapes alone,
/// never from the number of threads, so results have the same bits on any number.
#pragma once

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <limits>
#include <memory>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <kiln/core/clock.hpp>
#include <kiln/core/cpu.hpp>
#include <kiln/core/error.hpp>
#include <kiln/core/shape.hpp>

namespace kiln {

namespace detail {

inline constexpr int max_threads = 1024;

/// The number of threads that `wanted`, the value of `KILN_THREADS` or null, asks for. Throws: UsageError.
inline int choose_threads(const char* wanted, unsigned hardware) {
  if (wanted == nullptr || *wanted == '\0') return static_cast<int>((std::clamp)(hardware, 1u, unsigned{max_threads}));
  std::string_view text = wanted;
  int count = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || end != text.data() + text.size() || count < 1 || count > max_threads) {
    fail<UsageError>("KILN_THREADS", concat("must be a number from 1 to ", max_threads), concat("got ", wanted));
  }
  return count;
}

inline std::atomic<int>& thread_setting() {
  static std::atomic<int> threads = choose_threads(std::getenv("KILN_THREADS"), std::thread::hardware_concurrency());
  return threads;
}

/// What the tasks of a `parallel_for` see of the thread that called it: its scoped choices, such as `use_matmul`.
struct ScopedChoices {
  const void* matmul = nullptr;
  const void* conv = nullptr;
};
inline constinit thread_local ScopedChoices scoped_choices;

inline constinit thread_local bool works_alone = false;

/// Until its end the thread leaves the team to others: what it does is done beside their work.
struct AloneScope {
  bool before = std::exchange(works_alone, true);
  AloneScope() = default;
  AloneScope(const AloneScope&) = delete;
  AloneScope& operator=(const AloneScope&) = delete;
  ~AloneScope() { works_alone = before; }
};

/// Worker threads that wait for a job. One job at a time; the caller works too. Every thread has a share of the tasks,
/// the same part in every job, so that it finds in its cache what it wrote in the job before; when it has done that, it
/// takes what is left of the others'. The caller waits only for tasks that a worker has begun.
class Team {
 public:
  using Task = void (*)(void* context, Index task);
  static constexpr Index max_tasks = (std::numeric_limits<int>::max)();

  /// Runs all tasks, or none and returns false when the team is busy: with another thread's job or with our caller's.
  bool try_run(int threads, Index tasks, Task task, void* context) {
    if (busy_.load(std::memory_order_relaxed) || busy_.exchange(true, std::memory_order_acquire)) return false;
    if (threads != static_cast<int>(shares_.size())) resize(threads);
    unfinished_.store(static_cast<int>(tasks), std::memory_order_relaxed);
    ++generation_;
    const Index count = (std::min)(tasks, Index{threads});
    for (Index i = 0; i < count; ++i) {
      shares_[static_cast<std::size_t>(i)].open(generation_, {task, context, scoped_choices}, i * tasks / count,
                                                (i + 1) * tasks / count);
    }
    epoch_.fetch_add(1);
    epoch_.notify_all();
    work(0);
    wait_until(unfinished_, [this] { return unfinished_.load(std::memory_order_acquire) == 0; });
    std::exception_ptr error = std::exchange(error_, nullptr);
    busy_.store(false, std::memory_order_release);
    if (error) std::rethrow_exception(error);
    return true;
  }

 private:
  struct Job {
    Task task = nullptr;
    void* context = nullptr;
    ScopedChoices choices;
  };

  /// A thread's tasks, which lie behind each other. All that it has to read to begin is in one line of the cache.
  class alignas(64) Share {
   public:
    void open(std::uint64_t generation, const Job& of, Index begin, Index end) {
      job = of;
      end_ = end;
      left_.store(generation << 32 | static_cast<std::uint64_t>(end - begin), std::memory_order_release);
    }

    bool has_tasks() const { return static_cast<std::uint32_t>(left_.load(std::memory_order_acquire)) != 0; }

    /// The next task, or -1 if none is left. Who takes one keeps the job alive until it is counted as finished.
    Index take() {
      std::uint64_t left = left_.load(std::memory_order_acquire);
      while (const auto count = static_cast<std::uint32_t>(left)) {
        if (left_.compare_exchange_weak(left, left - 1, std::memory_order_acq_rel)) return end_ - Index{count};
      }
      return -1;
    }

    Job job;

   private:
    std::atomic<std::uint64_t> left_ = 0;  // the job's generation, tasks not yet taken
    Index end_ = 0;
  };

  /// Takes tasks until none is left, from our own share first.
  void work(std::size_t self) {
    for (std::size_t i = 0; i < shares_.size(); ++i) {
      Share& share = shares_[self + i < shares_.size() ? self + i : self + i - shares_.size()];
      int finished = 0;
      for (Index task; (task = share.take()) >= 0; ++finished) {
        scoped_choices = share.job.choices;
        try {
          share.job.task(share.job.context, task);
        } catch (...) {
          keep_first(task);
        }
      }
      // From here on the job may be over, and what the next share has may be of another one.
      if (finished > 0 && unfinished_.fetch_sub(finished) == finished) return unfinished_.notify_all();
    }
  }

  /// Returns when `done()`. Spins while that is likely near, then sleeps until `changes` does.
  template <class Done>
  void wait_until(const std::atomic<int>& changes, Done done) const {
    constexpr int between_looks = 64;  // at the clock: a microsecond or two
    const double end = clock_seconds() + (spins_ ? 200e-6 : 0);
    do {
      for (int i = 0; i < between_looks; ++i) {
        if (done()) return;
        if (spins_) cpu_relax();
      }
    } while (clock_seconds() < end);
    while (true) {
      const int seen = changes.load();
      if (done()) return;
      changes.wait(seen);
    }
  }

  void keep_first(Index task) {
    std::lock_guard lock(error_mutex_);
    if (error_ && error_task_ < task) return;
    error_ = std::current_exception();
    error_task_ = task;
  }

  void live(std::size_t self) {
    auto wanted = [this, self] { return shares_[self].has_tasks() || stop_.load(std::memory_order_acquire); };
    while (true) {
      wait_until(epoch_, wanted);
      if (stop_.load(std::memory_order_acquire)) return;
      work(self);
    }
  }

  void resize(int threads) {
    stop_.store(true);
    epoch_.fetch_add(1);
    epoch_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
    stop_.store(false);
    shares_ = std::vector<Share>(static_cast<std::size_t>(threads));
    spins_ = threads <= static_cast<int>(std::thread::hardware_concurrency());
    try {
      workers_.reserve(shares_.size() - 1);
      while (workers_.size() + 1 < shares_.size()) {
        workers_.emplace_back([this, self = workers_.size() + 1] { live(self); });
      }
    } catch (const std::exception&) {
      // The system gives us no more threads: those that we have do the work.
    }
  }

  std::atomic<bool> busy_ = false;
  std::atomic<bool> stop_ = false;
  bool spins_ = false;
  std::uint64_t generation_ = 0;
  std::vector<Share> shares_;  // that of the caller first
  std::vector<std::thread> workers_;
  std::mutex error_mutex_;
  std::exception_ptr error_;
  Index error_task_ = 0;
  alignas(64) std::atomic<int> epoch_ = 0;       // changes when sleeping workers should look again
  alignas(64) std::atomic<int> unfinished_ = 0;  // tasks not yet finished
};

/// Never destroyed: its workers sleep until the process ends.
inline Team& team() {
  static Team& instance = *new Team;
  return instance;
}

}  // namespace detail

/// How many threads share the work: `KILN_THREADS`, else what the machine has, unless set.
/// Throws: UsageError when `KILN_THREADS` is no number of threads.
inline int num_threads() { return detail::thread_setting().load(std::memory_order_relaxed); }

/// Sets how many threads share the work from the next operation on. Results do not depend on it. Throws: UsageError.
inline void set_num_threads(int threads) {
  if (threads < 1 || threads > detail::max_threads) {
    fail<UsageError>("set_num_threads", concat("needs a number from 1 to ", detail::max_threads),
                     concat("got ", threads));
  }
  detail::thread_setting().store(threads, std::memory_order_relaxed);
}

namespace detail {

/// What `parallel_for` does, compiled once for all that it calls.
[[gnu::noinline]] inline void run_tasks(Index tasks, Team::Task task, void* context) {
  const int threads = tasks > 1 && tasks <= Team::max_tasks ? num_threads() : 1;
  if (threads > 1 && !works_alone && team().try_run(threads, tasks, task, context)) return;
  for (Index i = 0; i < tasks; ++i) task(context, i);
}

}  // namespace detail

/// Calls f(0), ..., f(tasks - 1), on several threads at once where there are several. An exception of the lowest
/// throwing task reaches the caller. Called inside a task, or while another thread's tasks run, it works serially.
template <class F>
void parallel_for(Index tasks, F&& f) {
  using Callable = std::remove_reference_t<F>;
  auto call = [](void* context, Index task) { (*static_cast<Callable*>(context))(task); };
  detail::run_tasks(tasks, call, const_cast<void*>(static_cast<const void*>(std::addressof(f))));
}

/// Into how many tasks to divide `items` of `item_cost` elementary operations each: as many as repay a thread's
/// wake-up.
constexpr Index task_count(Index items, Index item_cost = 1) {
  constexpr Index worthwhile = 16384;
  constexpr Index most = 256;
  Index items_per_task = (std::max)(Index{1}, worthwhile / (std::max)(Index{1}, item_cost));
  return (std::min)(most, (items + items_per_task - 1) / items_per_task);
}

/// Calls f(first, last) for consecutive ranges that cover [0, items), on several threads if that is worth it.
template <class F>
void parallel_ranges(Index items, Index item_cost, F&& f) {
  Index tasks = task_count(items, item_cost);
  Index each = tasks ? items / tasks : 0;
  Index longer = tasks ? items % tasks : 0;  // so many ranges have one more
  parallel_for(tasks, [&](Index task) {
    Index first = task * each + (std::min)(task, longer);
    f(first, first + each + (task < longer ? 1 : 0));
  });
}

}  // namespace kiln
