// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: only a plain struct has fields to reflect, and this type has a constructor, a private member
#include <kiln/core/reflect.hpp>

struct Plain {
  int in = 1;
  int out = 1;
};
class Hiding {
 public:
  int in = 1;

 private:
  int out = 1;
};

static_assert(kiln::field_count<Plain>() == 2);
#ifndef KILN_CONTROL
static_assert(kiln::field_count<Hiding>() == 2);
#endif
