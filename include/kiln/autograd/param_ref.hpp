// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `ParamRef`: a named reference to a Param or Buffer of any rank and element type, for code that treats all alike:
/// optimizers, saving, clipping.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include <kiln/autograd/param.hpp>
#include <kiln/tensor/any.hpp>

namespace kiln {

/// The element type of what a ParamRef refers to.
enum class ElementType { f32, f64, i8, i16, i32, i64, u8, u16, u32, u64, boolean };

namespace detail {

template <class T>
constexpr ElementType element_type() {
  if constexpr (std::is_same_v<T, float>) return ElementType::f32;
  else if constexpr (std::is_same_v<T, double>) return ElementType::f64;
  else if constexpr (std::is_same_v<T, bool>) return ElementType::boolean;
  else if constexpr (std::is_signed_v<T>) {
    return sizeof(T) == 1   ? ElementType::i8
           : sizeof(T) == 2 ? ElementType::i16
           : sizeof(T) == 4 ? ElementType::i32
                            : ElementType::i64;
  } else {
    return sizeof(T) == 1   ? ElementType::u8
           : sizeof(T) == 2 ? ElementType::u16
           : sizeof(T) == 4 ? ElementType::u32
                            : ElementType::u64;
  }
}

}  // namespace detail

/// A named reference to a Param or Buffer, which must outlive it.
class ParamRef {
 public:
  std::string name;      ///< such as `hidden.weight`
  bool in_norm = false;  ///< whether it is of a layer that normalises: see FreezeOptions

  template <int R, class T>
  ParamRef(std::string path, Param<R, T>& param) : name(std::move(path)), target_(&param), ops_(&param_ops<R, T>) {}
  template <int R, class T>
  ParamRef(std::string path, Buffer<R, T>& buffer) : name(std::move(path)), target_(&buffer), ops_(&buffer_ops<R, T>) {}

  ElementType element_type() const { return ops_->element_type; }
  Dims dims() const { return ops_->dims(target_); }
  Index numel() const { return checked_numel(dims()); }

  /// The values. Throws: UsageError if the element type is another.
  template <class T>
  std::span<T> value() const {
    require<T>("value");
    return {static_cast<T*>(ops_->value(target_)), static_cast<std::size_t>(numel())};
  }

  /// The values as memory.
  std::span<std::byte> bytes() const {
    return {static_cast<std::byte*>(ops_->value(target_)), static_cast<std::size_t>(numel()) * ops_->element_bytes};
  }

  /// The gradient; empty if there is none, and always for a Buffer.
  template <class T>
  std::span<T> grad() const {
    require<T>("grad");
    return {static_cast<T*>(ops_->grad(target_)), has_grad() ? static_cast<std::size_t>(numel()) : 0};
  }

  bool has_grad() const { return ops_->grad(target_) != nullptr; }
  void zero_grad() const { ops_->zero_grad(target_); }

  /// Whether it is trained. A Buffer never is.
  bool trainable() const { return ops_->trainable && *ops_->trainable(target_); }
  /// Freezes or unfreezes a Param; no effect on a Buffer.
  void set_trainable(bool on) const {
    if (ops_->trainable) *ops_->trainable(target_) = on;
  }
  bool is_param() const { return ops_->trainable != nullptr; }

  /// Calls f with a T{} of the element type: `ref.visit_type([&](auto t) { using T = decltype(t); ... })`. Floating
  /// types only.
  template <class F>
  void visit_type(F f) const {
    if (element_type() == ElementType::f32) f(float{});
    else if (element_type() == ElementType::f64) f(double{});
    else fail<UsageError>(name, "its elements must be float or double", "they are integers");
  }

  /// Copies of the value and of the gradient, which is empty if there is none.
  AnyTensor copy_value() const { return ops_->copy_value(target_); }
  AnyTensor copy_grad() const { return ops_->copy_grad(target_); }
  /// Whether `value` has the rank, element type and shape of this one.
  bool takes(const AnyTensor& value) const {
    return ops_->same_type(value) && std::equal(dims().begin(), dims().end(), value.dims().begin(), value.dims().end());
  }
  /// Puts such copies back.
  void restore(const AnyTensor& value, const AnyTensor& grad) const { ops_->restore(target_, value, grad); }

  /// The Param or Buffer itself, as an identity.
  const void* address() const { return target_; }

 private:
  struct Ops {
    ElementType element_type;
    std::size_t element_bytes;
    Dims (*dims)(void*);
    void* (*value)(void*);
    void* (*grad)(void*);
    void (*zero_grad)(void*);
    bool* (*trainable)(void*);
    bool (*same_type)(const AnyTensor&);
    AnyTensor (*copy_value)(void*);
    AnyTensor (*copy_grad)(void*);
    void (*restore)(void*, const AnyTensor& value, const AnyTensor& grad);
  };

  template <class T>
  void require(std::string_view op) const {
    if (ops_->element_type != detail::element_type<T>()) {
      fail<UsageError>(op, concat(name, " must be asked for with its own element type"), "got another");
    }
  }

  template <int R, class T>
  static constexpr Ops param_ops = {detail::element_type<T>(),
                                    sizeof(T),
                                    [](void* p) { return static_cast<Param<R, T>*>(p)->shape().span(); },
                                    [](void* p) -> void* { return static_cast<Param<R, T>*>(p)->value.data(); },
                                    [](void* p) -> void* { return static_cast<Param<R, T>*>(p)->grad.data(); },
                                    [](void* p) { static_cast<Param<R, T>*>(p)->zero_grad(); },
                                    [](void* p) { return &static_cast<Param<R, T>*>(p)->trainable; },
                                    [](const AnyTensor& value) { return value.is<R, T>(); },
                                    [](void* p) -> AnyTensor { return static_cast<Param<R, T>*>(p)->value; },
                                    [](void* p) -> AnyTensor {
                                      auto* param = static_cast<Param<R, T>*>(p);
                                      return param->has_grad() ? AnyTensor(param->grad) : AnyTensor();
                                    },
                                    [](void* p, const AnyTensor& value, const AnyTensor& grad) {
                                      auto* param = static_cast<Param<R, T>*>(p);
                                      param->value = value.as<R, T>();
                                      if (grad.empty()) param->zero_grad();
                                      else param->grad = grad.as<R, T>();
                                    }};

  template <int R, class T>
  static constexpr Ops buffer_ops = {detail::element_type<T>(),
                                     sizeof(T),
                                     [](void* p) { return static_cast<Buffer<R, T>*>(p)->shape().span(); },
                                     [](void* p) -> void* { return static_cast<Buffer<R, T>*>(p)->value.data(); },
                                     [](void*) -> void* { return nullptr; },
                                     [](void*) {},
                                     nullptr,
                                     [](const AnyTensor& value) { return value.is<R, T>(); },
                                     [](void* p) -> AnyTensor { return static_cast<Buffer<R, T>*>(p)->value; },
                                     [](void*) { return AnyTensor(); },
                                     [](void* p, const AnyTensor& value, const AnyTensor&) {
                                       static_cast<Buffer<R, T>*>(p)->value = value.as<R, T>();
                                     }};

  void* target_;
  const Ops* ops_;
};

}  // namespace kiln
