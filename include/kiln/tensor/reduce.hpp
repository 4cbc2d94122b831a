// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Reductions: `sum(x)` over everything, `sum(x, 1)` over one axis, `sum(x, {0, 2})` over several; the reduced axes
/// vanish, or stay with size 1 as `sum(x, 1, keep_axes)`. Axes count from the end if negative.
#pragma once

#include <array>
#include <cmath>
#include <limits>

#include <kiln/kernels/reduce.hpp>
#include <kiln/tensor/elementwise.hpp>

namespace kiln {

/// Tag: reduced axes stay, with size 1, so that the result broadcasts against the input.
struct KeepAxes {};
inline constexpr KeepAxes keep_axes{};

namespace detail {

template <int R>
using AxisSet = std::array<bool, static_cast<std::size_t>(R) + 1>;

template <int R, std::size_t K>
AxisSet<R> axis_set(std::string_view op, const std::array<int, K>& axes) {
  AxisSet<R> reduced{};
  for (int axis : axes) {
    bool& entry = reduced[static_cast<std::size_t>(checked_axis(op, axis, R))];
    if (entry) fail<IndexError>(op, "an axis can be reduced only once", concat("axis ", axis, " came twice"));
    entry = true;
  }
  return reduced;
}

template <int R>
Shape<R> kept_shape(Shape<R> shape, const AxisSet<R>& reduced) {
  for (int axis = 0; axis < R; ++axis) {
    if (reduced[static_cast<std::size_t>(axis)]) shape[axis] = 1;
  }
  return shape;
}

template <int R, std::size_t K>
Shape<R - static_cast<int>(K)> reduced_shape(const Shape<R>& shape, const AxisSet<R>& reduced) {
  Shape<R - static_cast<int>(K)> result;
  int next = 0;
  for (int axis = 0; axis < R; ++axis) {
    if (!reduced[static_cast<std::size_t>(axis)]) result[next++] = shape[axis];
  }
  return result;
}

/// Calls `kernel(data, ReduceDims, out)` with the reduced axes side by side; copies only if they are not. Compiled once
/// for all ranks.
template <class T, class Out, class Kernel>
void reduce_into(const T* x, Dims shape, Dims strides, const bool* reduced, Out* out, Kernel kernel) {
  // Look for the form kept..., reduced..., kept...
  ReduceDims dims{1, 1, 1};
  enum { before, inside, behind } place = before;
  bool together = true;
  for (std::size_t axis = 0; axis < shape.size(); ++axis) {
    if (reduced[axis] && place == before) place = inside;
    if (!reduced[axis] && place == inside) place = behind;
    together = together && !(reduced[axis] && place == behind);
    (place == before ? dims.outer : place == inside ? dims.n : dims.inner) *= shape[axis];
  }
  Index behind_each_other = 1;
  for (std::size_t axis = shape.size(); axis-- > 0; behind_each_other *= shape[axis]) {
    together = together && strides[axis] == behind_each_other;
  }
  if (together) return kernel(x, dims, out);

  std::array<Index, max_rank> sizes{};
  Operand<T> from{x};
  std::size_t next = 0;
  dims = {1, 1, 1};
  for (bool wanted : {false, true}) {
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      if (reduced[axis] != wanted) continue;
      sizes[next] = shape[axis];
      from.strides[next++] = strides[axis];
      (wanted ? dims.n : dims.outer) *= shape[axis];
    }
  }
  auto copy = uninitialised<T>(Shape<1>(dims.outer * dims.n));
  map([](T element) { return element; }, Dims(sizes.data(), next), copy.data(), from);
  kernel(static_cast<const T*>(copy.data()), dims, out);
}

template <class Out, int R, class T, std::size_t K, class Kernel>
auto reduce(std::string_view op, const TensorView<R, const T>& x, const std::array<int, K>& axes, Kernel kernel) {
  static_assert(K <= static_cast<std::size_t>(R), "kiln: a reduction over more axes than the tensor has");
  const auto reduced = axis_set<R>(op, axes);
  auto result = uninitialised<Out>(reduced_shape<R, K>(x.shape(), reduced));
  reduce_into(x.data(), x.shape().span(), x.strides().span(), reduced.data(), result.data(), kernel);
  return result;
}

template <class X>
auto const_view(const X& x) {
  return TensorView<X::rank, const element_t<X>>(x.view());
}

template <int R>
std::array<int, static_cast<std::size_t>(R)> all_axes() {
  std::array<int, static_cast<std::size_t>(R)> axes{};
  for (int axis = 0; axis < R; ++axis) axes[static_cast<std::size_t>(axis)] = axis;
  return axes;
}

template <class T>
void require_some(std::string_view op, ReduceDims dims) {
  if (dims.n == 0 && dims.outer * dims.inner > 0) {
    fail<ShapeError>(op, "the reduced axes must hold at least one element", "they hold none");
  }
}

// What each reduction computes: a struct with `name`, the result's element type and a kernel over (outer, n, inner).

struct Sum {
  static constexpr std::string_view name = "sum";
  template <class T>
  using Result = std::conditional_t<std::is_integral_v<T>, Index, T>;
  template <class T>
  void operator()(const T* x, ReduceDims dims, Result<T>* out) const {
    if constexpr (std::is_integral_v<T>) {
      std::fill_n(out, dims.outer * dims.inner, Index{});
      for (Index o = 0; o < dims.outer; ++o) {
        for (Index i = 0; i < dims.n; ++i) {
          for (Index c = 0; c < dims.inner; ++c) out[o * dims.inner + c] += static_cast<Index>(*x++);
        }
      }
    } else {
      sum(x, dims, out);
    }
  }
};

struct Mean {
  static constexpr std::string_view name = "mean";
  template <class T>
  using Result = T;
  template <class T>
  void operator()(const T* x, ReduceDims dims, T* out) const {
    static_assert(std::is_floating_point_v<T>,
                  "kiln: mean needs a tensor of float or double; convert with x.to<float>()");
    sum(x, dims, out);
    for (Index i = 0; i < dims.outer * dims.inner; ++i) out[i] /= static_cast<T>(dims.n);
  }
};

struct Variance {  // two passes: about the mean, not a difference of large squares
  static constexpr std::string_view name = "var";
  Index correction;
  template <class T>
  using Result = T;
  template <class T>
  void operator()(const T* x, ReduceDims dims, T* out) const {
    auto means = uninitialised<T>(Shape<1>(dims.outer * dims.inner));
    Mean{}(x, dims, means.data());
    auto squares = uninitialised<T>(Shape<1>(dims.outer * dims.n * dims.inner));
    T* to = squares.data();
    for (Index o = 0; o < dims.outer; ++o) {
      for (Index i = 0; i < dims.n; ++i) {
        for (Index c = 0; c < dims.inner; ++c, ++x) {
          T distance = *x - means.data()[o * dims.inner + c];
          *to++ = distance * distance;
        }
      }
    }
    sum(std::as_const(squares).data(), dims, out);
    T divisor = dims.n > correction ? static_cast<T>(dims.n - correction) : T{};
    for (Index i = 0; i < dims.outer * dims.inner; ++i) out[i] /= divisor;
  }
};

struct Deviation {  // in double, so that the squares of floats leave its range as little as in PyTorch
  static constexpr std::string_view name = "stddev";
  template <class T>
  using Result = T;
  template <class T>
  void operator()(const T* x, ReduceDims dims, T* out) const {
    static_assert(std::is_floating_point_v<T>, "kiln: stddev needs a tensor of float or double");
    const double count = static_cast<double>(dims.n), divisor = (std::max)(count - 1, 0.0);
    auto means = uninitialised<double>(Shape<1>(dims.inner));
    auto squares = uninitialised<double>(Shape<1>(dims.inner));
    for (Index o = 0; o < dims.outer; ++o, x += dims.n * dims.inner, out += dims.inner) {
      means.fill(0);
      squares.fill(0);
      auto for_each_element = [&](auto f) {
        const T* element = x;
        for (Index i = 0; i < dims.n; ++i) {
          for (Index c = 0; c < dims.inner; ++c) f(c, static_cast<double>(*element++));
        }
      };
      for_each_element([sums = means.data()](Index c, double value) { sums[c] += value; });
      means /= count;
      for_each_element([centre = means.data(), sums = squares.data()](Index c, double value) {
        sums[c] += (value - centre[c]) * (value - centre[c]);
      });
      for (Index c = 0; c < dims.inner; ++c) out[c] = static_cast<T>(std::sqrt(squares.data()[c] / divisor));
    }
  }
};

template <class Better>
struct ArgExtreme {
  std::string_view name;
  template <class T>
  using Result = Index;
  template <class T>
  void operator()(const T* x, ReduceDims dims, Index* out) const {
    require_some<T>(name, dims);
    arg_extreme(x, dims, Better{}, out);
  }
};

template <class Better>
struct Extreme {
  std::string_view name;
  template <class T>
  using Result = T;
  template <class T>
  void operator()(const T* x, ReduceDims dims, T* out) const {
    require_some<T>(name, dims);
    auto at = uninitialised<Index>(Shape<1>(dims.outer * dims.inner));
    arg_extreme(x, dims, Better{}, at.data());
    for (Index o = 0; o < dims.outer; ++o) {
      for (Index c = 0; c < dims.inner; ++c) {
        Index i = o * dims.inner + c;
        out[i] = x[(o * dims.n + at.data()[i]) * dims.inner + c];
      }
    }
  }
};

struct Greater {
  bool operator()(auto a, auto b) const { return a > b; }
};
struct Less {
  bool operator()(auto a, auto b) const { return a < b; }
};

struct LogSumExp {  // shifted by the largest element, so that nothing overflows
  static constexpr std::string_view name = "logsumexp";
  template <class T>
  using Result = T;
  template <class T>
  void operator()(const T* x, ReduceDims dims, T* out) const {
    static_assert(std::is_floating_point_v<T>, "kiln: logsumexp needs a tensor of float or double");
    if (dims.n == 0) return void(std::fill_n(out, dims.outer * dims.inner, -std::numeric_limits<T>::infinity()));
    Extreme<Greater>{"logsumexp"}(x, dims, out);
    for (Index o = 0; o < dims.outer; ++o, x += dims.n * dims.inner) {
      for (Index c = 0; c < dims.inner; ++c, ++out) {
        if (std::isinf(*out)) continue;
        T total{};
        for (Index i = 0; i < dims.n; ++i) total += exp_of(x[i * dims.inner + c] - *out);
        *out += std::log(total);
      }
    }
  }
};

template <TensorLike X, std::size_t K, class Reduction>
auto run(const X& x, const std::array<int, K>& axes, const Reduction& reduction) {
  using Out = typename Reduction::template Result<element_t<X>>;
  return reduce<Out>(reduction.name, const_view(x), axes, reduction);
}
template <TensorLike X, std::size_t K, class Reduction>
auto run(const X& x, const std::array<int, K>& axes, const Reduction& reduction, KeepAxes) {
  constexpr int R = X::rank;
  return run(x, axes, reduction).reshape(kept_shape<R>(x.shape(), axis_set<R>(reduction.name, axes)));
}

}  // namespace detail

// Each reduction comes over everything, over one axis and over several, with and without keep_axes.
#define KILN_REDUCTION(name, ...)                                     \
  template <TensorLike X>                                             \
  auto(name)(const X& x) {                                            \
    return detail::run(x, detail::all_axes<X::rank>(), __VA_ARGS__);  \
  }                                                                   \
  template <TensorLike X, class... Keep>                              \
  auto(name)(const X& x, int axis, Keep... keep) {                    \
    return detail::run(x, std::array{axis}, __VA_ARGS__, keep...);    \
  }                                                                   \
  template <TensorLike X, std::size_t K, class... Keep>               \
  auto(name)(const X& x, const int(&axes)[K], Keep... keep) {         \
    return detail::run(x, std::to_array(axes), __VA_ARGS__, keep...); \
  }

/// Sums; those of integers are 64-bit.
KILN_REDUCTION(sum, detail::Sum{})
/// Arithmetic means; NaN over no elements.
KILN_REDUCTION(mean, detail::Mean{})
/// Variances with Bessel's correction (divided by n - 1), as in PyTorch.
KILN_REDUCTION(var, detail::Variance{1})
/// Standard deviations: the square roots of `var`, also where the squares would be too large or too small for a float.
KILN_REDUCTION(stddev, detail::Deviation{})
/// Variances divided by n, as in NumPy and in batch norm.
KILN_REDUCTION(population_var, detail::Variance{0})
/// Largest elements; NaN if there is one. Throws: ShapeError over no elements.
KILN_REDUCTION(max, detail::Extreme<detail::Greater>{"max"})
/// Smallest elements; NaN if there is one. Throws: ShapeError over no elements.
KILN_REDUCTION(min, detail::Extreme<detail::Less>{"min"})
/// log(sum(exp(x))), without overflow.
KILN_REDUCTION(logsumexp, detail::LogSumExp{})
#undef KILN_REDUCTION

/// Positions of the largest elements along an axis; the first of equals, the first NaN. Throws: ShapeError over no
/// elements.
template <TensorLike X>
auto argmax(const X& x, int axis) {
  return detail::run(x, std::array{axis}, detail::ArgExtreme<detail::Greater>{"argmax"});
}
/// Positions of the smallest elements along an axis; the first of equals, the first NaN. Throws: ShapeError over no
/// elements.
template <TensorLike X>
auto argmin(const X& x, int axis) {
  return detail::run(x, std::array{axis}, detail::ArgExtreme<detail::Less>{"argmin"});
}

namespace detail {

/// Something to iterate over: a tensor itself, a copy of a view.
template <TensorLike X>
decltype(auto) in_order(const X& x) {
  if constexpr (is_tensor<X>) return (x);
  else return x.clone();
}

}  // namespace detail

/// Whether every element is true.
template <TensorLike X>
bool all(const X& x) {
  const auto& elements = detail::in_order(x);
  return std::all_of(elements.begin(), elements.end(), [](auto v) { return static_cast<bool>(v); });
}

/// Whether any element is true.
template <TensorLike X>
bool any(const X& x) {
  const auto& elements = detail::in_order(x);
  return std::any_of(elements.begin(), elements.end(), [](auto v) { return static_cast<bool>(v); });
}

/// Whether shapes and all elements are equal.
template <int R, class T>
bool all_equal(const Tensor<R, T>& a, const Tensor<R, T>& b) {
  return a.shape() == b.shape() && std::equal(a.begin(), a.end(), b.begin(), b.end());
}

/// Whether shapes are equal and |a - b| <= atol + rtol * |b| everywhere, as in NumPy.
template <int R, class T>
bool all_close(const Tensor<R, T>& a, const Tensor<R, T>& b, double rtol = 1e-5, double atol = 1e-8) {
  return a.shape() == b.shape() && std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](T x, T y) {
           double left = static_cast<double>(x), right = static_cast<double>(y);
           return left == right || (std::isfinite(right) && std::abs(left - right) <= atol + rtol * std::abs(right));
         });
}

/// x summed down to a shape that broadcasts to its own: the pull-back of broadcasting.
template <int R, int To, class T>
Tensor<To, T> sum_to_shape(const Tensor<R, T>& x, const Shape<To>& shape) {
  static_assert(To <= R, "kiln: sum_to_shape cannot add axes");
  if (!detail::fits_into(shape.span(), x.shape().span())) {
    broadcast_shape("sum_to_shape", x.shape(), shape);  // which may say more
    fail<ShapeError>("sum_to_shape", concat("the result must be repeatable to shape ", x.shape()),
                     concat("got ", shape));
  }
  detail::AxisSet<R> reduced{};
  for (int axis = 0; axis < R; ++axis) {
    const int target = axis - (R - To);
    reduced[static_cast<std::size_t>(axis)] = target < 0 || (shape[target] == 1 && x.shape()[axis] != 1);
  }
  auto result = detail::uninitialised<T>(shape);
  detail::reduce_into(x.data(), x.shape().span(), row_major_strides(x.shape()).span(), reduced.data(), result.data(),
                      [](const T* from, detail::ReduceDims dims, T* to) { detail::sum(from, dims, to); });
  return result;
}

}  // namespace kiln
