// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: a field of this struct has a constructor that takes anything or nothing at all
#include <kiln/core/reflect.hpp>

struct Modest {
  explicit Modest(int) {}
};
struct Greedy {
  template <class T>
  Greedy(T&&) = delete;
};
struct Plain {
  int in = 1;
  Modest field;
};
struct Odd {
  int in = 1;
  Greedy field;
};

static_assert(kiln::field_count<Plain>() == 2);
#ifndef KILN_CONTROL
static_assert(kiln::field_count<Odd>() == 2);
#endif
