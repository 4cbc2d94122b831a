// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Hooks: functions that see what comes out of a layer, or the gradient that comes back to it, and may replace it.
///
///     auto hook = on_forward(model, "hidden", [](const LayerCall& call, AnyVar& output) { ... });
///     Tape tape;
///     tape.observe(hook);
///     model(tape(x));
///
/// With a Learner, `auto hook = learn.on_forward("hidden", ...)` stays attached until the guard ends.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kiln/nn/layer_path.hpp>
#include <kiln/nn/module.hpp>

namespace kiln {

/// What a backward hook looks at.
struct HookedLayer {
  std::string_view path;  ///< empty for the model itself
  std::string_view type;
};

/// Sees the output of a layer, each time that it runs, and may replace it by a var of the same rank and element type.
/// The output of a layer that returns several vars is empty.
using ForwardHook = std::function<void(const LayerCall& call, AnyVar& output)>;

/// Sees dLoss/d(output) of a layer, and may replace it by a tensor of the same type and shape. It is not called where
/// no gradient is wanted: outside of a Tape, and where no trained parameter stands before the layer.
using BackwardHook = std::function<void(const HookedLayer& layer, AnyTensor& dy)>;

namespace detail {

/// What the guard, and every context that the hook was given to, hold.
struct HookState : LayerObserver, std::enable_shared_from_this<HookState> {
  std::string_view op;
  std::string path;
  std::string_view type;
  LayerKey key;  // without an address: the layer is known by its path among the context's names
  ForwardHook forward;
  BackwardHook backward;

  std::recursive_mutex mutex;  // a hook is called by one thread at a time, and not any more once its guard has ended
  bool active = true;
  bool attached = false;
  Index runs = 0;

  HookState() {
    left = [](LayerObserver& self, const LayerCall& call, AnyVar& output) {
      static_cast<HookState&>(self).saw(call, output);
    };
  }

  void saw(const LayerCall& call, AnyVar& output) {
    if (key.address ? call.key != key : !call.named || call.path != path) return;
    std::lock_guard lock(mutex);
    if (!active) return;
    ++runs;
    if (backward) {
      output = output.on_grad(op, [self = shared_from_this()](AnyTensor& dy) {
        std::lock_guard one_at_a_time(self->mutex);
        if (self->active) self->backward({self->path, self->type}, dy);
      });
    } else {
      const AnyVar before = output;
      forward({call.key, call.type, path, true, call.input}, output);
      if (!output.value().same_type(before.value())) {
        fail<UsageError>(op, concat("the output must stay a ", before.value().type()),
                         concat("it became ", output.value().type()));
      }
    }
  }

  void check() {
    std::lock_guard lock(mutex);
    if (!active || runs > 0) return;
    if (!attached) {
      fail<UsageError>(op, "a hook must be given to the tape or context, as in `tape.observe(hook)`",
                       "it was given to none");
    }
    fail_silent_layer(op, path);
  }
};

}  // namespace detail

/// The guard of a hook, which acts until this ends. A guard may be moved, and may end before or after the contexts, the
/// model and the Learner. The hook is called by one thread at a time; of two hooks on one layer, the one attached later
/// sees the output that the earlier one left, and the gradient first.
class [[nodiscard]] Hook {
 public:
  explicit Hook(std::shared_ptr<detail::HookState> state) : state_(std::move(state)) {}
  Hook(Hook&&) noexcept = default;
  Hook& operator=(Hook&& other) noexcept {
    if (this == &other) return *this;
    remove();
    state_ = std::move(other.state_);
    return *this;
  }
  ~Hook() { remove(); }

  /// Ends the hook now. When this returns, it is not being called by any other thread.
  void remove() {
    if (!state_) return;
    std::lock_guard lock(state_->mutex);
    state_->active = false;
  }

  /// How often the layer has run under this hook.
  Index runs() const {
    if (!state_) return 0;
    std::lock_guard lock(state_->mutex);
    return state_->runs;
  }

  /// Throws: UsageError if the layer has not run, which says what to do about it. A Learner checks this by itself.
  void check() const {
    if (state_) state_->check();
  }

  /// For `context.observe(hook)`.
  operator std::shared_ptr<LayerObserver>() const {
    if (!state_) return nullptr;
    std::lock_guard lock(state_->mutex);
    state_->attached = true;
    return state_;
  }

 private:
  friend class HookList;
  std::shared_ptr<detail::HookState> state_;
};

namespace detail {

inline Hook make_hook(std::string_view op, const LayerNames& names, std::string_view path, bool by_key,
                      ForwardHook forward, BackwardHook backward) {
  const LayerNames::Entry& entry = require_layer(names, op, path);
  if (!forward && !backward) fail<UsageError>(op, "the hook must be a function", "it is empty");
  auto state = std::make_shared<HookState>();
  state->op = op;
  state->path = entry.path;
  state->type = entry.type;
  if (by_key) state->key = entry.key;
  state->forward = std::move(forward);
  state->backward = std::move(backward);
  return Hook(std::move(state));
}

}  // namespace detail

/// Hangs a function behind a layer of the model, `"hidden"`, `"2"`, `"body.0.conv"`, or `""` for the model itself. It
/// acts in the contexts that it is given to by `context.observe(hook)`, while the model stays where it is.
/// Throws: IndexError if there is no such layer.
template <class Model>
Hook on_forward(const Model& model, std::string_view path, const ForwardHook& hook) {
  return detail::make_hook("on_forward", layer_names(model), path, true, hook, nullptr);
}
/// The same for the gradient of a layer's output.
template <class Model>
Hook on_backward(const Model& model, std::string_view path, const BackwardHook& hook) {
  return detail::make_hook("on_backward", layer_names(model), path, true, nullptr, hook);
}

/// Hooks that are given to every context of a Learner.
class HookList {
 public:
  Hook on_forward(const LayerNames& names, std::string_view path, ForwardHook hook) {
    return add(detail::make_hook("on_forward", names, path, false, std::move(hook), nullptr));
  }
  Hook on_backward(const LayerNames& names, std::string_view path, BackwardHook hook) {
    return add(detail::make_hook("on_backward", names, path, false, nullptr, std::move(hook)));
  }

  void attach(Context& context) {
    std::erase_if(hooks_, [](const auto& hook) { return hook.expired(); });
    for (const auto& hook : hooks_) {
      if (const auto state = hook.lock()) {
        std::lock_guard lock(state->mutex);
        state->attached = true;
        if (state->active) context.observe(state);
      }
    }
  }

  /// After a forward pass. Throws: UsageError if one of those attached has not run yet.
  void check() const {
    for (const auto& hook : hooks_) {
      const auto state = hook.lock();
      if (state && state->attached) state->check();
    }
  }

 private:
  Hook add(Hook hook) {
    hooks_.push_back(hook.state_);
    return hook;
  }

  std::vector<std::weak_ptr<detail::HookState>> hooks_;
};

}  // namespace kiln
