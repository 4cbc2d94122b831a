// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `TensorView<Rank, T>`: a window on elements owned by someone else: pointer, sizes and strides. It must not outlive
/// the owner. `T` is `const` where the window is for reading only. Copying a view copies the window, not the elements.
#pragma once

#include <array>
#include <type_traits>

#include <kiln/core/shape.hpp>

namespace kiln {

template <int Rank, class T>
class Tensor;

namespace detail {

struct Adopt {};  // selects the constructor that takes over a block

template <int R>
Index checked_offset(const Shape<R>& shape, const Shape<R>& strides,
                     const std::array<Index, std::size_t(R)>& position) {
  Index offset = 0;
  for (int axis = 0; axis < R; ++axis) {
    Index i = position[static_cast<std::size_t>(axis)];
    if (i < 0 || i >= shape[axis]) [[unlikely]] {
      fail<IndexError>("element", concat("position must lie inside shape ", shape), concat("got ", Dims(position)));
    }
    offset += i * strides[axis];
  }
  return offset;
}

/// Replaces a single -1 and checks the number of elements.
template <int R>
Shape<R> inferred_shape(Shape<R> to, Dims from) {
  const Index count = checked_numel(from);
  Shape<R> result = to;
  int open = -1;
  bool negative = false;
  for (int axis = 0; axis < R; ++axis) {
    if (to[axis] == -1 && open < 0) result[open = axis] = 1;
    else negative = negative || to[axis] < 0;
  }
  const Index known = negative ? -1 : checked_numel(result.span());
  if (open >= 0 && known > 0 && count % known == 0) result[open] = count / known;
  if (negative || (open >= 0 && known == 0) || checked_numel(result.span()) != count) {
    fail<ShapeError>("reshape", concat("shape ", from, " has ", count, " elements and needs a shape with as many"),
                     concat("got ", to));
  }
  return result;
}

/// Strided elements to contiguous ones, row-major.
template <class T>
void copy_strided(const T* from, Dims strides, Dims dims, std::remove_const_t<T>* to) {
  const std::size_t rank = dims.size();
  if (rank == 0) {
    *to = *from;
    return;
  }
  if (checked_numel(dims) == 0) return;
  std::array<Index, max_rank> at{};
  const Index row = dims[rank - 1];
  const Index step = strides[rank - 1];
  while (true) {
    for (Index i = 0; i < row; ++i) *to++ = from[i * step];
    std::size_t axis = rank - 1;
    while (axis-- > 0) {
      from += strides[axis];
      if (++at[axis] < dims[axis]) break;
      from -= strides[axis] * dims[axis];
      at[axis] = 0;
    }
    if (axis == static_cast<std::size_t>(-1)) return;
  }
}

}  // namespace detail

/// A non-owning, strided window.
template <int Rank, class T>
class TensorView {
 public:
  static constexpr int rank = Rank;
  using value_type = T;

  TensorView(T* data, const Shape<Rank>& shape, const Shape<Rank>& strides)
      : data_(data), shape_(shape), strides_(strides) {}

  /// From a window for writing to one for reading.
  operator TensorView<Rank, const T>() const
    requires(!std::is_const_v<T>)
  {
    return {data_, shape_, strides_};
  }

  const Shape<Rank>& shape() const { return shape_; }
  const Shape<Rank>& strides() const { return strides_; }
  Index size(int axis) const { return shape_[checked_axis("size", axis, Rank)]; }
  Index numel() const { return kiln::numel(shape_); }
  T* data() const { return data_; }
  TensorView view() const { return *this; }

  /// The element at a position. Throws: IndexError outside the shape.
  template <std::integral... I>
  T& operator()(I... position) const {
    static_assert(sizeof...(I) == Rank, "kiln: an element of a view is reached by exactly as many indices as its rank");
    return data_[detail::checked_offset<Rank>(shape_, strides_, {static_cast<Index>(position)...})];
  }

  /// The elements, copied into a tensor.
  Tensor<Rank, std::remove_const_t<T>> clone() const { return Tensor<Rank, std::remove_const_t<T>>(*this); }

  /// Rows [begin, end) of the leading axis. Throws: IndexError.
  TensorView slice_view(Index begin, Index end) const
    requires(Rank > 0)
  {
    if (begin < 0 || end < begin || end > shape_[0]) {
      fail<IndexError>("slice_view", concat("rows must lie in [0, ", shape_[0], ")"),
                       concat("got [", begin, ", ", end, ")"));
    }
    TensorView result = *this;
    result.data_ += begin * strides_[0];
    result.shape_[0] = end - begin;
    return result;
  }

  /// Entry `i` of the leading axis. Throws: IndexError.
  TensorView<Rank - 1, T> row_view(Index i) const
    requires(Rank > 0)
  {
    if (i < 0 || i >= shape_[0]) {
      fail<IndexError>("row_view", concat("the row must lie in [0, ", shape_[0], ")"), concat("got ", i));
    }
    Shape<Rank - 1> shape;
    Shape<Rank - 1> strides;
    for (int axis = 1; axis < Rank; ++axis) {
      shape[axis - 1] = shape_[axis];
      strides[axis - 1] = strides_[axis];
    }
    return {data_ + i * strides_[0], shape, strides};
  }

  /// The axes in another order: axis `i` of the result is axis `order[i]` of this. Throws: IndexError.
  TensorView permute_view(const std::array<int, static_cast<std::size_t>(Rank)>& order) const {
    TensorView result = *this;
    std::array<bool, static_cast<std::size_t>(Rank) + 1> seen{};
    for (int axis = 0; axis < Rank; ++axis) {
      int from = checked_axis("permute", order[static_cast<std::size_t>(axis)], Rank);
      if (std::exchange(seen[static_cast<std::size_t>(from)], true)) {
        fail<IndexError>("permute", "every axis must be named once", concat("axis ", from, " came twice"));
      }
      result.shape_[axis] = shape_[from];
      result.strides_[axis] = strides_[from];
    }
    return result;
  }

  void fill(T value) const
    requires(!std::is_const_v<T>)
  {
    for_each([value](T& element) { element = value; });
  }

  /// Overwrites the elements. Throws: ShapeError unless the shapes are equal.
  template <class U>
  void copy_from(const TensorView<Rank, U>& from) const
    requires(!std::is_const_v<T>)
  {
    if (from.shape() != shape_) {
      fail<ShapeError>("copy_from", concat("the source must have shape ", shape_), concat("got ", from.shape()));
    }
    auto copy = from.clone();  // the two windows may overlap
    const T* next = copy.data();
    for_each([&next](T& element) { element = *next++; });
  }
  template <class X>
    requires requires(const X& x) { x.view(); }
  void copy_from(const X& from) const {
    copy_from(from.view());
  }

 private:
  template <class F>
  void for_each(F f, int axis = 0, Index offset = 0) const {
    if (axis == Rank) return void(f(data_[offset]));
    for (Index i = 0; i < shape_[axis]; ++i) for_each(f, axis + 1, offset + i * strides_[axis]);
  }

  T* data_;
  Shape<Rank> shape_;
  Shape<Rank> strides_;
};

template <class X>
inline constexpr bool is_tensor_view = false;
template <int R, class T>
inline constexpr bool is_tensor_view<TensorView<R, T>> = true;

}  // namespace kiln
