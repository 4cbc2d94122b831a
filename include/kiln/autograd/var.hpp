// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Var`: a tensor inside a forward pass. It knows its context and, if a gradient is wanted for it, its place on the
/// tape. A `Tensor` converts to a `Var` without context: nothing is recorded and the mode is eval.
#pragma once

#include <concepts>

#include <kiln/autograd/context.hpp>
#include <kiln/autograd/param.hpp>
#include <kiln/kernels/map_each.hpp>
#include <kiln/tensor/any.hpp>
#include <kiln/tensor/reduce.hpp>

namespace kiln {

namespace detail {

/// A value on the tape: the gradient that has arrived for it so far, and how to pull that back to the inputs.
struct GradNode {
  AnyTensor grad;                // nothing until some has arrived
  GradNode* previous = nullptr;  // recorded before this one
  void* kept = nullptr;          // the pull-back and what it keeps; null for leaves
  void (*pull_back)(GradNode&) = nullptr;
  void (*destroy)(void* kept) = nullptr;
  std::string_view op;          // for messages
  const void* param = nullptr;  // for the leaf of a Param
  void (*add_to_param)(const void* param, AnyTensor& grad) = nullptr;
  GradNode* previous_param = nullptr;

  bool is_leaf() const { return pull_back == nullptr; }
  void free_kept() {
    if (kept) destroy(std::exchange(kept, nullptr));
  }
};

}  // namespace detail

/// Where the gradient of one input of an operation goes: `if (dx) dx += ...`. False if none is wanted.
/// A gradient of a broadcast shape is summed down.
template <int Rank, class T>
class GradSlot {
 public:
  GradSlot(detail::GradNode* node, const Shape<Rank>& shape) : node_(node), shape_(shape) {}

  explicit operator bool() const { return node_ != nullptr; }
  const Shape<Rank>& shape() const { return shape_; }

  template <int R>
  void operator+=(const Tensor<R, T>& gradient) {
    *this += detail::alias(gradient);
  }
  template <int R>
  void operator+=(Tensor<R, T>&& gradient) {
    if (!node_) return;
    if constexpr (R != Rank) {
      add(sum_to_shape(gradient, shape_));
    } else {
      if (gradient.shape() == shape_) add(std::move(gradient));
      else add(sum_to_shape(gradient, shape_));
    }
  }

  /// `accumulate(gradient, first)` adds in place; at first the elements are not set yet. They may come to lie in the
  /// memory of `room`, which has the same shape or no elements.
  template <class F>
  void add_by(F accumulate, Tensor<Rank, T> room = detail::without_elements<Rank, T>()) {
    if (!node_) return;
    if (node_->grad.empty()) {
      auto fresh = room.data() ? std::move(room) : detail::uninitialised<T>(shape_);
      accumulate(fresh, true);
      node_->grad = std::move(fresh);
    } else {
      accumulate(own(), false);
    }
  }

 private:
  void add(Tensor<Rank, T>&& gradient) {
    if (node_->grad.empty()) node_->grad = std::move(gradient);
    else detail::add_elements(gradient.numel(), own().data(), std::as_const(gradient).data());
  }

  Tensor<Rank, T>& own() {
    auto& grad = node_->grad.template as<Rank, T>();
    detail::unshare(grad);
    return grad;
  }

  detail::GradNode* node_;
  Shape<Rank> shape_;
};

/// A tensor inside a forward pass. Copies share the elements.
template <int Rank, class T = float>
class Var {
 public:
  static constexpr int rank = Rank;
  using value_type = T;

  /// A constant without context. The elements of an lvalue are shared, not copied: while the var lives, write to the
  /// tensor by `+=` and the like, `fill` or assignment, which leave the var as it is, not through `data()` or a view.
  Var(Tensor<Rank, T>&& value) : value_(std::move(value)) {}
  Var(const Tensor<Rank, T>& value) : value_(detail::alias(value)) {}

  Var(const Var& other) : value_(detail::alias(other.value_)), node_(other.node_), context_(other.context_) {}
  Var(Var&&) noexcept = default;
  Var& operator=(Var other) noexcept {
    value_ = std::move(other.value_);
    node_ = other.node_;
    context_ = other.context_;
    return *this;
  }
  ~Var() = default;

  const Tensor<Rank, T>& value() const& { return value_; }
  /// Of a temporary: `const auto& y = model(x).value();` must not dangle. Copied only if something shares the elements.
  Tensor<Rank, T> value() && {
    if (detail::unshared(value_)) return std::move(value_);
    return value_;
  }
  const Shape<Rank>& shape() const { return value_.shape(); }
  Index size(int axis) const { return value_.size(axis); }
  Index numel() const { return value_.numel(); }
  T item() const { return value_.item(); }

  /// The context, or null. Throws: UsageError if the tape that made this var is gone.
  Context* context() const { return context_.get(); }
  /// Eval where there is no context.
  Mode mode() const {
    Context* surroundings = context();
    return surroundings ? surroundings->mode() : Mode::eval;
  }
  /// Whether a gradient is wanted for this value.
  bool wants_grad() const { return node_ != nullptr; }
  GradSlot<Rank, T> grad_slot() const { return {node_, shape()}; }

  /// For those who record operations; user code has no need of it.
  Var(detail::ContextRef context, Tensor<Rank, T> value, detail::GradNode* node)
      : value_(std::move(value)), node_(node), context_(context) {}
  detail::ContextRef context_ref() const { return context_; }
  detail::GradNode* node() const { return node_; }

 private:
  Tensor<Rank, T> value_;
  detail::GradNode* node_ = nullptr;
  detail::ContextRef context_;
};

template <class X>
inline constexpr bool is_var = false;
template <int R, class T>
inline constexpr bool is_var<Var<R, T>> = true;

/// What an operation of the tape accepts: a Var, a Param or a Tensor.
template <class X>
concept VarOperand =
    is_var<std::remove_cvref_t<X>> || is_param<std::remove_cvref_t<X>> || is_tensor<std::remove_cvref_t<X>>;

template <class X>
auto Context::operator()(X&& x) {
  using V = std::remove_cvref_t<X>;
  static_assert(is_tensor<V>, "kiln: a context or tape takes a Tensor");
  if constexpr (std::is_lvalue_reference_v<X>)
    return Var<V::rank, typename V::value_type>(ref(), detail::alias(x), nullptr);
  else return Var<V::rank, typename V::value_type>(ref(), std::forward<X>(x), nullptr);
}

}  // namespace kiln
