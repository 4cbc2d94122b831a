// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `map_each`: out[i] = f(in[i], ...) over elements that lie behind each other, on several threads where that is worth
/// it. Compilers turn an `f` of plain arithmetic into vectors, because they see blocks of known length; it must be free
/// of side effects, and inlined for that: a longer lambda says `[](T v) __attribute__((always_inline)) { ... }`.
#pragma once

#include <algorithm>

#include <kiln/core/parallel.hpp>
#include <kiln/kernels/simd.hpp>

namespace kiln::detail {

/// Fewer elements than a vector has, and zeros.
template <class T, Index N>
struct Padded {
  T elements[N] = {};
  [[gnu::always_inline]] Padded(const T* from, Index count) {
    for (Index i = 0; i < count; ++i) elements[i] = from[i];
  }
};

template <class F>
struct MapEachLoop {
  template <int Bytes, class T, class... In>
  [[gnu::always_inline]] static inline void run(F f, Index n, T* out, const In*... in) {
    constexpr Index block = 8 * Bytes / static_cast<Index>(sizeof(T));
    Index i = 0;
    for (; i + block <= n; i += block) {
      T result[block];  // apart from `out`, which may be one of the inputs
      for (Index k = 0; k < block; ++k) result[k] = f(in[i + k]...);
      for (Index k = 0; k < block; ++k) out[i + k] = result[k];
    }
    // The last by the same operations: an element's bits do not depend on its place.
    constexpr Index vector = Bytes / static_cast<Index>(sizeof(T));
    for (; i + vector <= n; i += vector) last<vector>(f, vector, out + i, in + i...);
    if (i < n) last<vector>(f, n - i, out + i, Padded<In, vector>(in + i, n - i).elements...);
  }

 private:
  template <Index N, class T, class... In>
  [[gnu::always_inline]] static inline void last(F f, Index count, T* out, const In*... in) {
    T result[N];
    for (Index k = 0; k < N; ++k) result[k] = f(in[k]...);
    for (Index k = 0; k < count; ++k) out[k] = result[k];
  }
};

/// `cost`: of one f, in additions. `out` may be one of the inputs.
template <class F, class T, class... In>
void map_each(Index cost, const F& f, Index n, T* out, const In*... in) {
  constexpr Index block = 1024;  // whole cache lines for each thread
  parallel_ranges((n + block - 1) / block, block * cost, [&](Index first, Index last) {
    const Index i = first * block;
    run_for_isa<MapEachLoop<F>>(f, (std::min)(n, last * block) - i, out + i, in + i...);
  });
}

/// to[i] += more[i]; quicker to compile than `+=` of tensors, which broadcasts.
template <class T>
void add_elements(Index n, T* to, const T* more) {
  map_each(
      1, [](T a, T b) { return a + b; }, n, to, static_cast<const T*>(to), more);
}

}  // namespace kiln::detail
