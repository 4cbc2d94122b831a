// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Runs an einsum that has been read, forwards and backwards; rank-free.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <kiln/core/error.hpp>
#include <kiln/core/shape.hpp>
#include <kiln/linalg/einsum_network.hpp>
#include <kiln/linalg/einsum_parse.hpp>

namespace kiln::detail {

/// A tensor or view as rank-free code sees it.
template <class T>
struct EinsumOperand {
  const T* data;
  Dims dims;
  Dims strides;
};

/// A spec and the size of each of its labels.
struct EinsumProblem {
  EinsumSpec spec;
  LabelSizes sizes;

  /// The sizes of the result.
  template <int R>
  Shape<R> out_shape() const {
    Shape<R> shape;
    for (std::size_t axis = 0; axis < R; ++axis) shape.dims[axis] = sizes[spec.out.labels[axis]];
    return shape;
  }
};

/// `"ij,jk->ik" of shapes (2, 3) and (4, 5)`
inline std::string describe_einsum(std::string_view text, std::span<const Dims> shapes) {
  std::string what = concat('"', text, '"', shapes.size() == 1 ? " of shape " : " of shapes ");
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    append_text(what, i == 0 ? "" : i + 1 == shapes.size() ? " and " : ", ");
    append_text(what, shapes[i]);
  }
  return what;
}

/// Reads a text for tensors of the given shapes. Throws: UsageError.
inline EinsumSpec read_einsum(std::string_view text, int rank, std::span<const Dims> shapes) {
  std::array<int, max_einsum_operands> ranks;
  for (std::size_t i = 0; i < shapes.size(); ++i) ranks[i] = static_cast<int>(shapes[i].size());
  EinsumSpec spec = parse_einsum(text, std::span(ranks).first(shapes.size()));
  if (spec.fault != EinsumFault::none) {
    fail<UsageError>("einsum", einsum_sentence(spec.fault), concat("got ", describe_einsum(text, shapes)));
  }
  if (spec.out.rank != rank) {
    fail<UsageError>("einsum", concat("the result has rank ", spec.out.rank),
                     concat("got einsum<", rank, "> for ", describe_einsum(text, shapes)));
  }
  return spec;
}

/// Throws: ShapeError unless each label has one size; axes of an ellipsis may also be 1.
inline EinsumProblem measure_einsum(const EinsumSpec& spec, std::string_view text, std::span<const Dims> shapes) {
  EinsumProblem problem{spec, {}};
  std::fill_n(problem.sizes.begin(), spec.label_count, Index{-1});
  for (std::size_t operand = 0; operand < spec.operand_count; ++operand) {
    const EinsumTerm& term = spec.operands[operand];
    for (std::size_t axis = 0; axis < term.rank; ++axis) {
      const std::size_t label = term.labels[axis];
      const bool in_ellipsis = spec.names[label] <= '9';
      const Index came = shapes[operand][axis];
      Index& size = problem.sizes[label];
      if (size == -1 || (in_ellipsis && size == 1)) size = came;
      else if (came != size && !(in_ellipsis && came == 1)) {
        fail<ShapeError>("einsum",
                         in_ellipsis ? "axes of an ellipsis must be equal, or 1"
                                     : concat("label ", spec.names[label], " must have one size"),
                         concat("got ", size, " and ", came, " in ", describe_einsum(text, shapes)));
      }
    }
  }
  return problem;
}

/// The factor that an operand is.
template <class T>
Factor<T> einsum_factor(const EinsumProblem& problem, std::size_t operand, const EinsumOperand<T>& x) {
  return {LabelledAxes(problem.spec.operands[operand], x.dims, x.strides, problem.sizes), x.data};
}

/// The axes of a contiguous tensor with the labels of a term.
inline LabelledAxes contiguous_axes(const EinsumProblem& problem, const EinsumTerm& term, Dims dims) {
  std::array<Index, max_rank> strides;
  Index step = 1;
  for (std::size_t axis = term.rank; axis-- > 0; step *= dims[axis]) strides[axis] = step;
  return {term, dims, {strides.data(), term.rank}, problem.sizes};
}

inline LabelledAxes out_axes(const EinsumProblem& problem) {
  std::array<Index, max_rank> dims;
  const EinsumTerm& out = problem.spec.out;
  for (std::size_t axis = 0; axis < out.rank; ++axis) dims[axis] = problem.sizes[out.labels[axis]];
  return contiguous_axes(problem, out, {dims.data(), out.rank});
}

/// What the products of an einsum cost, pair by pair as they are chosen: 2 for each multiplication with its addition.
inline double einsum_flops(const EinsumProblem& problem, std::span<const Dims> shapes) {
  std::array<Factor<float>, max_einsum_operands> factors;  // labels alone
  for (std::size_t i = 0; i < shapes.size(); ++i)
    factors[i].axes = LabelledAxes(problem.spec.operands[i], shapes[i], shapes[i], problem.sizes);
  std::span<Factor<float>> left(factors.data(), shapes.size());
  const LabelSet out = out_axes(problem).labels;
  double flops = 0;
  while (left.size() > 1) {
    const auto [i, j] = choose_pair<float>(left, out, problem.sizes);
    const LabelSet a = left[i].axes.labels;
    const LabelSet b = left[j].axes.labels;
    const LabelSet needed = needed_labels<float>(left, i, j, out);
    flops +=
        2 * label_volume((a & (b | needed)) | (b & (a | needed)), problem.sizes);  // the rest is summed alone first
    left[i].axes.labels = (a | b) & needed;
    std::move(left.begin() + static_cast<std::ptrdiff_t>(j) + 1, left.end(),
              left.begin() + static_cast<std::ptrdiff_t>(j));
    left = left.first(left.size() - 1);
  }
  return flops;
}

/// `out` is contiguous and has the problem's output shape.
template <class T>
void run_einsum(const EinsumProblem& problem, std::span<const EinsumOperand<T>> operands, T* out) {
  std::array<Factor<T>, max_einsum_operands> factors;
  for (std::size_t i = 0; i < operands.size(); ++i) factors[i] = einsum_factor<T>(problem, i, operands[i]);
  contract_network<T>(std::span(factors).first(operands.size()), problem.sizes, out_axes(problem), out);
}

/// The pull-back of operand i: dx (+)= dLoss/d(operand i), given dy = dLoss/d(result) and the other operands; the data
/// of operand i itself is not read. dx and dy are contiguous. It is an einsum again, of dy and the others: labels that
/// only operand i has were summed, so dy is broadcast along them; axes that share a label get their diagonal filled; an
/// axis of size 1 that an ellipsis stretched is summed.
template <class T>
void einsum_pullback(const EinsumProblem& problem, std::span<const EinsumOperand<T>> operands, std::size_t i,
                     const T* dy, T* dx, bool accumulate = false) {
  const LabelledAxes dx_axes = contiguous_axes(problem, problem.spec.operands[i], operands[i].dims);
  std::array<Factor<T>, max_einsum_operands> factors;
  factors[0].axes = out_axes(problem);
  factors[0].data = dy;
  std::size_t count = 1;
  for (std::size_t j = 0; j < operands.size(); ++j) {
    if (j != i) factors[count++] = einsum_factor<T>(problem, j, operands[j]);
  }
  if (!accumulate) std::fill_n(dx, checked_numel(operands[i].dims), T{});  // off the diagonal it stays zero
  contract_network<T>(std::span(factors).first(count), problem.sizes, dx_axes, dx, true);
}

}  // namespace kiln::detail
