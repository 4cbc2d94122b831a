// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Einsum without ranks and texts: factors whose axes have labels, multiplied pair by pair. A pair that is a product of
/// matrices or of batches of them goes to the selected matmul kernel, any other to the contraction engine.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <kiln/core/memory.hpp>
#include <kiln/core/shape.hpp>
#include <kiln/kernels/contraction.hpp>
#include <kiln/kernels/select.hpp>
#include <kiln/linalg/einsum_parse.hpp>
#include <kiln/linalg/pair_matmul.hpp>

namespace kiln::detail {

/// A set of labels.
using LabelSet = std::uint64_t;
constexpr LabelSet label_bit(std::size_t label) { return LabelSet{1} << label; }

/// Calls f(label) for every label of a set.
template <class F>
void for_each_label(LabelSet set, F f) {
  for (; set != 0; set &= set - 1) f(static_cast<std::size_t>(std::countr_zero(set)));
}

/// The size of each label.
using LabelSizes = std::array<Index, max_einsum_labels>;

/// Elements, the labels of their axes, and the step along each. A label that stands at two axes steps along both.
struct LabelledAxes {
  LabelSet labels = 0;
  std::array<Index, max_einsum_labels> steps;  // not initialised; read where the label is in the set

  LabelledAxes() {}

  /// The axes of a tensor. Those of size 1 that a longer one of an ellipsis is aligned with are not there.
  LabelledAxes(const EinsumTerm& term, Dims dims, Dims strides, const LabelSizes& sizes) {
    for (std::size_t axis = 0; axis < term.rank; ++axis) {
      const std::size_t label = term.labels[axis];
      if (dims[axis] == 1 && sizes[label] != 1) continue;
      if (labels & label_bit(label)) steps[label] += strides[axis];
      else steps[label] = strides[axis];
      labels |= label_bit(label);
    }
  }

  /// 0 for a label that is not there.
  Index step(std::size_t label) const { return labels & label_bit(label) ? steps[label] : 0; }
};

/// One tensor of a product of many.
template <class T>
struct Factor {
  LabelledAxes axes;
  const T* data = nullptr;
  BlockRef block{};  // of an intermediate result
};

/// The number of elements, as a number that cannot overflow.
inline double label_volume(LabelSet set, const LabelSizes& sizes) {
  double volume = 1;
  for_each_label(set, [&](std::size_t label) { volume *= static_cast<double>(sizes[label]); });
  return volume;
}

/// Space for an intermediate result whose axes are the given sets of labels, one after the other.
template <class T>
std::pair<Factor<T>, T*> packed_factor(std::array<LabelSet, 3> sets, const LabelSizes& sizes) {
  Factor<T> factor;
  Index count = 1;
  std::array<Index, max_einsum_labels + 1> dims;
  std::size_t rank = 0;
  for (std::size_t i = sets.size(); i-- > 0;) {
    for_each_label(sets[i], [&](std::size_t label) {
      factor.axes.steps[label] = count;
      dims[rank++] = sizes[label];
      dims[rank] = static_cast<Index>(sizeof(T));
      count = checked_numel({dims.data(), rank + 1}) / static_cast<Index>(sizeof(T));
    });
    factor.axes.labels |= sets[i];
  }
  factor.block = BlockRef(static_cast<std::size_t>(count) * sizeof(T));
  T* data = static_cast<T*>(factor.block.payload());
  factor.data = data;
  return {std::move(factor), data};
}

/// out = a * b, or a alone if b is null, summed over the labels that out does not have, by the contraction engine.
template <class T>
void contract_labels(const LabelSizes& sizes, const Factor<T>& a, const Factor<T>* b, const LabelledAxes& out_axes,
                     T* out, bool accumulate) {
  std::array<ContractionLoop, max_contraction_loops> loops;
  std::size_t count = 0;
  for_each_label(a.axes.labels | (b ? b->axes.labels : 0) | out_axes.labels, [&](std::size_t label) {
    loops[count++] = {.size = sizes[label],
                      .a = a.axes.step(label),
                      .b = b ? b->axes.step(label) : 0,
                      .out = out_axes.step(label),
                      .summed = !(out_axes.labels & label_bit(label))};
  });
  contract<T>({loops.data(), count}, a.data, b ? b->data : nullptr, out, accumulate);
}

/// Sums over labels that nobody else has before the factor meets another one.
template <class T>
void sum_alone(Factor<T>& factor, LabelSet labels, const LabelSizes& sizes) {
  for_each_label(labels, [&](std::size_t label) {
    if (sizes[label] == 1) factor.axes.labels &= ~label_bit(label);
  });
  if ((labels & factor.axes.labels) == 0) return;
  auto [sum, data] = packed_factor<T>({factor.axes.labels & ~labels, 0, 0}, sizes);
  contract_labels<T>(sizes, factor, nullptr, sum.axes, data, false);
  factor = std::move(sum);
}

/// Whether a matmul kernel is the right tool: two of rows, columns and inner loops, or a lone dot product.
inline bool is_matmul(const PairLoops& loops) {
  std::array<bool, 4> present{};
  for (const PairLoop& loop : loops) {
    if (loop.size != 1) present[static_cast<std::size_t>(loop.role)] = true;
  }
  const auto [batch, row, column, inner] = present;
  return row + column + inner >= 2 || (inner && !batch);
}

/// out = a * b, summed over the labels that out does not have; out has no label that neither a nor b has. Factors are
/// used up.
template <class T>
void contract_pair(const LabelSizes& sizes, Factor<T>& a, Factor<T>& b, const LabelledAxes& out_axes, T* out,
                   bool accumulate) {
  sum_alone(a, a.axes.labels & ~(b.axes.labels | out_axes.labels), sizes);
  sum_alone(b, b.axes.labels & ~(a.axes.labels | out_axes.labels), sizes);
  PairLoops loops;
  for_each_label(a.axes.labels | b.axes.labels, [&](std::size_t label) {
    const LabelSet bit = label_bit(label);
    const LoopRole role = !(out_axes.labels & bit) ? LoopRole::inner
                          : !(b.axes.labels & bit) ? LoopRole::row
                          : !(a.axes.labels & bit) ? LoopRole::column
                                                   : LoopRole::batch;
    loops.add({role, sizes[label], a.axes.step(label), b.axes.step(label), out_axes.step(label)});
  });
  if (!is_matmul(loops)) return contract_labels<T>(sizes, a, &b, out_axes, out, accumulate);
  pair_matmul<T>(&run_matmul<T>, loops, a.data, b.data, out, T{1}, accumulate ? T{1} : T{0});
}

/// The labels that the product of factors i and j must keep.
template <class T>
LabelSet needed_labels(std::span<const Factor<T>> factors, std::size_t i, std::size_t j, LabelSet out) {
  for (std::size_t k = 0; k < factors.size(); ++k) {
    if (k != i && k != j) out |= factors[k].axes.labels;
  }
  return out;
}

/// Which two factors to multiply next: those whose product saves most memory, the first such.
template <class T>
std::pair<std::size_t, std::size_t> choose_pair(std::span<const Factor<T>> factors, LabelSet out,
                                                const LabelSizes& sizes) {
  std::pair<std::size_t, std::size_t> best{0, 1};
  double best_growth = 0;
  for (std::size_t i = 0; i < factors.size(); ++i) {
    for (std::size_t j = i + 1; j < factors.size(); ++j) {
      const LabelSet needed = needed_labels<T>(factors, i, j, out);
      const LabelSet a = factors[i].axes.labels;
      const LabelSet b = factors[j].axes.labels;
      const double growth = label_volume((a | b) & needed, sizes) - label_volume(a, sizes) - label_volume(b, sizes);
      if ((i == 0 && j == 1) || growth < best_growth) {
        best = {i, j};
        best_growth = growth;
      }
    }
  }
  return best;
}

/// out = (or +=) the product of all factors, summed over the labels that out does not have. A label that only out has
/// is broadcast along. Factors are used up.
template <class T>
void contract_network(std::span<Factor<T>> factors, const LabelSizes& sizes, const LabelledAxes& out_axes, T* out,
                      bool accumulate = false) {
  LabelSet known = 0;
  for (const Factor<T>& factor : factors) known |= factor.axes.labels;
  if (factors.size() > 1 && (out_axes.labels & ~known) != 0) {
    auto [product, data] = packed_factor<T>({out_axes.labels & known, 0, 0}, sizes);
    contract_network<T>(factors, sizes, product.axes, data);
    return contract_labels<T>(sizes, product, nullptr, out_axes, out, accumulate);
  }
  while (factors.size() > 2) {
    auto [i, j] = choose_pair<T>(factors, out_axes.labels, sizes);
    const LabelSet a = factors[i].axes.labels;
    const LabelSet b = factors[j].axes.labels;
    const LabelSet needed = needed_labels<T>(factors, i, j, out_axes.labels);
    // Batches, rows, columns: what a kernel writes without a copy.
    auto [product, data] = packed_factor<T>({a & b & needed, a & ~b & needed, b & ~a & needed}, sizes);
    contract_pair<T>(sizes, factors[i], factors[j], product.axes, data, false);
    factors[i] = std::move(product);
    std::move(factors.begin() + static_cast<std::ptrdiff_t>(j) + 1, factors.end(),
              factors.begin() + static_cast<std::ptrdiff_t>(j));
    factors = factors.first(factors.size() - 1);
  }
  if (factors.size() == 1) contract_labels<T>(sizes, factors[0], nullptr, out_axes, out, accumulate);
  else contract_pair<T>(sizes, factors[0], factors[1], out_axes, out, accumulate);
}

}  // namespace kiln::detail
