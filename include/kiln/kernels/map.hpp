// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Elementwise loops: `out[i...] = op(a[i...], b[i...], ...)` over strided operands. A stride of 0 repeats an element,
/// which is all that broadcasting is. Adjacent axes that lie behind each other in every operand are walked as one.
#pragma once

#include <array>
#include <utility>

#include <kiln/core/shape.hpp>

namespace kiln::detail {

/// Where a loop over several axes finds an operand's elements. Strides are in elements, outermost axis first.
template <class T>
struct Operand {
  const T* data;
  std::array<Index, max_rank> strides{};
};

/// One row of n elements; every operand advances by its own step.
template <class Op, class Out, class... In>
inline void map_row(Op op, Index n, Out* out, std::pair<const In*, Index>... in) {
  const bool contiguous = (... && (in.second == 1));
  if (contiguous) {
    for (Index i = 0; i < n; ++i) out[i] = static_cast<Out>(op(in.first[i]...));
  } else {
    for (Index i = 0; i < n; ++i) out[i] = static_cast<Out>(op(in.first[i * in.second]...));
  }
}

/// `out` is contiguous and may be one of the operands if that one is contiguous too.
template <class Op, class Out, class... In>
void map(Op op, Dims dims, Out* out, Operand<In>... in) {
  // Merge axes, innermost first. `sizes` and each operand's `steps` are then ordered from the inside out.
  std::array<Index, max_rank> sizes{};
  std::array<std::array<Index, sizeof...(In)>, max_rank> steps{};
  std::size_t axes = 0;
  for (std::size_t axis = dims.size(); axis-- > 0;) {
    if (dims[axis] == 0) return;
    if (dims[axis] == 1) continue;
    const std::array<Index, sizeof...(In)> here{in.strides[axis]...};
    bool merges = axes > 0;
    for (std::size_t k = 0; merges && k < here.size(); ++k) merges = here[k] == steps[axes - 1][k] * sizes[axes - 1];
    if (merges) {
      sizes[axes - 1] *= dims[axis];
    } else {
      sizes[axes] = dims[axis];
      steps[axes++] = here;
    }
  }
  if (axes == 0) {
    *out = static_cast<Out>(op(*in.data...));
    return;
  }

  std::array<Index, max_rank> at{};
  std::array<Index, sizeof...(In)> offset{};
  auto row = [&]<std::size_t... K>(std::index_sequence<K...>) {
    map_row<Op, Out, In...>(op, sizes[0], out, {in.data + offset[K], steps[0][K]}...);
  };
  while (true) {
    row(std::index_sequence_for<In...>{});
    out += sizes[0];
    std::size_t axis = 1;
    for (; axis < axes; ++axis) {
      for (std::size_t k = 0; k < offset.size(); ++k) offset[k] += steps[axis][k];
      if (++at[axis] < sizes[axis]) break;
      for (std::size_t k = 0; k < offset.size(); ++k) offset[k] -= steps[axis][k] * sizes[axis];
      at[axis] = 0;
    }
    if (axis == axes) return;
  }
}

}  // namespace kiln::detail
