// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The callbacks of a Learner and of the fit in progress, with their states.
#pragma once

#include <algorithm>
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
    active_.insert(active_.end(), further.begin(), further.end());
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
    for_further_.assign(states.begin() + std::ssize(first), states.end());
  }

 private:
  /// As many states as the Learner's own callbacks have.
  std::vector<CallbackState> first_states(const std::vector<CallbackState>& states) const {
    const auto count = std::count_if(own_.begin(), own_.end(), [](const CallbackRef& c) { return c.has_state(); });
    return {states.begin(), states.begin() + (std::min)(count, std::ssize(states))};
  }

  static std::vector<CallbackRef> with_state(const std::vector<CallbackRef>& callbacks) {
    std::vector<CallbackRef> found;
    std::ranges::copy_if(callbacks, std::back_inserter(found), [](const CallbackRef& c) { return c.has_state(); });
    return found;
  }

  static void require(const std::vector<CallbackRef>& callbacks, const std::vector<CallbackState>& states,
                      std::string_view op) {
    const std::vector<CallbackRef> own = with_state(callbacks);
    if (std::ranges::equal(own, states, [](const CallbackRef& c, const CallbackState& s) { return c.takes(s); }))
      return;
    auto list = [](const auto& items, auto name) {
      std::string text;
      for (const auto& item : items) text += concat(text.empty() ? "" : ", ", name(item));
      return text.empty() ? "none" : text;
    };
    fail<UsageError>(op,
                     concat("the callbacks of the state must be given again: ",
                            list(states, [](const CallbackState& s) { return s.name; })),
                     concat("got ", list(own, [](const CallbackRef& c) { return c.name(); })));
  }

  static void assign(const std::vector<CallbackRef>& callbacks, const std::vector<CallbackState>& states) {
    std::size_t i = 0;
    for (const CallbackRef& callback : with_state(callbacks)) callback.restore_state(states[i++]);
  }

  std::vector<CallbackRef> own_;
  std::vector<CallbackRef> active_;  // with those of the fit in progress
  std::vector<CallbackState> for_further_;
};

}  // namespace kiln::detail
