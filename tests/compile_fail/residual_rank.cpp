// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: a Residual's body and shortcut must return vars of one rank and element type
#include <kiln/nn/activation.hpp>
#include <kiln/nn/residual.hpp>

#ifdef KILN_CONTROL
auto y = kiln::Residual{kiln::Tanh{}}(kiln::zeros({2, 3, 4}));
#else
auto y = kiln::Residual{kiln::Flatten{}}(kiln::zeros({2, 3, 4}));
#endif
