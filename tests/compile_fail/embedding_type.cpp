// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: embedding picks rows by integers: convert indices with x.to<int>\(\)
#include <kiln/nn/embedding.hpp>

kiln::Embedding layer{10, 4};

#ifdef KILN_CONTROL
auto rows = layer(kiln::Tensor<1, int>{1, 2});
#else
auto rows = layer(kiln::Tensor<1>{1, 2});
#endif
