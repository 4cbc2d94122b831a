// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: use public members with default values instead, or write .static void fields
#include <kiln/core/reflect.hpp>

struct Plain {
  int in = 1;
  int out = 1;
};
struct Constructed {
  int in;
  int out;
  explicit Constructed(int size) : in(size), out(size) {}
};

static_assert(kiln::field_count<Plain>() == 2);
#ifndef KILN_CONTROL
static_assert(kiln::field_count<Constructed>() == 2);
#endif
