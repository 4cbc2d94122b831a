// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/kiln.hpp>

const void* pool_seen_by_the_other_unit() { return &kiln::detail::pool(); }
