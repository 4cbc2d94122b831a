// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// What every header needs to know about the build: the version, and the flags and machines that Kiln refuses.
#pragma once

#define KILN_VERSION_MAJOR 0
#define KILN_VERSION_MINOR 1
#define KILN_VERSION_PATCH 0

#if defined(__FAST_MATH__) && !defined(KILN_ALLOW_FAST_MATH)
#error "kiln: -ffast-math breaks NaN detection, infinities and the promise of equal bits; compile without it"
#endif
#if defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ && !defined(KILN_ALLOW_FAST_MATH)
#error "kiln: -ffinite-math-only, as in -ffast-math, lets the compiler drop every check for NaN; compile without it"
#endif

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#error "kiln: only little-endian CPUs are supported; numbers in files are read and written as they lie in memory"
#endif
#if defined(__SIZEOF_POINTER__) && __SIZEOF_POINTER__ < 8
#error "kiln: only 64-bit systems are supported; the sizes that files announce are checked against 64 bits"
#endif

#if !defined(__cpp_concepts) || __cplusplus < 202002L
#error "kiln: C++20 is needed; compile with -std=c++20 or link the CMake target kiln::kiln"
#endif
