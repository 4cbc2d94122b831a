// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The callbacks of a Learner and of the fit in progress, with their states.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <kiln/train/callback.hpp>

namespace kiln::detail {

class CallbackSet {
 public:
  /// A callback of the Learner itself.
  void add(CallbackRef callback) { own_.push_back(callback); }

  /// Begins a fit with further callbacks. If one is resumed, all of them get back the states that `restore` has kept.
  /// Throws: UsageError if they are not those of that fit.
  void begin(const std::vector<CallbackRef>& further) {
    const std::vector<CallbackState> states = std::exchange(for_further_, {});
    if (!states.empty()) {
      require(further, states, "resume");
      assign(further, states);
    }
    active_ = own_;
    for (const CallbackRef& callback : further) active_.push_back(callback);
  }

  /// Begins a fit that resumes none.
  void forget_states() { for_further_.clear(); }

  const std::vector<CallbackRef>& own() const { return own_; }
  const std::vector<CallbackRef>& active() const { return active_; }

  /// Copies of all that have a state: the Learner's, in the order given, then those of the fit in progress.
  std::vector<CallbackState> states(bool in_fit) const {
    std::vector<CallbackState> all;
    for (const CallbackRef& callback : in_fit ? active_ : own_) {
      if (callback.has_state()) all.push_back(callback.copy_state());
    }
    return all;
  }

  /// Throws: UsageError if the Learner's callbacks are others than those that the states begin with.
  void require_fit(const std::vector<CallbackState>& states) const { require(own_, first_states(states), "restore"); }

  void restore(const std::vector<CallbackState>& states) {
    const std::vector<CallbackState> first = first_states(states);
    assign(own_, first);
    for_further_.clear();
    for (std::size_t i = first.size(); i < states.size(); ++i) for_further_.push_back(states[i]);
  }

 private:
  /// As many states as the Learner's own callbacks have.
  std::vector<CallbackState> first_states(const std::vector<CallbackState>& states) const {
    std::vector<CallbackState> first;
    for (const CallbackRef& callback : own_) {
      if (callback.has_state() && first.size() < states.size()) first.push_back(states[first.size()]);
    }
    return first;
  }

  static void require(const std::vector<CallbackRef>& callbacks, const std::vector<CallbackState>& states,
                      std::string_view op) {
    std::string wanted, given;
    bool fit = true;
    std::size_t i = 0;
    for (const CallbackRef& callback : callbacks) {
      if (!callback.has_state()) continue;
      fit = fit && i < states.size() && callback.takes(states[i]);
      add_name(given, callback.name());
      ++i;
    }
    if (fit && i == states.size()) return;
    for (const CallbackState& state : states) add_name(wanted, state.name);
    fail<UsageError>(op, concat("the callbacks of the state must be given again: ", wanted.empty() ? "none" : wanted),
                     concat("got ", given.empty() ? "none" : given));
  }

  static void add_name(std::string& list, std::string_view name) {
    if (!list.empty()) list += ", ";
    list += name;
  }

  static void assign(const std::vector<CallbackRef>& callbacks, const std::vector<CallbackState>& states) {
    std::size_t i = 0;
    for (const CallbackRef& callback : callbacks) {
      if (callback.has_state()) callback.restore_state(states[i++]);
    }
  }

  std::vector<CallbackRef> own_;
  std::vector<CallbackRef> active_;  // with those of the fit in progress
  std::vector<CallbackState> for_further_;
};

}  // namespace kiln::detail
