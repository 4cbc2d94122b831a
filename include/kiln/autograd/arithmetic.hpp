// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Arithmetic and elementwise functions of vars, each with its pull-back. Operands broadcast as tensors do.
#pragma once

#include <numbers>

#include <kiln/autograd/record.hpp>
#include <kiln/kernels/map_each.hpp>

namespace kiln {

/// Two operands of which at least one is a Var or a Param; the other may be a tensor or a number.
template <class A, class B>
concept VarOperands = ((is_var<A> || is_param<A>)&&(VarOperand<B> || detail::Scalar<B>)) ||
                      ((is_var<B> || is_param<B>)&&(VarOperand<A> || detail::Scalar<A>));

namespace detail {

/// A number becomes a constant of the other operand's element type.
template <class Other, class X>
decltype(auto) number_as_tensor(const X& x) {
  if constexpr (Scalar<X>) return Tensor<0, typename Other::value_type>(static_cast<typename Other::value_type>(x));
  else return (x);
}

template <class A, class B, class F>
auto with_operands(std::string_view op, const A& a, const B& b, F f) {
  return with_vars(op, f, number_as_tensor<B>(a), number_as_tensor<A>(b));
}

/// The elements for a pull-back that will ask for them, else none, so that the tape keeps nothing that nobody reads.
template <int R, class T>
Tensor<R, T> kept_if(bool needed, const Var<R, T>& x) {
  return needed ? alias(x.value()) : without_elements<R, T>();
}

}  // namespace detail

template <class A, class B>
  requires VarOperands<A, B>
auto operator+(const A& a, const B& b) {
  return detail::with_operands("add", a, b, [](const auto& x, const auto& y) {
    return record(
        "add", x.value() + y.value(), [](const auto& dz, auto& dx, auto& dy) { dx += dz, dy += dz; }, x, y);
  });
}

template <class A, class B>
  requires VarOperands<A, B>
auto operator-(const A& a, const B& b) {
  return detail::with_operands("subtract", a, b, [](const auto& x, const auto& y) {
    auto pull_back = [](const auto& dz, auto& dx, auto& dy) {
      dx += dz;
      if (dy) dy += -dz;
    };
    return record("subtract", x.value() - y.value(), pull_back, x, y);
  });
}

template <class A, class B>
  requires VarOperands<A, B>
auto operator*(const A& a, const B& b) {
  return detail::with_operands("multiply", a, b, [](const auto& x, const auto& y) {
    auto pull_back = [for_dx = detail::kept_if(x.wants_grad(), y), for_dy = detail::kept_if(y.wants_grad(), x)](
                         const auto& dz, auto& dx, auto& dy) {
      if (dx) dx += dz * for_dx;
      if (dy) dy += dz * for_dy;
    };
    return record("multiply", x.value() * y.value(), std::move(pull_back), x, y);
  });
}

template <class A, class B>
  requires VarOperands<A, B>
auto operator/(const A& a, const B& b) {
  return detail::with_operands("divide", a, b, [](const auto& x, const auto& y) {
    auto pull_back = [y](const auto& z, const auto& dz, auto& dx, auto& dy) {
      if (dx) dx += dz / y.value();
      if (dy) dy += -dz * z / y.value();
    };
    return record("divide", x.value() / y.value(), pull_back, x, y);
  });
}

template <int R, class T>
Var<R, T> operator-(const Var<R, T>& x) {
  return record(
      "negate", -x.value(), [](const auto& dy, auto& dx) { dx += -dy; }, x);
}

template <int R, class T>
Var<R, T> exp(const Var<R, T>& x) {
  return record(
      "exp", exp(x.value()), [](const auto& y, const auto& dy, auto& dx) { dx += dy * y; }, x);
}

template <int R, class T>
Var<R, T> log(const Var<R, T>& x) {
  return record(
      "log", log(x.value()), [x](const auto& dy, auto& dx) { dx += dy / x.value(); }, x);
}

template <int R, class T>
Var<R, T> sqrt(const Var<R, T>& x) {
  return record(
      "sqrt", sqrt(x.value()), [](const auto& y, const auto& dy, auto& dx) { dx += dy / (y * 2); }, x);
}

template <int R, class T>
Var<R, T> square(const Var<R, T>& x) {
  return record(
      "square", square(x.value()), [x](const auto& dy, auto& dx) { dx += dy * x.value() * 2; }, x);
}

/// x to a constant power.
template <int R, class T>
Var<R, T> pow(const Var<R, T>& x, double exponent) {
  auto pull_back = [x, exponent](const auto& dy, auto& dx) {
    if (exponent == 0) dx += zeros<T>(x.shape());  // not 0 * infinity where x is 0
    else dx += dy * exponent * pow(x.value(), exponent - 1);
  };
  return record("pow", pow(x.value(), exponent), pull_back, x);
}

/// The gradient at 0 is 0.
template <int R, class T>
Var<R, T> abs(const Var<R, T>& x) {
  return record(
      "abs", abs(x.value()), [x](const auto& dy, auto& dx) { dx += dy * sign(x.value()); }, x);
}

template <int R, class T>
Var<R, T> sin(const Var<R, T>& x) {
  return record(
      "sin", sin(x.value()), [x](const auto& dy, auto& dx) { dx += dy * cos(x.value()); }, x);
}

template <int R, class T>
Var<R, T> cos(const Var<R, T>& x) {
  return record(
      "cos", cos(x.value()), [x](const auto& dy, auto& dx) { dx += -dy * sin(x.value()); }, x);
}

namespace detail {

// What a function costs, in additions: whether several threads are worth it.
inline constexpr Index cheap = 1, costly = 8;

/// f of every element, in one pass. It must have no side effects.
template <int R, class T, class F>
Tensor<R, T> each(Index cost, const Tensor<R, T>& x, const F& f) {
  auto result = uninitialised<T>(x.shape());
  map_each(cost, f, x.numel(), result.data(), x.data());
  return result;
}

/// dx += f(in, ...) of every element, in one pass.
template <int R, class T, class F, class... In>
void add_each(Index cost, GradSlot<R, T>& dx, const F& f, const In&... in) {
  dx.add_by([&](Tensor<R, T>& to, bool first) {
    auto added = [f](T sum, auto... v) __attribute__((always_inline)) { return sum + f(v...); };
    if (first) map_each(cost, f, to.numel(), to.data(), in.data()...);
    else map_each(cost, added, to.numel(), to.data(), std::as_const(to).data(), in.data()...);
  });
}

}  // namespace detail

template <int R, class T>
Var<R, T> tanh(const Var<R, T>& x) {
  auto pull_back = [](const auto& y, const auto& dy, auto& dx) {
    detail::add_each(
        detail::cheap, dx, [](T t, T d) { return d * (1 - t * t); }, y, dy);
  };
  auto value = detail::each(
      detail::costly, x.value(), [](T v) __attribute__((always_inline)) { return detail::tanh_of(v); });
  return record("tanh", std::move(value), pull_back, x);
}

template <int R, class T>
Var<R, T> sigmoid(const Var<R, T>& x) {
  auto pull_back = [](const auto& y, const auto& dy, auto& dx) {
    detail::add_each(
        detail::cheap, dx, [](T s, T d) { return d * s * (1 - s); }, y, dy);
  };
  auto value = detail::each(
      detail::costly, x.value(), [](T v) __attribute__((always_inline)) { return detail::logistic(v); });
  return record("sigmoid", std::move(value), pull_back, x);
}

namespace detail {

/// y, of the shape of x, becomes max(x, 0).
template <int R, class T>
Var<R, T> record_relu(Tensor<R, T> y, const Var<R, T>& x) {
  auto pull_back = [](const auto& result, const auto& dy, auto& dx) {
    add_each(
        cheap, dx, [](T r, T d) { return r <= 0 ? T{} : d; }, result, dy);  // NaN passes it on
  };
  auto value = [](T v) { return v < 0 ? T{} : v; };  // NaN stays NaN
  map_each(cheap, value, y.numel(), y.data(), x.value().data());
  return record("relu", std::move(y), pull_back, x);
}

}  // namespace detail

/// max(x, 0); the gradient at 0 is 0.
template <int R, class T>
Var<R, T> relu(const Var<R, T>& x) {
  return detail::record_relu(detail::uninitialised<T>(x.shape()), x);
}
/// The same in the memory of x, unless something else holds its elements: another var, or the tape for a pull-back.
template <int R, class T>
Var<R, T> relu(Var<R, T>&& x) {
  if (!detail::unshared(x.value())) return relu(std::as_const(x));
  return detail::record_relu(detail::alias(x.value()), x);
}

/// `mask ? a : b`, element by element.
template <int M, class A, class B>
  requires VarOperands<A, B>
auto where(const Tensor<M, bool>& mask, const A& a, const B& b) {
  return detail::with_operands("where", a, b, [&](const auto& x, const auto& y) {
    auto pull_back = [mask](const auto& dz, auto& dx, auto& dy) {
      if (dx) dx += where(mask, dz, 0);
      if (dy) dy += where(mask, 0, dz);
    };
    return record("where", where(mask, x.value(), y.value()), pull_back, x, y);
  });
}

}  // namespace kiln
