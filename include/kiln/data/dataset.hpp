// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Data sets: things with a `size()` that gather any of their rows into a batch.
/// `TensorDataset data{x, y};` makes one of tensors in memory.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <iterator>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include <kiln/core/parallel.hpp>
#include <kiln/tensor/tensor.hpp>

namespace kiln {

/// Inputs and targets; entry i of the one belongs to entry i of the other.
template <class X, class Y>
struct Batch {
  X x;
  Y y;
};

/// What a loader can draw batches from. `gather` is called by several threads at once and must be a pure function of
/// the rows. It returns a struct with the members `x` and `y`, such as `Batch`.
template <class D>
concept Dataset = requires(const D& data, std::span<const Index> rows) {
  { data.size() } -> std::convertible_to<Index>;
  data.gather(rows).x;
  data.gather(rows).y;
};

/// What a data set gathers.
template <Dataset D>
using batch_t = std::remove_cvref_t<decltype(std::declval<const D&>().gather(std::span<const Index>{}))>;

namespace detail {

/// A data set given as an lvalue is referenced and must outlive the result; a temporary is owned.
template <class D>
std::shared_ptr<const std::remove_cvref_t<D>> hold(D&& data) {
  using Held = std::remove_cvref_t<D>;
  if constexpr (std::is_lvalue_reference_v<D>) return {std::shared_ptr<void>(), std::addressof(data)};
  else return std::make_shared<const Held>(std::forward<D>(data));
}

inline void check_row(std::string_view op, Index row, Index size) {
  if (row < 0 || row >= size) [[unlikely]] {
    fail<IndexError>(op, concat("rows must lie in [0, ", size, ")"), concat("got ", row));
  }
}

/// The shape of `count` rows of `x`.
template <int R, class T>
Shape<R> rows_shape(const Tensor<R, T>& x, std::size_t count) {
  Shape<R> shape = x.shape();
  shape[0] = static_cast<Index>(count);
  return shape;
}

/// Copies entries of the leading axis, in the order asked for. Throws: IndexError.
template <int R, class T>
Tensor<R, T> gather_rows(const Tensor<R, T>& from, std::span<const Index> rows) {
  auto result = uninitialised<T>(rows_shape(from, rows.size()));
  const Index length = rows.empty() ? 0 : result.numel() / result.shape()[0];
  for (Index row : rows) check_row("gather", row, from.shape()[0]);
  parallel_ranges(std::ssize(rows), length, [&, to = result.data()](Index first, Index last) {
    for (Index i = first; i < last; ++i)
      std::copy_n(from.data() + rows[static_cast<std::size_t>(i)] * length, length, to + i * length);
  });
  return result;
}

}  // namespace detail

/// Tensors in memory: row i of `x` is a sample, row i of `y` its target.
template <class X, class Y>
class TensorDataset {
  static_assert(!sizeof(X), "kiln: a TensorDataset is made of two Tensors; clone() turns a view into one");
};

template <int RX, class TX, int RY, class TY>
class TensorDataset<Tensor<RX, TX>, Tensor<RY, TY>> {
 public:
  /// Throws: ShapeError unless both have the same number of rows.
  TensorDataset(Tensor<RX, TX> x, Tensor<RY, TY> y) : x_(std::move(x)), y_(std::move(y)) {
    static_assert(RX >= 1 && RY >= 1, "kiln: the leading axis of a data set's tensors counts the samples");
    if (x_.shape()[0] != y_.shape()[0]) {
      fail<ShapeError>("TensorDataset", "x and y must have as many rows",
                       concat("got shapes ", x_.shape(), " and ", y_.shape()));
    }
  }

  const Tensor<RX, TX>& x() const { return x_; }
  const Tensor<RY, TY>& y() const { return y_; }

  Index size() const { return x_.shape()[0]; }

  Batch<Tensor<RX, TX>, Tensor<RY, TY>> gather(std::span<const Index> rows) const {
    return {detail::gather_rows(x_, rows), detail::gather_rows(y_, rows)};
  }

 private:
  Tensor<RX, TX> x_;
  Tensor<RY, TY> y_;
};

template <class X, class Y>
TensorDataset(X, Y) -> TensorDataset<X, Y>;

}  // namespace kiln
