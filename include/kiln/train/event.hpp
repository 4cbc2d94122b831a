// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The moments of training at which callbacks are called: fastai's events, as types, so that a misspelt one does not
/// compile. Source: https://docs.fast.ai/callback.core.html#events
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace kiln {

// In the order of the training loop (train/loop.hpp).
struct AfterCreate {
  static constexpr std::string_view name = "after_create";
};
struct BeforeFit {
  static constexpr std::string_view name = "before_fit";
};
struct BeforeEpoch {
  static constexpr std::string_view name = "before_epoch";
};
struct BeforeTrain {
  static constexpr std::string_view name = "before_train";
};
struct BeforeBatch {
  static constexpr std::string_view name = "before_batch";
};
struct AfterPred {
  static constexpr std::string_view name = "after_pred";
};
struct AfterLoss {
  static constexpr std::string_view name = "after_loss";
};
struct BeforeBackward {
  static constexpr std::string_view name = "before_backward";
};
struct AfterCancelBackward {
  static constexpr std::string_view name = "after_cancel_backward";
};
struct AfterBackward {
  static constexpr std::string_view name = "after_backward";
};
struct BeforeStep {
  static constexpr std::string_view name = "before_step";
};
struct AfterCancelStep {
  static constexpr std::string_view name = "after_cancel_step";
};
struct AfterStep {
  static constexpr std::string_view name = "after_step";
};
struct AfterCancelBatch {
  static constexpr std::string_view name = "after_cancel_batch";
};
struct AfterBatch {
  static constexpr std::string_view name = "after_batch";
};
struct AfterCancelTrain {
  static constexpr std::string_view name = "after_cancel_train";
};
struct AfterTrain {
  static constexpr std::string_view name = "after_train";
};
struct BeforeValidate {
  static constexpr std::string_view name = "before_validate";
};
struct AfterCancelValidate {
  static constexpr std::string_view name = "after_cancel_validate";
};
struct AfterValidate {
  static constexpr std::string_view name = "after_validate";
};
struct AfterCancelEpoch {
  static constexpr std::string_view name = "after_cancel_epoch";
};
struct AfterEpoch {
  static constexpr std::string_view name = "after_epoch";
};
struct AfterCancelFit {
  static constexpr std::string_view name = "after_cancel_fit";
};
struct AfterFit {
  static constexpr std::string_view name = "after_fit";
};

namespace detail {

template <class... E>
struct EventList {
  static constexpr std::size_t size = sizeof...(E);
  static constexpr std::array<std::string_view, size> names{E::name...};

  /// The position of an event in the list.
  template <class Event>
  static constexpr std::size_t index() {
    std::size_t i = 0;
    for (std::string_view name : names) {
      if (name == Event::name) break;
      ++i;
    }
    return i;
  }

  /// Calls f with an object of every event, in order.
  template <class F>
  static constexpr void for_each(F&& f) {
    (f(E{}), ...);
  }
};

using Events = EventList<AfterCreate, BeforeFit, BeforeEpoch, BeforeTrain, BeforeBatch, AfterPred, AfterLoss,
                         BeforeBackward, AfterCancelBackward, AfterBackward, BeforeStep, AfterCancelStep, AfterStep,
                         AfterCancelBatch, AfterBatch, AfterCancelTrain, AfterTrain, BeforeValidate,
                         AfterCancelValidate, AfterValidate, AfterCancelEpoch, AfterEpoch, AfterCancelFit, AfterFit>;

}  // namespace detail

/// A part of training that a callback can end early by `fit.cancel(Scope::batch)`. Unlike in fastai, a cancelled step
/// keeps the gradients, for the next backward pass to add to, and what layers deferred (batch norm's statistics) is
/// written; a cancelled batch, even one cancelled in before_step, writes nothing to the model.
///
/// What is left of the scope is not done; its after_cancel event follows, then its after event. Of the scopes within it
/// that end with it, neither comes. In its after_cancel event the scope is over: only one around it can be cancelled,
/// and then its after event does not come either.
enum class Scope { fit, epoch, train, validate, batch, backward, step };

constexpr std::string_view scope_name(Scope scope) {
  constexpr std::array<std::string_view, 7> names{"fit", "epoch", "train", "validate", "batch", "backward", "step"};
  return names[static_cast<std::size_t>(scope)];
}

}  // namespace kiln
