// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// What a convolution kernel is: a struct with a name and three templates, one for each pass of training. A convolution
/// in one dimension is one of images of height 1.
#pragma once

#include <concepts>
#include <string_view>

#include <kiln/core/size2.hpp>

namespace kiln {

/// The sizes of a convolution, all row-major: x is (N, in, image), w is (out, in / groups, kernel), y is (N, out,
/// result). y[n, o, p] = sum over c, k of w[o, c, k] * x[n, c, p * stride + k * dilation - padding], where x is 0
/// outside of the image, and c runs over the channels of o's group.
struct ConvSizes {
  Index samples = 0, in = 0, out = 0, groups = 1;
  Size2 image;
  Size2 kernel;
  Size2 stride = 1;
  Size2 padding = 0;
  Size2 dilation = 1;
  Size2 result = {positions(image.height, kernel.height, stride.height, padding.height, dilation.height),
                  positions(image.width, kernel.width, stride.width, padding.width, dilation.width)};

  constexpr Index group_in() const { return in / groups; }
  constexpr Index group_out() const { return out / groups; }
  constexpr Index image_area() const { return image.height * image.width; }
  constexpr Index result_area() const { return result.height * result.width; }
  constexpr Index kernel_area() const { return kernel.height * kernel.width; }
  /// The numbers of which each of y's is a weighted sum.
  constexpr Index depth() const { return group_in() * kernel_area(); }

  /// What a pass costs: a multiplication and an addition for every weight in every sum.
  constexpr double flops() const {
    return 2. * static_cast<double>(samples * out * result_area()) * static_cast<double>(depth());
  }

  /// How many positions a kernel has along a padded side: 0 if it does not fit.
  static constexpr Index positions(Index image, Index kernel, Index stride, Index padding, Index dilation) {
    const Index free = image + 2 * padding - dilation * (kernel - 1) - 1;
    return free < 0 || stride < 1 ? 0 : free / stride + 1;
  }
};

/// The passes of a convolution. Each adds to what is there if told so; else the output is not read. No output overlaps
/// an input.
template <class T>
struct ConvPasses {
  /// y = convolution of x by w, plus bias (out), which may be null.
  void (*forward)(const ConvSizes&, const T* x, const T* w, const T* bias, T* y, bool add);
  /// dx, given dy: each of y's gradients flows back to the numbers that it is a sum of.
  void (*input_gradient)(const ConvSizes&, const T* dy, const T* w, T* dx, bool add);
  /// dw, given x and dy.
  void (*weight_gradient)(const ConvSizes&, const T* x, const T* dy, T* dw, bool add);
};

/// A struct that can be used as a convolution kernel.
template <class K, class T = float>
concept ConvKernelLike = requires(const ConvSizes& sizes, const T* in, T* out) {
  { K::name } -> std::convertible_to<std::string_view>;
  K::forward(sizes, in, in, in, out, true);
  K::input_gradient(sizes, in, in, out, true);
  K::weight_gradient(sizes, in, in, out, true);
};

/// A convolution kernel as a value, to be selected, listed and compared.
struct ConvKernel {
  std::string_view name;
  ConvPasses<float> f32;
  ConvPasses<double> f64;

  template <class T>
  const ConvPasses<T>& passes() const {
    if constexpr (std::same_as<T, float>) return f32;
    else return f64;
  }
};

namespace detail {

template <class K, class T>
inline constexpr ConvPasses<T> conv_passes_of = {&K::template forward<T>, &K::template input_gradient<T>,
                                                 &K::template weight_gradient<T>};

template <class K>
constexpr ConvKernel make_conv_kernel() {
  static_assert(ConvKernelLike<K, float> && ConvKernelLike<K, double>,
                "kiln: a convolution kernel is a struct with `static constexpr std::string_view name = \"...\";` and "
                "templates `forward`, `input_gradient` and `weight_gradient` as in kiln::ConvPasses<T>");
  if constexpr (ConvKernelLike<K, float> && ConvKernelLike<K, double>) {
    return {K::name, conv_passes_of<K, float>, conv_passes_of<K, double>};
  }
}

}  // namespace detail

/// The kernel that the struct K describes.
template <class K>
inline constexpr ConvKernel conv_kernel_of = detail::make_conv_kernel<K>();

}  // namespace kiln
