// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// All rungs of the convolution ladder, by position and by name.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include <kiln/core/error.hpp>
#include <kiln/kernels/conv.hpp>
#include <kiln/kernels/conv_direct.hpp>
#include <kiln/kernels/conv_im2col.hpp>
#include <kiln/kernels/conv_loops.hpp>
#include <kiln/kernels/conv_winograd.hpp>

namespace kiln {

namespace detail {

// Templates, all three, so that the rungs are compiled only in a program that asks for them by position or by name.
template <class = void>
inline constexpr std::array conv_ladder = {conv_kernel_of<LoopsConv>, conv_kernel_of<Im2colConv>,
                                           conv_kernel_of<DirectConv>, conv_kernel_of<WinogradConv>};

}  // namespace detail

/// Every rung, the plainest first.
template <class Unused = void>
constexpr std::span<const ConvKernel> conv_kernels() {
  return detail::conv_ladder<Unused>;
}

/// The rung of that name. Throws: IndexError, listing the names.
template <class Unused = void>
const ConvKernel& conv_kernel(std::string_view name) {
  std::string names;
  for (const ConvKernel& kernel : conv_kernels<Unused>()) {
    if (kernel.name == name) return kernel;
    names += names.empty() ? "" : ", ";
    names += kernel.name;
  }
  fail<IndexError>("conv_kernel", concat("must be one of ", names), concat("got ", name));
}

}  // namespace kiln
