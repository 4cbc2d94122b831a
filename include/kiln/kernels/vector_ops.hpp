// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Loops over one or two vectors in memory: dot product, sum, y += alpha * x.
#pragma once

#include <kiln/core/shape.hpp>
#include <kiln/kernels/simd.hpp>

namespace kiln::detail {

struct DotLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const T* x, const T* y, Index n, T* result) {
    constexpr Index L = lanes<T, Bytes>;
    Vec<T, Bytes> sums[4] = {};  // several, so that an addition need not wait for the one before
    Vec<T, Bytes> u, v;
    Index i = 0;
    for (; i + 4 * L <= n; i += 4 * L) {
#pragma GCC unroll 4
      for (Index s = 0; s < 4; ++s) {
        load(u, x + i + s * L);
        load(v, y + i + s * L);
        sums[s] += u * v;
      }
    }
    for (; i + L <= n; i += L) {
      load(u, x + i);
      load(v, y + i);
      sums[0] += u * v;
    }
    sums[0] = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    T sum = sum_lanes<T, Bytes>(sums[0]);
    for (; i < n; ++i) sum = static_cast<T>(sum + x[i] * y[i]);
    *result = sum;
  }
};

struct SumLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const T* x, Index n, T* result) {
    constexpr Index L = lanes<T, Bytes>;
    Vec<T, Bytes> sums[4] = {};
    Vec<T, Bytes> v;
    Index i = 0;
    for (; i + 4 * L <= n; i += 4 * L) {
#pragma GCC unroll 4
      for (Index s = 0; s < 4; ++s) {
        load(v, x + i + s * L);
        sums[s] += v;
      }
    }
    for (; i + L <= n; i += L) {
      load(v, x + i);
      sums[0] += v;
    }
    sums[0] = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    T sum = sum_lanes<T, Bytes>(sums[0]);
    for (; i < n; ++i) sum = static_cast<T>(sum + x[i]);
    *result = sum;
  }
};

struct AxpyLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(T alpha, const T* x, T* y, Index n) {
    constexpr Index L = lanes<T, Bytes>;
    Vec<T, Bytes> u, v;
    Index i = 0;
    for (; i + L <= n; i += L) {
      load(u, x + i);
      load(v, y + i);
      v += alpha * u;
      store(y + i, v);
    }
    for (; i < n; ++i) y[i] = static_cast<T>(y[i] + alpha * x[i]);
  }
};

/// The sum of x[i] * y[i].
template <class T>
T dot(const T* x, const T* y, Index n) {
  T result;
  run_for_isa<DotLoop>(x, y, n, &result);
  return result;
}

/// The same with strides.
template <class T>
T dot(const T* x, Index x_stride, const T* y, Index y_stride, Index n) {
  if (x_stride == 1 && y_stride == 1) return dot(x, y, n);
  T sum{};
  for (Index i = 0; i < n; ++i) sum = static_cast<T>(sum + x[i * x_stride] * y[i * y_stride]);
  return sum;
}

/// The sum of x[i].
template <class T>
T sum(const T* x, Index n) {
  T result;
  run_for_isa<SumLoop>(x, n, &result);
  return result;
}

/// y[i] += alpha * x[i].
template <class T>
void axpy(T alpha, const T* x, T* y, Index n) {
  run_for_isa<AxpyLoop>(alpha, x, y, n);
}

}  // namespace kiln::detail
