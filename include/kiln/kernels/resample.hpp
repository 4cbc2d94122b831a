// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Planes whose elements are picked from those of other planes, or blended of four: the loops behind padding and
/// upsampling. One thread works on a plane.
#pragma once

#include <algorithm>

#include <kiln/core/parallel.hpp>

namespace kiln::detail {

/// A plane's height and width, before and after.
struct ResampleDims {
  Index planes, in_height, in_width, height, width;
  Index in() const { return in_height * in_width; }
  Index out() const { return height * width; }

  /// Calls f(input or its gradient, output or its gradient) for each plane.
  template <class X, class Y, class F>
  void for_each_plane(X* x, Y* y, F f) const {
    parallel_ranges(planes, 2 * (in() + out()), [&](Index first, Index last) {
      for (Index plane = first; plane < last; ++plane) f(x + plane * in(), y + plane * out());
    });
  }
};

/// y[i, j] = x[rows[i], columns[j]], or 0 where one of the two is negative.
template <class T>
void pick(const ResampleDims& dims, const Index* rows, const Index* columns, const T* x, T* y) {
  dims.for_each_plane(x, y, [=, &dims](const T* from, T* to) {
    for (Index i = 0; i < dims.height; ++i, to += dims.width) {
      if (rows[i] < 0) {
        std::fill_n(to, dims.width, T{});
        continue;
      }
      const T* row = from + rows[i] * dims.in_width;
      for (Index j = 0; j < dims.width; ++j) to[j] = columns[j] < 0 ? T{} : row[columns[j]];
    }
  });
}

/// dx[rows[i], columns[j]] += dy[i, j]; at first dx is not set yet.
template <class T>
void pick_back(const ResampleDims& dims, const Index* rows, const Index* columns, const T* dy, T* dx, bool first) {
  dims.for_each_plane(dx, dy, [=, &dims](T* to, const T* from) {
    if (first) std::fill_n(to, dims.in(), T{});
    for (Index i = 0; i < dims.height; ++i, from += dims.width) {
      if (rows[i] < 0) continue;
      T* row = to + rows[i] * dims.in_width;
      for (Index j = 0; j < dims.width; ++j) {
        if (columns[j] >= 0) row[columns[j]] += from[j];
      }
    }
  });
}

/// Which two positions of an axis a place between them blends: (1 - share) x[low] + share x[high].
template <class T>
struct Between {
  Index low, high;
  T share;
  Between(double place, Index size)
      : low(static_cast<Index>(place)),
        high((std::min)(low + 1, size - 1)),
        share(static_cast<T>(place - static_cast<double>(low))) {}
};

/// y[i, j] = x at the place (rows[i], columns[j]).
template <class T>
void blend(const ResampleDims& dims, const double* rows, const double* columns, const T* x, T* y) {
  dims.for_each_plane(x, y, [=, &dims](const T* from, T* to) {
    for (Index i = 0; i < dims.height; ++i, to += dims.width) {
      const Between<T> row(rows[i], dims.in_height);
      const T *low = from + row.low * dims.in_width, *high = from + row.high * dims.in_width;
      for (Index j = 0; j < dims.width; ++j) {
        const Between<T> column(columns[j], dims.in_width);
        const T above = (1 - column.share) * low[column.low] + column.share * low[column.high];
        const T below = (1 - column.share) * high[column.low] + column.share * high[column.high];
        to[j] = (1 - row.share) * above + row.share * below;
      }
    }
  });
}

/// dx += what blend made of it; at first dx is not set yet.
template <class T>
void blend_back(const ResampleDims& dims, const double* rows, const double* columns, const T* dy, T* dx, bool first) {
  dims.for_each_plane(dx, dy, [=, &dims](T* to, const T* from) {
    if (first) std::fill_n(to, dims.in(), T{});
    for (Index i = 0; i < dims.height; ++i, from += dims.width) {
      const Between<T> row(rows[i], dims.in_height);
      T *low = to + row.low * dims.in_width, *high = to + row.high * dims.in_width;
      for (Index j = 0; j < dims.width; ++j) {
        const Between<T> column(columns[j], dims.in_width);
        const T above = (1 - row.share) * from[j], below = row.share * from[j];
        low[column.low] += (1 - column.share) * above;
        low[column.high] += column.share * above;
        high[column.low] += (1 - column.share) * below;
        high[column.high] += column.share * below;
      }
    }
  });
}

}  // namespace kiln::detail
