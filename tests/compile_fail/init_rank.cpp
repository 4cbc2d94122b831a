// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: Kaiming and Xavier initial values need the fan-in and fan-out of a weight of rank 2 or more
#include <kiln/nn/init.hpp>

auto weight = kiln::kaiming_uniform({2, 3});
#ifndef KILN_CONTROL
auto bias = kiln::kaiming_uniform({3});
#endif
