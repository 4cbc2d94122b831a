// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Padding and upsampling of vars (N, C, H, W).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include <kiln/autograd/record.hpp>
#include <kiln/core/sides2.hpp>
#include <kiln/core/size2.hpp>
#include <kiln/kernels/resample.hpp>

namespace kiln {

/// What is beyond the border: zeros, the plane mirrored at its last row or column, or that row or column again.
enum class PadMode { zeros, reflect, replicate };

/// How a value between elements is made: it is the one at or before it, or a blend of the four around it.
enum class Interpolation { nearest, bilinear };

struct UpsampleOptions {
  Size2 size = {};   ///< of the result; given by `scale` unless set
  double scale = 0;  ///< the result has floor(scale * size of x) rows and columns
  Interpolation mode = Interpolation::nearest;
  bool align_corners = false;  ///< of bilinear: whether corners lie on corners, or areas on areas
};

namespace detail {

template <int R>
ResampleDims resample_dims(const Shape<R>& x, Index height, Index width) {
  return {x[0] * x[1], x[2], x[3], height, width};
}

/// y[n, c, i, j] = x[n, c, rows[i], columns[j]], or 0 where one of the two is negative.
template <class T>
Var<4, T> pick_positions(std::string_view op, const Var<4, T>& x, Tensor<1, Index> rows, Tensor<1, Index> columns) {
  const ResampleDims dims = resample_dims(x.shape(), rows.numel(), columns.numel());
  auto value = uninitialised<T>(Shape<4>(x.size(0), x.size(1), dims.height, dims.width));
  pick(dims, rows.data(), columns.data(), x.value().data(), value.data());
  auto pull_back = [dims, rows = std::move(rows), columns = std::move(columns)](const auto& dy, auto& dx) {
    dx.add_by([&](Tensor<4, T>& to, bool first) {
      pick_back(dims, rows.data(), columns.data(), dy.data(), to.data(), first);
    });
  };
  return record(op, std::move(value), std::move(pull_back), x);
}

inline Tensor<1, Index> padded_positions(Index size, Index before, Index after, PadMode mode) {
  auto at = uninitialised<Index>(Shape<1>(before + size + after));
  for (Index i = 0; i < at.numel(); ++i) {
    Index from = i - before;
    if (mode == PadMode::replicate) from = (std::clamp)(from, Index{0}, size - 1);
    else if (mode == PadMode::reflect && from < 0) from = -from;
    else if (mode == PadMode::reflect && from >= size) from = 2 * (size - 1) - from;
    else if (from >= size) from = -1;
    at.data()[i] = from;
  }
  return at;
}

/// Where each of `out` positions lies on an axis of `in`, `scale` times smaller or 0 if the sizes say that.
inline Tensor<1, Index> nearest_positions(Index in, Index out, double scale) {
  auto at = uninitialised<Index>(Shape<1>(out));
  for (Index i = 0; i < out; ++i) {
    const Index from = scale > 0 ? static_cast<Index>(static_cast<double>(i) / scale) : i * in / out;
    at.data()[i] = (std::min)(from, in - 1);
  }
  return at;
}

/// The same for a blend: places, which may lie between positions.
inline Tensor<1, double> bilinear_places(Index in, Index out, double scale, bool align_corners) {
  const auto inputs = static_cast<double>(in), outputs = static_cast<double>(out);
  auto at = uninitialised<double>(Shape<1>(out));
  for (Index i = 0; i < out; ++i) {
    const auto to = static_cast<double>(i);
    double place = 0;
    if (!align_corners) place = (to + 0.5) * (scale > 0 ? 1 / scale : inputs / outputs) - 0.5;
    else if (out > 1) place = to * (inputs - 1) / (outputs - 1);
    at.data()[i] = (std::clamp)(place, 0., inputs - 1);
  }
  return at;
}

inline Size2 upsampled_size(const Shape<4>& x, const UpsampleOptions& o) {
  if (o.align_corners && o.mode == Interpolation::nearest) {
    fail<UsageError>("upsample", "align_corners is for bilinear interpolation", "it was asked for with nearest");
  }
  if ((o.size == Size2{}) == (o.scale == 0)) {
    fail<UsageError>("upsample", "either size or scale must be given",
                     concat("got size ", o.size, " and scale ", o.scale));
  }
  if (x[2] == 0 || x[3] == 0) fail<ShapeError>("upsample", "planes must not be empty", concat("got shape ", x));
  if (o.scale == 0) {
    if ((std::min)(o.size.height, o.size.width) < 1)
      fail<UsageError>("upsample", "size must be at least 1", concat("got ", o.size));
    return o.size;
  }
  const double height = std::floor(o.scale * static_cast<double>(x[2]));
  const double width = std::floor(o.scale * static_cast<double>(x[3]));
  if (!(height >= 1 && width >= 1 && height < 1e9 && width < 1e9)) {
    fail<UsageError>("upsample", "scale must give sizes of at least 1, and below 10^9",
                     concat("got ", o.scale, " for shape ", x));
  }
  return {static_cast<Index>(height), static_cast<Index>(width)};
}

}  // namespace detail

/// x within a margin: (N, C, H, W) to (N, C, top + H + bottom, left + W + right).
/// Throws: UsageError for a margin below 0, ShapeError where there is too little to reflect or replicate.
/// Source: torch.nn.functional.pad with the modes constant, reflect and replicate.
template <class T>
Var<4, T> pad2d(const Var<4, T>& x, const Sides2& sides, PadMode mode = PadMode::zeros) {
  const Index height = x.size(2), width = x.size(3);
  const auto [least, most] = std::minmax({sides.left, sides.right, sides.top, sides.bottom});
  if (least < 0 || most > (std::numeric_limits<std::int32_t>::max)()) {
    fail<UsageError>("pad2d", "margins (left, right, top, bottom) must lie in [0, 2^31)", concat("got ", sides));
  }
  if (mode == PadMode::reflect && ((std::max)(sides.left, sides.right) >= (std::max)(width, Index{1}) ||
                                   (std::max)(sides.top, sides.bottom) >= (std::max)(height, Index{1}))) {
    fail<ShapeError>("pad2d", "reflected margins (left, right, top, bottom) must be smaller than the plane",
                     concat("got ", sides, " for shape ", x.shape()));
  }
  if (mode == PadMode::replicate && (height == 0 || width == 0)) {
    fail<ShapeError>("pad2d", "there must be an element to replicate", concat("got shape ", x.shape()));
  }
  return detail::pick_positions("pad2d", x, detail::padded_positions(height, sides.top, sides.bottom, mode),
                                detail::padded_positions(width, sides.left, sides.right, mode));
}

/// Planes of another size: (N, C, H, W) to (N, C, H', W'). Larger or smaller; nothing is smoothed when they shrink.
/// Throws: UsageError unless either size or scale is given, and for sizes below 1; ShapeError for empty planes.
/// Source: torch.nn.functional.interpolate.
template <class T>
Var<4, T> upsample(const Var<4, T>& x, const UpsampleOptions& options) {
  const Size2 size = detail::upsampled_size(x.shape(), options);
  const Index height = x.size(2), width = x.size(3);
  if (options.mode == Interpolation::nearest) {
    return detail::pick_positions("upsample", x, detail::nearest_positions(height, size.height, options.scale),
                                  detail::nearest_positions(width, size.width, options.scale));
  }
  const auto dims = detail::resample_dims(x.shape(), size.height, size.width);
  auto rows = detail::bilinear_places(height, size.height, options.scale, options.align_corners);
  auto columns = detail::bilinear_places(width, size.width, options.scale, options.align_corners);
  auto value = detail::uninitialised<T>(Shape<4>(x.size(0), x.size(1), size.height, size.width));
  detail::blend(dims, rows.data(), columns.data(), x.value().data(), value.data());
  auto pull_back = [dims, rows = std::move(rows), columns = std::move(columns)](const auto& dy, auto& dx) {
    dx.add_by([&](Tensor<4, T>& to, bool first) {
      detail::blend_back(dims, rows.data(), columns.data(), dy.data(), to.data(), first);
    });
  };
  return record("upsample", std::move(value), std::move(pull_back), x);
}

}  // namespace kiln
