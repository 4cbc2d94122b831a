// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/kernels/pool.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using namespace kiln;
using namespace kiln::detail;

TEST_SUITE_BEGIN("kernels");

namespace {

PoolAxis axis(Index in, Index kernel, Index stride, Index padding, Index dilation) {
  const Index room = in + 2 * padding - dilation * (kernel - 1) - 1;
  return {.in = in,
          .out = room < 0 ? 0 : room / stride + 1,
          .kernel = kernel,
          .stride = stride,
          .padding = padding,
          .dilation = dilation};
}

/// The definition, for one output: every element of the window in turn, those in the padding left out.
template <class T>
void pool_one(const PoolDims& dims, const std::vector<T>& x, Index plane, Index i, Index j, T& maximum, Index& position,
              T& total) {
  const PoolAxis &h = dims.height, &w = dims.width;
  maximum = -std::numeric_limits<T>::infinity();
  position = -1;
  total = 0;
  for (Index a = 0; a < h.kernel; ++a) {
    for (Index b = 0; b < w.kernel; ++b) {
      const Index row = i * h.stride - h.padding + a * h.dilation, column = j * w.stride - w.padding + b * w.dilation;
      if (row < 0 || row >= h.in || column < 0 || column >= w.in) continue;
      const T v = x[static_cast<std::size_t>(plane * dims.plane_in() + row * w.in + column)];
      total += v;
      if (position >= 0 && v <= maximum) continue;
      if (position >= 0 && std::isnan(maximum) && !std::isnan(v)) continue;
      maximum = v;
      position = row * w.in + column;
    }
  }
}

template <class T>
void check(const PoolDims& dims, const std::vector<T>& x) {
  const auto outputs = static_cast<std::size_t>(dims.planes * dims.plane_out());
  std::vector<T> maxima(outputs), averages(outputs), only_maxima(outputs);
  std::vector<std::int32_t> where(outputs);
  max_pool(dims, x.data(), maxima.data(), where.data());
  max_pool(dims, x.data(), only_maxima.data(), nullptr);
  avg_pool(dims, x.data(), averages.data(), true);
  auto same = [](T a, T b) { return a == b || (std::isnan(a) && std::isnan(b)); };
  int wrong = 0;
  std::size_t out = 0;
  for (Index plane = 0; plane < dims.planes; ++plane) {
    for (Index i = 0; i < dims.height.out; ++i) {
      for (Index j = 0; j < dims.width.out; ++j, ++out) {
        T maximum, total;
        Index position;
        pool_one(dims, x, plane, i, j, maximum, position, total);
        wrong += !same(maxima[out], maximum) || !same(only_maxima[out], maximum) || where[out] != position;
        // Without ceil_mode and dilation the divisor is the kernel's size.
        if (dims.width.dilation > 1 || dims.height.dilation > 1) continue;
        const T average = total / static_cast<T>(dims.height.kernel * dims.width.kernel);
        wrong += !same(averages[out], average) && !(std::abs(averages[out] - average) < T(1e-5));
      }
    }
  }
  CAPTURE(dims.width.in);
  CAPTURE(dims.width.kernel);
  CAPTURE(dims.width.stride);
  CAPTURE(dims.width.padding);
  CAPTURE(dims.width.dilation);
  CHECK(wrong == 0);
}

/// Exactly as many elements as the planes have, few different ones, and now and then a NaN.
template <class T>
std::vector<T> elements(const PoolDims& dims, bool with_nan) {
  std::vector<T> x;
  std::uint32_t state = 7;
  for (Index i = 0; i < dims.planes * dims.plane_in(); ++i) {
    state = 1664525 * state + 1013904223;
    x.push_back(static_cast<T>((state >> 16) % 9) - 4);
    if (with_nan && (state >> 24) % 11 == 0) x.back() = std::numeric_limits<T>::quiet_NaN();
  }
  return x;
}

}  // namespace

TEST_CASE_TEMPLATE("pooling in vectors agrees with the definition, whatever the widths", T, float, double) {
  for (Index in : {1, 2, 3, 5, 8, 9, 14, 17, 28, 33, 40, 67}) {
    for (Index kernel : {1, 2, 3, 4}) {
      for (Index stride : {1, 2, 3}) {
        for (Index dilation : {1, 2}) {
          for (Index padding = 0; padding <= kernel / 2; ++padding) {
            const PoolDims dims{.planes = 2,
                                .height = axis(7, 3, 2, 1, dilation),
                                .width = axis(in, kernel, stride, padding, dilation)};
            for (bool with_nan : {false, true}) check(dims, elements<T>(dims, with_nan));
          }
        }
      }
    }
  }
}

TEST_SUITE_END();
