// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `record`: how an operation gets onto the tape. A whole operation with a hand-written backward:
///
///     Var<1> cube(const Var<1>& x) {
///       return record("cube", x.value() * x.value() * x.value(),
///                     [x](const Tensor<1>& dy, auto& dx) { dx += 3 * square(x.value()) * dy; }, x);
///     }
#pragma once

#include <kiln/autograd/tape.hpp>

namespace kiln {

namespace detail {

inline Context* shared_context(std::string_view op, std::initializer_list<Context*> contexts) {
  Context* shared = nullptr;
  for (Context* context : contexts) {
    if (shared && context && shared != context) {
      fail<UsageError>(op, "all inputs must come from one tape", "they come from two");
    }
    if (context) shared = context;
  }
  return shared;
}

template <class X>
Context* context_of(const X& x) {
  if constexpr (is_var<X>) return x.context();
  else return nullptr;
}

/// The operand as a var of the given context, or without one.
template <class X>
auto to_var(Context* context, const X& x) {
  using V = Var<X::rank, typename X::value_type>;
  if constexpr (is_var<X>) {
    return x;
  } else if constexpr (is_param<X>) {
    if (!context) return V(x.value);
    if (context->recording()) return static_cast<Tape*>(context)->parameter(x);
    return V(context->ref(), alias(x.value), nullptr);
  } else {
    return context ? (*context)(x) : V(x);
  }
}

/// All operands as vars of their common context, handed to f.
template <class F, class... X>
auto with_vars(std::string_view op, F f, const X&... x) {
  // Otherwise `x * (1 + gain)` would leave the parameter `gain` untrained without a word.
  static_assert(
      (is_var<X> || ...) || !(is_param<X> || ...),
      "kiln: a Param does not know the tape, so an operation needs a Var beside it; where there is none, write "
      "in_context_of(x, param) with the layer's input x");
  Context* context = shared_context(op, {context_of(x)...});
  return f(to_var(context, x)...);
}

/// Tells the context of the operands what their product costs, `count()`, if somebody observes it: see
/// Context::count_flops.
template <class Count, class... Vars>
void count_flops(Count count, const Vars&... x) {
  Context* context = nullptr;
  ((context = context ? context : x.context()), ...);
  if (context && !context->observers().empty()) context->count_flops(count(), (int{x.wants_grad()} + ... + 0));
}

}  // namespace detail

/// The result of an operation on vars, with its pull-back, which is called at most once, as (dy, dx...) or (y, dy,
/// dx...): y is the result, dy its gradient, and each dx takes, by `dx += ...`, what goes to that input; `if (dx)` says
/// if anything is wanted. Whatever else the pull-back needs it captures. `op` names it in messages, also those of
/// backward, and must outlive the tape: a literal. Throws: UsageError if the inputs come from different tapes.
template <int R, class T, class PullBack, class... Inputs>
Var<R, T> record(std::string_view op, Tensor<R, T> value, PullBack pull_back, const Inputs&... inputs) {
  static_assert((is_var<Inputs> && ...),
                "kiln: the inputs of record are vars; see detail::with_vars for other operands");
  Context* context = detail::shared_context(op, {inputs.context()...});
  if (!context) return Var<R, T>(std::move(value));
  detail::GradNode* node = nullptr;
  if (context->recording() && (inputs.wants_grad() || ...)) {
    node = static_cast<Tape*>(context)->append(op, value, std::move(pull_back), inputs.grad_slot()...);
  }
  return {context->ref(), std::move(value), node};
}

/// A parameter or tensor as a Var in the context of x, for where no other Var is: `x * (1 + in_context_of(x, gain))`.
template <int R, class T, VarOperand X>
auto in_context_of(const Var<R, T>& x, const X& operand) {
  return detail::to_var(x.context(), operand);
}

/// The same value, through which no gradient flows.
template <int R, class T>
Var<R, T> detach(const Var<R, T>& x) {
  return {x.context_ref(), detail::alias(x.value()), nullptr};
}

}  // namespace kiln
