// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Matrix products of vars, and `linear`, the product at the heart of most layers.
#pragma once

#include <kiln/autograd/record.hpp>
#include <kiln/kernels/relu_grad.hpp>
#include <kiln/linalg/matmul.hpp>

namespace kiln {

namespace detail {

/// What a product z of x and something else costs; a bias is not counted.
template <int R, class T>
double product_flops(const Tensor<R, T>& z, const Var<R, T>& x) {
  return 2 * static_cast<double>(z.numel()) * static_cast<double>(x.size(-1));
}

}  // namespace detail

/// The matrix product (m, k) (k, n) -> (m, n), or of batches (N, m, k) (N, k, n) -> (N, m, n). Throws: ShapeError.
template <VarOperand A, VarOperand B>
  requires(!is_tensor<A> || !is_tensor<B>)
auto matmul(const A& a, const B& b) {
  static_assert(A::rank == B::rank && (A::rank == 2 || A::rank == 3),
                "kiln: matmul of vars takes two matrices or two batches of matrices; use einsum for other products");
  return detail::with_vars(
      "matmul",
      [](const auto& x, const auto& y) {
        // z = x y; dx = dz y'; dy = x' dz
        auto pull_back = [x, y](const auto& dz, auto& dx, auto& dy) {
          auto fits = [](const auto& from, const auto& slot) {
            return A::rank == 2 || from.shape()[0] == slot.shape()[0];
          };
          if (dx) {
            if (fits(dz, dx))
              dx.add_by([&](auto& to, bool first) {
                matmul_into(to, dz, y.value(), {.transpose_b = true, .beta = first ? 0. : 1.});
              });
            else dx += matmul(dz, y.value(), {.transpose_b = true});
          }
          if (dy) {
            if (fits(dz, dy))
              dy.add_by([&](auto& to, bool first) {
                matmul_into(to, x.value(), dz, {.transpose_a = true, .beta = first ? 0. : 1.});
              });
            else dy += matmul(x.value(), dz, {.transpose_a = true});
          }
        };
        auto value = matmul(x.value(), y.value());
        detail::count_flops([&] { return detail::product_flops(value, x); }, x, y);
        return record("matmul", std::move(value), pull_back, x, y);
      },
      a, b);
}

namespace detail {

template <int R>
Shape<R> linear_shape(std::string_view op, const Shape<R>& x, const Shape<2>& weight) {
  if (x[R - 1] != weight[1]) {
    fail<ShapeError>(op, concat("input's last axis must be ", weight[1]), concat("got shape ", x));
  }
  Shape<R> shape = x;
  shape[R - 1] = weight[0];
  return shape;
}

/// The three products of a linear layer, as matrices whose rows lie along the last axis.
template <class T>
struct LinearProducts {
  Index rows, in, out;
  const T* weight;  // (out, in)

  template <int R>
  LinearProducts(const Shape<R>& x, const Tensor<2, T>& w) : rows(1), in(w.size(1)), out(w.size(0)), weight(w.data()) {
    for (int axis = 0; axis < R - 1; ++axis) rows *= x[axis];
  }

  /// y = x weight' + bias, then relu.
  void forward(const T* x, const T* bias, bool relu, T* y) const {
    run_matmul(MatmulArgs<T>{rows, out, in, x, in, false, weight, in, true, y, out, T{1}, T{0}, bias, relu});
  }
  /// dx = dy weight, or dx += that.
  void input_grad(const T* dy, T* dx, bool set) const {
    run_matmul(MatmulArgs<T>{rows, in, out, dy, out, false, weight, in, false, dx, in, T{1}, set ? T{0} : T{1}});
  }
  /// dw = dy' x, or dw += that.
  void weight_grad(const T* dy, const T* x, T* dw, bool set) const {
    run_matmul(MatmulArgs<T>{out, in, rows, dy, out, true, x, in, false, dw, in, T{1}, set ? T{0} : T{1}});
  }
};

/// y = relu(x weight' + bias), each of the two only if wanted: a bias without elements is none.
template <int R, class T>
Var<R, T> record_linear(std::string_view op, const Var<R, T>& x, const Var<2, T>& weight, const Var<1, T>& bias,
                        bool relu) {
  auto value = uninitialised<T>(linear_shape(op, x.shape(), weight.shape()));
  const T* added = bias.value().data();
  if (added && bias.numel() != weight.size(0)) {
    fail<ShapeError>(op, concat("bias must have shape (", weight.size(0), ",)"), concat("got ", bias.shape()));
  }
  LinearProducts<T>(x.shape(), weight.value()).forward(x.value().data(), added, relu, value.data());
  count_flops([&] { return product_flops(value, x); }, x, weight);
  auto pull_back = [x, weight, y = relu ? alias(value) : without_elements<R, T>()](
                       const Tensor<R, T>& dy, GradSlot<R, T>& dx, GradSlot<2, T>& dw, GradSlot<1, T>& db) {
    const LinearProducts<T> products(x.shape(), weight.value());
    auto dz = y.data() ? uninitialised<T>(dy.shape()) : alias(dy);
    BiasGrad<T> grad{products.rows, products.out, dy.data(), y.data(), y.data() ? dz.data() : nullptr, nullptr, false};
    if (db) {
      db.add_by([&](Tensor<1, T>& to, bool first) {
        grad.sums = to.data();
        grad.set = first;
        bias_grad(grad);
      });
    } else if (grad.y) {
      bias_grad(grad);
    }
    dx.add_by([&](Tensor<R, T>& to, bool first) { products.input_grad(dz.data(), to.data(), first); });
    dw.add_by(
        [&](Tensor<2, T>& to, bool first) { products.weight_grad(dz.data(), x.value().data(), to.data(), first); });
  };
  return record(op, std::move(value), std::move(pull_back), x, weight, bias);
}

template <class X, class W, class... B>
auto linear(std::string_view op, bool relu, const X& input, const W& weight_operand, const B&... bias_operand) {
  static_assert(X::rank >= 1 && W::rank == 2 && (... && (B::rank == 1)),
                "kiln: linear takes x (..., I), weight (O, I) and bias (O)");
  return with_vars(
      op,
      [&]<int R, class T>(const Var<R, T>& x, const Var<2, T>& weight, const auto&... bias) {
        if constexpr (sizeof...(bias) > 0) return record_linear(op, x, weight, bias..., relu);
        else return record_linear(op, x, weight, Var<1, T>(without_elements<1, T>()), relu);
      },
      input, weight_operand, bias_operand...);
}

}  // namespace detail

/// y = x weight' + bias. x is (..., I), weight is (O, I), bias is (O), y is (..., O). Throws: ShapeError.
template <VarOperand X, VarOperand W, VarOperand B>
auto linear(const X& x, const W& weight, const B& bias) {
  return detail::linear("linear", false, x, weight, bias);
}

/// y = x weight'.
template <VarOperand X, VarOperand W>
auto linear(const X& x, const W& weight) {
  return detail::linear("linear", false, x, weight);
}

/// relu(linear(x, weight, bias)) as one operation: the same bits, in fewer passes over y and its gradient.
template <VarOperand X, VarOperand W, VarOperand B>
auto linear_relu(const X& x, const W& weight, const B& bias) {
  return detail::linear("linear_relu", true, x, weight, bias);
}

/// relu(linear(x, weight)).
template <VarOperand X, VarOperand W>
auto linear_relu(const X& x, const W& weight) {
  return detail::linear("linear_relu", true, x, weight);
}

}  // namespace kiln
