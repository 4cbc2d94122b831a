// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// How the native matmul divides rows and columns into panels, as high and wide as the tiles that compute them.
#pragma once

#include <algorithm>

#include <kiln/core/shape.hpp>
#include <kiln/kernels/matmul_product.hpp>

namespace kiln::detail {

/// How rows are divided into panels: `full` rows each, then `fewer`, then 1.
struct RowPanels {
  Index rows, full, fewer, with_fewer;  // the last `with_fewer` rows are in panels of `fewer` or less

  RowPanels(Index rows_, Index full_, Index fewer_)
      : rows(rows_), full(full_), fewer(fewer_), with_fewer(rows_ % full_) {
    for (Index count = 1; count < full && count * fewer <= rows; ++count) {
      if ((rows - count * fewer) % full == 0) with_fewer = count * fewer;
    }
    if (rows % full == 0) with_fewer = 0;
  }

  /// The height of the panel that begins at row i.
  Index height(Index i) const {
    Index left = rows - i;
    if (left > with_fewer) return full;
    return left >= fewer ? fewer : 1;
  }

  /// How many panels of that height follow each other up to row `last`.
  Index equal(Index i, Index last) const {
    Index size = height(i);
    Index count = 1;
    while (i + (count + 1) * size <= last && height(i + count * size) == size) ++count;
    return count;
  }
};

/// How columns, counted in vectors, are divided into panels: `most` each, but never one alone where two and two do.
struct ColumnPanels {
  Index vectors, most, panels, twos;  // the last `twos` panels have two vectors

  ColumnPanels(Index vectors_, Index most_)
      : vectors(vectors_),
        most(most_),
        panels(ceil_div(vectors_, most_)),
        twos(most_ == 3 && vectors_ > 3 && vectors_ % 3 == 1 ? 2 : 0) {}

  /// The first vector of a panel; that of the panel behind the last one is the end.
  Index first(Index panel) const {
    Index full = panels - twos;
    return (std::min)(vectors, panel <= full ? panel * most : full * most + (panel - full) * 2);
  }
};

}  // namespace kiln::detail
