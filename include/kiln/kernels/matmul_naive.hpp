// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// First rung of the matmul ladder: three loops, straight from the definition.
#pragma once

#include <string_view>

#include <kiln/kernels/matmul.hpp>

namespace kiln {

/// c[i, j] = sum over p of a[i, p] * b[p, j].
struct NaiveMatmul {
  static constexpr std::string_view name = "naive";

  template <class T>
  static void run(const MatmulArgs<T>& args) {
    for (Index i = 0; i < args.m; ++i) {
      for (Index j = 0; j < args.n; ++j) {
        T sum{};
        for (Index p = 0; p < args.k; ++p) sum = static_cast<T>(sum + args.a_at(i, p) * args.b_at(p, j));
        args.put(i, j, sum);
      }
    }
  }
};

}  // namespace kiln
