// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: a convolution kernel is a struct with .static constexpr std::string_view name
#include <kiln/kernels/conv_loops.hpp>
#include <kiln/kernels/conv_select.hpp>

struct Mine {
  static constexpr std::string_view name = "mine";
  template <class T>
  static void forward(const kiln::ConvSizes&, const T*, const T*, const T*, T*, bool) {}
};

#ifndef KILN_CONTROL
auto scope = kiln::use_conv<Mine>();
#else
auto scope = kiln::use_conv<kiln::LoopsConv>();
#endif
