// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Elementwise loops: `out[i...] = op(a[i...], b[i...], ...)` over strided operands. A stride of 0 repeats an element,
/// which is all that broadcasting is. Adjacent axes that lie behind each other in every operand are walked as one. An
/// op of plain arithmetic that says what it costs, `static constexpr Index vector_cost = 1;`, in additions, is applied
/// to whole vectors, and on several threads where that is worth it; any other to one element after the other.
#pragma once

#include <algorithm>
#include <array>
#include <tuple>
#include <type_traits>
#include <utility>

#include <kiln/kernels/map_each.hpp>

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

/// An op for vectors: what is said in map_each.hpp about `f` holds for it.
template <Index Cost, class F>
struct VectorOp : F {
  static constexpr Index vector_cost = Cost;
};
template <Index Cost, class F>
VectorOp<Cost, F> vector_op(F f) {
  return {f};
}

template <class Op, class Out, class... In>
inline constexpr bool maps_vectors =
    requires { Op::vector_cost; } && (std::is_floating_point_v<Out> || std::is_same_v<Out, bool>)&&(
                                         ... && (std::is_floating_point_v<In> || std::is_same_v<In, bool>));

/// The axes of a loop from the inside out, and how far each operand is moved along them.
template <std::size_t Operands>
struct MapAxes {
  std::size_t count = 0;
  std::array<Index, max_rank> sizes{};
  std::array<std::array<Index, Operands>, max_rank> steps{};
};

/// Some of an operand's elements side by side.
template <class T, Index Most>
class Gathered {
 public:
  const T* operator()(const T* from, Index step, Index n) {
    if (step == 1) return from;
    if (step == 0 && from == repeated_ && n <= count_) return elements_;
    for (Index i = 0; i < n; ++i) elements_[i] = from[i * step];
    repeated_ = step == 0 ? from : nullptr;
    count_ = n;
    return elements_;
  }

 private:
  const T* repeated_ = nullptr;
  Index count_ = 0;
  T elements_[Most];
};

template <class Op, class Out, class... In>
void map_vectors(const Op& op, const MapAxes<sizeof...(In)>& axes, Out* out, const In*... in) {
  constexpr Index block = 1024;
  const Index row = axes.sizes[0], blocks = (row + block - 1) / block;
  Index rows = 1;
  for (std::size_t axis = 1; axis < axes.count; ++axis) rows *= axes.sizes[axis];
  parallel_ranges(rows * blocks, (std::min)(row, block) * Op::vector_cost, [&](Index first, Index last) {
    std::tuple<Gathered<In, block>...> gathered;
    for (Index part = first; part < last; ++part) {
      const Index begin = part % blocks * block, n = (std::min)(block, row - begin);
      std::array<Index, sizeof...(In)> offset{};
      for (std::size_t k = 0; k < offset.size(); ++k) offset[k] = begin * axes.steps[0][k];
      Index rest = part / blocks;
      for (std::size_t axis = 1; axis < axes.count; rest /= axes.sizes[axis++]) {
        for (std::size_t k = 0; k < offset.size(); ++k) offset[k] += rest % axes.sizes[axis] * axes.steps[axis][k];
      }
      [&]<std::size_t... K>(std::index_sequence<K...>) {
        run_for_isa<MapEachLoop<Op>>(op, n, out + part / blocks * row + begin,
                                     std::get<K>(gathered)(in + offset[K], axes.steps[0][K], n)...);
      }(std::index_sequence_for<In...>{});
    }
  });
}

/// `out` is contiguous and may be one of the operands if that one is contiguous too.
template <class Op, class Out, class... In>
void map(Op op, Dims dims, Out* out, Operand<In>... in) {
  MapAxes<sizeof...(In)> merged;
  std::size_t& axes = merged.count;
  auto& sizes = merged.sizes;
  auto& steps = merged.steps;
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
  if constexpr (maps_vectors<Op, Out, In...>) return map_vectors(op, merged, out, in.data...);

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
