// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: a tensor's rank must be between 0 and 8
#include <kiln/core/shape.hpp>

kiln::Shape<8> widest;
#ifndef KILN_CONTROL
kiln::Shape<9> too_wide;
#endif
