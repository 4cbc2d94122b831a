// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `fma_peak()`: how fast this machine multiplies and adds at most, measured, which is what the speed of products and
/// convolutions is to be compared with.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>

#include <kiln/core/parallel.hpp>
#include <kiln/kernels/simd.hpp>

namespace kiln {

namespace detail {

/// Chains of multiplications with an addition that need no memory. As many of them as registers hold, since each waits
/// for its own last result.
struct FmaChains {
  static constexpr int chains = 12;

  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(T* result, Index rounds) {
    Vec<T, Bytes> x[chains], factor, summand;
    factor = Vec<T, Bytes>{} + T(0.5);
    summand = Vec<T, Bytes>{} + T(1);
    // Different, and unknown to the compiler, which would compute less otherwise.
    for (int i = 0; i < chains; ++i) x[i] = summand * (*result + T(i));
    for (Index round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
      for (int i = 0; i < chains; ++i) x[i] = x[i] * factor + summand;  // NOLINT(modernize-loop-convert): unrolled
    }
    for (int i = 1; i < chains; ++i) x[0] += x[i];
    *result = sum_lanes<T, Bytes>(x[0]);
  }
};

}  // namespace detail

/// Floating-point operations a second, of so many threads in float with the instruction set in use; those in double are
/// half as many. Measured for about 20 ms, of which the best part counts: others who compute meanwhile lower it.
inline double fma_peak(int threads = num_threads()) {
  using Clock = std::chrono::steady_clock;
  constexpr Index rounds = 50'000;
  const Index lanes = isa() == Isa::avx512 ? 16 : isa() == Isa::avx2 ? 8 : detail::lanes<float, 16>;
  std::atomic<float> kept = 0;
  double best = 0;
  for (const auto end = Clock::now() + std::chrono::milliseconds(20); Clock::now() < end;) {
    const auto began = Clock::now();
    parallel_for(threads, [&](Index) {
      float result = 0;
      detail::run_for_isa<detail::FmaChains>(&result, rounds);
      kept.store(result, std::memory_order_relaxed);
    });
    const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
    best = (std::max)(best, static_cast<double>(2 * threads * rounds * detail::FmaChains::chains * lanes) / seconds);
  }
  return best;
}

}  // namespace kiln
