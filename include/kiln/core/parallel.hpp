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

/// Worker threads that sleep until there is a job, and the job. One job at a time; the caller works too, and waits only
/// for tasks that a worker has begun.
class Team {
 public:
  using Task = void (*)(void* context, Index task);
  static constexpr Index max_tasks = (std::numeric_limits<int>::max)();

  /// Runs all tasks, or none and returns false when the team is busy: with another thread's job or with our caller's.
  bool try_run(int threads, Index tasks, Task task, void* context) {
    if (busy_.exchange(true, std::memory_order_acquire)) return false;
    resize(threads - 1);
    job_ = {task, context, tasks, scoped_choices};
    unfinished_.store(static_cast<int>(tasks));
    queue_.store(++generation_ << 32 | static_cast<std::uint64_t>(tasks), std::memory_order_release);
    epoch_.fetch_add(1);
    epoch_.notify_all();
    work();
    for (int left; (left = unfinished_.load()) != 0;) wait_while(unfinished_, left);
    std::exception_ptr error = std::exchange(error_, nullptr);
    busy_.store(false, std::memory_order_release);
    if (error) std::rethrow_exception(error);
    return true;
  }

 private:
  struct Job {
    Task task;
    void* context;
    Index tasks;
    ScopedChoices choices;
  };

  /// Spins while a next job or the end of this one is likely near, then sleeps.
  void wait_while(const std::atomic<int>& value, int old) const {
    for (int spin = 0; spin < spins_; ++spin) {
      if (value.load(std::memory_order_acquire) != old) return;
      cpu_relax();
    }
    value.wait(old);
  }

  /// Takes tasks until none is left. A task that was taken keeps the job alive until it is counted as finished.
  void work() {
    std::uint64_t queue = queue_.load(std::memory_order_acquire);
    while (auto left = static_cast<std::uint32_t>(queue)) {
      if (!queue_.compare_exchange_weak(queue, queue - 1, std::memory_order_acq_rel)) continue;
      Index index = job_.tasks - static_cast<Index>(left);
      scoped_choices = job_.choices;
      try {
        job_.task(job_.context, index);
      } catch (...) {
        keep_first(index);
      }
      if (unfinished_.fetch_sub(1) == 1) unfinished_.notify_all();
      queue = queue_.load(std::memory_order_acquire);
    }
  }

  void keep_first(Index index) {
    std::lock_guard lock(error_mutex_);
    if (error_ && error_index_ < index) return;
    error_ = std::current_exception();
    error_index_ = index;
  }

  void live() {
    while (true) {
      int epoch = epoch_.load(std::memory_order_acquire);
      if (stop_.load(std::memory_order_acquire)) return;
      work();
      wait_while(epoch_, epoch);
    }
  }

  void resize(int workers) {
    if (workers == wanted_workers_) return;
    stop_.store(true);
    epoch_.fetch_add(1);
    epoch_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
    stop_.store(false);
    wanted_workers_ = workers;
    spins_ = workers < static_cast<int>(std::thread::hardware_concurrency()) ? 2000 : 0;  // some tens of us
    try {
      workers_.reserve(static_cast<std::size_t>(workers));
      while (static_cast<int>(workers_.size()) < workers) workers_.emplace_back(&Team::live, this);
    } catch (const std::exception&) {
      // The system gives us no more threads: those that we have do the work.
    }
  }

  std::atomic<bool> busy_ = false;
  std::atomic<bool> stop_ = false;
  Job job_{};
  std::uint64_t generation_ = 0;
  int wanted_workers_ = 0;
  int spins_ = 0;
  std::vector<std::thread> workers_;
  std::mutex error_mutex_;
  std::exception_ptr error_;
  Index error_index_ = 0;
  alignas(64) std::atomic<std::uint64_t> queue_ = 0;  // generation of the job, tasks not yet taken
  alignas(64) std::atomic<int> unfinished_ = 0;       // tasks not yet finished
  alignas(64) std::atomic<int> epoch_ = 0;            // changes when workers should look again
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

/// Calls f(0), ..., f(tasks - 1), on several threads at once where there are several. An exception of the lowest
/// throwing task reaches the caller. Called inside a task, or while another thread's tasks run, it works serially.
template <class F>
void parallel_for(Index tasks, F&& f) {
  using Callable = std::remove_reference_t<F>;
  if (int threads = tasks > 1 && tasks <= detail::Team::max_tasks ? num_threads() : 1; threads > 1) {
    auto call = [](void* context, Index task) { (*static_cast<Callable*>(context))(task); };
    void* context = const_cast<void*>(static_cast<const void*>(std::addressof(f)));
    if (detail::team().try_run(threads, tasks, call, context)) return;
  }
  for (Index task = 0; task < tasks; ++task) f(task);
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
