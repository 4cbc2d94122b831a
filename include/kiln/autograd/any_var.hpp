// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `AnyVar`: a var whose rank and element type are known only at run time; the counterpart of AnyTensor.
#pragma once

#include <kiln/autograd/record.hpp>

namespace kiln {

/// A var of any rank and element type, or none.
class AnyVar {
 public:
  AnyVar() = default;

  template <int R, class T>
  AnyVar(const Var<R, T>& x)
      : value_(detail::alias(x.value())), node_(x.node()), context_(x.context_ref()), alias_(&alias<R, T>) {}

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
  Dims dims() const { return value_.dims(); }
  bool wants_grad() const { return node_ != nullptr; }

 private:
  template <int R, class T>
  static AnyTensor alias(const AnyTensor& x) {
    return detail::alias(x.as<R, T>());
  }

  AnyTensor value_;
  detail::GradNode* node_ = nullptr;
  detail::ContextRef context_;
  AnyTensor (*alias_)(const AnyTensor&) = nullptr;
};

}  // namespace kiln
