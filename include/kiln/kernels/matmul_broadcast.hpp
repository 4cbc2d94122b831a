// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Third rung of the matmul ladder: two loops become operations on vectors, one row of a against all of b.
#pragma once

#include <string_view>

#include <kiln/kernels/matmul.hpp>
#include <kiln/kernels/vector_ops.hpp>

namespace kiln {

/// c[i, :] = sum over p of a[i, p] * b[p, :], each row of b multiplied by its element of a's row and added up.
struct BroadcastMatmul {
  static constexpr std::string_view name = "broadcast";

  template <class T>
  static void run(const MatmulArgs<T>& args) {
    args.scale_c();
    for (Index i = 0; i < args.m; ++i) {
      T* out = args.c + i * args.ldc;
      for (Index p = 0; p < args.k; ++p) {
        T factor = static_cast<T>(args.alpha * args.a_at(i, p));
        if (args.transpose_b) {
          for (Index j = 0; j < args.n; ++j) out[j] = static_cast<T>(out[j] + factor * args.b_at(p, j));
        } else {
          detail::axpy(factor, args.b + p * args.ldb, out, args.n);
        }
      }
    }
  }
};

}  // namespace kiln
