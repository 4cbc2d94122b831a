// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// All rungs of the matmul ladder, by position and by name.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include <kiln/core/error.hpp>
#include <kiln/kernels/matmul.hpp>
#include <kiln/kernels/matmul_broadcast.hpp>
#include <kiln/kernels/matmul_einsum.hpp>
#include <kiln/kernels/matmul_elementwise.hpp>
#include <kiln/kernels/matmul_naive.hpp>
#include <kiln/kernels/matmul_native.hpp>
#if __has_include(<Eigen/Core>)
#include <kiln/kernels/matmul_eigen.hpp>
#endif

namespace kiln {

namespace detail {

// Templates, all three, so that the rungs are compiled only in a program that asks for them by position or by name.
template <class = void>
inline constexpr std::array matmul_ladder = {
    matmul_kernel_of<NaiveMatmul>,     matmul_kernel_of<ElementwiseMatmul>,
    matmul_kernel_of<BroadcastMatmul>, matmul_kernel_of<EinsumMatmul>,
#if __has_include(<Eigen/Core>)
    matmul_kernel_of<EigenMatmul>,
#endif
    matmul_kernel_of<NativeMatmul>,
};

}  // namespace detail

/// Every rung, the plainest first. The one made by Eigen is there if Eigen is installed.
template <class Unused = void>
constexpr std::span<const MatmulKernel> matmul_kernels() {
  return detail::matmul_ladder<Unused>;
}

/// The rung of that name. Throws: IndexError, listing the names.
template <class Unused = void>
const MatmulKernel& matmul_kernel(std::string_view name) {
  std::string names;
  for (const MatmulKernel& kernel : matmul_kernels<Unused>()) {
    if (kernel.name == name) return kernel;
    names += names.empty() ? "" : ", ";
    names += kernel.name;
  }
  fail<IndexError>("matmul_kernel", concat("must be one of ", names), concat("got ", name));
}

}  // namespace kiln
