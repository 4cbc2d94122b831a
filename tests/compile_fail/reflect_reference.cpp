// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: a reflected struct must not have a reference as a member: hold the object itself, a pointer
#include <kiln/core/reflect.hpp>

struct Pointing {
  int depth = 1;
  int* size = nullptr;
};
struct Referring {
  int depth = 1;
  int& size;
};

static_assert(kiln::field_count<Pointing>() == 2);
#ifndef KILN_CONTROL
static_assert(kiln::field_count<Referring>() == 2);
#endif
