// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The square root of every lane of a vector, for loops as in simd.hpp. Left to themselves the compilers call the C
/// library for each lane, because a negative number has to set errno.
#pragma once

#include <cmath>
#include <cstring>

#include <kiln/kernels/simd.hpp>

#define KILN_SQRT(instruction, operands, ...)                                 \
  if constexpr (sizeof(T) == 4) asm(instruction "ps" operands : __VA_ARGS__); \
  else asm(instruction "pd" operands : __VA_ARGS__)

namespace kiln::detail {

/// Replaces every lane, a T, by its square root.
template <class T, class V>
[[gnu::always_inline]] inline void take_sqrt(V& v) {
#if KILN_X86_DISPATCH
#if defined(__AVX__)
  constexpr bool old_encoding = false;  // mixing it with the new one is slow
#else
  constexpr bool old_encoding = sizeof(V) == 16;
#endif
  if constexpr (old_encoding) {
    KILN_SQRT("sqrt", " {%0, %0|%0, %0}", "+x"(v));
  } else {
#if defined(__clang__)  // refuses a long vector in a register as long as the function is not inlined
    if constexpr (sizeof(V) == 64) {
      KILN_SQRT("vsqrt", " {%0, %%zmm16|zmm16, %0}\n\tvmovups {%%zmm16, %0|%0, zmm16}", "+m"(v) : : "xmm16");
    } else if constexpr (sizeof(V) == 32) {
      KILN_SQRT("vsqrt", " {%0, %%ymm15|ymm15, %0}\n\tvmovups {%%ymm15, %0|%0, ymm15}", "+m"(v) : : "xmm15");
    } else {
      KILN_SQRT("vsqrt", " {%0, %0|%0, %0}", "+x"(v));
    }
#else
    KILN_SQRT("vsqrt", " {%0, %0|%0, %0}", "+v"(v));
#endif
  }
#elif defined(__GNUC__) && defined(__aarch64__)
  static_assert(sizeof(V) == 16);
  if constexpr (sizeof(T) == 4) asm("fsqrt %0.4s, %0.4s" : "+w"(v));
  else asm("fsqrt %0.2d, %0.2d" : "+w"(v));
#else
  T lane[sizeof(V) / sizeof(T)];
  std::memcpy(lane, &v, sizeof(V));
  for (T& x : lane) x = std::sqrt(x);
  std::memcpy(&v, lane, sizeof(V));
#endif
}

}  // namespace kiln::detail

#undef KILN_SQRT
