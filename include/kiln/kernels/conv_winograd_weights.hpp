// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Weights of 3 by 3 as 4 by 4 frequencies, and gradients of frequencies as those of weights.
/// Source: Lavin & Gray 2015, https://arxiv.org/abs/1509.09308, section 4.1.
#pragma once

#include <kiln/core/shape.hpp>

namespace kiln::detail {

/// u = G w G', of a kernel as it is or turned by half a circle.
template <bool Turned, class T>
void frequencies_of_weights(const T* w, T (&u)[4][4]) {
  T g[4][3];
  for (Index j = 0; j < 3; ++j) {
    const T a = w[Turned ? 8 - j : j], b = w[Turned ? 5 - j : 3 + j], c = w[Turned ? 2 - j : 6 + j];
    g[0][j] = a;
    g[1][j] = (a + c + b) / 2;
    g[2][j] = (a + c - b) / 2;
    g[3][j] = c;
  }
  for (Index i = 0; i < 4; ++i) {
    u[i][0] = g[i][0];
    u[i][1] = (g[i][0] + g[i][2] + g[i][1]) / 2;
    u[i][2] = (g[i][0] + g[i][2] - g[i][1]) / 2;
    u[i][3] = g[i][2];
  }
}

/// dw = G' m G, or added to what is there.
template <class T>
void weights_of_frequencies(const T (&m)[4][4], T* dw, bool add) {
  T g[3][4];
  for (Index j = 0; j < 4; ++j) {
    g[0][j] = m[0][j] + (m[1][j] + m[2][j]) / 2;
    g[1][j] = (m[1][j] - m[2][j]) / 2;
    g[2][j] = (m[1][j] + m[2][j]) / 2 + m[3][j];
  }
  for (Index i = 0; i < 3; ++i) {
    const T sums[3] = {g[i][0] + (g[i][1] + g[i][2]) / 2, (g[i][1] - g[i][2]) / 2, (g[i][1] + g[i][2]) / 2 + g[i][3]};
    for (Index j = 0; j < 3; ++j) dw[3 * i + j] = add ? dw[3 * i + j] + sums[j] : sums[j];
  }
}

}  // namespace kiln::detail
