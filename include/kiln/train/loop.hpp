// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The training loop: which events happen when, and what a cancellation skips. What a batch is and how a model is
/// called is left to `TrainingWork`, so this reads as the story it is. Source: fastai's Learner
/// (https://docs.fast.ai/learner.html).
#pragma once

#include <kiln/train/callback.hpp>

namespace kiln::detail {

/// The typed part of training, supplied by the Learner.
class TrainingWork {
 public:
  virtual void begin_train() = 0;     ///< opens the epoch at fit.position, from its batch on
  virtual void begin_validate() = 0;  ///< opens the validation set
  virtual bool next_batch() = 0;      ///< fills fit.x and fit.y; false at the end
  virtual void begin_batch() = 0;     ///< makes the batch's context
  virtual void predict() = 0;         ///< fills fit.pred
  virtual void compute_loss() = 0;    ///< fills fit.loss
  virtual void count_batch() = 0;     ///< adds the batch to means and metrics
  virtual void backward() = 0;        ///< adds to Param::grad
  virtual void step() = 0;            ///< lets the optimizer update the parameters
  virtual void commit() = 0;          ///< writes what layers deferred, such as running statistics
  virtual void end_batch() = 0;       ///< frees the batch and its context
  virtual void finish_metrics() = 0;  ///< fills fit.metrics
  virtual void end_pass() = 0;        ///< closes the loader's epoch

 protected:
  ~TrainingWork() = default;
};

/// Runs a function at the end of the scope, however it ends.
template <class F>
struct AtEnd {
  F f;
  ~AtEnd() { f(); }
};
template <class F>
AtEnd(F) -> AtEnd<F>;

class TrainingLoop {
 public:
  /// `resumed`: the scopes, by bit, that were in progress when a state was taken; their before events do not come
  /// again.
  TrainingLoop(Fit& fit, const CallbackList& callbacks, TrainingWork& work, unsigned resumed = 0)
      : fit_(fit), callbacks_(callbacks), resumed_(resumed) {
    Fit::Access::work(fit) = &work;
  }

  /// Trains from fit.position to fit.position.last_epoch.
  void run_fit() {
    within(Scope::fit, BeforeFit{}, AfterCancelFit{}, AfterFit{}, [&] {
      while (fit_.position.epoch < fit_.position.last_epoch) run_epoch();
    });
  }

  void run_validate() {
    AtEnd close{[&] { work().end_pass(); }};
    within(
        Scope::validate, BeforeValidate{}, AfterCancelValidate{}, AfterValidate{},
        [&] {
          work().begin_validate();
          run_batches();
        },
        [&] { work().finish_metrics(); });
  }

 private:
  void run_epoch() {
    Fit::Access::begin_epoch(fit_);
    within(
        Scope::epoch, BeforeEpoch{}, AfterCancelEpoch{}, AfterEpoch{},
        [&] {
          run_train();
          run_validate();
        },
        [&] {
          ++fit_.position.epoch;  // a cancelled one counts too, so that its data order does not come again
          fit_.position.batch = 0;
        });
  }

  void run_train() {
    AtEnd close{[&] { work().end_pass(); }};
    within(Scope::train, BeforeTrain{}, AfterCancelTrain{}, AfterTrain{}, [&] {
      work().begin_train();
      run_batches();
    });
  }

  void run_batches() {
    while (work().next_batch()) {
      AtEnd free{[&] { work().end_batch(); }};
      work().begin_batch();
      within(
          Scope::batch, BeforeBatch{}, AfterCancelBatch{}, AfterBatch{}, [&] { run_batch(); },
          [&] {
            fit_.position.batch += fit_.training;
            fit_.position.step += fit_.training;
          });
    }
  }

  void run_batch() {
    if (fit_.pred.empty()) work().predict();
    emit(AfterPred{});
    if (fit_.loss.empty()) work().compute_loss();
    fit_.loss_value = fit_.loss.scalar();
    emit(AfterLoss{});
    work().count_batch();
    if (!fit_.training) return;
    within(Scope::backward, BeforeBackward{}, AfterCancelBackward{}, AfterBackward{}, [&] { work().backward(); });
    const bool stepped = within(Scope::step, BeforeStep{}, AfterCancelStep{}, AfterStep{}, [&] { work().step(); });
    if (stepped) fit_.zero_grad();  // after a cancelled step, the next backward adds to the gradients
    work().commit();
  }

  /// A profiler puts itself in front of the Learner.
  TrainingWork& work() const { return *Fit::Access::work(fit_); }

  template <class Event>
  void emit(Event event) {
    callbacks_.emit(event, fit_);
  }

  /// Emits before, runs body, and emits after; if this scope was cancelled meanwhile, the cancelled event precedes the
  /// latter. `finish` runs first of all that, also when an outer scope is cancelled. Returns whether body was
  /// completed.
  template <class Before, class AfterCancel, class After, class Body, class Finish>
  bool within(Scope scope, Before before, AfterCancel cancelled, After after, Body body, Finish finish) {
    const unsigned bit = 1u << static_cast<int>(scope);
    bool completed = true;
    try {
      AtEnd leave{[&, outer = Fit::Access::scopes(fit_)] { Fit::Access::scopes(fit_) = outer; }};
      Fit::Access::scopes(fit_) |= bit;
      if ((resumed_ & bit) == 0) emit(before);
      resumed_ &= ~bit;
      body();
    } catch (const Cancelled& cancellation) {
      if (cancellation.scope != scope) {
        finish();
        throw;
      }
      completed = false;
    }
    finish();
    if (!completed) emit(cancelled);
    emit(after);
    return completed;
  }
  template <class Before, class AfterCancel, class After, class Body>
  bool within(Scope scope, Before before, AfterCancel cancelled, After after, Body body) {
    return within(scope, before, cancelled, after, body, [] {});
  }

  Fit& fit_;
  const CallbackList& callbacks_;
  unsigned resumed_;
};

}  // namespace kiln::detail
