// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: BatchNorm1d takes .N, C. or .N, C, L.
#include <kiln/nn/batch_norm.hpp>

const kiln::BatchNorm1d layer{3};
auto y = layer(kiln::zeros({2, 3, 4}));
#ifndef KILN_CONTROL
auto z = layer(kiln::zeros({2, 3, 4, 4}));
#endif
