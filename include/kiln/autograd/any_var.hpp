// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `AnyVar`: a var whose rank and element type are known only at run time; the counterpart of AnyTensor.
#pragma once

#include <functional>

#include <kiln/autograd/record.hpp>

namespace kiln {

/// A var of any rank and element type, or none.
class AnyVar {
 public:
  AnyVar() = default;

  template <int R, class T>
  AnyVar(const Var<R, T>& x)
      : value_(detail::alias(x.value())), node_(x.node()), context_(x.context_ref()), ops_(&ops<R, T>) {}

  AnyVar(const AnyVar& other) { *this = other; }
  AnyVar(AnyVar&&) noexcept = default;
  AnyVar& operator=(const AnyVar& other) {
    if (this == &other) return *this;
    value_ = other.empty() ? AnyTensor() : other.ops_->alias(other.value_);
    node_ = other.node_;
    context_ = other.context_;
    ops_ = other.ops_;
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
    result.ops_ = ops_;
    return result;
  }
  Dims dims() const { return value_.dims(); }
  bool wants_grad() const { return node_ != nullptr; }

  /// The same value, as the result of an operation `op` (a literal) whose gradient is shown to `see` when it has
  /// arrived, and goes on as `see` leaves it. Where no gradient is wanted `see` is never called.
  AnyVar on_grad(std::string_view op, std::function<void(AnyTensor& dy)> see) const {
    return wants_grad() ? ops_->on_grad(*this, op, std::move(see)) : *this;
  }

 private:
  struct Ops {
    AnyTensor (*alias)(const AnyTensor&);
    AnyVar (*on_grad)(const AnyVar&, std::string_view, std::function<void(AnyTensor&)>);
  };

  template <int R, class T>
  static AnyVar watch(const AnyVar& any, std::string_view op, std::function<void(AnyTensor&)> see) {
    const auto x = any.as<R, T>();
    auto pull_back = [op, see = std::move(see)](const Tensor<R, T>& dy, GradSlot<R, T>& dx) {
      AnyTensor seen(detail::alias(dy));
      see(seen);
      if (!seen.is<R, T>() || seen.as<R, T>().shape() != dy.shape()) {
        fail<ShapeError>(
            op, concat("the gradient must stay a ", AnyTensor(detail::alias(dy)).type(), " of shape ", dy.shape()),
            concat("it became ", seen.type(), seen.empty() ? "" : " of shape ",
                   seen.empty() ? "" : concat(seen.dims())));
      }
      dx += std::move(seen.as<R, T>());
    };
    return record(op, detail::alias(x.value()), std::move(pull_back), x);
  }

  template <int R, class T>
  static constexpr Ops ops = {[](const AnyTensor& x) -> AnyTensor { return detail::alias(x.as<R, T>()); },
                              &watch<R, T>};

  AnyTensor value_;
  detail::GradNode* node_ = nullptr;
  detail::ContextRef context_;
  const Ops* ops_ = nullptr;
};

}  // namespace kiln
