// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Which convolution kernel is used: the scope's, else the Winograd one.
#pragma once

#include <kiln/core/parallel.hpp>
#include <kiln/kernels/conv.hpp>
#include <kiln/kernels/conv_winograd.hpp>

namespace kiln {

namespace detail {

/// The passes to use here and now. The default is compiled only for the element types in use.
template <class T>
const ConvPasses<T>& current_conv_passes() {
  if (const void* scoped = scoped_choices.conv) return static_cast<const ConvKernel*>(scoped)->passes<T>();
  return conv_passes_of<WinogradConv, T>;
}

}  // namespace detail

/// The kernel that convolutions use here and now.
template <class Default = WinogradConv>
const ConvKernel& current_conv() {
  const void* scoped = detail::scoped_choices.conv;
  return scoped ? *static_cast<const ConvKernel*>(scoped) : conv_kernel_of<Default>;
}

/// While it lives, convolutions of its thread, backward ones included, use its kernel.
class [[nodiscard]] ConvScope {
 public:
  explicit ConvScope(const ConvKernel& kernel) : kernel_(kernel), outer_(detail::scoped_choices.conv) {
    detail::scoped_choices.conv = &kernel_;
  }
  ConvScope(const ConvScope&) = delete;
  ConvScope& operator=(const ConvScope&) = delete;
  ~ConvScope() { detail::scoped_choices.conv = outer_; }

 private:
  ConvKernel kernel_;
  const void* outer_;
};

/// Uses a kernel until the end of the scope: `auto scope = use_conv<LoopsConv>();`
template <class K>
[[nodiscard]] ConvScope use_conv() {
  return ConvScope(conv_kernel_of<K>);
}

/// The same with a kernel found by name: `auto scope = use_conv(conv_kernel("im2col"));`
[[nodiscard]] inline ConvScope use_conv(const ConvKernel& kernel) { return ConvScope(kernel); }

}  // namespace kiln
