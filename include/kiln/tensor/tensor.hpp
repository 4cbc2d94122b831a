// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Tensor<Rank, T>`: an n-dimensional array that owns its elements: contiguous, row-major, with value semantics.
/// `Tensor<2> x = zeros({3, 4}); x(0, 1) = 5; Tensor<2> y = x;` copies. Views are made only by functions that say so.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <span>
#include <type_traits>

#include <kiln/core/memory.hpp>
#include <kiln/core/shape.hpp>
#include <kiln/tensor/view.hpp>

namespace kiln {

template <int Rank, class T>
class Tensor;

namespace detail {

template <class T, int Rank>
struct NestedList {
  using type = std::initializer_list<typename NestedList<T, Rank - 1>::type>;
};
template <class T>
struct NestedList<T, 0> {
  using type = T;
};

/// A second handle on the same elements: how the tape keeps values without copying them. Nobody may write through
/// `data()` or a view while both live; `+=` and the like, `fill` and assignment give the tensor elements of its own
/// first.
template <int R, class T>
Tensor<R, T> alias(const Tensor<R, T>& x);

template <int R, class T>
bool unshared(const Tensor<R, T>& x);

/// A tensor whose elements are not set yet.
template <class T, int R>
Tensor<R, T> uninitialised(const Shape<R>& shape);

/// A tensor that owns no memory at all, not even that of a scalar: `data()` is null.
template <int R, class T>
Tensor<R, T> without_elements();

/// Memory for the elements of a tensor.
inline BlockRef block_for(Dims dims, Index element_bytes) {
  const Index count = checked_numel(dims);
  if (count > (std::numeric_limits<Index>::max)() / element_bytes) {
    fail<ShapeError>("tensor", "the bytes of a tensor must fit 64 bits", concat("got shape ", dims));
  }
  return BlockRef(static_cast<std::size_t>(count * element_bytes));
}

}  // namespace detail

/// An owning n-dimensional array. T is `float`, `double`, `bool` or an integer type.
template <int Rank, class T = float>
class Tensor {
  static_assert(std::is_arithmetic_v<T> && !std::is_const_v<T>,
                "kiln: a Tensor's element type must be float, double, bool or an integer type");

 public:
  static constexpr int rank = Rank;
  using value_type = T;

  /// No elements; a scalar zero if the rank is 0.
  Tensor() {
    if constexpr (Rank == 0) *this = Tensor(T{});
  }

  /// `Tensor<2>{{1, 2}, {3, 4}}`. Throws: ShapeError if the rows differ in length.
  Tensor(typename detail::NestedList<T, Rank>::type values)
    requires(Rank > 0)
  {
    measure(values, 0);
    allocate();
    T* to = data();
    copy_list(values, 0, to);
  }

  /// A scalar.
  Tensor(T value)
    requires(Rank == 0)
  {
    allocate();
    *data() = value;
  }

  /// Copies the elements of a view.
  template <class U>
    requires std::same_as<std::remove_const_t<U>, T>
  explicit Tensor(const TensorView<Rank, U>& view) : shape_(view.shape()) {
    allocate();
    detail::copy_strided(view.data(), view.strides().span(), shape_.span(), data());
  }

  Tensor(const Tensor& other) : shape_(other.shape_) {
    if (!other.block_) return;
    allocate();
    std::copy_n(other.data(), other.numel(), data());
  }

  Tensor(Tensor&& other) noexcept : shape_(std::exchange(other.shape_, {})), block_(std::move(other.block_)) {}

  Tensor& operator=(const Tensor& other) {
    if (this == &other) return *this;
    if (shape_ == other.shape_ && block_.unique() && other.block_) std::copy_n(other.data(), other.numel(), data());
    else *this = Tensor(other);
    return *this;
  }

  Tensor& operator=(Tensor&& other) noexcept {
    shape_ = std::exchange(other.shape_, {});
    block_ = std::move(other.block_);
    return *this;
  }

  const Shape<Rank>& shape() const { return shape_; }
  Index size(int axis) const { return shape_[checked_axis("size", axis, Rank)]; }

  /// The number of elements; 0 once they were moved away, for a scalar too.
  Index numel() const {
    Index product = Rank > 0 || block_ ? 1 : 0;
    for (Index size : shape_) product *= size;
    return product;
  }

  T* data() { return static_cast<T*>(block_.payload()); }
  const T* data() const { return static_cast<const T*>(block_.payload()); }
  std::span<T> span() { return {data(), static_cast<std::size_t>(numel())}; }
  std::span<const T> span() const { return {data(), static_cast<std::size_t>(numel())}; }
  T* begin() { return data(); }
  T* end() { return data() + numel(); }
  const T* begin() const { return data(); }
  const T* end() const { return data() + numel(); }

  /// The element at a position. Throws: IndexError outside the shape.
  template <std::integral... I>
  T& operator()(I... position) {
    static_assert(sizeof...(I) == Rank,
                  "kiln: an element of a tensor is reached by exactly as many indices as its rank");
    require_scalar();
    return data()[detail::checked_offset<Rank>(shape_, row_major_strides(shape_), {static_cast<Index>(position)...})];
  }
  template <std::integral... I>
  const T& operator()(I... position) const {
    return const_cast<Tensor&>(*this)(position...);
  }

  /// The element at a position that the caller knows to be inside the shape.
  template <std::integral... I>
  T& unchecked(I... position) {
    static_assert(sizeof...(I) == Rank,
                  "kiln: an element of a tensor is reached by exactly as many indices as its rank");
    Index offset = 0;
    int axis = 0;
    ((offset = offset * shape_[axis++] + static_cast<Index>(position)), ...);
    return data()[offset];
  }
  template <std::integral... I>
  const T& unchecked(I... position) const {
    return const_cast<Tensor&>(*this).unchecked(position...);
  }

  /// The only element. Throws: ShapeError unless there is exactly one.
  T item() const {
    require_scalar();
    if (numel() != 1)
      fail<ShapeError>("item", "the tensor must have exactly one element", concat("got shape ", shape_));
    return *data();
  }

  /// Every element `value`; a Var made of this tensor keeps the old ones.
  void fill(T value) {
    if (block_ && !block_.unique()) allocate();
    std::fill_n(data(), numel(), value);
  }

  Tensor clone() const { return *this; }

  /// The same elements in another shape; one size may be -1 and follows from the others. A temporary is not copied.
  /// Throws: ShapeError if the number of elements differs.
  template <int R>
  Tensor<R, T> reshape(const Extent (&dims)[R]) const& {
    return Tensor(*this).template reshaped<R>(Shape<R>(dims));
  }
  template <int R>
  Tensor<R, T> reshape(const Extent (&dims)[R]) && {
    return reshaped<R>(Shape<R>(dims));
  }
  template <int R>
  Tensor<R, T> reshape(const Shape<R>& dims) const& {
    return Tensor(*this).template reshaped<R>(dims);
  }
  template <int R>
  Tensor<R, T> reshape(const Shape<R>& dims) && {
    return reshaped<R>(dims);
  }

  /// Every element converted by `static_cast`.
  template <class U>
  Tensor<Rank, U> to() const {
    require_scalar();
    auto result = detail::uninitialised<U>(shape_);
    std::transform(begin(), end(), result.begin(), [](T value) { return static_cast<U>(value); });
    return result;
  }

  TensorView<Rank, T> view() & {
    require_scalar();
    return {data(), shape_, row_major_strides(shape_)};
  }
  TensorView<Rank, const T> view() const& {
    require_scalar();
    return {data(), shape_, row_major_strides(shape_)};
  }
  void view() const&& = delete;  // it would outlive its elements

  /// Rows [begin, end) of the leading axis, not copied. Throws: IndexError.
  TensorView<Rank, T> slice_view(Index begin, Index end) & { return view().slice_view(begin, end); }
  TensorView<Rank, const T> slice_view(Index begin, Index end) const& { return view().slice_view(begin, end); }
  void slice_view(Index, Index) const&& = delete;

  /// Entry `i` of the leading axis, not copied. Throws: IndexError.
  TensorView<Rank - 1, T> row_view(Index i) &
        requires(Rank > 0)
  {
    return view().row_view(i);
  }
  TensorView<Rank - 1, const T> row_view(Index i) const&
    requires(Rank > 0)
  {
    return view().row_view(i);
  }
  void row_view(Index) const&& = delete;

 private:
  template <int R, class U>
  friend class Tensor;
  friend Tensor detail::alias<>(const Tensor&);
  friend bool detail::unshared<>(const Tensor&);
  template <class U, int R>
  friend Tensor<R, U> detail::uninitialised(const Shape<R>&);
  friend Tensor detail::without_elements<Rank, T>();

  void allocate() { block_ = detail::block_for(shape_.span(), static_cast<Index>(sizeof(T))); }

  /// A scalar's shape does not tell that its element was moved away.
  void require_scalar() const {
    if constexpr (Rank == 0) {
      if (!block_) fail<UsageError>("tensor", "a scalar must have a value", "it was moved away, or never was set");
    }
  }

  template <int R>
  Tensor<R, T> reshaped(const Shape<R>& dims) {
    require_scalar();
    Tensor<R, T> result(detail::Adopt{}, detail::inferred_shape(dims, shape_.span()), std::move(block_));
    shape_ = {};
    return result;
  }

  Tensor(detail::Adopt, const Shape<Rank>& shape, detail::BlockRef block) : shape_(shape), block_(std::move(block)) {}

  template <class List>
  void measure(const List& list, int axis) {
    if constexpr (!std::is_same_v<List, T>) {
      shape_[axis] = static_cast<Index>(list.size());
      if (list.size()) measure(*list.begin(), axis + 1);
    }
  }

  template <class List>
  void copy_list(const List& list, int axis, T*& to) {
    if constexpr (std::is_same_v<List, T>) {
      *to++ = list;
    } else {
      if (static_cast<Index>(list.size()) != shape_[axis]) {
        fail<ShapeError>("tensor", concat("every list along axis ", axis, " must have ", shape_[axis], " entries"),
                         concat("one has ", list.size()));
      }
      for (const auto& part : list) copy_list(part, axis + 1, to);
    }
  }

  Shape<Rank> shape_;
  detail::BlockRef block_;
};

namespace detail {

template <int R, class T>
Tensor<R, T> alias(const Tensor<R, T>& x) {
  return {Adopt{}, x.shape_, x.block_};
}

template <class T, int R>
Tensor<R, T> uninitialised(const Shape<R>& shape) {
  Tensor<R, T> result(Adopt{}, shape, {});
  result.allocate();
  return result;
}

template <int R, class T>
Tensor<R, T> without_elements() {
  return {Adopt{}, Shape<R>{}, {}};
}

/// Whether no other handle shares the elements, so that they may be written.
template <int R, class T>
bool unshared(const Tensor<R, T>& x) {
  return x.block_.unique();
}

/// Copies the elements if another handle shares them, so that they may be written.
template <int R, class T>
void unshare(Tensor<R, T>& x) {
  if (x.data() && !unshared(x)) x = x.clone();
}

}  // namespace detail

template <class X>
inline constexpr bool is_tensor = false;
template <int R, class T>
inline constexpr bool is_tensor<Tensor<R, T>> = true;

/// A `Tensor` or a `TensorView`.
template <class X>
concept TensorLike = is_tensor<std::remove_cvref_t<X>> || is_tensor_view<std::remove_cvref_t<X>>;

/// The element type of a tensor or view, without `const`.
template <TensorLike X>
using element_t = std::remove_const_t<typename std::remove_cvref_t<X>::value_type>;

}  // namespace kiln
