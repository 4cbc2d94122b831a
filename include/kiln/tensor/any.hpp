// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `AnyTensor`: a tensor whose rank and element type are known only at run time, for code that must not be a template,
/// such as what callbacks see. `any.as<2>()` gives the tensor back or says what it is instead.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

#include <kiln/core/type_name.hpp>
#include <kiln/tensor/tensor.hpp>

namespace kiln {

/// A tensor of any rank and element type, or none.
class AnyTensor {
 public:
  AnyTensor() = default;

  template <int R, class T>
  AnyTensor(Tensor<R, T> tensor) : ops_(&ops<R, T>) {
    static_assert(sizeof(Tensor<R, T>) <= sizeof(storage_));
    std::construct_at(reinterpret_cast<Tensor<R, T>*>(storage_), std::move(tensor));
  }

  AnyTensor(const AnyTensor& other) : ops_(other.ops_) {
    if (ops_) ops_->copy(other.storage_, storage_);
  }
  AnyTensor(AnyTensor&& other) noexcept : ops_(other.ops_) {
    if (ops_) ops_->move(other.storage_, storage_);
    other.reset();
  }
  AnyTensor& operator=(AnyTensor other) noexcept {
    reset();
    ops_ = other.ops_;
    if (ops_) ops_->move(other.storage_, storage_);
    return *this;
  }
  ~AnyTensor() { reset(); }

  void reset() {
    if (ops_) std::exchange(ops_, nullptr)->destroy(storage_);
  }

  bool empty() const { return ops_ == nullptr; }

  template <int R, class T = float>
  bool is() const {
    return ops_ == &ops<R, T>;
  }

  /// Whether the other holds the same rank and element type, or nothing as well.
  bool same_type(const AnyTensor& other) const { return ops_ == other.ops_; }

  /// The tensor. Throws: UsageError if it has another rank or element type.
  template <int R, class T = float>
  Tensor<R, T>& as() {
    if (!is<R, T>()) fail_as(ops<R, T>);
    return *std::launder(reinterpret_cast<Tensor<R, T>*>(storage_));
  }
  template <int R, class T = float>
  const Tensor<R, T>& as() const {
    return const_cast<AnyTensor&>(*this).as<R, T>();
  }

  /// All elements, whatever the rank. Throws: UsageError if they are of another type.
  template <class T>
  std::span<T> elements() {
    if (!holds<T>()) {
      fail<UsageError>("elements", concat("asked for ", type_name<T>()), concat("it holds ", type()));
    }
    T* data = static_cast<T*>(ops_->data(storage_));
    return {data, data ? static_cast<std::size_t>(checked_numel(dims())) : 0};
  }
  template <class T>
  std::span<const T> elements() const {
    return const_cast<AnyTensor&>(*this).elements<T>();
  }

  /// Whether its elements are of this type.
  template <class T>
  bool holds() const {
    return ops_ && ops_->element == type_id<T>();
  }

  /// The elements as memory.
  std::span<std::byte> bytes() {
    if (!ops_) return {};
    void* data = ops_->data(storage_);
    return {static_cast<std::byte*>(data),
            data ? static_cast<std::size_t>(checked_numel(dims())) * ops_->element_bytes : 0};
  }
  std::span<const std::byte> bytes() const { return const_cast<AnyTensor&>(*this).bytes(); }

  /// Such as `Tensor<2, float>`, or `nothing`.
  std::string type() const { return ops_ ? ops_->type() : "nothing"; }
  int rank() const { return ops_ ? ops_->rank : 0; }
  /// The sizes; valid as long as the tensor is not replaced.
  Dims dims() const { return ops_ ? ops_->dims(storage_) : Dims{}; }

 private:
  struct Ops {
    int rank;
    TypeId element;
    std::string_view element_name;
    std::size_t element_bytes;
    void (*copy)(const std::byte*, std::byte*);
    void (*move)(std::byte*, std::byte*);
    void (*destroy)(std::byte*);
    Dims (*dims)(const std::byte*);
    void* (*data)(std::byte*);

    std::string type() const { return concat("Tensor<", rank, ", ", element_name, ">"); }
  };

  [[noreturn, gnu::noinline, gnu::cold]] void fail_as(const Ops& asked) const {
    fail<UsageError>("as", concat("asked for ", asked.type()), concat("it holds ", type()));
  }

  template <int R, class T>
  static constexpr Ops ops = {
      R,
      type_id<T>(),
      type_name<T>(),
      sizeof(T),
      [](const std::byte* from, std::byte* to) {
        std::construct_at(reinterpret_cast<Tensor<R, T>*>(to),
                          *std::launder(reinterpret_cast<const Tensor<R, T>*>(from)));
      },
      [](std::byte* from, std::byte* to) {
        std::construct_at(reinterpret_cast<Tensor<R, T>*>(to),
                          std::move(*std::launder(reinterpret_cast<Tensor<R, T>*>(from))));
      },
      [](std::byte* at) { std::destroy_at(std::launder(reinterpret_cast<Tensor<R, T>*>(at))); },
      [](const std::byte* at) { return std::launder(reinterpret_cast<const Tensor<R, T>*>(at))->shape().span(); },
      [](std::byte* at) -> void* { return std::launder(reinterpret_cast<Tensor<R, T>*>(at))->data(); }};

  const Ops* ops_ = nullptr;
  alignas(std::max_align_t) std::byte storage_[sizeof(Tensor<max_rank, double>)];
};

}  // namespace kiln
