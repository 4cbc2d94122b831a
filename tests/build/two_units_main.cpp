// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/kiln.hpp>

const void* pool_seen_by_the_other_unit();

// What the library keeps for the whole program exists once.
int main() { return &kiln::detail::pool() == pool_seen_by_the_other_unit() ? 0 : 1; }
