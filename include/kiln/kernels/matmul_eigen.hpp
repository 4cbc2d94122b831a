// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Fifth rung of the matmul ladder: somebody else's library. The only header that includes Eigen.
#pragma once

#include <string_view>
#include <type_traits>

#include <Eigen/Core>

#include <kiln/kernels/matmul.hpp>
#include <kiln/kernels/matmul_naive.hpp>

namespace kiln {

/// c = a * b by Eigen. What g++ 12 makes of Eigen 3.4's inner loop, loads folded into each FMA, reaches 3/4 of what
/// clang++ does. It could be mended only by specialising a template inside Eigen, which a program's other uses of Eigen
/// may have instantiated otherwise.
struct EigenMatmul {
  static constexpr std::string_view name = "eigen";

  template <class T>
  static void run(const MatmulArgs<T>& args) {
    if constexpr (std::is_floating_point_v<T>) {
      using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
      using Stride = Eigen::OuterStride<>;
      auto stored = [](const T* data, Index rows, Index columns, Index distance, bool transposed) {
        return Eigen::Map<const Matrix, 0, Stride>(data, transposed ? columns : rows, transposed ? rows : columns,
                                                   Stride(distance));
      };
      auto a = stored(args.a, args.m, args.k, args.lda, args.transpose_a);
      auto b = stored(args.b, args.k, args.n, args.ldb, args.transpose_b);
      Eigen::Map<Matrix, 0, Stride> c(args.c, args.m, args.n, Stride(args.ldc));
      if (args.beta == T{0}) c.setZero();
      else if (args.beta != T{1}) c *= args.beta;
      if (args.transpose_a && args.transpose_b) c.noalias() += args.alpha * a.transpose() * b.transpose();
      else if (args.transpose_a) c.noalias() += args.alpha * a.transpose() * b;
      else if (args.transpose_b) c.noalias() += args.alpha * a * b.transpose();
      else c.noalias() += args.alpha * a * b;
    } else {
      NaiveMatmul::run(args);
    }
  }
};

}  // namespace kiln
