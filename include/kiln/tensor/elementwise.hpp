// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Arithmetic, comparison and functions of tensors, element by element, with NumPy's broadcasting: shapes are aligned
/// at the last axis, and a size of 1 or a missing axis is repeated.
#pragma once

#include <cmath>
#include <cstdint>
#include <utility>

#include <kiln/core/type_name.hpp>
#include <kiln/kernels/float_math.hpp>
#include <kiln/kernels/map.hpp>
#include <kiln/tensor/tensor.hpp>

namespace kiln {

/// The common shape of two operands. Throws: ShapeError naming both.
template <int A, int B>
Shape<(A > B ? A : B)> broadcast_shape(std::string_view op, const Shape<A>& a, const Shape<B>& b) {
  constexpr int R = A > B ? A : B;
  Shape<R> result;
  for (int i = 1; i <= R; ++i) {
    Index left = i <= A ? a[A - i] : 1;
    Index right = i <= B ? b[B - i] : 1;
    if (left != right && left != 1 && right != 1) {
      fail<ShapeError>(op, "sizes must be equal or 1, counted from the last axis",
                       concat("got shapes ", a, " and ", b));
    }
    result[R - i] = left == 1 ? right : left;
  }
  return result;
}

namespace detail {

/// The operand's strides within the result's axes; 0 along repeated ones.
template <int R, int A, class T>
Operand<std::remove_const_t<T>> broadcast_operand(const TensorView<A, T>& x, const Shape<R>& shape) {
  static_assert(A <= R);
  Operand<std::remove_const_t<T>> operand{x.data()};
  for (int i = 1; i <= A; ++i) {
    bool repeated = x.shape()[A - i] == 1 && shape[R - i] != 1;
    operand.strides[static_cast<std::size_t>(R - i)] = repeated ? 0 : x.strides()[A - i];
  }
  return operand;
}

template <class X>
concept Scalar = std::is_arithmetic_v<X>;

/// The element type of a mixed tensor-scalar or tensor-tensor expression: that of the tensors.
template <class A, class B>
struct CommonElement {
  using type = element_t<A>;
  static_assert(std::same_as<element_t<A>, element_t<B>>,
                "kiln: both tensors must have the same element type; convert one with x.to<T>()");
};
template <Scalar A, class B>
struct CommonElement<A, B> {
  using type = element_t<B>;
};
template <class A, Scalar B>
struct CommonElement<A, B> {
  using type = element_t<A>;
};

/// A number as an element of a tensor. Throws: UsageError for an integer beyond the range of an integer tensor.
template <class T, Scalar X>
T number_as(X number) {
  static_assert(!std::is_integral_v<T> || std::is_integral_v<X>,
                "kiln: an integer tensor and a number with a fraction do not mix; convert with x.to<float>()");
  const T element = static_cast<T>(number);
  if constexpr (std::is_integral_v<T>) {
    if (static_cast<X>(element) != number || (element < T{}) != (number < X{})) {
      fail<UsageError>("elementwise", concat("a number must lie in the range of ", type_name<T>()),
                       concat("got ", +number));
    }
  }
  return element;
}

template <class T, class X>
decltype(auto) as_operand(const X& x) {
  if constexpr (Scalar<X>) return Tensor<0, T>(number_as<T>(x));
  else return x.view();
}

/// Integers wrap around instead of being undefined beyond their range.
template <class F>
struct Wrapping {
  static constexpr Index vector_cost = 1;
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
      using U = std::make_unsigned_t<T>;
      return static_cast<T>(F{}(static_cast<U>(a), static_cast<U>(b)));
    } else {
      return static_cast<T>(F{}(a, b));
    }
  }
};

}  // namespace detail

template <class A, class B>
concept ElementwiseOperands =
    (TensorLike<A> && TensorLike<B>) || (TensorLike<A> && detail::Scalar<B>) || (detail::Scalar<A> && TensorLike<B>);

/// `op(x)` for every element; the result's element type is what `op` returns.
template <TensorLike X, class Op>
auto map(const X& x, Op op) {
  using T = element_t<X>;
  using Out = std::remove_cvref_t<decltype(op(std::declval<T>()))>;
  auto result = detail::uninitialised<Out>(x.shape());
  detail::map(op, x.shape().span(), result.data(), detail::broadcast_operand(std::as_const(x).view(), x.shape()));
  return result;
}

/// `op(a, b)` for every pair of elements, broadcast; one of the two may be a number. Throws: ShapeError.
template <class A, class B, class Op>
  requires ElementwiseOperands<A, B>
auto map(std::string_view name, const A& a, const B& b, Op op) {
  using T = typename detail::CommonElement<A, B>::type;
  using Out = std::remove_cvref_t<decltype(op(std::declval<T>(), std::declval<T>()))>;
  const auto& left = detail::as_operand<T>(a);
  const auto& right = detail::as_operand<T>(b);
  auto shape = broadcast_shape(name, left.shape(), right.shape());
  auto result = detail::uninitialised<Out>(shape);
  detail::map(op, shape.span(), result.data(), detail::broadcast_operand(left.view(), shape),
              detail::broadcast_operand(right.view(), shape));
  return result;
}

namespace detail {

struct Plus {
  auto operator()(auto a, auto b) const { return a + b; }
};
struct Minus {
  auto operator()(auto a, auto b) const { return a - b; }
};
struct Times {
  auto operator()(auto a, auto b) const {
    if constexpr (sizeof(a) < sizeof(int)) return static_cast<unsigned>(a) * static_cast<unsigned>(b);
    else return a * b;
  }
};
struct Divide {
  static constexpr Index vector_cost = 2;
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      if (b == 0) fail<UsageError>("divide", "an integer divisor must not be zero", "got 0");
      if constexpr (std::is_signed_v<T>) {
        if (b == T(-1)) return Wrapping<Minus>{}(T{}, a);
      }
    }
    return static_cast<T>(a / b);
  }
};
struct Maximum {  // NaN wins
  template <class T>
  T operator()(T a, T b) const {
    return a > b || a != a ? a : b;
  }
};
struct Minimum {
  template <class T>
  T operator()(T a, T b) const {
    return a < b || a != a ? a : b;
  }
};

}  // namespace detail

#define KILN_BINARY(spelling, name, functor) \
  template <class A, class B>                \
    requires ElementwiseOperands<A, B>       \
  auto spelling(const A& a, const B& b) {    \
    return map(name, a, b, functor);         \
  }
KILN_BINARY(operator+, "add", detail::Wrapping<detail::Plus>{})
KILN_BINARY(operator-, "subtract", detail::Wrapping<detail::Minus>{})
KILN_BINARY(operator*, "multiply", detail::Wrapping<detail::Times>{})
KILN_BINARY(operator/, "divide", detail::Divide{})
KILN_BINARY(operator<, "less", detail::vector_op<1>([](auto x, auto y) { return x < y; }))
KILN_BINARY(operator>, "greater", detail::vector_op<1>([](auto x, auto y) { return x > y; }))
KILN_BINARY(operator<=, "less_equal", detail::vector_op<1>([](auto x, auto y) { return x <= y; }))
KILN_BINARY(operator>=, "greater_equal", detail::vector_op<1>([](auto x, auto y) { return x >= y; }))
KILN_BINARY(operator==, "equal", detail::vector_op<1>([](auto x, auto y) { return x == y; }))
KILN_BINARY(operator!=, "not_equal", detail::vector_op<1>([](auto x, auto y) { return x != y; }))
KILN_BINARY(maximum, "maximum", detail::Maximum{})
KILN_BINARY(minimum, "minimum", detail::Minimum{})
KILN_BINARY(pow, "pow", [](auto x, auto y) { return static_cast<decltype(x)>(std::pow(x, y)); })
#undef KILN_BINARY

namespace detail {

/// -x; integers wrap around.
template <class T>
T negated(T x) {
  if constexpr (std::is_floating_point_v<T>) return -x;
  else return Wrapping<Minus>{}(T{}, x);
}

template <class T>
T absolute(T x) {
  if constexpr (std::is_floating_point_v<T>) return std::abs(x);
  else return x < T{} ? negated(x) : x;
}

}  // namespace detail

#define KILN_OP(expression) \
  []<class T>(T x) __attribute__((always_inline)) { return static_cast<T>(expression); }
#define KILN_UNARY(name, ...)        \
  template <TensorLike X>            \
  auto name(const X& tensor) {       \
    return map(tensor, __VA_ARGS__); \
  }
#define KILN_UNARY_REAL(name, ...)                                                                              \
  template <TensorLike X>                                                                                       \
  auto name(const X& tensor) {                                                                                  \
    static_assert(std::is_floating_point_v<element_t<X>>, "kiln: " #name " needs a tensor of float or double"); \
    return map(tensor, __VA_ARGS__);                                                                            \
  }
KILN_UNARY(operator-, detail::vector_op<1>(KILN_OP(detail::negated(x))))
KILN_UNARY(abs, detail::vector_op<1>(KILN_OP(detail::absolute(x))))
KILN_UNARY(square, detail::vector_op<1>(KILN_OP(detail::Wrapping<detail::Times>{}(x, x))))
KILN_UNARY(sign, KILN_OP((x > T{}) - (x < T{})))
KILN_UNARY(relu, detail::vector_op<1>(KILN_OP(x < T{} ? T{} : x)))  // NaN stays NaN
KILN_UNARY_REAL(exp, detail::vector_op<8>(KILN_OP(detail::exp_of(x))))
KILN_UNARY_REAL(expm1, detail::vector_op<8>(KILN_OP(detail::expm1_of(x))))
KILN_UNARY_REAL(log, KILN_OP(std::log(x)))
KILN_UNARY_REAL(log1p, KILN_OP(std::log1p(x)))
KILN_UNARY_REAL(sqrt, KILN_OP(std::sqrt(x)))
KILN_UNARY_REAL(sin, KILN_OP(std::sin(x)))
KILN_UNARY_REAL(cos, KILN_OP(std::cos(x)))
KILN_UNARY_REAL(tanh, detail::vector_op<8>(KILN_OP(detail::tanh_of(x))))
KILN_UNARY_REAL(erf, detail::vector_op<8>(KILN_OP(detail::erf_of(x))))
KILN_UNARY_REAL(floor, KILN_OP(std::floor(x)))
KILN_UNARY_REAL(round, KILN_OP(std::nearbyint(x)))
KILN_UNARY_REAL(sigmoid, detail::vector_op<8>(KILN_OP(detail::logistic(x))))
#undef KILN_OP
#undef KILN_UNARY
#undef KILN_UNARY_REAL

/// Every element moved into [low, high].
template <TensorLike X>
auto clamp(const X& x, double low, double high) {
  using T = element_t<X>;
  return map(x, detail::vector_op<1>([low = static_cast<T>(low), high = static_cast<T>(high)](T v) {
               const T raised = v < low ? low : v;
               return raised > high ? high : raised;
             }));
}

/// True where the element is NaN.
template <TensorLike X>
auto isnan(const X& x) {
  return map(x, [](auto v) { return v != v; });
}

/// `mask ? a : b`, element by element, all three broadcast; a or b may be a number. Throws: ShapeError.
template <TensorLike Mask, class A, class B>
  requires ElementwiseOperands<A, B>
auto where(const Mask& mask, const A& a, const B& b) {
  static_assert(std::same_as<element_t<Mask>, bool>,
                "kiln: where's first argument must be a tensor of bool, such as x > 0");
  using T = typename detail::CommonElement<A, B>::type;
  const auto& left = detail::as_operand<T>(a);
  const auto& right = detail::as_operand<T>(b);
  auto shape =
      broadcast_shape("where", std::as_const(mask).shape(), broadcast_shape("where", left.shape(), right.shape()));
  auto result = detail::uninitialised<T>(shape);
  detail::map(detail::vector_op<1>([](bool m, T x, T y) { return m ? x : y; }), shape.span(), result.data(),
              detail::broadcast_operand(mask.view(), shape), detail::broadcast_operand(left.view(), shape),
              detail::broadcast_operand(right.view(), shape));
  return result;
}

namespace detail {

/// Whether a shape can be broadcast to another one.
constexpr bool fits_into(Dims shape, Dims other) {
  if (shape.size() > other.size()) return false;
  const Dims last = other.last(shape.size());
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] != last[i] && shape[i] != 1) return false;
  }
  return true;
}

template <int R, class T, class B, class Op>
Tensor<R, T>& map_in_place(std::string_view name, Tensor<R, T>& a, const B& b, Op op) {
  static_assert(Scalar<B> || std::same_as<typename CommonElement<Tensor<R, T>, B>::type, T>);
  if constexpr (is_tensor_view<B>) {
    // `x -= x.row_view(0)`: what is overwritten must not be read again.
    const auto begin = reinterpret_cast<std::uintptr_t>(a.data()), at = reinterpret_cast<std::uintptr_t>(b.data());
    if (begin <= at && at < begin + a.span().size_bytes()) return map_in_place(name, a, b.clone(), op);
  }
  const auto& right = as_operand<T>(b);
  if (!fits_into(right.shape().span(), a.shape().span())) {
    broadcast_shape(name, a.shape(), right.shape());  // which may say more
    fail<ShapeError>(name, concat("the right side must fit into shape ", a.shape()), concat("got ", right.shape()));
  }
  if constexpr (std::remove_cvref_t<decltype(right)>::rank <= R) {
    unshare(a);  // what it was shared with, such as a Var, keeps its values, and so does the right side
    map(op, a.shape().span(), a.data(), broadcast_operand(a.view(), a.shape()),
        broadcast_operand(right.view(), a.shape()));
  }
  return a;
}

}  // namespace detail

/// In place, or on a copy while a Var shares the elements; the right side is broadcast into the left one's shape.
/// Throws: ShapeError.
template <int R, class T, class B>
  requires ElementwiseOperands<Tensor<R, T>, B>
Tensor<R, T>& operator+=(Tensor<R, T>& a, const B& b) {
  return detail::map_in_place("add", a, b, detail::Wrapping<detail::Plus>{});
}
template <int R, class T, class B>
  requires ElementwiseOperands<Tensor<R, T>, B>
Tensor<R, T>& operator-=(Tensor<R, T>& a, const B& b) {
  return detail::map_in_place("subtract", a, b, detail::Wrapping<detail::Minus>{});
}
template <int R, class T, class B>
  requires ElementwiseOperands<Tensor<R, T>, B>
Tensor<R, T>& operator*=(Tensor<R, T>& a, const B& b) {
  return detail::map_in_place("multiply", a, b, detail::Wrapping<detail::Times>{});
}
template <int R, class T, class B>
  requires ElementwiseOperands<Tensor<R, T>, B>
Tensor<R, T>& operator/=(Tensor<R, T>& a, const B& b) {
  return detail::map_in_place("divide", a, b, detail::Divide{});
}

/// The elements repeated to a larger shape. Throws: ShapeError.
template <int R, TensorLike X>
auto broadcast_to(const X& x, const Shape<R>& shape) {
  if (broadcast_shape("broadcast_to", x.shape(), shape) != shape) {
    fail<ShapeError>("broadcast_to", concat("shape ", x.shape(), " must be repeatable to the result"),
                     concat("got ", shape));
  }
  auto result = detail::uninitialised<element_t<X>>(shape);
  detail::map([](auto v) { return v; }, shape.span(), result.data(),
              detail::broadcast_operand(std::as_const(x).view(), shape));
  return result;
}

/// The axes in reverse order, copied.
template <TensorLike X>
auto transpose(const X& x) {
  constexpr int R = std::remove_cvref_t<X>::rank;
  std::array<int, static_cast<std::size_t>(R)> order{};
  for (int axis = 0; axis < R; ++axis) order[static_cast<std::size_t>(axis)] = R - 1 - axis;
  return x.view().permute_view(order).clone();
}

/// The axes in another order, copied: axis `i` of the result is axis `order[i]` of x. Throws: IndexError.
template <TensorLike X>
auto permute(const X& x, const std::array<int, static_cast<std::size_t>(std::remove_cvref_t<X>::rank)>& order) {
  return x.view().permute_view(order).clone();
}

}  // namespace kiln
