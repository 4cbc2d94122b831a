// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// flags: -ffast-math
// expect: kiln: -ffast-math breaks NaN detection, infinities and the promise of equal bits; compile without it
#include <kiln/core/config.hpp>
