// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Which instruction set the kernels use: the best that the CPU has, or a lower one asked for by `KILN_ISA`.
#pragma once

#include <cstdlib>
#include <string_view>

#include <kiln/core/error.hpp>

namespace kiln {

/// Instruction sets that kernels are compiled for, each including the ones before it.
enum class Isa {
  baseline,  ///< what the program itself is compiled for
  avx2,      ///< AVX2 and FMA: 32-byte vectors
  avx512,    ///< AVX-512 F, BW, DQ and VL: 64-byte vectors
};

/// As written in `KILN_ISA`.
constexpr std::string_view isa_name(Isa isa) {
  return isa == Isa::avx512 ? "avx512" : isa == Isa::avx2 ? "avx2" : "baseline";
}

namespace detail {

#if defined(__GNUC__) && defined(__x86_64__)
#define KILN_X86_DISPATCH 1
#else
#define KILN_X86_DISPATCH 0
#endif

/// The best set that this CPU and its operating system support.
inline Isa cpu_isa() {
#if KILN_X86_DISPATCH
  __builtin_cpu_init();
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx2 && avx512) return Isa::avx512;
  if (avx2) return Isa::avx2;
#endif
  return Isa::baseline;
}

/// The one that `wanted`, the value of `KILN_ISA` or null, asks for, or else `best`. Throws: UsageError.
inline Isa choose_isa(const char* wanted, Isa best) {
  if (wanted == nullptr || *wanted == '\0') return best;
  for (Isa isa : {Isa::baseline, Isa::avx2, Isa::avx512}) {
    if (isa_name(isa) != wanted) continue;
    if (isa <= best) return isa;
    fail<UsageError>("KILN_ISA", concat("must be at most ", isa_name(best), " on this CPU"), concat("got ", wanted));
  }
  fail<UsageError>("KILN_ISA", "must be baseline, avx2 or avx512", concat("got ", wanted));
}

/// Tells the CPU that this is a spinning loop.
inline void cpu_relax() {
#if KILN_X86_DISPATCH
  __builtin_ia32_pause();
#elif defined(__GNUC__) && defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace detail

/// The instruction set in use, fixed at the first call. Throws: UsageError when `KILN_ISA` names one that is unknown or
/// that the CPU lacks.
inline Isa isa() {
  static const Isa chosen = detail::choose_isa(std::getenv("KILN_ISA"), detail::cpu_isa());
  return chosen;
}

}  // namespace kiln
