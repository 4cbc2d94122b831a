// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Arithmetic and elementwise functions of vars, each with its pull-back. Operands broadcast as tensors do.
#pragma once

#include <numbers>

#include <kiln/autograd/record.hpp>

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

template <int R, class T>
Var<R, T> tanh(const Var<R, T>& x) {
  auto pull_back = [](const auto& y, const auto& dy, auto& dx) {
    dx += map("tanh", y, dy, [](T t, T d) { return d * (1 - t * t); });
  };
  return record("tanh", tanh(x.value()), pull_back, x);
}

template <int R, class T>
Var<R, T> sigmoid(const Var<R, T>& x) {
  auto pull_back = [](const auto& y, const auto& dy, auto& dx) {
    dx += map("sigmoid", y, dy, [](T s, T d) { return d * s * (1 - s); });
  };
  return record("sigmoid", sigmoid(x.value()), pull_back, x);
}

/// max(x, 0); the gradient at 0 is 0.
template <int R, class T>
Var<R, T> relu(const Var<R, T>& x) {
  auto pull_back = [](const auto& y, const auto& dy, auto& dx) {
    dx += map("relu", y, dy, [](T r, T d) { return r <= 0 ? T{} : d; });  // NaN passes it on
  };
  return record("relu", relu(x.value()), pull_back, x);
}

/// log(1 + exp(x)), linear where that would overflow.
template <int R, class T>
Var<R, T> softplus(const Var<R, T>& x) {
  auto value = map(x.value(), [](T v) { return (v > 0 ? v : T{}) + std::log1p(std::exp(-std::abs(v))); });
  return record(
      "softplus", std::move(value), [x](const auto& dy, auto& dx) { dx += dy * sigmoid(x.value()); }, x);
}

/// x times the normal distribution function of x (Hendrycks & Gimpel 2016, https://arxiv.org/abs/1606.08415), exact
/// form.
template <int R, class T>
Var<R, T> gelu(const Var<R, T>& x) {
  auto phi = [](T v) { return static_cast<T>(0.5) * (1 + std::erf(v / std::numbers::sqrt2_v<T>)); };
  auto pull_back = [x, phi](const auto& dy, auto& dx) {
    dx += map("gelu", x.value(), dy, [phi](T v, T d) {
      T density = std::exp(-v * v / 2) * std::numbers::inv_sqrtpi_v<T> / std::numbers::sqrt2_v<T>;
      return d * (phi(v) + v * density);
    });
  };
  return record("gelu", map(x.value(), [phi](T v) { return v * phi(v); }), pull_back, x);
}

/// x * sigmoid(x), also called swish.
template <int R, class T>
Var<R, T> silu(const Var<R, T>& x) {
  auto pull_back = [x](const auto& dy, auto& dx) {
    auto s = sigmoid(x.value());
    dx += dy * s * (1 + x.value() * (1 - s));
  };
  return record("silu", x.value() * sigmoid(x.value()), pull_back, x);
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
