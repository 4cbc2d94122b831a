// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Shape<R>`: the sizes of an R-dimensional tensor. The rank is part of the type, the sizes are not.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <limits>
#include <span>
#include <utility>

#include <kiln/core/error.hpp>

namespace kiln {

/// Sizes, positions and strides; signed, as differences of them are.
using Index = std::ptrdiff_t;

/// The highest rank a tensor may have.
inline constexpr int max_rank = 8;

/// One size given by a user: any integer type, range-checked.
struct Extent {
  Index value;

  template <std::integral I>
  constexpr Extent(I size) : value(static_cast<Index>(size)) {
    if (!std::in_range<Index>(size))
      fail<ShapeError>("shape", "a size must fit a signed 64-bit integer", concat("got ", size));
  }
};

/// Sizes of any rank, for code that is compiled once for all ranks. Non-owning.
struct Dims : std::span<const Index> {
  using std::span<const Index>::span;
  constexpr Dims(std::span<const Index> dims) : std::span<const Index>(dims) {}
};

/// Appends sizes as PyTorch prints them: `(64, 28, 28)`, `(3,)`, `()`.
inline void append_text(std::string& out, Dims dims) {
  out += '(';
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (i) out += ", ";
    append_text(out, dims[i]);
  }
  out += dims.size() == 1 ? ",)" : ")";
}

/// The product of the sizes. Throws: ShapeError for a negative size or a product beyond 64 bits, even where another
/// size is 0: strides are products of some of the sizes.
constexpr Index checked_numel(Dims dims) {
  Index product = 1;
  bool overflow = false;
  bool empty = false;
  for (Index size : dims) {
    if (size < 0) fail<ShapeError>("shape", "sizes must not be negative", concat("got shape ", dims));
    if (size == 0) empty = true;
    else if (product > (std::numeric_limits<Index>::max)() / size) overflow = true;
    else product *= size;
  }
  if (overflow) fail<ShapeError>("shape", "the number of elements must fit 64 bits", concat("got shape ", dims));
  return empty ? 0 : product;
}

/// The sizes of a tensor of rank R, outermost first.
template <int R>
struct Shape {
  static_assert(R >= 0 && R <= max_rank, "kiln: a tensor's rank must be between 0 and 8");

  std::array<Index, static_cast<std::size_t>(R)> dims{};

  constexpr Shape() = default;

  template <class... I>
    requires(sizeof...(I) == static_cast<std::size_t>(R) && R > 0 && (std::convertible_to<I, Extent> && ...))
  constexpr Shape(I... sizes) : dims{Extent(sizes).value...} {}

  constexpr Shape(const Extent (&sizes)[static_cast<std::size_t>(R ? R : 1)])
    requires(R > 0)
  {
    for (std::size_t i = 0; i < dims.size(); ++i) dims[i] = sizes[i].value;
  }

  constexpr Index& operator[](int axis) { return dims[static_cast<std::size_t>(axis)]; }
  constexpr Index operator[](int axis) const { return dims[static_cast<std::size_t>(axis)]; }
  constexpr auto begin() const { return dims.begin(); }
  constexpr auto end() const { return dims.end(); }
  constexpr Dims span() const { return {dims.data(), dims.size()}; }

  friend constexpr bool operator==(const Shape&, const Shape&) = default;
};

template <int R>
void append_text(std::string& out, const Shape<R>& shape) {
  append_text(out, shape.span());
}

/// The number of elements. Throws: ShapeError for a negative size or more than 64 bits can count.
template <int R>
constexpr Index numel(const Shape<R>& shape) {
  return checked_numel(shape.span());
}

/// Strides, in elements, of contiguous row-major storage.
template <int R>
constexpr Shape<R> row_major_strides(const Shape<R>& shape) {
  Shape<R> strides;
  Index step = 1;
  for (int axis = R; axis-- > 0;) {
    strides[axis] = step;
    step *= shape[axis];
  }
  return strides;
}

/// An axis counted from the end if negative, as in NumPy. Throws: IndexError.
constexpr int checked_axis(std::string_view op, int axis, int rank) {
  int positive = axis < 0 ? axis + rank : axis;
  if (positive < 0 || positive >= rank) {
    fail<IndexError>(op, concat("axis must lie in [", -rank, ", ", rank, ")"), concat("got ", axis));
  }
  return positive;
}

}  // namespace kiln
