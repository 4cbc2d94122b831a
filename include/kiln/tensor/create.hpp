// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Tensors from sizes: `zeros({3, 4})`, `full<int>({2}, 7)`, `arange(10)`, `eye(3)`, `from_span(values, {2, 3})`.
/// The rank follows from the number of sizes; the element type is float unless given.
#pragma once

#include <cmath>

#include <kiln/tensor/tensor.hpp>

namespace kiln {

/// Every element `value`.
template <class T = float, int R>
Tensor<R, T> full(const Shape<R>& shape, std::type_identity_t<T> value) {
  auto result = detail::uninitialised<T>(shape);
  result.fill(value);
  return result;
}
template <class T = float, int R>
Tensor<R, T> full(const Extent (&sizes)[R], std::type_identity_t<T> value) {
  return full<T>(Shape<R>(sizes), value);
}

/// Every element 0.
template <class T = float, int R>
Tensor<R, T> zeros(const Shape<R>& shape) {
  return full<T>(shape, T{});
}
template <class T = float, int R>
Tensor<R, T> zeros(const Extent (&sizes)[R]) {
  return full<T>(Shape<R>(sizes), T{});
}

/// Every element 1.
template <class T = float, int R>
Tensor<R, T> ones(const Shape<R>& shape) {
  return full<T>(shape, T{1});
}
template <class T = float, int R>
Tensor<R, T> ones(const Extent (&sizes)[R]) {
  return full<T>(Shape<R>(sizes), T{1});
}

/// start, start + step, ... up to, not including, stop. Throws: UsageError for a step of 0.
template <class T = float>
Tensor<1, T> arange(std::type_identity_t<T> start, std::type_identity_t<T> stop, std::type_identity_t<T> step = T{1}) {
  if (step == T{}) fail<UsageError>("arange", "the step must not be 0", "got 0");
  Index count = 0;
  if constexpr (std::is_integral_v<T>) {
    if (step > T{} ? start < stop : start > stop) {
      Index span = static_cast<Index>(stop) - static_cast<Index>(start);
      Index by = static_cast<Index>(step);
      count = (span + by - (by > 0 ? 1 : -1)) / by;
    }
  } else {
    double steps = std::ceil((static_cast<double>(stop) - static_cast<double>(start)) / static_cast<double>(step));
    if (!(steps < 9e18))
      fail<UsageError>("arange", "start, stop and step must be finite", concat("got ", start, ", ", stop, ", ", step));
    count = steps > 0 ? static_cast<Index>(steps) : 0;
  }
  auto result = detail::uninitialised<T>(Shape<1>(count));
  for (Index i = 0; i < count; ++i) result.data()[i] = static_cast<T>(start + static_cast<T>(i) * step);
  return result;
}
template <class T = float>
Tensor<1, T> arange(std::type_identity_t<T> stop) {
  return arange<T>(T{}, stop);
}

/// The identity matrix (n, n).
template <class T = float>
Tensor<2, T> eye(Extent n) {
  auto result = zeros<T>({n, n});
  for (Index i = 0; i < n.value; ++i) result.unchecked(i, i) = T{1};
  return result;
}

/// The values, copied. Throws: ShapeError unless their number is that of the shape.
template <class T, int R>
Tensor<R, std::remove_const_t<T>> from_span(std::span<T> values, const Shape<R>& shape) {
  if (numel(shape) != static_cast<Index>(values.size())) {
    fail<ShapeError>("from_span", concat("shape ", shape, " needs ", numel(shape), " values"),
                     concat("got ", values.size()));
  }
  auto result = detail::uninitialised<std::remove_const_t<T>>(shape);
  std::copy_n(values.data(), values.size(), result.data());
  return result;
}
template <class T, int R>
Tensor<R, std::remove_const_t<T>> from_span(std::span<T> values, const Extent (&sizes)[R]) {
  return from_span(values, Shape<R>(sizes));
}
/// From a contiguous container such as std::vector or std::array.
template <class Container, int R>
  requires requires(const Container& c) { std::span(c); }
auto from_span(const Container& values, const Extent (&sizes)[R]) {
  using T = typename decltype(std::span(values))::element_type;
  return from_span(std::span<T>(values), Shape<R>(sizes));
}

/// Tensors of equal shape behind each other along a new leading axis. Throws: ShapeError.
template <int R, class T>
Tensor<R + 1, T> stack(std::span<const Tensor<R, T>> parts) {
  if (parts.empty()) fail<UsageError>("stack", "at least one tensor is needed", "got none");
  Shape<R + 1> shape;
  shape[0] = static_cast<Index>(parts.size());
  for (int axis = 0; axis < R; ++axis) shape[axis + 1] = parts[0].shape()[axis];
  auto result = detail::uninitialised<T>(shape);
  T* to = result.data();
  for (const auto& part : parts) {
    if (part.shape() != parts[0].shape()) {
      fail<ShapeError>("stack", "all shapes must be equal", concat("got ", parts[0].shape(), " and ", part.shape()));
    }
    to = std::copy(part.begin(), part.end(), to);
  }
  return result;
}

/// Tensors behind each other along the leading axis, in which alone they may differ. Throws: ShapeError.
template <int R, class T>
Tensor<R, T> concat_rows(std::span<const Tensor<R, T>> parts) {
  static_assert(R > 0, "kiln: scalars have no leading axis; stack them");
  if (parts.empty()) fail<UsageError>("concat_rows", "at least one tensor is needed", "got none");
  Shape<R> shape = parts[0].shape();
  shape[0] = 0;
  for (const auto& part : parts) {
    Shape<R> expected = part.shape();
    expected[0] = parts[0].shape()[0];
    if (expected != parts[0].shape()) {
      fail<ShapeError>("concat_rows", "shapes must agree but for the leading axis",
                       concat("got ", parts[0].shape(), " and ", part.shape()));
    }
    shape[0] += part.shape()[0];
  }
  auto result = detail::uninitialised<T>(shape);
  T* to = result.data();
  for (const auto& part : parts) to = std::copy(part.begin(), part.end(), to);
  return result;
}

}  // namespace kiln
