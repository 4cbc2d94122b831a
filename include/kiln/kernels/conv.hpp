// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// What a convolution kernel is: a struct with a name and three templates, one for each pass of training. A convolution
/// in one dimension is one of images of height 1.
#pragma once

#include <concepts>
#include <string_view>

#include <kiln/core/size2.hpp>
#include <kiln/kernels/conv_epilogue.hpp>

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
  /// The numbers of y.
  constexpr Index result_size() const { return samples * out * result_area(); }
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
  /// y = convolution of x by w, plus bias (out), which may be null; then relu if wanted, which does not go with `add`.
  void (*forward)(const ConvSizes&, const T* x, const T* w, const T* bias, T* y, bool add, bool relu);
  /// dx, given dy: each of y's gradients flows back to the numbers that it is a sum of. With y, the result of a relu,
  /// dy counts only where y is not 0.
  void (*input_gradient)(const ConvSizes&, const T* dy, const T* w, T* dx, bool add, const T* y);
  /// dw, given x and dy, which counts as above. Sets db (out), which may be null, to the sums of dy's channels.
  void (*weight_gradient)(const ConvSizes&, const T* x, const T* dy, T* dw, bool add, const T* y, T* db);
};

/// A struct that can be used as a convolution kernel: its passes take everything but the last arguments above, `relu`,
/// `y` and `db`. What they stand for is done by the caller, unless the kernel takes them too and says
/// `static constexpr bool epilogue = true;`: bit for bit as if done in passes of its own, but for the order of db's
/// sums.
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

/// The passes of K, and what K leaves to its caller.
template <class K, class T>
struct WholeConv {
  static constexpr bool epilogue = requires { requires K::epilogue; };

  static void forward(const ConvSizes& s, const T* x, const T* w, const T* bias, T* y, bool add, bool relu) {
    if constexpr (epilogue) {
      K::forward(s, x, w, bias, y, add, relu);
    } else {
      K::forward(s, x, w, bias, y, add);
      if (relu) relu_in_place(y, s.result_size());
    }
  }
  static void input_gradient(const ConvSizes& s, const T* dy, const T* w, T* dx, bool add, const T* y) {
    if constexpr (epilogue) K::input_gradient(s, dy, w, dx, add, y);
    else K::input_gradient(s, BehindRelu<T>(dy, y, s.result_size()).dz, w, dx, add);
  }
  static void weight_gradient(const ConvSizes& s, const T* x, const T* dy, T* dw, bool add, const T* y, T* db) {
    if constexpr (epilogue) {
      K::weight_gradient(s, x, dy, dw, add, y, db);
    } else {
      const BehindRelu<T> behind(dy, y, s.result_size());
      K::weight_gradient(s, x, behind.dz, dw, add);
      if (db) sum_channels(behind.dz, s.samples, s.out, s.result_area(), db);
    }
  }
};

template <class K, class T>
inline constexpr ConvPasses<T> conv_passes_of = {&WholeConv<K, T>::forward, &WholeConv<K, T>::input_gradient,
                                                 &WholeConv<K, T>::weight_gradient};

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
