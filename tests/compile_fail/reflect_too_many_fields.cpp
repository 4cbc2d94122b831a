// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: a reflected struct must not have more than 64 fields
#include <kiln/core/reflect.hpp>

struct Eight {
  int a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;
};
struct Grouped {
  std::array<Eight, 8> most{};
  int last = 0;
};
struct SixtyFive {
  int a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13;
  int b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13;
  int c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13;
  int d1, d2, d3, d4, d5, d6, d7, d8, d9, d10, d11, d12, d13;
  int e1, e2, e3, e4, e5, e6, e7, e8, e9, e10, e11, e12, e13;
};

static_assert(kiln::field_count<Grouped>() == 2);
#ifndef KILN_CONTROL
static_assert(kiln::field_count<SixtyFive>() == 2);
#endif
