// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Convolutions of vars: `conv1d`, `conv2d`, `conv2d_relu` and `conv_transpose2d`, by the selected kernel (`use_conv`).
/// Source: torch.nn.functional, whose formulas and layouts these are.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>

#include <kiln/autograd/record.hpp>
#include <kiln/kernels/conv_select.hpp>

namespace kiln {

struct Conv1dOptions {
  Index stride = 1;
  Index padding = 0;  ///< so many zeros on either side
  Index dilation = 1;
  Index groups = 1;
};

struct Conv2dOptions {
  Size2 stride = 1;
  Size2 padding = 0;  ///< so many zeros on either side
  Size2 dilation = 1;
  Index groups = 1;
};

struct ConvTranspose2dOptions {
  Size2 stride = 1;
  Size2 padding = 0;         ///< so many numbers fewer on either side of the result
  Size2 output_padding = 0;  ///< so many numbers more at the lower and right side of the result
  Index groups = 1;
  Size2 dilation = 1;
};

namespace detail {

/// The image of (N, C, H, W), or of (N, C, L) as one of height 1.
template <int R>
Size2 image_size(const Shape<R>& shape) {
  static_assert(R == 3 || R == 4);
  return {R == 4 ? shape[2] : 1, shape[R - 1]};
}

/// A size as the user of conv2d or conv1d gave it.
inline std::string size_text(Size2 size, std::size_t rank) { return rank == 3 ? concat(size.width) : concat(size); }

/// No side, stride or padding may be larger, so that sums and products of them fit 64 bits.
inline constexpr Index most_conv_size = Index{1} << 30;

inline void check_conv_options(std::string_view op, Dims weight, const Conv2dOptions& options) {
  constexpr Index most = most_conv_size;
  auto check = [&](std::string_view name, Size2 size, Index least) {
    if ((std::min)(size.height, size.width) >= least && (std::max)(size.height, size.width) <= most) return;
    fail<UsageError>(op, concat(name, " must be at least ", least, " and at most ", most),
                     concat("got ", size_text(size, weight.size())));
  };
  check("stride", options.stride, 1);
  check("padding", options.padding, 0);
  check("dilation", options.dilation, 1);
  for (Index size : weight) {
    if (size < 1 || size > most) fail<ShapeError>(op, "weight must not be empty", concat("got shape ", weight));
  }
  if (options.groups < 1 || weight[0] % options.groups != 0) {
    fail<UsageError>(op, concat("groups must divide the weight's axis 0, ", weight[0]), concat("got ", options.groups));
  }
}

inline void check_conv_input(std::string_view op, Dims x, Index channels) {
  if (x[1] != channels) fail<ShapeError>(op, concat("input's axis 1 must be ", channels), concat("got shape ", x));
  for (Index side : x.subspan(2)) {
    if (side > most_conv_size)
      fail<ShapeError>(op, concat("an image's sides must be at most ", most_conv_size), concat("got shape ", x));
  }
}

/// The elements of the bias, or null where there is none. Throws: ShapeError.
template <class T, class... B>
const T* conv_bias(std::string_view op, Index out, const B&... bias) {
  static_assert(sizeof...(bias) <= 1);
  for (const Tensor<1, T>* b : std::initializer_list<const Tensor<1, T>*>{&bias.value()...}) {
    if (b->numel() != out)
      fail<ShapeError>(op, concat("bias must have shape (", out, ",)"), concat("got ", b->shape()));
    return b->data();
  }
  return nullptr;
}

inline Conv2dOptions widen(const Conv1dOptions& options) {
  return {{1, options.stride}, {0, options.padding}, {1, options.dilation}, options.groups};
}

/// The sizes of a convolution of x by weight. Throws: ShapeError, UsageError.
template <int R>
ConvSizes conv_sizes(std::string_view op, const Shape<R>& x, const Shape<R>& weight, const Conv2dOptions& options) {
  check_conv_options(op, weight.span(), options);
  check_conv_input(op, x.span(), weight[1] * options.groups);
  ConvSizes sizes{.samples = x[0],
                  .in = x[1],
                  .out = weight[0],
                  .groups = options.groups,
                  .image = image_size(x),
                  .kernel = image_size(weight),
                  .stride = options.stride,
                  .padding = options.padding,
                  .dilation = options.dilation};
  if (sizes.result.height < 1 || sizes.result.width < 1) {
    auto text = [](Size2 size) { return size_text(size, R); };
    fail<ShapeError>(op, "the kernel must fit the padded image",
                     concat("got kernel ", text(sizes.kernel), " with dilation ", text(sizes.dilation), ", image ",
                            text(sizes.image), " with padding ", text(sizes.padding)));
  }
  return sizes;
}

/// The sizes of the convolution whose input gradient is the transposed convolution of x by weight. Throws: ShapeError,
/// UsageError.
inline ConvSizes conv_transpose_sizes(std::string_view op, const Shape<4>& x, const Shape<4>& weight,
                                      const ConvTranspose2dOptions& options) {
  check_conv_options(op, weight.span(), {options.stride, options.padding, options.dilation, options.groups});
  check_conv_input(op, x.span(), weight[0]);
  const Size2 more = options.output_padding;
  auto side = [](Index size, Index kernel, Index stride, Index padding, Index dilation, Index extra) {
    return size == 0 ? 0 : (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + extra + 1;
  };
  auto fits = [](Index extra, Index stride, Index dilation) {
    return extra >= 0 && extra < (std::max)(stride, dilation);
  };
  if (!fits(more.height, options.stride.height, options.dilation.height) ||
      !fits(more.width, options.stride.width, options.dilation.width)) {
    fail<UsageError>(op, "output_padding must be smaller than stride or dilation",
                     concat("got ", more, ", stride ", options.stride, " and dilation ", options.dilation));
  }
  const Index height =
      side(x[2], weight[2], options.stride.height, options.padding.height, options.dilation.height, more.height);
  const Index width =
      side(x[3], weight[3], options.stride.width, options.padding.width, options.dilation.width, more.width);
  if (height < 1 || width < 1) {
    fail<ShapeError>(op, "the result must not be empty",
                     concat("got input ", image_size(x), " with padding ", options.padding));
  }
  return {.samples = x[0],
          .in = weight[1] * options.groups,
          .out = weight[0],
          .groups = options.groups,
          .image = {height, width},
          .kernel = image_size(weight),
          .stride = options.stride,
          .padding = options.padding,
          .dilation = options.dilation,
          .result = image_size(x)};
}

/// The gradient of a bias: of each channel, the sum over all samples and positions. With y, the result of a relu, dy
/// counts where y is positive.
template <int R, class T>
Tensor<1, T> bias_gradient(const Tensor<R, T>& dy, const Tensor<R, T>& y) {
  auto sums = uninitialised<T>(Shape<1>{dy.size(1)});
  const Index area = dy.numel() / (std::max)(Index{1}, dy.size(0) * dy.size(1));
  sum_channels(BehindRelu<T>(dy.data(), y.data(), dy.numel()).dz, dy.size(0), dy.size(1), area, sums.data());
  return sums;
}

/// What the pull-back reads of x: its elements only if the other factor wants a gradient.
template <int R, class T, class Other>
Tensor<R, T> keep_for(const Other& other, const Var<R, T>& x) {
  return other.wants_grad() ? alias(x.value()) : without_elements<R, T>();
}

/// A convolution with a bias, or none, and relu if wanted.
template <int R, class T, class... B>
Var<R, T> convolve(std::string_view op, bool relu, const Conv2dOptions& options, const Var<R, T>& x,
                   const Var<R, T>& weight, const B&... bias) {
  const ConvSizes sizes = conv_sizes(op, x.shape(), weight.shape(), options);
  const T* offset = conv_bias<T>(op, sizes.out, bias...);
  Shape<R> shape = x.shape();
  shape[1] = sizes.out;
  if constexpr (R == 4) shape[2] = sizes.result.height;
  shape[R - 1] = sizes.result.width;
  auto value = uninitialised<T>(shape);
  current_conv_passes<T>().forward(sizes, x.value().data(), weight.value().data(), offset, value.data(), false, relu);
  count_flops([&] { return sizes.flops(); }, x, weight);
  auto pull_back = [sizes, kept_x = keep_for(weight, x), kept_w = keep_for(x, weight),
                    y = relu ? alias(value) : without_elements<R, T>()](const Tensor<R, T>& dy, GradSlot<R, T>& dx,
                                                                        GradSlot<R, T>& dw, auto&... db) {
    dx.add_by([&](Tensor<R, T>& to, bool first) {
      current_conv_passes<T>().input_gradient(sizes, dy.data(), kept_w.data(), to.data(), !first, y.data());
    });
    const bool biased = (false || ... || static_cast<bool>(db));
    auto sums = dw && biased ? uninitialised<T>(Shape<1>{sizes.out}) : without_elements<1, T>();
    dw.add_by([&](Tensor<R, T>& to, bool first) {
      current_conv_passes<T>().weight_gradient(sizes, kept_x.data(), dy.data(), to.data(), !first, y.data(),
                                               sums.data());
    });
    if (biased) ((db += dw ? std::move(sums) : bias_gradient(dy, y)), ...);
  };
  return record(op, std::move(value), std::move(pull_back), x, weight, bias...);
}

template <class X, class W, class... B>
auto conv2d(std::string_view op, bool relu, const Conv2dOptions& options, const X& input, const W& weight,
            const B&... bias) {
  static_assert(X::rank == 4 && W::rank == 4 && (... && (B::rank == 1)),
                "kiln: conv2d takes x (N, C, H, W), weight (O, C / groups, KH, KW) and bias (O)");
  return with_vars(
      op, [&](const auto&... vars) { return convolve(op, relu, options, vars...); }, input, weight, bias...);
}

/// A transposed convolution with a bias, or none: a convolution's input gradient, and so pulled back by its forward.
template <class T, class... B>
Var<4, T> convolve_transposed(std::string_view op, const ConvTranspose2dOptions& options, const Var<4, T>& x,
                              const Var<4, T>& weight, const B&... bias) {
  const ConvSizes sizes = conv_transpose_sizes(op, x.shape(), weight.shape(), options);
  const T* offset = conv_bias<T>(op, sizes.in, bias...);
  auto value = uninitialised<T>(Shape<4>{x.size(0), sizes.in, sizes.image.height, sizes.image.width});
  for (Index row = 0; offset && row < sizes.samples * sizes.in; ++row)
    std::fill_n(value.data() + row * sizes.image_area(), sizes.image_area(), offset[row % sizes.in]);
  current_conv_passes<T>().input_gradient(sizes, x.value().data(), weight.value().data(), value.data(),
                                          offset != nullptr, nullptr);
  count_flops([&] { return sizes.flops(); }, x, weight);
  auto pull_back = [sizes, kept_x = keep_for(weight, x), kept_w = keep_for(x, weight)](
                       const Tensor<4, T>& dy, GradSlot<4, T>& dx, GradSlot<4, T>& dw, auto&... db) {
    dx.add_by([&](Tensor<4, T>& to, bool first) {
      current_conv_passes<T>().forward(sizes, dy.data(), kept_w.data(), nullptr, to.data(), !first, false);
    });
    dw.add_by([&](Tensor<4, T>& to, bool first) {
      current_conv_passes<T>().weight_gradient(sizes, dy.data(), kept_x.data(), to.data(), !first, nullptr, nullptr);
    });
    ((db ? void(db += bias_gradient(dy, without_elements<4, T>())) : void()), ...);
  };
  return record(op, std::move(value), std::move(pull_back), x, weight, bias...);
}

}  // namespace detail

/// x (N, C, L) by weight (O, C / groups, K) and bias (O) to (N, O, (L + 2 padding - dilation (K - 1) - 1) / stride +
/// 1). Throws: ShapeError, UsageError.
template <VarOperand X, VarOperand W, VarOperand B>
auto conv1d(const X& input, const W& weight, const B& bias, Conv1dOptions options = {}) {
  static_assert(X::rank == 3 && W::rank == 3 && B::rank == 1,
                "kiln: conv1d takes x (N, C, L), weight (O, C / groups, K) and bias (O)");
  auto run = [&](const auto&... vars) { return detail::convolve("conv1d", false, detail::widen(options), vars...); };
  return detail::with_vars("conv1d", run, input, weight, bias);
}

/// The same without bias.
template <VarOperand X, VarOperand W>
auto conv1d(const X& input, const W& weight, Conv1dOptions options = {}) {
  static_assert(X::rank == 3 && W::rank == 3, "kiln: conv1d takes x (N, C, L) and weight (O, C / groups, K)");
  auto run = [&](const auto&... vars) { return detail::convolve("conv1d", false, detail::widen(options), vars...); };
  return detail::with_vars("conv1d", run, input, weight);
}

/// x (N, C, H, W) by weight (O, C / groups, KH, KW) and bias (O) to (N, O, H', W'), where
/// H' = (H + 2 padding - dilation (KH - 1) - 1) / stride + 1. Throws: ShapeError, UsageError.
template <VarOperand X, VarOperand W, VarOperand B>
auto conv2d(const X& input, const W& weight, const B& bias, Conv2dOptions options = {}) {
  return detail::conv2d("conv2d", false, options, input, weight, bias);
}

/// The same without bias.
template <VarOperand X, VarOperand W>
auto conv2d(const X& input, const W& weight, Conv2dOptions options = {}) {
  return detail::conv2d("conv2d", false, options, input, weight);
}

/// relu(conv2d(x, weight, bias, options)) as one operation: the same bits, in fewer passes over y and its gradient.
template <VarOperand X, VarOperand W, VarOperand B>
auto conv2d_relu(const X& input, const W& weight, const B& bias, Conv2dOptions options = {}) {
  return detail::conv2d("conv2d_relu", true, options, input, weight, bias);
}

/// relu(conv2d(x, weight, options)).
template <VarOperand X, VarOperand W>
auto conv2d_relu(const X& input, const W& weight, Conv2dOptions options = {}) {
  return detail::conv2d("conv2d_relu", true, options, input, weight);
}

/// What conv2d does to gradients, as an operation of its own: x (N, C, H, W) by weight (C, O / groups, KH, KW) and bias
/// (O) to (N, O, H', W'), where H' = (H - 1) stride - 2 padding + dilation (KH - 1) + output_padding + 1.
/// Throws: ShapeError, UsageError.
template <VarOperand X, VarOperand W, VarOperand B>
auto conv_transpose2d(const X& input, const W& weight, const B& bias, ConvTranspose2dOptions options = {}) {
  static_assert(X::rank == 4 && W::rank == 4 && B::rank == 1,
                "kiln: conv_transpose2d takes x (N, C, H, W), weight (C, O / groups, KH, KW) and bias (O)");
  auto run = [&](const auto&... vars) { return detail::convolve_transposed("conv_transpose2d", options, vars...); };
  return detail::with_vars("conv_transpose2d", run, input, weight, bias);
}

/// The same without bias.
template <VarOperand X, VarOperand W>
auto conv_transpose2d(const X& input, const W& weight, ConvTranspose2dOptions options = {}) {
  static_assert(X::rank == 4 && W::rank == 4,
                "kiln: conv_transpose2d takes x (N, C, H, W) and weight (C, O / groups, KH, KW)");
  auto run = [&](const auto&... vars) { return detail::convolve_transposed("conv_transpose2d", options, vars...); };
  return detail::with_vars("conv_transpose2d", run, input, weight);
}

}  // namespace kiln
