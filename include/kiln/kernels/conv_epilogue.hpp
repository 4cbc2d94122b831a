// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// What follows a convolution and what goes back through it, as passes of their own: relu, and the gradient of a bias.
#pragma once

#include <algorithm>

#include <kiln/core/memory.hpp>
#include <kiln/core/parallel.hpp>
#include <kiln/kernels/relu_grad.hpp>
#include <kiln/kernels/vector_ops.hpp>

namespace kiln::detail {

template <class T>
void relu_in_place(T* y, Index count) {
  parallel_ranges(count, 1, [=](Index first, Index last) {
    for (Index i = first; i < last; ++i) y[i] = y[i] < 0 ? T{0} : y[i];  // NaN stays NaN
  });
}

/// dy as it is behind a relu whose result is y: 0 where y is not positive. Without y, dy itself.
template <class T>
struct BehindRelu {
  BlockRef block;
  const T* dz;

  BehindRelu(const T* dy, const T* y, Index count) : dz(dy) {
    if (!y) return;
    block = BlockRef(static_cast<std::size_t>(count) * sizeof(T));
    T* to = static_cast<T*>(block.payload());
    bias_grad(BiasGrad<T>{1, count, dy, y, to, nullptr, false});
    dz = to;
  }
};

/// total += the sums of x[0], ..., x[area - 1] in planes that are `step` apart.
struct SumPlanesLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const T* x, Index step, Index planes, Index area, double* total) {
    for (Index plane = 0; plane < planes; ++plane, x += step) {
      T sum{};
      if (area < lanes<T, Bytes>) {
        for (Index i = 0; i < area; ++i) sum += x[i];
      } else {
        SumLoop::run<Bytes>(x, area, &sum);
      }
      *total += static_cast<double>(sum);
    }
  }
};

/// The gradient of a bias: of each channel of dy (samples, channels, area), the sum over all samples and positions.
template <class T>
void sum_channels(const T* dy, Index samples, Index channels, Index area, T* sums) {
  if (samples == 0) {
    std::fill_n(sums, channels, T{0});
    return;
  }
  parallel_ranges(channels, samples * area, [=](Index first, Index last) {
    for (Index c = first; c < last; ++c) {
      double total = 0;
      run_for_isa<SumPlanesLoop>(dy + c * area, channels * area, samples, area, &total);
      sums[c] = static_cast<T>(total);
    }
  });
}

}  // namespace kiln::detail
