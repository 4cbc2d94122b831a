// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: a reflected struct must not have a base class: make the base a member
#include <kiln/core/reflect.hpp>

struct Tag {};
struct Plain {
  int in = 1;
  int out = 1;
};
struct Tagged : Tag {
  int in = 1;
  int out = 1;
};

static_assert(kiln::field_count<Plain>() == 2);
#ifndef KILN_CONTROL
static_assert(kiln::field_count<Tagged>() == 2);
#endif
