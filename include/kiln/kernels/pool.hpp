// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Pooling of planes: the loops behind maximum and average pooling, adaptive or not. A tensor (N, C, H, W) is N * C
/// planes, each of which one thread works on alone. Source: torch.nn.functional's max_pool2d, avg_pool2d and
/// adaptive_avg_pool2d, whose ties, NaNs and divisors are followed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include <kiln/core/parallel.hpp>
#include <kiln/kernels/vector_ops.hpp>

namespace kiln::detail {

/// One axis of a pooling: which of its positions are behind each output.
struct PoolAxis {
  Index in = 1, out = 1;
  Index kernel = 1, stride = 1, padding = 0, dilation = 1;
  bool adaptive = false;  // the axis is divided evenly among the outputs; `kernel` and the rest have no meaning

  /// Positions begin, begin + dilation, ... before end. `counted` of them, with padding, are in an average's divisor.
  struct Window {
    Index begin, end, counted;
    Index inside() const { return end - begin; }
  };

  Window window(Index o) const {
    if (adaptive) {
      const Index begin = o * in / out, end = ((o + 1) * in + out - 1) / out;
      return {begin, end, end - begin};
    }
    Index begin = o * stride - padding;
    const Index padded_end = (std::min)(begin + dilation * (kernel - 1) + 1, in + padding);
    const Index counted = padded_end - begin;
    if (begin < 0) begin += (-begin + dilation - 1) / dilation * dilation;
    return {begin, (std::max)(begin, (std::min)(padded_end, in)), counted};
  }

  /// The outputs [first, last) whose windows lie inside the axis.
  Index first_whole() const { return (std::min)(out, (padding + stride - 1) / stride); }
  Index last_whole() const {
    const Index room = in + padding - dilation * (kernel - 1) - 1;
    return room < 0 ? 0 : (std::min)(out, room / stride + 1);
  }
  bool plain(Index k, Index s) const { return !adaptive && kernel == k && stride == s && dilation == 1; }
};

struct PoolDims {
  Index planes = 1;
  PoolAxis height, width;

  Index plane_in() const { return height.in * width.in; }
  Index plane_out() const { return height.out * width.out; }
  /// Calls f(plane) for each, on several threads if that is worth it.
  template <class F>
  void for_each_plane(Index cost, F f) const {
    parallel_ranges(planes, cost, [&](Index first, Index last) {
      for (Index plane = first; plane < last; ++plane) f(plane);
    });
  }
};

/// Replaces `best` by v if that is larger or NaN, so that of equal ones the first stays and of NaNs the last.
template <class T>
inline void take_larger(T v, Index at, T& best, Index& position) {
  const bool larger = v > best || v != v;
  best = larger ? v : best;
  position = larger ? at : position;
}

/// Maxima of the windows that lie inside the row, K wide and S apart: known here, and so unrolled.
template <int K, int S, class T>
void max_pool_row(const T* x, const PoolAxis& width, const PoolAxis::Window& rows, T* y, std::int32_t* where) {
  for (Index o = width.first_whole(); o < width.last_whole(); ++o) {
    Index at = rows.begin * width.in + o * S - width.padding;
    Index position = at;
    T best = -std::numeric_limits<T>::infinity();
    for (Index row = rows.begin; row < rows.end; ++row, at += width.in) {
#pragma GCC unroll 4
      for (int k = 0; k < K; ++k) take_larger(x[at + k], at + k, best, position);
    }
    y[o] = best;
    if (where) where[o] = static_cast<std::int32_t>(position);
  }
}

/// Sums of the windows that lie inside the row.
template <int K, int S, class T>
void sum_pool_row(const T* x, const PoolAxis& width, const PoolAxis::Window& rows, T* y) {
  for (Index o = width.first_whole(); o < width.last_whole(); ++o) {
    const T* at = x + rows.begin * width.in + o * S - width.padding;
    T sum{};
    for (Index row = rows.begin; row < rows.end; ++row, at += width.in) {
#pragma GCC unroll 4
      for (int k = 0; k < K; ++k) sum += at[k];
    }
    y[o] = sum;
  }
}

/// Calls fast(i, rows) for the windows of a row that are whole along the width, if that has the common form of K and S,
/// and each(i, rows, j, columns) for all other windows of a plane.
template <class Fast, class Each>
void for_each_window(const PoolDims& dims, bool common, Fast fast, Each each) {
  const PoolAxis& width = dims.width;
  const Index first_whole = common ? width.first_whole() : width.out;
  const Index last_whole = common ? (std::max)(first_whole, width.last_whole()) : width.out;
  for (Index i = 0; i < dims.height.out; ++i) {
    const auto rows = dims.height.window(i);
    for (Index j = 0; j < first_whole; ++j) each(i * width.out + j, rows, width.window(j));
    if (common) fast(i * width.out, rows);
    for (Index j = last_whole; j < width.out; ++j) each(i * width.out + j, rows, width.window(j));
  }
}

/// y = the maximum of each window; `where`, unless null, takes its position in the plane, or -1 if the window is empty.
template <class T>
void max_pool(const PoolDims& dims, const T* x, T* y, std::int32_t* where) {
  const PoolAxis &height = dims.height, &width = dims.width;
  const bool two = width.plain(2, 2) && height.dilation == 1, three = width.plain(3, 2) && height.dilation == 1;
  dims.for_each_plane(2 * dims.plane_in(), [=, &height, &width, &dims](Index plane) {
    const T* from = x + plane * dims.plane_in();
    T* to = y + plane * dims.plane_out();
    std::int32_t* to_where = where ? where + plane * dims.plane_out() : nullptr;
    auto fast = [=, &width](Index out, const PoolAxis::Window& rows) {
      auto* row = two ? &max_pool_row<2, 2, T> : &max_pool_row<3, 2, T>;
      row(from, width, rows, to + out, to_where ? to_where + out : nullptr);
    };
    auto each = [=, &height, &width](Index out, const PoolAxis::Window& rows, const PoolAxis::Window& columns) {
      Index position = rows.inside() > 0 && columns.inside() > 0 ? rows.begin * width.in + columns.begin : -1;
      T best = -std::numeric_limits<T>::infinity();
      for (Index row = rows.begin; row < rows.end; row += height.dilation) {
        for (Index column = columns.begin; column < columns.end; column += width.dilation)
          take_larger(from[row * width.in + column], row * width.in + column, best, position);
      }
      to[out] = best;
      if (to_where) to_where[out] = static_cast<std::int32_t>(position);
    };
    for_each_window(dims, two || three, fast, each);
  });
}

/// dx += dy at the position of each maximum; at first dx is not set yet.
template <class T>
void max_pool_back(const PoolDims& dims, const T* dy, const std::int32_t* where, T* dx, bool first) {
  dims.for_each_plane(dims.plane_in() + dims.plane_out(), [=, &dims](Index plane) {
    T* to = dx + plane * dims.plane_in();
    if (first) std::fill_n(to, dims.plane_in(), T{});
    for (Index i = plane * dims.plane_out(); i < (plane + 1) * dims.plane_out(); ++i) {
      if (where[i] >= 0) to[where[i]] += dy[i];
    }
  });
}

/// How many elements an average divides by: those inside, and with `count_padding` those of the padding too.
inline Index pool_divisor(bool count_padding, const PoolAxis::Window& rows, const PoolAxis::Window& columns) {
  return count_padding ? rows.counted * columns.counted : rows.inside() * columns.inside();
}

/// y = the average of each window; 0 for one that is empty.
template <class T>
void avg_pool(const PoolDims& dims, const T* x, T* y, bool count_padding) {
  const PoolAxis& width = dims.width;
  const bool two = width.plain(2, 2), three = width.plain(3, 2);
  const bool global =
      dims.plane_out() == 1 && dims.height.window(0).inside() == dims.height.in && width.window(0).inside() == width.in;
  dims.for_each_plane(2 * dims.plane_in(), [=, &width, &dims](Index plane) {
    const T* from = x + plane * dims.plane_in();
    T* to = y + plane * dims.plane_out();
    auto fast = [=, &width](Index out, const PoolAxis::Window& rows) {
      auto* row = two ? &sum_pool_row<2, 2, T> : &sum_pool_row<3, 2, T>;
      row(from, width, rows, to + out);
      const T share = 1 / static_cast<T>(width.kernel * (count_padding ? rows.counted : rows.inside()));
      for (Index j = width.first_whole(); j < width.last_whole(); ++j) to[out + j] *= share;
    };
    auto each = [=, &width](Index out, const PoolAxis::Window& rows, const PoolAxis::Window& columns) {
      T total{};
      if (global) {
        total = sum(from, dims.plane_in());
      } else {
        for (Index row = rows.begin; row < rows.end; ++row) {
          for (Index column = columns.begin; column < columns.end; ++column) total += from[row * width.in + column];
        }
      }
      const bool empty = rows.inside() == 0 || columns.inside() == 0;
      to[out] = empty ? T{} : total / static_cast<T>(pool_divisor(count_padding, rows, columns));
    };
    for_each_window(dims, two || three, fast, each);
  });
}

/// dx += each window's share of dy; at first dx is not set yet.
template <class T>
void avg_pool_back(const PoolDims& dims, const T* dy, T* dx, bool first, bool count_padding) {
  const PoolAxis& width = dims.width;
  dims.for_each_plane(2 * dims.plane_in(), [=, &width, &dims](Index plane) {
    const T* from = dy + plane * dims.plane_out();
    T* to = dx + plane * dims.plane_in();
    if (first) std::fill_n(to, dims.plane_in(), T{});
    auto each = [=, &width](Index out, const PoolAxis::Window& rows, const PoolAxis::Window& columns) {
      const T share = from[out] / static_cast<T>(pool_divisor(count_padding, rows, columns));
      for (Index row = rows.begin; row < rows.end; ++row) {
        for (Index column = columns.begin; column < columns.end; ++column) to[row * width.in + column] += share;
      }
    };
    for_each_window(
        dims, false, [](Index, const PoolAxis::Window&) {}, each);
  });
}

}  // namespace kiln::detail
