// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `AnyVar`: a var whose rank and element type are known only at run time; the counterpart of AnyTensor.
#pragma once

#include <algorithm>
#include <functional>

#include <kiln/autograd/record.hpp>

namespace kiln {

/// A var of any rank and element type, or none.
class AnyVar {
 public:
  AnyVar() = default;

  template <int R, class T>
  AnyVar(const Var<R, T>& x)
      : value_(detail::alias(x.value())), node_(x.node()), context_(x.context_ref()), alias_(alias<R, T>) {}

  AnyVar(const AnyVar& other) { *this = other; }
  AnyVar(AnyVar&&) noexcept = default;
  AnyVar& operator=(const AnyVar& other) {
    if (this == &other) return *this;
    value_ = other.empty() ? AnyTensor() : other.alias_(other.value_);
    node_ = other.node_;
    context_ = other.context_;
    alias_ = other.alias_;
    return *this;
  }
  AnyVar& operator=(AnyVar&&) noexcept = default;
  ~AnyVar() = default;

  bool empty() const { return value_.empty(); }

  template <int R, class T = float>
  bool is() const {
    return value_.is<R, T>();
  }

  /// The var. Throws: UsageError if it has another rank or element type.
  template <int R, class T = float>
  Var<R, T> as() const {
    return {context_, detail::alias(value_.as<R, T>()), node_};
  }

  /// The only element, of a scalar. Throws: UsageError otherwise.
  double scalar() const {
    return is<0, double>() ? value_.as<0, double>().item() : static_cast<double>(value_.as<0, float>().item());
  }

  const AnyTensor& value() const { return value_; }
  /// Another value in this one's place, without its gradient. Throws: UsageError if its rank or element type differs.
  AnyVar with_value(AnyTensor value) const {
    if (!value.same_type(value_))
      fail<UsageError>("with_value", concat("the value must be a ", value_.type()), concat("got ", value.type()));
    AnyVar result;
    result.value_ = std::move(value);
    result.context_ = context_;
    result.alias_ = alias_;
    return result;
  }
  Dims dims() const { return value_.dims(); }
  bool wants_grad() const { return node_ != nullptr; }

  /// The same value, as the result of an operation `op` (a literal) whose gradient is shown to `see` when it has
  /// arrived, and goes on as `see` leaves it. Where no gradient is wanted `see` is never called.
  AnyVar on_grad(std::string_view op, std::function<void(AnyTensor& dy)> see) const {
    if (!wants_grad()) return *this;
    AnyVar result = *this;
    auto pull_back = [op, see = std::move(see), input = node_, alias = alias_](const AnyTensor& dy) {
      AnyTensor seen = alias(dy);
      see(seen);
      if (!seen.same_type(dy) || !std::equal(seen.dims().begin(), seen.dims().end(), dy.dims().begin())) {
        fail<ShapeError>(op, concat("the gradient must stay a ", dy.type(), " of shape ", dy.dims()),
                         concat("it became ", seen.type(), seen.empty() ? "" : " of shape ",
                                seen.empty() ? "" : concat(seen.dims())));
      }
      add_grad(*input, std::move(seen));
    };
    result.node_ = static_cast<Tape*>(context_.get())->append_any(op, std::move(pull_back));
    return result;
  }

 private:
  template <int R, class T>
  static AnyTensor alias(const AnyTensor& x) {
    return detail::alias(x.as<R, T>());
  }

  static void add_grad(detail::GradNode& node, AnyTensor more) {
    if (node.grad.empty()) {
      node.grad = std::move(more);
    } else if (more.holds<double>()) {
      add_elements<double>(node, more);
    } else {
      add_elements<float>(node, more);
    }
  }

  template <class T>
  static void add_elements(detail::GradNode& node, const AnyTensor& more) {
    AnyTensor sum = node.grad;  // a copy, since others may see the elements
    const std::span<T> to = sum.elements<T>();
    const std::span<const T> from = more.elements<T>();
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
    node.grad = std::move(sum);
  }

  AnyTensor value_;
  detail::GradNode* node_ = nullptr;
  detail::ContextRef context_;
  AnyTensor (*alias_)(const AnyTensor&) = nullptr;
};

}  // namespace kiln
