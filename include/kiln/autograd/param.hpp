// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Param`: a tensor that is trained. `Buffer`: a tensor that is saved with the model but not trained.
#pragma once

#include <kiln/tensor/create.hpp>

namespace kiln {

/// A trained tensor and its gradient: `Param<2> weight = zeros({out, in});`
template <int Rank, class T = float>
struct Param {
  static constexpr int rank = Rank;
  using value_type = T;

  Tensor<Rank, T> value;
  /// dLoss/dvalue, summed over backward passes; none after `zero_grad`. Not part of the model's state, hence mutable.
  /// `backward` writes it even if the model is const, so threads that share a model use `tape.differentiate(loss)` and
  /// `tape.grad(param)` instead.
  mutable Tensor<Rank, T> grad = none();
  bool trainable = true;

  Param() = default;
  Param(Tensor<Rank, T> initial) : value(std::move(initial)) {}

  bool has_grad() const { return grad.data() != nullptr; }
  void zero_grad() const { grad = none(); }
  const Shape<Rank>& shape() const { return value.shape(); }

 private:
  static Tensor<Rank, T> none() { return detail::without_elements<Rank, T>(); }
};

/// A saved tensor that is not trained, such as batch norm's running mean.
template <int Rank, class T = float>
struct Buffer {
  static constexpr int rank = Rank;
  using value_type = T;

  /// Written by deferred updates of a const model (Context::defer), hence mutable.
  mutable Tensor<Rank, T> value;

  Buffer() = default;
  Buffer(Tensor<Rank, T> initial) : value(std::move(initial)) {}
  const Shape<Rank>& shape() const { return value.shape(); }
};

template <class X>
inline constexpr bool is_param = false;
template <int R, class T>
inline constexpr bool is_param<Param<R, T>> = true;
template <class X>
inline constexpr bool is_buffer = false;
template <int R, class T>
inline constexpr bool is_buffer<Buffer<R, T>> = true;

}  // namespace kiln
