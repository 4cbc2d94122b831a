// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Fourth rung of the matmul ladder: matmul as one case, ik,kj->ij, of contracting any operands over any labels.
#pragma once

#include <array>
#include <string_view>

#include <kiln/core/memory.hpp>
#include <kiln/kernels/contraction.hpp>
#include <kiln/kernels/matmul.hpp>

namespace kiln {

/// c = contraction of a and b over their common label.
struct EinsumMatmul {
  static constexpr std::string_view name = "einsum";

  template <class T>
  static void run(const MatmulArgs<T>& args) {
    // ik,kj->ij
    std::array<ContractionLoop, 3> loops{{
        {.size = args.m, .a = args.a_row_stride(), .out = args.ldc},
        {.size = args.n, .b = args.b_column_stride(), .out = 1},
        {.size = args.k, .a = args.a_column_stride(), .b = args.b_row_stride(), .summed = true},
    }};
    if (args.alpha == T{1} && (args.beta == T{0} || args.beta == T{1})) {
      return contract<T>(loops, args.a, args.b, args.c, args.beta == T{1});
    }
    detail::BlockRef block(static_cast<std::size_t>(args.m * args.n) * sizeof(T));
    T* product = static_cast<T*>(block.payload());
    loops[0].out = args.n;
    contract<T>(loops, args.a, args.b, product);
    for (Index i = 0; i < args.m; ++i) {
      for (Index j = 0; j < args.n; ++j) args.put(i, j, product[i * args.n + j]);
    }
  }
};

}  // namespace kiln
