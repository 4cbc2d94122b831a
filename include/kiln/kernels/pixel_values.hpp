// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `PixelValues`: (p / 255 - mean) / std of pixels p, with the bits of these three operations one after the other.
#pragma once

#include <algorithm>
#include <cstdint>

#include <kiln/kernels/map_each.hpp>

namespace kiln::detail {

template <class T>
struct PixelByDivision {
  T mean, std;

  [[gnu::always_inline]] T operator()(std::uint8_t p) const { return (static_cast<T>(p) / 255 - mean) / std; }
};

/// The same by multiplications, a third of the time: a quotient is guessed and corrected by what it leaves. Where
/// multiplication and addition are one operation that rounds once, these are the bits of the division.
template <class T>
struct PixelByMultiplication {
  T mean, std, std_inverse;

  [[gnu::always_inline]] T operator()(std::uint8_t p) const {
    constexpr T inverse = T{1} / 255;
    const T x = static_cast<T>(p);
    const T guess = x * inverse;
    const T unit = guess + (x - guess * 255) * inverse;
    const T centred = unit - mean;
    const T quotient = centred * std_inverse;
    return quotient + (centred - quotient * std) * std_inverse;
  }
};

template <class T>
class PixelValues {
 public:
  PixelValues(double mean, double std)
      : exact_{static_cast<T>(mean), static_cast<T>(std)}, fast_{exact_.mean, exact_.std, 1 / exact_.std} {
    constexpr Index all = 256;
    std::uint8_t pixels[all];
    T expected[all], together[all], alone[all];
    for (Index i = 0; i < all; ++i) pixels[i] = static_cast<std::uint8_t>(i);
    run_exact(all, pixels, expected);
    run_fast(all, pixels, together);
    for (Index i = 0; i < all; ++i) run_fast(1, pixels + i, alone + i);
    auto same = [&](const T* values) { return std::equal(values, values + all, expected); };
    is_fast_ = same(together) && same(alone);
  }

  void operator()(Index n, const std::uint8_t* pixels, T* values) const {
    if (is_fast_) run_fast(n, pixels, values);
    else run_exact(n, pixels, values);
  }

 private:
  void run_fast(Index n, const std::uint8_t* pixels, T* values) const {
    run_for_isa<MapEachLoop<PixelByMultiplication<T>>>(fast_, n, values, pixels);
  }
  /// Compiled for the baseline alone: what goes beyond it can multiply.
  void run_exact(Index n, const std::uint8_t* pixels, T* values) const {
    run_baseline<MapEachLoop<PixelByDivision<T>>>(exact_, n, values, pixels);
  }

  PixelByDivision<T> exact_;
  PixelByMultiplication<T> fast_;
  bool is_fast_ = false;  // whether all 256 results agree, with this compiler on this processor
};

}  // namespace kiln::detail
