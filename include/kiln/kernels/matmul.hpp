// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// What a matmul kernel is: a struct with a name and a template `run`, which gets all it needs in a `MatmulArgs`.
#pragma once

#include <concepts>
#include <string_view>

#include <kiln/core/shape.hpp>

namespace kiln {

/// c = alpha * op(a) * op(b) + beta * c, row-major; op(a) is (m, k), op(b) is (k, n), c is (m, n). With beta == 0, c is
/// not read. c overlaps neither a nor b.
///
/// Then `bias`, n numbers, is added to every row of c, and `relu` sets what is negative to 0: bit for bit as if done
/// afterwards. A kernel need not know of either: its caller does both, unless the kernel says
/// `static constexpr bool epilogue = true;`.
template <class T>
struct MatmulArgs {
  Index m, n, k;
  const T* a;
  Index lda;         ///< a's rows are so far apart
  bool transpose_a;  ///< a is stored (k, m) instead of (m, k)
  const T* b;
  Index ldb;
  bool transpose_b;  ///< b is stored (n, k) instead of (k, n)
  T* c;
  Index ldc;
  T alpha = T{1};
  T beta = T{0};
  const T* bias = nullptr;  ///< or null
  bool relu = false;

  /// Strides of op(a) and op(b): from row to row, and within a row.
  constexpr Index a_row_stride() const { return transpose_a ? 1 : lda; }
  constexpr Index a_column_stride() const { return transpose_a ? lda : 1; }
  constexpr Index b_row_stride() const { return transpose_b ? 1 : ldb; }
  constexpr Index b_column_stride() const { return transpose_b ? ldb : 1; }

  /// op(a)[i, p] and op(b)[p, j].
  constexpr T a_at(Index i, Index p) const { return a[i * a_row_stride() + p * a_column_stride()]; }
  constexpr T b_at(Index p, Index j) const { return b[p * b_row_stride() + j * b_column_stride()]; }

  /// Sets c[i, j], given the sum over p of op(a)[i, p] * op(b)[p, j].
  constexpr void put(Index i, Index j, T sum) const {
    T& out = c[i * ldc + j];
    out = beta == T{0} ? static_cast<T>(alpha * sum) : static_cast<T>(alpha * sum + beta * out);
  }

  /// c *= beta: what is left to do when k == 0, and where kernels begin that add to c.
  constexpr void scale_c() const {
    for (Index i = 0; i < m; ++i) {
      for (Index j = 0; j < n; ++j) c[i * ldc + j] = beta == T{0} ? T{0} : static_cast<T>(beta * c[i * ldc + j]);
    }
  }

  /// c = relu(c + bias), each if asked for.
  constexpr void finish_c() const {
    if (!bias && !relu) return;
    for (Index i = 0; i < m; ++i) {
      for (Index j = 0; j < n; ++j) {
        T& out = c[i * ldc + j];
        if (bias) out = static_cast<T>(out + bias[j]);
        if (relu && out < T{0}) out = T{0};  // NaN stays NaN
      }
    }
  }
};

/// A struct that can be used as a matmul kernel.
template <class K>
concept MatmulKernelLike = requires(const MatmulArgs<float>& f32, const MatmulArgs<double>& f64) {
  { K::name } -> std::convertible_to<std::string_view>;
  K::run(f32);
  K::run(f64);
};

/// A matmul kernel as a value, to be selected, listed and compared.
struct MatmulKernel {
  std::string_view name;
  void (*f32)(const MatmulArgs<float>&);
  void (*f64)(const MatmulArgs<double>&);

  void run(const MatmulArgs<float>& args) const { f32(args); }
  void run(const MatmulArgs<double>& args) const { f64(args); }
};

namespace detail {

/// Runs the kernel K, and after it what K leaves to its caller.
template <class K, class T>
void run_kernel(const MatmulArgs<T>& args) {
  K::run(args);
  if constexpr (!requires { requires K::epilogue; }) args.finish_c();
}

template <class K>
constexpr MatmulKernel make_matmul_kernel() {
  static_assert(MatmulKernelLike<K>,
                "kiln: a matmul kernel is a struct with `static constexpr std::string_view name = \"...\";` and "
                "`template <class T> static void run(const kiln::MatmulArgs<T>&);`");
  if constexpr (MatmulKernelLike<K>) {
    return {K::name, &run_kernel<K, float>, &run_kernel<K, double>};
  }
}

}  // namespace detail

/// The kernel that the struct K describes.
template <class K>
inline constexpr MatmulKernel matmul_kernel_of = detail::make_matmul_kernel<K>();

}  // namespace kiln
