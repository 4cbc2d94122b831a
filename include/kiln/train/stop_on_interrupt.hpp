// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `StopOnInterrupt`: Ctrl-C ends the fit after the batch, with everything recorded.
#pragma once

#include <signal.h>  // NOLINT(modernize-deprecated-headers): of POSIX, which has more than <csignal>

#include <atomic>
#include <cerrno>
#include <limits>
#include <mutex>

#include <kiln/train/callback.hpp>

namespace kiln {

namespace detail {

/// The process's handler of SIGINT while fits want one. The handler itself only sets a flag and puts the previous
/// handler back, so that a second Ctrl-C does what the first one would have done.
class InterruptHandler {
 public:
  static void acquire() {
    std::lock_guard lock(mutex_);
    if (users_++ > 0) return;
    interrupted_ = 0;
    struct sigaction ours = {};
    ours.sa_handler = [](int) {
      const int error = errno;
      interrupted_ = 1;
      ::sigaction(SIGINT, &previous_, nullptr);
      errno = error;
    };
    ours.sa_flags = SA_RESTART;
    ::sigemptyset(&ours.sa_mask);
    ::sigaction(SIGINT, nullptr, &previous_);
    // Who ignores it, as shells have background jobs do, goes on ignoring it.
    if (previous_.sa_handler != SIG_IGN) ::sigaction(SIGINT, &ours, nullptr);
  }
  static void release() {
    std::lock_guard lock(mutex_);
    if (--users_ == 0) ::sigaction(SIGINT, &previous_, nullptr);
  }
  static bool interrupted() { return interrupted_ != 0; }

 private:
  static inline std::mutex mutex_;
  static inline int users_ = 0;
  static inline struct sigaction previous_ = {};
  static inline std::atomic<int> interrupted_ = 0;  // an atomic bool needs a lock on RISC-V
  static_assert(std::atomic<int>::is_always_lock_free);
};

}  // namespace detail

/// Ctrl-C (SIGINT) during the fit ends it, by cancellation, when the batch in progress is done; the epoch is recorded,
/// with no figures for a validation that was not completed. A second Ctrl-C meanwhile acts as if there were no such
/// callback. Afterwards the handler is the one from before, however the fit ended. Several fits at a time all end.
struct StopOnInterrupt {
  static constexpr int order = 60;
  NoState no_state = {};

  bool interrupted = false;  ///< whether the last fit was ended
  bool installed = false;

  void on(BeforeFit, Fit& fit) { install(fit); }
  // A fit that is resumed may begin with any of these.
  void on(BeforeEpoch, Fit& fit) { install(fit); }
  void on(BeforeBatch, Fit& fit) { install(fit); }

  void on(AfterBatch, Fit& fit) {
    if (!detail::InterruptHandler::interrupted()) return;
    interrupted = true;
    if (fit.training || fit.batch + 1 < fit.batches) fit.cancel(Scope::epoch);
  }
  void on(AfterCancelEpoch, Fit& fit) {
    if (!interrupted) return;
    fit.valid_loss = std::numeric_limits<double>::quiet_NaN();
    for (MetricValue& metric : fit.metrics) metric.value = std::numeric_limits<double>::quiet_NaN();
  }
  void on(AfterEpoch, Fit& fit) {
    if (interrupted) fit.cancel(Scope::fit);
  }

 private:
  void install(Fit& fit) {
    if (installed) return;
    detail::InterruptHandler::acquire();
    installed = true;
    interrupted = false;
    fit.at_end([this] {
      detail::InterruptHandler::release();
      installed = false;
    });
  }
};

}  // namespace kiln
