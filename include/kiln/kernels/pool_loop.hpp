// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Pooling of a plane in vectors, each lane of which is one output.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include <kiln/kernels/pool_axis.hpp>
#include <kiln/kernels/simd.hpp>

namespace kiln::detail {

/// v = p[0], p[2], p[4], ... Reads nothing behind the last of these.
template <int Bytes, class T, std::size_t... I>
[[gnu::always_inline]] inline void load_every_second(Vec<T, Bytes>& v, const T* p, std::index_sequence<I...>) {
#if defined(__GNUC__)
  constexpr std::size_t L = sizeof...(I);
  Vec<T, Bytes> low, high;
  load(low, p);
  load(high, p + L - 1);
  v = __builtin_shufflevector(low, high, (I < L / 2 ? 2 * I : 2 * I + 1)...);
#else
  ((reinterpret_cast<T*>(&v)[I] = p[2 * I]), ...);
#endif
}

/// v = p[0], p[stride], p[2 * stride], ...
template <int Bytes, class T>
[[gnu::always_inline]] inline void load_apart(Vec<T, Bytes>& v, const T* p, Index stride) {
  constexpr auto L = static_cast<std::size_t>(lanes<T, Bytes>);
  if (stride == 1) return load(v, p);
  if (stride == 2) return load_every_second<Bytes>(v, p, std::make_index_sequence<L>{});
  T lane[L];
  for (std::size_t i = 0; i < L; ++i) lane[i] = p[static_cast<Index>(i) * stride];
  load(v, lane);
}

/// The outputs of a plane whose windows are whole along the width, and not empty: their maxima, which `where`, unless
/// null, takes the positions of, or their sums.
template <bool maxima>
struct PoolLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const PoolDims* dims, const T* x, T* y, std::int32_t* where) {
    constexpr int width_in_bytes = Bytes < 32 ? Bytes : 32;  // GCC 12 compares longer ones lane by lane
    const PoolAxis &height = dims->height, &width = dims->width;
    const Index first = width.first_whole(), count = width.last_whole() - first;
    const Index column = first * width.stride - width.padding;
    for (Index i = 0; i < height.out; ++i) {
      const auto rows = height.window(i);
      if (rows.inside() == 0) continue;
      const Index out = i * width.out + first;
      row<width_in_bytes>(x, rows, height.dilation, width, column, count, y + out, where ? where + out : nullptr);
    }
  }

 private:
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void row(const T* x, const PoolAxis::Window& rows, Index row_step,
                                                const PoolAxis& width, Index column, Index count, T* y,
                                                std::int32_t* where) {
    constexpr Index L = lanes<T, Bytes>;
    if constexpr (L > 1) {
      if (count < L) return row<Bytes / 2>(x, rows, row_step, width, column, count, y, where);
    }
    using Position = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
    Position lane[L];
    for (Index i = 0; i < L; ++i) lane[i] = static_cast<Position>(i * width.stride);
    Vec<Position, Bytes> steps, here, position{};
    load(steps, lane);
    Vec<T, Bytes> best, v;
    for (Index j = 0; j < count; j += L) {
      if (j + L > count) j = count - L;  // the last one overlaps with the one before
      const Index left = column + j * width.stride;
      const Index begin = rows.begin * width.in + left;
      load_apart<Bytes>(best, x + begin, width.stride);
      position = steps + static_cast<Position>(begin);
      for (Index r = rows.begin; r < rows.end; r += row_step) {
        for (Index k = r == rows.begin; k < width.kernel; ++k) {
          const Index at = r * width.in + left + k * width.dilation;
          load_apart<Bytes>(v, x + at, width.stride);
          if constexpr (maxima) {
            here = steps + static_cast<Position>(at);
            const auto larger = (v > best) | (v != v);  // of equal ones the first stays, of NaNs the last
            best = larger ? v : best;
            position = larger ? here : position;
          } else {
            best += v;
          }
        }
      }
      store(y + j, best);
      if (maxima && where) {
        store(lane, position);
        for (Index i = 0; i < L; ++i) where[j + i] = static_cast<std::int32_t>(lane[i]);
      }
    }
  }
};

}  // namespace kiln::detail
