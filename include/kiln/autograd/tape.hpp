// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Tape`: a context that records operations, and `backward`, which walks it from the loss to the parameters.
///
///     Tape tape{Mode::train};
///     auto loss = cross_entropy(model(tape(x)), y);
///     backward(loss);
#pragma once

#include <concepts>
#include <tuple>

#include <kiln/autograd/var.hpp>

namespace kiln {

class Tape;

namespace detail {

/// Adds a gradient from the tape to Param::grad; the tape's own is used up.
template <int R, class T>
void add_to_param(const void* param, AnyTensor& any) {
  auto& grad = static_cast<const Param<R, T>*>(param)->grad;
  auto& more = any.as<R, T>();
  if (grad.data() == nullptr) {
    if (unshared(more)) grad = std::move(more);
    else grad = more;
  } else {
    if (grad.shape() != more.shape()) {
      fail<ShapeError>("backward", concat("Param::grad must be empty or have shape ", more.shape()),
                       concat("got ", grad.shape()));
    }
    unshare(grad);
    add_elements(more.numel(), grad.data(), std::as_const(more).data());
  }
  any.reset();
}

/// What the tape keeps of an operation until it has been pulled back.
template <int R, class T, class PullBack, class... Slots>
struct RecordedOp {
  // The pull-back may ask for the operation's result too: (y, dy, dx...) instead of (dy, dx...).
  static constexpr bool needs_result = std::invocable<PullBack&, const Tensor<R, T>&, const Tensor<R, T>&, Slots&...>;
  static_assert(
      needs_result || std::invocable<PullBack&, const Tensor<R, T>&, Slots&...>,
      "kiln: a pull-back is called as (dy, dx...) or (y, dy, dx...), where y is the operation's result, dy the "
      "gradient that arrives for it, and there is one GradSlot dx for each input");

  PullBack pull_back;
  std::tuple<Slots...> slots;
  Tensor<R, T> result;

  static void run(GradNode& node) {
    auto& self = *static_cast<RecordedOp*>(node.kept);
    const auto& dy = node.grad.template as<R, T>();
    std::apply(
        [&](Slots&... inputs) {
          if constexpr (needs_result) self.pull_back(std::as_const(self.result), dy, inputs...);
          else self.pull_back(dy, inputs...);
        },
        self.slots);
  }
  static void end(void* kept) { static_cast<RecordedOp*>(kept)->~RecordedOp(); }
};

/// The same for an operation on tensors of any type.
template <class PullBack>
struct RecordedAny {
  PullBack pull_back;

  static void run(GradNode& node) { static_cast<RecordedAny*>(node.kept)->pull_back(std::as_const(node.grad)); }
  static void end(void* kept) { static_cast<RecordedAny*>(kept)->~RecordedAny(); }
};

}  // namespace detail

/// A context that records the operations on its parameters and variables. It owns what it recorded.
class Tape : public Context {
 public:
  explicit Tape(Mode mode = Mode::train) : Context(mode, Recording{}) {}
  ~Tape() {
    for (detail::GradNode* node = last_; node;) {
      detail::GradNode* previous = node->previous;
      node->free_kept();
      node->~GradNode();
      node = previous;
    }
  }

  /// An input whose gradient is wanted; read it by `grad` after `backward`.
  template <int R, class T>
  Var<R, T> variable(Tensor<R, T> value) {
    return {ref(), std::move(value), leaf()};
  }

  /// A parameter within this tape: recorded once, however often it is used; a constant if it is not trainable.
  template <int R, class T>
  Var<R, T> parameter(const Param<R, T>& param) {
    if (!param.trainable) return {ref(), detail::alias(param.value), nullptr};
    detail::GradNode* node = find(&param);
    if (!node) {
      node = leaf();
      node->param = &param;
      node->add_to_param = detail::add_to_param<R, T>;
      node->previous_param = std::exchange(last_param_, node);
    }
    return {ref(), detail::alias(param.value), node};
  }

  /// Computes the gradients of a scalar with respect to all parameters and variables; they stay on the tape.
  /// Throws: UsageError if the loss depends on none, or if the tape was walked before.
  template <class T>
  void differentiate(const Var<0, T>& loss) {
    if (loss.context() != this) fail<UsageError>("backward", "the loss must come from this tape", "it does not");
    if (!loss.node()) {
      fail<UsageError>("backward", "the loss must depend on a trainable parameter or a variable of the tape",
                       "it depends on none");
    }
    if (walked_) {
      fail<UsageError>("backward", "a tape can be walked once, since that frees what it kept",
                       "it was walked before; run the forward pass again on a new tape");
    }
    walked_ = true;
    loss.grad_slot() += Tensor<0, T>(T{1});
    for (detail::GradNode* node = last_; node; node = node->previous) {
      if (node->is_leaf()) continue;
      try {
        if (!node->grad.empty()) node->pull_back(*node);
      } catch (Error& error) {
        error.at(concat("backward of ", node->op));
        throw;
      }
      node->grad.reset();
      node->free_kept();
    }
  }

  /// The gradient of a variable or parameter after `differentiate` or `backward`; zeros if the loss does not depend on
  /// it. Throws: UsageError before that, or for any other value.
  template <int R, class T>
  Tensor<R, T> grad(const Var<R, T>& x) const {
    if (!walked_) fail<UsageError>("grad", "backward must run first", "it has not");
    if (x.context() != this) fail<UsageError>("grad", "the value must come from this tape", "it does not");
    if (!x.node() || !x.node()->is_leaf()) {
      fail<UsageError>("grad", "gradients are kept for parameters and for tape.variable(x)", "this is neither");
    }
    if (x.node()->grad.empty()) return zeros<T>(x.shape());
    return x.node()->grad.template as<R, T>();
  }
  template <int R, class T>
  Tensor<R, T> grad(const Param<R, T>& param) const {
    const AnyTensor* found = find_grad(&param);
    return found ? found->as<R, T>() : zeros<T>(param.shape());
  }

  /// The same for code that knows a parameter by its address alone (ParamRef::address): null if the loss does not
  /// depend on it.
  const AnyTensor* find_grad(const void* param) const {
    if (!walked_) fail<UsageError>("grad", "backward must run first", "it has not");
    detail::GradNode* node = find(param);
    return node && !node->grad.empty() ? &node->grad : nullptr;
  }

  /// Adds the gradients of all parameters to their Param::grad. They leave the tape.
  void accumulate_grads() {
    for (detail::GradNode* node = last_param_; node; node = node->previous_param) {
      if (!node->grad.empty()) node->add_to_param(node->param, node->grad);
    }
  }

  /// Calls f() when `differentiate` comes by here: behind all that is recorded later, before what was recorded so far.
  template <class F>
  void on_the_way_back(F f) {
    append("on_the_way_back", detail::without_elements<0, float>(), [f](const Tensor<0>&) { f(); })->grad = Tensor<0>();
  }

  /// The place on the tape of an operation whose pull-back is called as (dy) with an AnyTensor.
  template <class PullBack>
  detail::GradNode* append_any(std::string_view name, PullBack pull_back) {
    using Op = detail::RecordedAny<PullBack>;
    require_not_walked();
    return add(name, new (arena_.room_for<Op>()) Op{std::move(pull_back)}, Op::run, Op::end);
  }

  /// For `record`: an operation's place on the tape.
  template <int R, class T, class PullBack, class... Slots>
  detail::GradNode* append(std::string_view name, const Tensor<R, T>& value, PullBack pull_back, Slots... slots) {
    using Op = detail::RecordedOp<R, T, PullBack, Slots...>;
    require_not_walked();
    auto* op = new (arena_.room_for<Op>()) Op{std::move(pull_back), {slots...}, detail::without_elements<R, T>()};
    if constexpr (Op::needs_result) op->result = detail::alias(value);
    return add(name, op, Op::run, Op::end);
  }

 private:
  void require_not_walked() const {
    if (!walked_) return;
    fail<UsageError>("tape", "nothing can be recorded once the tape was walked", "backward has run; use a new tape");
  }

  detail::GradNode* add(std::string_view name, void* op, void (*run)(detail::GradNode&), void (*end)(void*)) {
    detail::GradNode* node = leaf();
    node->kept = op;
    node->pull_back = run;
    node->destroy = end;
    node->op = name;
    return node;
  }

  detail::GradNode* leaf() {
    auto* node = new (arena_.room_for<detail::GradNode>()) detail::GradNode;
    node->previous = std::exchange(last_, node);
    return node;
  }

  detail::GradNode* find(const void* param) const {
    detail::GradNode* node = last_param_;
    while (node && node->param != param) node = node->previous_param;
    return node;
  }

  detail::GradNode* last_ = nullptr;
  detail::GradNode* last_param_ = nullptr;
  bool walked_ = false;
};

/// The gradients of a scalar, added to Param::grad of every parameter it depends on, and the deferred updates of
/// buffers. It writes to the model, even a const one: threads that share a model use `tape.differentiate(loss)` and
/// `tape.grad(param)` instead. Throws: UsageError if the loss depends on no parameter or variable, or if its tape was
/// walked before.
template <class T>
void backward(const Var<0, T>& loss) {
  Context* context = loss.context();
  if (!context || !context->recording()) {
    fail<UsageError>("backward", "the loss must be computed on a Tape", "nothing was recorded");
  }
  auto& tape = static_cast<Tape&>(*context);
  tape.differentiate(loss);
  tape.accumulate_grads();
  tape.commit();
}

}  // namespace kiln
