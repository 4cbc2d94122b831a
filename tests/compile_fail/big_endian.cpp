// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// flags: -U__BYTE_ORDER__ -D__BYTE_ORDER__=__ORDER_BIG_ENDIAN__
// expect: kiln: only little-endian CPUs are supported; numbers in files are read and written as they lie in memory
#include <kiln/core/config.hpp>
