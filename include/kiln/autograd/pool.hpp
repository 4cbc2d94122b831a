// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Pooling of vars (N, C, H, W): maximum and average over windows, adaptive and global; for (N, C, L) too.
/// Source: the functions of the same names in torch.nn.functional.
#pragma once

#include <kiln/autograd/record.hpp>
#include <kiln/core/size2.hpp>
#include <kiln/kernels/pool.hpp>

namespace kiln {

struct MaxPoolOptions {
  Size2 kernel;
  Size2 stride = kernel;
  Size2 padding = 0;       ///< never the maximum itself
  Size2 dilation = 1;      ///< the distance of a window's elements
  bool ceil_mode = false;  ///< whether a last window may reach beyond the padded input
};

struct AvgPoolOptions {
  Size2 kernel;
  Size2 stride = kernel;
  Size2 padding = 0;
  bool ceil_mode = false;         ///< whether a last window may reach beyond the padded input
  bool count_include_pad = true;  ///< whether padding counts in the divisor
};

namespace detail {

struct PoolGeometry {
  Size2 kernel, stride, padding, dilation = 1;
  bool ceil_mode = false;
};

inline PoolAxis pool_axis(Index in, Index kernel, Index stride, Index padding, Index dilation, bool ceil_mode) {
  PoolAxis axis{.in = in, .out = 0, .kernel = kernel, .stride = stride, .padding = padding, .dilation = dilation};
  const Index room = in + 2 * padding - dilation * (kernel - 1) - 1 + (ceil_mode ? stride - 1 : 0);
  if (in > 0 && room >= 0) axis.out = room / stride + 1;
  if (ceil_mode && (axis.out - 1) * stride >= in + padding) --axis.out;  // it would see padding only
  return axis;
}

/// The last two axes are pooled; a missing height is 1. Throws: UsageError, ShapeError.
template <int R>
PoolDims pool_dims(std::string_view op, const Shape<R>& x, const PoolGeometry& g) {
  constexpr Index most = (std::numeric_limits<std::int32_t>::max)();
  auto text = [](const Size2& size) { return R == 3 ? concat(size.width) : concat(size); };
  auto check = [&](std::string_view name, const Size2& size) {
    if ((std::min)(size.height, size.width) >= 1 && (std::max)(size.height, size.width) <= most) return;
    fail<UsageError>(op, concat(name, " must be at least 1, and below 2^31"), concat("got ", text(size)));
  };
  check("kernel", g.kernel), check("stride", g.stride), check("dilation", g.dilation);
  if ((std::min)(g.padding.height, g.padding.width) < 0 || g.padding.height > g.kernel.height / 2 ||
      g.padding.width > g.kernel.width / 2) {
    fail<UsageError>(op, "padding must not be negative, nor more than half the kernel",
                     concat("got ", text(g.padding), " for a kernel of ", text(g.kernel)));
  }
  PoolDims dims{.planes = x[0] * x[1], .height = {}, .width = {}};
  if constexpr (R == 4) {
    dims.height = pool_axis(x[2], g.kernel.height, g.stride.height, g.padding.height, g.dilation.height, g.ceil_mode);
  }
  dims.width = pool_axis(x[R - 1], g.kernel.width, g.stride.width, g.padding.width, g.dilation.width, g.ceil_mode);
  if (dims.plane_out() == 0) {
    fail<ShapeError>(op, concat("the padded input must hold a window of the kernel, ", text(g.kernel)),
                     concat("got shape ", x));
  }
  return dims;
}

/// Windows that divide an axis evenly among the outputs.
inline PoolAxis adaptive_axis(Index in, Index out) {
  if (in % out != 0) return {.in = in, .out = out, .adaptive = true};
  return {.in = in, .out = out, .kernel = in / out, .stride = in / out};
}

template <int R>
PoolDims adaptive_dims(std::string_view op, const Shape<R>& x, const Size2& output) {
  if ((std::min)(output.height, output.width) < 1) {
    fail<UsageError>(op, "the output must have sizes of at least 1", concat("got ", output));
  }
  if (x[R - 2] == 0 || x[R - 1] == 0) fail<ShapeError>(op, "planes must not be empty", concat("got shape ", x));
  return {.planes = x[0] * x[1],
          .height = adaptive_axis(x[R - 2], output.height),
          .width = adaptive_axis(x[R - 1], output.width)};
}

template <int R>
Shape<R> pooled_shape(const Shape<R>& x, const PoolDims& dims) {
  Shape<R> shape = x;
  if constexpr (R == 4) shape[2] = dims.height.out;
  shape[R - 1] = dims.width.out;
  return shape;
}

template <int R, class T>
Var<R, T> max_pool(std::string_view op, const Var<R, T>& x, const PoolDims& dims) {
  if (dims.plane_in() > (std::numeric_limits<std::int32_t>::max)()) {
    fail<ShapeError>(op, "a plane must have fewer than 2^31 elements", concat("got shape ", x.shape()));
  }
  auto value = uninitialised<T>(pooled_shape(x.shape(), dims));
  Tensor<R, std::int32_t> where;
  if (x.wants_grad()) where = uninitialised<std::int32_t>(value.shape());
  max_pool(dims, x.value().data(), value.data(), where.data());
  auto pull_back = [dims, where = std::move(where)](const auto& dy, auto& dx) {
    dx.add_by([&](Tensor<R, T>& to, bool first) { max_pool_back(dims, dy.data(), where.data(), to.data(), first); });
  };
  return record(op, std::move(value), std::move(pull_back), x);
}

template <int R, int From, class T>
Var<R, T> avg_pool(std::string_view op, const Var<From, T>& x, const Shape<R>& shape, const PoolDims& dims,
                   bool count_padding = false) {
  auto value = uninitialised<T>(shape);
  avg_pool(dims, x.value().data(), value.data(), count_padding);
  auto pull_back = [dims, count_padding](const auto& dy, auto& dx) {
    dx.add_by(
        [&](Tensor<From, T>& to, bool first) { avg_pool_back(dims, dy.data(), to.data(), first, count_padding); });
  };
  return record(op, std::move(value), pull_back, x);
}

}  // namespace detail

/// The maximum of each window of each plane: (N, C, H, W) to (N, C, H', W'). The gradient goes to the first maximum.
/// Throws: UsageError for options that make no sense, ShapeError for an input smaller than a window.
template <class T>
Var<4, T> max_pool2d(const Var<4, T>& x, const MaxPoolOptions& o) {
  auto dims = detail::pool_dims("max_pool2d", x.shape(), {o.kernel, o.stride, o.padding, o.dilation, o.ceil_mode});
  return detail::max_pool("max_pool2d", x, dims);
}

/// The same over (N, C, L): the width of each option counts.
template <class T>
Var<3, T> max_pool1d(const Var<3, T>& x, const MaxPoolOptions& o) {
  auto dims = detail::pool_dims("max_pool1d", x.shape(), {o.kernel, o.stride, o.padding, o.dilation, o.ceil_mode});
  return detail::max_pool("max_pool1d", x, dims);
}

/// The average of each window of each plane. Throws: as max_pool2d.
template <class T>
Var<4, T> avg_pool2d(const Var<4, T>& x, const AvgPoolOptions& o) {
  auto dims = detail::pool_dims("avg_pool2d", x.shape(), {o.kernel, o.stride, o.padding, 1, o.ceil_mode});
  return detail::avg_pool("avg_pool2d", x, detail::pooled_shape(x.shape(), dims), dims, o.count_include_pad);
}

/// The same over (N, C, L): the width of each option counts.
template <class T>
Var<3, T> avg_pool1d(const Var<3, T>& x, const AvgPoolOptions& o) {
  auto dims = detail::pool_dims("avg_pool1d", x.shape(), {o.kernel, o.stride, o.padding, 1, o.ceil_mode});
  return detail::avg_pool("avg_pool1d", x, detail::pooled_shape(x.shape(), dims), dims, o.count_include_pad);
}

/// Maxima over windows that divide each plane evenly into output.height by output.width, overlapping where they must.
/// Throws: UsageError, ShapeError for an empty plane.
template <class T>
Var<4, T> adaptive_max_pool2d(const Var<4, T>& x, const Size2& output) {
  return detail::max_pool("adaptive_max_pool2d", x, detail::adaptive_dims("adaptive_max_pool2d", x.shape(), output));
}

/// Averages over the same windows.
template <class T>
Var<4, T> adaptive_avg_pool2d(const Var<4, T>& x, const Size2& output) {
  auto dims = detail::adaptive_dims("adaptive_avg_pool2d", x.shape(), output);
  return detail::avg_pool("adaptive_avg_pool2d", x, detail::pooled_shape(x.shape(), dims), dims);
}

/// The average of each plane: (N, C, H, W) to (N, C).
template <class T>
Var<2, T> global_avg_pool2d(const Var<4, T>& x) {
  auto dims = detail::adaptive_dims("global_avg_pool2d", x.shape(), 1);
  return detail::avg_pool("global_avg_pool2d", x, Shape<2>(x.size(0), x.size(1)), dims);
}

}  // namespace kiln
