// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Callbacks: plain structs with functions `on(Event, Fit&)` for the events they care about:
///
///     struct GradClip {
///       double max_norm = 1;
///       void on(AfterBackward, Fit& fit) { clip_grad_norm(fit.parameters(), max_norm); }
///     };
///
/// Callbacks with a smaller member `order` (`int order = 10;` or static; default 0) act first. Kiln's own:
///
///     -60  ParamScheduler                     sets hyper-parameters
///     -50  Recorder
///     -45  ActivationStats
///     -40  Progress
///     -10  GradientAccumulation               skips steps, so that what follows sees whole gradients
///       0  BatchTransform, CutMix, MixUp, Tta, and yours unless they say otherwise
///      10  GradientClip
///      20  CsvLogger, JsonLines
///      50  SaveBest                           saves the weights that were validated
///      55  Ema                                puts the weights back that are trained
///      58  ReduceLROnPlateau
///      60  EarlyStopping, TerminateOnNaN, StopOnInterrupt, ShortEpoch, SingleBatch, FastDevRun: a cancelled event
///          does not reach the callbacks behind
///      70  Profiler                           measures all of them
///
/// One with `static constexpr bool trials = false;` does not act in a training that is given up later: in the search
/// for a learning rate, and under FastDevRun. Those that write files, stop fits or keep the best say so.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include <kiln/core/shared_value.hpp>
#include <kiln/core/type_name.hpp>
#include <kiln/train/fit.hpp>

namespace kiln {

namespace detail {

template <class C, class Event>
concept Hears = requires(C& callback, Event event, Fit& fit) { callback.on(event, fit); };

template <class C>
consteval bool hears_any() {
  bool any = false;
  Events::for_each([&]<class Event>(Event) { any = any || Hears<C, Event>; });
  return any;
}

}  // namespace detail

/// A struct that hears at least one event.
template <class C>
concept Callback = detail::hears_any<std::remove_reference_t<C>>();

/// A member `NoState no_state;` keeps a callback out of LearnerState: one that only watches, or that holds a state
/// itself.
struct NoState {};

/// A copy of a callback.
struct CallbackState {
  TypeId type = nullptr;
  std::string name;
  std::shared_ptr<const void> value;
};

namespace detail {

/// A callback of any type, not owned. All its members are its state, unless it is const or has a member
/// `NoState no_state;`.
class CallbackRef {
 public:
  template <class C>
    requires(!std::same_as<std::remove_const_t<C>, CallbackRef>)
  explicit CallbackRef(C& callback)
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(callback)))), ops_(&ops<C>) {}

  void call(std::size_t event, Fit& fit) const {
    if (auto handler = ops_->handlers[event]) handler(object_, fit);
  }
  bool hears(std::size_t event) const { return ops_->handlers[event] != nullptr; }
  int order() const { return ops_->order(object_); }
  bool has_state() const { return ops_->has_state; }
  bool trials() const { return ops_->trials; }

  /// Throws: UsageError if the callback cannot be copied.
  CallbackState copy_state() const {
    if (!ops_->copy) {
      fail<UsageError>("state",
                       concat("the callback ", ops_->name, " must be copyable, or have a member `NoState no_state;`"),
                       "it is not");
    }
    return {ops_->type, std::string(ops_->name), ops_->copy(object_)};
  }
  bool takes(const CallbackState& state) const { return state.type == ops_->type; }
  void restore_state(const CallbackState& state) const { ops_->assign(object_, state.value.get()); }
  std::string_view name() const { return ops_->name; }

 private:
  struct Ops {
    std::array<void (*)(void*, Fit&), Events::size> handlers{};
    int (*order)(const void*) = nullptr;
    std::string_view name;
    TypeId type = nullptr;
    bool has_state = true;
    bool trials = true;
    std::shared_ptr<const void> (*copy)(const void*) = nullptr;
    void (*assign)(void*, const void*) = nullptr;
  };

  template <class C, class Event>
  static void handle(void* object, Fit& fit) {
    Event event;
    static_cast<C*>(object)->on(event, fit);
  }

  template <class C>
  static constexpr Ops make_ops() {
    Ops result;
    auto* handler = result.handlers.data();
    Events::for_each([&]<class Event>(Event) {
      if constexpr (Hears<C, Event>) *handler = handle<C, Event>;
      ++handler;
    });
    result.order = [](const void* object) -> int {
      if constexpr (requires(const C& callback) { callback.order; }) return static_cast<const C*>(object)->order;
      else return 0;
    };
    result.name = type_name<C>();
    result.type = type_id<C>();
    result.has_state = !std::is_const_v<C> && !requires { &C::no_state; };
    if constexpr (requires { C::trials; }) result.trials = C::trials;
    if constexpr (std::copyable<C>) {
      result.copy = [](const void* object) -> std::shared_ptr<const void> {
        return share(C(*static_cast<const C*>(object)));
      };
      // By way of a copy that is moved, since the copy is compiled anyway and a copying assignment is long.
      result.assign = [](void* object, const void* state) {
        *static_cast<C*>(object) = C(*static_cast<const C*>(state));
      };
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
    list_.push_back(callback);
    for (std::size_t i = list_.size() - 1; i > 0 && callback.order() < list_[i - 1].order(); --i) {
      std::swap(list_[i], list_[i - 1]);
    }
  }

  template <class Event>
  void emit(Event, Fit& fit) const {
    Fit::Access::event(fit) = Event::name;
    for (const CallbackRef& callback : list_) {
      if (!fit.trial || callback.trials()) callback.call(Events::index<Event>(), fit);
    }
  }

  const std::vector<CallbackRef>& list() const { return list_; }

 private:
  std::vector<CallbackRef> list_;
};

}  // namespace detail

}  // namespace kiln
