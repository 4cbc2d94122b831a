// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: a reflected struct must not have a C array as a member: write .std::array<T, 3> x. instead
#include <kiln/core/reflect.hpp>

struct Layer {
  int in = 1;
};
struct Modern {
  int depth = 3;
  std::array<Layer, 3> layers{};
};
struct Classic {
  int depth = 3;
  Layer layers[3];
};

static_assert(kiln::field_count<Modern>() == 2);
#ifndef KILN_CONTROL
static_assert(kiln::field_count<Classic>() == 2);
#endif
