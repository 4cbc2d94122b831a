// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: a reflected struct must not have a C array as a member: write .std::array<T, 3> x. instead
#include <kiln/core/reflect.hpp>

struct Modern {
  int depth = 1;
  std::array<int, 1> sizes{};
};
struct Classic {
  int depth = 1;
  int sizes[1] = {};
};

static_assert(kiln::field_count<Modern>() == 2);
#ifndef KILN_CONTROL
static_assert(kiln::field_count<Classic>() == 2);
#endif
