// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Matrix products of vars, and `linear`, the product at the heart of most layers.
#pragma once

#include <kiln/autograd/record.hpp>
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

/// A tensor as a matrix whose rows lie along the last axis.
template <int R, class T>
TensorView<2, T> rows_of(T* data, const Shape<R>& shape) {
  Index rows = 1;
  for (int axis = 0; axis < R - 1; ++axis) rows *= shape[axis];
  return {data, {rows, shape[R - 1]}, {shape[R - 1], 1}};
}
template <int R, class T>
auto rows_of(const Tensor<R, T>& x) {
  return rows_of(x.data(), x.shape());
}
template <int R, class T>
auto rows_of(Tensor<R, T>& x) {
  return rows_of(x.data(), x.shape());
}

template <int R>
Shape<R> linear_shape(const Shape<R>& x, const Shape<2>& weight) {
  if (x[R - 1] != weight[1]) {
    fail<ShapeError>("linear", concat("input's last axis must be ", weight[1]), concat("got shape ", x));
  }
  Shape<R> shape = x;
  shape[R - 1] = weight[0];
  return shape;
}

// The pull-backs that linear with and without bias share.
template <int R, class T>
void linear_pull_back(const Var<R, T>& x, const Var<2, T>& weight, const Tensor<R, T>& dy, GradSlot<R, T>& dx,
                      GradSlot<2, T>& dw) {
  dx.add_by([&](Tensor<R, T>& to, bool first) {
    matmul_into(rows_of(to), rows_of(dy), weight.value(), {.beta = first ? 0. : 1.});
  });
  dw.add_by([&](Tensor<2, T>& to, bool first) {
    matmul_into(to, rows_of(dy), rows_of(x.value()), {.transpose_a = true, .beta = first ? 0. : 1.});
  });
}

}  // namespace detail

/// y = x weight' + bias. x is (..., I), weight is (O, I), bias is (O), y is (..., O). Throws: ShapeError.
template <VarOperand X, VarOperand W, VarOperand B>
auto linear(const X& input, const W& weight_operand, const B& bias_operand) {
  static_assert(X::rank >= 1 && W::rank == 2 && B::rank == 1,
                "kiln: linear takes x (..., I), weight (O, I) and bias (O)");
  return detail::with_vars(
      "linear",
      []<int R, class T>(const Var<R, T>& x, const Var<2, T>& weight, const Var<1, T>& bias) {
        auto value = detail::uninitialised<T>(detail::linear_shape(x.shape(), weight.shape()));
        if (bias.numel() != weight.size(0)) {
          fail<ShapeError>("linear", concat("bias must have shape (", weight.size(0), ",)"),
                           concat("got ", bias.shape()));
        }
        auto rows = detail::rows_of(value);
        for (Index row = 0; row < rows.size(0); ++row)
          std::copy_n(bias.value().data(), bias.numel(), value.data() + row * bias.numel());
        matmul_into(rows, detail::rows_of(x.value()), weight.value(), {.transpose_b = true, .beta = 1});
        detail::count_flops([&] { return detail::product_flops(value, x); }, x, weight);
        auto pull_back = [x, weight](const Tensor<R, T>& dy, auto& dx, auto& dw, auto& db) {
          detail::linear_pull_back(x, weight, dy, dx, dw);
          if (db) db += sum(detail::rows_of(dy), 0);
        };
        return record("linear", std::move(value), pull_back, x, weight, bias);
      },
      input, weight_operand, bias_operand);
}

/// y = x weight'.
template <VarOperand X, VarOperand W>
auto linear(const X& input, const W& weight_operand) {
  static_assert(X::rank >= 1 && W::rank == 2, "kiln: linear takes x (..., I) and weight (O, I)");
  return detail::with_vars(
      "linear",
      []<int R, class T>(const Var<R, T>& x, const Var<2, T>& weight) {
        auto value = detail::uninitialised<T>(detail::linear_shape(x.shape(), weight.shape()));
        matmul_into(detail::rows_of(value), detail::rows_of(x.value()), weight.value(), {.transpose_b = true});
        detail::count_flops([&] { return detail::product_flops(value, x); }, x, weight);
        auto pull_back = [x, weight](const Tensor<R, T>& dy, auto& dx, auto& dw) {
          detail::linear_pull_back(x, weight, dy, dx, dw);
        };
        return record("linear", std::move(value), pull_back, x, weight);
      },
      input, weight_operand);
}

}  // namespace kiln
