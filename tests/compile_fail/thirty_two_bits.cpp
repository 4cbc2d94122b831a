// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// flags: -U__SIZEOF_POINTER__ -D__SIZEOF_POINTER__=4
// expect: kiln: only 64-bit systems are supported; the sizes that files announce are checked against 64 bits
#include <kiln/core/config.hpp>
