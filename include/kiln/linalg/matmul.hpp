// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `matmul(a, b)` of tensors and views: matrices, vectors and batches of matrices, with the selected kernel.
/// Views that a kernel can read as they are, transposed ones included, are not copied.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>

#include <kiln/core/shape.hpp>
#include <kiln/kernels/matmul.hpp>
#include <kiln/kernels/select.hpp>
#include <kiln/linalg/pair_matmul.hpp>
#include <kiln/tensor/tensor.hpp>
#include <kiln/tensor/view.hpp>

namespace kiln {

/// How `matmul` multiplies: alpha * op(a) * op(b). A flag swaps the last two axes; on a vector it does nothing.
struct MatmulOptions {
  bool transpose_a = false;
  bool transpose_b = false;
  double alpha = 1;
};

/// How `matmul_into` multiplies: out = alpha * op(a) * op(b) + beta * out. With beta == 0, out is not read.
struct MatmulIntoOptions {
  bool transpose_a = false;
  bool transpose_b = false;
  double alpha = 1;
  double beta = 0;
};

namespace detail {

/// The loops of a product, and the shape of its result.
struct MatmulPlan {
  PairLoops loops;
  std::array<Index, max_rank> shape;
  std::size_t rank = 0;
};

inline std::string_view matmul_axis_name(std::size_t axis, std::size_t rank, bool first_operand) {
  if (rank > 2) return axis + 1 == rank ? "last" : "second to last";
  return rank == 1 ? (first_operand ? "last" : "first") : (axis == 0 ? "first" : "last");
}

/// Loops and result shape of op(a) op(b); `a` and `b` are at least vectors. Throws: ShapeError.
inline MatmulPlan plan_matmul(std::string_view op, Dims a, Dims a_strides, Dims b, Dims b_strides, bool transpose_a,
                              bool transpose_b) {
  const std::size_t a_rank = a.size();
  const std::size_t b_rank = b.size();
  const std::size_t a_inner = a_rank == 1 ? 0 : a_rank - (transpose_a ? 2 : 1);
  const std::size_t b_inner = b_rank == 1 ? 0 : b_rank - (transpose_b ? 1 : 2);
  if (a[a_inner] != b[b_inner]) {
    fail<ShapeError>(
        op,
        concat(matmul_axis_name(a_inner, a_rank, true), " axis of a must equal ",
               matmul_axis_name(b_inner, b_rank, false), " of b"),
        concat("got shapes ", a, " and ", b, transpose_a ? ", a transposed" : "", transpose_b ? ", b transposed" : ""));
  }

  MatmulPlan plan;
  const std::size_t a_batches = a_rank > 2 ? a_rank - 2 : 0;
  const std::size_t b_batches = b_rank > 2 ? b_rank - 2 : 0;
  const std::size_t batches = (std::max)(a_batches, b_batches);
  for (std::size_t i = 0; i < batches; ++i) {
    // Aligned at the right; an operand that lacks the axis, or has it with size 1, serves the whole of the other's.
    const std::size_t a_axis = i + a_batches - batches;
    const std::size_t b_axis = i + b_batches - batches;
    const Index a_size = a_axis < a_batches ? a[a_axis] : 1;
    const Index b_size = b_axis < b_batches ? b[b_axis] : 1;
    if (a_size != b_size && a_size != 1 && b_size != 1) {
      fail<ShapeError>(op, "batch axes must be equal, or 1", concat("got shapes ", a, " and ", b));
    }
    const Index size = a_size == 1 ? b_size : a_size;
    const LoopRole role = b_size == 1 ? LoopRole::row : a_size == 1 ? LoopRole::column : LoopRole::batch;
    plan.loops.add(
        {role, size, a_axis < a_batches ? a_strides[a_axis] : 0, b_axis < b_batches ? b_strides[b_axis] : 0, 0});
    plan.shape[plan.rank++] = size;
  }
  if (a_rank > 1) {
    const std::size_t axis = a_rank - (transpose_a ? 1 : 2);
    plan.loops.add({LoopRole::row, a[axis], a_strides[axis], 0, 0});
    plan.shape[plan.rank++] = a[axis];
  }
  if (b_rank > 1) {
    const std::size_t axis = b_rank - (transpose_b ? 2 : 1);
    plan.loops.add({LoopRole::column, b[axis], 0, b_strides[axis], 0});
    plan.shape[plan.rank++] = b[axis];
  }
  plan.loops.add({LoopRole::inner, a[a_inner], a_strides[a_inner], b_strides[b_inner], 0});
  return plan;
}

template <class T>
void execute_matmul(MatmulPlan& plan, MatmulRun<T> run, const T* a, const T* b, T* c, Dims c_strides, double alpha,
                    double beta) {
  for (std::size_t i = 0; i < plan.rank; ++i) plan.loops.loops[i].c = c_strides[i];
  pair_matmul(run, plan.loops, a, b, c, static_cast<T>(alpha), static_cast<T>(beta));
}

template <class A, class B>
constexpr void require_matmul_operands() {
  static_assert(std::is_same_v<element_t<A>, element_t<B>>,
                "kiln: matmul needs two tensors of the same element type; convert one with `.to<float>()`");
  static_assert(std::remove_cvref_t<A>::rank > 0 && std::remove_cvref_t<B>::rank > 0,
                "kiln: matmul needs vectors, matrices or batches of matrices; multiply by a scalar with `*`");
}

/// The rank of a product: a vector gives no axis, matrices and batches give theirs.
template <class A, class B>
inline constexpr int matmul_rank = (std::max)({std::remove_cvref_t<A>::rank - 2, std::remove_cvref_t<B>::rank - 2, 0}) +
                                   (std::remove_cvref_t<A>::rank > 1) + (std::remove_cvref_t<B>::rank > 1);

template <class A, class B, class T = element_t<A>>
Tensor<matmul_rank<A, B>, T> matmul_with(std::type_identity_t<MatmulRun<T>> run, const A& a, const B& b,
                                         MatmulOptions options) {
  constexpr int rank = matmul_rank<A, B>;
  const auto from_a = a.view();
  const auto from_b = b.view();
  MatmulPlan plan = plan_matmul("matmul", from_a.shape().span(), from_a.strides().span(), from_b.shape().span(),
                                from_b.strides().span(), options.transpose_a, options.transpose_b);
  Shape<rank> shape;
  std::copy_n(plan.shape.begin(), rank, shape.dims.begin());
  auto c = uninitialised<T>(shape);
  execute_matmul<T>(plan, run, from_a.data(), from_b.data(), c.data(), row_major_strides(shape).span(), options.alpha,
                    0);
  return c;
}

template <class C, class A, class B, class T = element_t<A>>
void matmul_into_with(std::type_identity_t<MatmulRun<T>> run, C& out, const A& a, const B& b,
                      MatmulIntoOptions options) {
  const auto from_a = a.view();
  const auto from_b = b.view();
  const auto to = out.view();
  MatmulPlan plan = plan_matmul("matmul_into", from_a.shape().span(), from_a.strides().span(), from_b.shape().span(),
                                from_b.strides().span(), options.transpose_a, options.transpose_b);
  const Dims shape(plan.shape.data(), plan.rank);
  if (!std::equal(shape.begin(), shape.end(), to.shape().begin())) {
    fail<ShapeError>("matmul_into", concat("out must have shape ", shape), concat("got ", to.shape()));
  }
  execute_matmul<T>(plan, run, from_a.data(), from_b.data(), to.data(), to.strides().span(), options.alpha,
                    options.beta);
}

}  // namespace detail

/// The matrix product, as `torch.matmul`: of matrices, of a matrix and a vector, of two vectors (a scalar), and of
/// batches of matrices along leading axes, which broadcast. Integers are multiplied by plain loops.
/// Shapes: (m, k) (k, n) -> (m, n); (m, k) (k) -> (m); (k) (k, n) -> (n); (k) (k) -> (); (N, m, k) (N, k, n) -> (N, m,
/// n); (N, m, k) (k, n) -> (N, m, n). Throws: ShapeError.
template <TensorLike A, TensorLike B>
auto matmul(const A& a, const B& b, MatmulOptions options = {}) {
  detail::require_matmul_operands<A, B>();
  return detail::matmul_with(&run_matmul<element_t<A>>, a, b, options);
}

/// The matrix product with the kernel K, whichever is selected: `matmul<NaiveMatmul>(a, b)`.
template <class K, TensorLike A, TensorLike B>
auto matmul(const A& a, const B& b, MatmulOptions options = {}) {
  detail::require_matmul_operands<A, B>();
  return detail::matmul_with(&detail::run_kernel<K, element_t<A>>, a, b, options);
}

/// out = alpha * op(a) * op(b) + beta * out, without a temporary. `out` is a tensor or a view of the product's shape
/// and overlaps neither operand. Throws: ShapeError.
template <TensorLike C, TensorLike A, TensorLike B>
void matmul_into(C&& out, const A& a, const B& b, MatmulIntoOptions options = {}) {
  detail::require_matmul_operands<A, B>();
  static_assert(std::is_same_v<element_t<C>, element_t<A>>,
                "kiln: matmul_into needs an output of the operands' element type");
  static_assert(std::remove_cvref_t<C>::rank == detail::matmul_rank<A, B>,
                "kiln: matmul_into needs an output of the product's rank");
  detail::matmul_into_with(&run_matmul<element_t<A>>, out, a, b, options);
}

}  // namespace kiln
