// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Pooling: the loops behind maximum and average pooling, adaptive or not. One thread works on a plane.
/// Source: torch.nn.functional's max_pool2d, avg_pool2d and adaptive_avg_pool2d, whose ties, NaNs and divisors these
/// are.
#pragma once

#include <limits>
#include <numeric>

#include <kiln/core/parallel.hpp>
#include <kiln/kernels/pool_loop.hpp>
#include <kiln/kernels/vector_ops.hpp>

namespace kiln::detail {

/// Calls f(plane) for each, on several threads if that is worth it.
template <class F>
void for_each_plane(const PoolDims& dims, F f) {
  parallel_ranges(dims.planes, 2 * dims.plane_in(), [&](Index first, Index last) {
    for (Index plane = first; plane < last; ++plane) f(plane);
  });
}

/// Calls f(output, rows, columns) for each window of a plane; with `edges` only for those that PoolLoop leaves out.
template <class F>
void for_each_window(const PoolDims& dims, bool edges, F f) {
  const PoolAxis& width = dims.width;
  for (Index i = 0; i < dims.height.out; ++i) {
    const auto rows = dims.height.window(i);
    const bool leap = edges && rows.inside() > 0;
    for (Index j = 0; j < width.out; ++j) {
      if (leap && j == width.first_whole()) j = width.last_whole();
      if (j < width.out) f(i * width.out + j, rows, width.window(j));
    }
  }
}

/// y = the maximum of each window; `where`, unless null, takes its position in the plane, or -1 if the window is empty.
template <class T>
void max_pool(const PoolDims& dims, const T* x, T* y, std::int32_t* where) {
  for_each_plane(dims, [=, &dims](Index plane) {
    const T* from = x + plane * dims.plane_in();
    T* to = y + plane * dims.plane_out();
    std::int32_t* to_where = where ? where + plane * dims.plane_out() : nullptr;
    run_for_isa<PoolLoop<true>>(&dims, from, to, to_where);
    for_each_window(dims, true, [=, &dims](Index out, const auto& rows, const auto& columns) {
      Index position = -1;
      T best = -std::numeric_limits<T>::infinity();
      for (Index row = rows.begin; row < rows.end; row += dims.height.dilation) {
        for (Index column = columns.begin; column < columns.end; column += dims.width.dilation) {
          const Index at = row * dims.width.in + column;
          if (position >= 0 && !(from[at] > best || from[at] != from[at])) continue;
          best = from[at];
          position = at;
        }
      }
      to[out] = best;
      if (to_where) to_where[out] = static_cast<std::int32_t>(position);
    });
  });
}

/// dx += dy at the position of each maximum; at first dx is not set yet.
template <class T>
void max_pool_back(const PoolDims& dims, const T* dy, const std::int32_t* where, T* dx, bool first) {
  for_each_plane(dims, [=, &dims](Index plane) {
    T* to = dx + plane * dims.plane_in();
    if (first) std::fill_n(to, dims.plane_in(), T{});
    for (Index i = plane * dims.plane_out(); i < (plane + 1) * dims.plane_out(); ++i) {
      if (where[i] >= 0) to[where[i]] += dy[i];
    }
  });
}

/// 1 / the number of elements that an average divides by: those inside, and with `count_padding` the padding's too.
template <class T>
struct PoolShare {
  bool count_padding;
  Index count = 0;
  T share{};

  T operator()(const PoolAxis::Window& rows, const PoolAxis::Window& columns) {
    const Index now = count_padding ? rows.counted * columns.counted : rows.inside() * columns.inside();
    if (now != count) count = now, share = now > 0 ? 1 / static_cast<T>(now) : T{};  // seldom: it is slow
    return share;
  }
};

inline bool is_global(const PoolDims& dims) {
  return dims.plane_out() == 1 && dims.height.window(0).inside() == dims.height.in &&
         dims.width.window(0).inside() == dims.width.in && dims.height.dilation == 1 && dims.width.dilation == 1;
}

/// y = the average of each window; 0 for one that is empty.
template <class T>
void avg_pool(const PoolDims& dims, const T* x, T* y, bool count_padding) {
  if (is_global(dims)) {
    const T share = PoolShare<T>{count_padding}(dims.height.window(0), dims.width.window(0));
    return for_each_plane(dims, [=, area = dims.plane_in()](Index plane) {
      const T* from = x + plane * area;
      y[plane] = share * (area < 16 ? std::accumulate(from, from + area, T{}) : sum(from, area));
    });
  }
  const bool in_vectors = dims.width.stride <= 2;  // else collecting the lanes costs more than adding them
  for_each_plane(dims, [=, &dims](Index plane) {
    const T* from = x + plane * dims.plane_in();
    T* to = y + plane * dims.plane_out();
    if (in_vectors) run_for_isa<PoolLoop<false>>(&dims, from, to, static_cast<std::int32_t*>(nullptr));
    for_each_window(dims, in_vectors, [=, &dims](Index out, const auto& rows, const auto& columns) {
      T total{};
      for (Index row = rows.begin; row < rows.end; ++row) {
        for (Index column = columns.begin; column < columns.end; ++column) total += from[row * dims.width.in + column];
      }
      to[out] = total;
    });
    for_each_window(dims, false, [=, share = PoolShare<T>{count_padding}](Index out, const auto&... window) mutable {
      to[out] *= share(window...);
    });
  });
}

/// Of windows that lie side by side and cover the plane: each element belongs to one.
template <class T>
void spread_averages(const PoolDims& dims, const T* dy, T* dx, bool first) {
  const T share = 1 / static_cast<T>(dims.height.kernel * dims.width.kernel);
  for (Index row = 0; row < dims.height.in; ++row) {
    const T* from = dy + row / dims.height.kernel * dims.width.out;
    for (Index j = 0; j < dims.width.out; ++j) {
      const T value = from[j] * share;
      for (Index k = 0; k < dims.width.kernel; ++k, ++dx) *dx = first ? value : *dx + value;
    }
  }
}

/// dx += each window's share of dy; at first dx is not set yet.
template <class T>
void avg_pool_back(const PoolDims& dims, const T* dy, T* dx, bool first, bool count_padding) {
  const bool covered = dims.height.covered() && dims.width.covered();
  for_each_plane(dims, [=, &dims](Index plane) {
    const T* from = dy + plane * dims.plane_out();
    T* to = dx + plane * dims.plane_in();
    if (covered) return spread_averages(dims, from, to, first);
    if (first) std::fill_n(to, dims.plane_in(), T{});
    PoolShare<T> share_of{count_padding};
    for_each_window(dims, false, [=, &dims, &share_of](Index out, const auto& rows, const auto& columns) {
      const T share = from[out] * share_of(rows, columns);
      for (Index row = rows.begin; row < rows.end; ++row) {
        for (Index column = columns.begin; column < columns.end; ++column) to[row * dims.width.in + column] += share;
      }
    });
  });
}

}  // namespace kiln::detail
