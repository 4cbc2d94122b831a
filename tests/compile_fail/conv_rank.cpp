// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: conv2d takes x .N, C, H, W., weight .O, C / groups, KH, KW. and bias .O.
#include <kiln/nn/conv.hpp>

const kiln::Conv2d layer{3, 8, 3};
auto y = layer(kiln::zeros({2, 3, 4, 4}));
#ifndef KILN_CONTROL
auto z = layer(kiln::zeros({3, 4, 4}));
#endif
