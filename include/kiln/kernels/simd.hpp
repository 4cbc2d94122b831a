// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Loops written once with the compiler's vector extensions and compiled for each instruction set, so that a program
/// built without any flag runs at the speed of the CPU it is started on.
///
/// A loop is a struct with a template `run`, given the width of its vectors:
///
///     struct Scale {
///       template <int Bytes, class T>
///       [[gnu::always_inline]] static inline void run(T* x, T factor, Index n) {
///         Vec<T, Bytes> v;
///         Index i = 0;
///         for (; i + lanes<T, Bytes> <= n; i += lanes<T, Bytes>) {
///           load(v, x + i);
///           v *= factor;
///           store(x + i, v);
///         }
///         for (; i < n; ++i) x[i] *= factor;
///       }
///     };
///     run_for_isa<Scale>(x, factor, n);
///
/// `run` and all that it calls must be `always_inline`: only then is it compiled for the instruction set of the
/// function it lands in. No intrinsics and no lambdas inside, and no vector passed or returned by value: pass
/// references.
#pragma once

#include <cstring>
#include <type_traits>

#include <kiln/core/cpu.hpp>
#include <kiln/core/shape.hpp>

namespace kiln::detail {

#if defined(__GNUC__)
inline constexpr bool has_vectors = true;
#else
inline constexpr bool has_vectors = false;
#endif

template <class T>
inline constexpr bool vectorizable =
    has_vectors && std::is_arithmetic_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, long double>;

template <class T, int Bytes, bool = vectorizable<T>>
struct VecTypes {
  using Type = T;
};

#if defined(__GNUC__)
template <class T, int Bytes>
struct VecTypes<T, Bytes, true> {
  typedef T Type __attribute__((vector_size(Bytes)));
};
#endif

/// A vector of `Bytes` bytes, with the usual operators lane by lane; one T where there are no vectors of T.
template <class T, int Bytes>
using Vec = typename VecTypes<T, Bytes>::Type;

/// How many T are in a Vec<T, Bytes>.
template <class T, int Bytes>
inline constexpr Index lanes = sizeof(Vec<T, Bytes>) / sizeof(T);

/// Whether there are 32 registers for vectors of that size, and not just 16.
#if defined(__aarch64__)
template <int Bytes>
inline constexpr bool many_registers = true;
#else
template <int Bytes>
inline constexpr bool many_registers = Bytes == 64;
#endif

/// v = the lanes that begin at p, which need not be aligned. (A reference to an unaligned vector would be shorter to
/// use, but clang 14 forgets in templates that it is unaligned.)
template <class V, class T>
[[gnu::always_inline]] inline void load(V& v, const T* p) {
  static_assert(sizeof(V) % sizeof(T) == 0);
  std::memcpy(&v, p, sizeof(V));
}

/// The lanes that begin at p = v.
template <class V, class T>
[[gnu::always_inline]] inline void store(T* p, const V& v) {
  static_assert(sizeof(V) % sizeof(T) == 0);
  std::memcpy(p, &v, sizeof(V));
}

/// The sum of all lanes, in a fixed order: the upper half is added to the lower half until one lane is left.
template <class T, int Bytes>
[[gnu::always_inline]] inline T sum_lanes(const Vec<T, Bytes>& v) {
  if constexpr (lanes<T, Bytes> == 1) {
    T sum;
    std::memcpy(&sum, &v, sizeof(T));
    return sum;
  } else {
    Vec<T, Bytes / 2> halves[2];
    std::memcpy(halves, &v, sizeof(v));
    halves[0] += halves[1];
    return sum_lanes<T, Bytes / 2>(halves[0]);
  }
}

template <class Body, class... Args>
[[gnu::noinline]] void run_baseline(Args... args) {
  Body::template run<16>(args...);
}

#if KILN_X86_DISPATCH
template <class Body, class... Args>
[[gnu::noinline, gnu::target("avx2,fma")]] void run_avx2(Args... args) {
  Body::template run<32>(args...);
}

template <class Body, class... Args>
[[gnu::noinline, gnu::target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]] void run_avx512(Args... args) {
  Body::template run<64>(args...);
}
#endif

/// `Body::run<Bytes>`, compiled for the instruction set with vectors of that width, as a pointer to a function whose
/// type says what the arguments are: `void (*loop)(float*, float, Index) = LoopFor<32, Scale>{};`
template <int Bytes, class Body>
struct LoopFor {
  template <class... Args>
  using Function = void (*)(Args...);

  template <class... Args>
  constexpr operator Function<Args...>() const {
#if KILN_X86_DISPATCH
    if constexpr (Bytes == 64) return run_avx512<Body, Args...>;
    else if constexpr (Bytes == 32) return run_avx2<Body, Args...>;
    else
#endif
      return run_baseline<Body, Args...>;
  }
};

/// Calls that function.
template <int Bytes, class Body, class... Args>
inline void run_for(Args... args) {
  constexpr void (*loop)(Args...) = LoopFor<Bytes, Body>{};
  loop(args...);
}

/// Calls `Body::run<Bytes>(args...)`, compiled for the instruction set in use. Arguments are passed by value.
template <class Body, class... Args>
inline void run_for_isa(Args... args) {
#if KILN_X86_DISPATCH
  switch (isa()) {
    case Isa::avx512: return run_avx512<Body>(args...);
    case Isa::avx2: return run_avx2<Body>(args...);
    case Isa::baseline: break;
  }
#endif
  run_baseline<Body>(args...);
}

}  // namespace kiln::detail
