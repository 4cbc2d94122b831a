// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Second rung of the matmul ladder: the innermost loop becomes one operation on whole vectors, row times column.
#pragma once

#include <string_view>

#include <kiln/core/memory.hpp>
#include <kiln/kernels/matmul.hpp>
#include <kiln/kernels/vector_ops.hpp>

namespace kiln {

/// c[i, j] = dot(a[i, :], b[:, j]). Columns of b whose elements are not neighbours are copied first.
struct ElementwiseMatmul {
  static constexpr std::string_view name = "elementwise";

  template <class T>
  static void run(const MatmulArgs<T>& args) {
    if (args.k == 0) return args.scale_c();  // a and b may be null
    detail::BlockRef block(static_cast<std::size_t>(args.k) * sizeof(T));
    T* copy = static_cast<T*>(block.payload());
    for (Index j = 0; j < args.n; ++j) {
      const T* column = args.b + j * args.b_column_stride();
      if (args.b_row_stride() != 1) {
        for (Index p = 0; p < args.k; ++p) copy[p] = args.b_at(p, j);
        column = copy;
      }
      for (Index i = 0; i < args.m; ++i) {
        const T* row = args.a + i * args.a_row_stride();
        args.put(i, j, detail::dot(row, args.a_column_stride(), column, 1, args.k));
      }
    }
  }
};

}  // namespace kiln
