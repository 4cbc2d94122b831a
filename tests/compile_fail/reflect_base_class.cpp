// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: a reflected struct must not have a base class: make the base a member
#include <kiln/core/reflect.hpp>

struct Layer {
  int in = 1;
};
struct Composed {
  Layer layer;
  int out = 1;
};
struct Derived : Layer {
  int out = 1;
};

static_assert(kiln::field_count<Composed>() == 2);
#ifndef KILN_CONTROL
static_assert(kiln::field_count<Derived>() == 2);
#endif
