// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// flags: -ffinite-math-only
// expect: kiln: -ffinite-math-only, as in -ffast-math, lets the compiler drop every check for NaN; compile without it
#include <kiln/core/config.hpp>
