// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Callbacks: plain structs with functions `on(Event, Fit&)` for the events they care about:
///
///     struct GradClip {
///       double max_norm = 1;
///       void on(AfterBackward, Fit& fit) { clip_grad_norm(fit.parameters(), max_norm); }
///     };
///
/// Callbacks with a smaller member `order` (`int order = 10;` or static; default 0) act first.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include <kiln/core/type_name.hpp>
#include <kiln/train/fit.hpp>

namespace kiln {

namespace detail {

template <class C, class Event>
concept Hears = requires(C& callback, Fit& fit) { callback.on(Event{}, fit); };

template <class C>
consteval bool hears_any() {
  bool any = false;
  Events::for_each([&]<class Event>(Event) { any = any || Hears<C, Event>; });
  return any;
}

}  // namespace detail

/// A struct that hears at least one event.
template <class C>
concept Callback = detail::hears_any<std::remove_cvref_t<C>>();

namespace detail {

/// A callback of any type, not owned. Its state can be copied out and back, if it is copyable.
class CallbackRef {
 public:
  template <class C>
  explicit CallbackRef(C& callback) : object_(std::addressof(callback)), ops_(&ops<C>) {}

  void call(std::size_t event, Fit& fit) const {
    if (auto handler = ops_->handlers[event]) handler(object_, fit);
  }
  bool hears(std::size_t event) const { return ops_->handlers[event] != nullptr; }
  int order() const { return ops_->order(object_); }
  std::string_view name() const { return ops_->name; }

  std::shared_ptr<const void> copy_state() const { return ops_->copy ? ops_->copy(object_) : nullptr; }
  void restore_state(const std::shared_ptr<const void>& state) const {
    if (state) ops_->assign(object_, state.get());
  }

 private:
  struct Ops {
    std::array<void (*)(void*, Fit&), Events::size> handlers{};
    int (*order)(const void*) = nullptr;
    std::string_view name;
    std::shared_ptr<const void> (*copy)(const void*) = nullptr;
    void (*assign)(void*, const void*) = nullptr;
  };

  template <class C>
  static constexpr Ops make_ops() {
    Ops result;
    Events::for_each([&]<class Event>(Event) {
      if constexpr (Hears<C, Event>) {
        result.handlers[Events::index<Event>()] = [](void* object, Fit& fit) {
          static_cast<C*>(object)->on(Event{}, fit);
        };
      }
    });
    result.order = [](const void* object) -> int {
      if constexpr (requires(const C& callback) { callback.order; }) return static_cast<const C*>(object)->order;
      else return 0;
    };
    result.name = type_name<C>();
    if constexpr (std::copyable<C>) {
      result.copy = [](const void* object) -> std::shared_ptr<const void> {
        return std::make_shared<const C>(*static_cast<const C*>(object));
      };
      result.assign = [](void* object, const void* state) { *static_cast<C*>(object) = *static_cast<const C*>(state); };
    }
    return result;
  }

  template <class C>
  static constexpr Ops ops = make_ops<C>();

  void* object_;
  const Ops* ops_;
};

/// The callbacks in the order in which they act.
class CallbackList {
 public:
  void add(CallbackRef callback) {
    auto behind = std::upper_bound(list_.begin(), list_.end(), callback.order(),
                                   [](int order, const CallbackRef& other) { return order < other.order(); });
    list_.insert(behind, callback);
  }

  template <class Event>
  void emit(Event, Fit& fit) const {
    Fit::Access::event(fit) = Event::name;
    for (const CallbackRef& callback : list_) callback.call(Events::index<Event>(), fit);
  }

  const std::vector<CallbackRef>& list() const { return list_; }

 private:
  std::vector<CallbackRef> list_;
};

}  // namespace detail

}  // namespace kiln
