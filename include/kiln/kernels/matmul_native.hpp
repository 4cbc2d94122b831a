// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Last rung of the matmul ladder, and the default.
#pragma once

#include <string_view>

#include <kiln/kernels/matmul.hpp>
#include <kiln/kernels/matmul_broadcast.hpp>

namespace kiln {

struct NativeMatmul {
  static constexpr std::string_view name = "native";

  template <class T>
  static void run(const MatmulArgs<T>& args) {
    BroadcastMatmul::run(args);
  }
};

}  // namespace kiln
