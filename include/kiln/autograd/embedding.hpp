// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `embedding`: rows of a table, picked by integers.
#pragma once

#include <kiln/autograd/record.hpp>
#include <kiln/core/parallel.hpp>

namespace kiln {

namespace detail {

/// What an index must be, and where it stands. Throws: IndexError.
template <int R, class I>
void check_indices(std::string_view op, const Tensor<R, I>& indices, Index count) {
  for (Index i = 0; i < indices.numel(); ++i) {
    const I index = indices.data()[i];
    if (std::cmp_greater_equal(index, 0) && std::cmp_less(index, count)) continue;
    Shape<R> at;
    for (Index axis = R, rest = i; axis-- > 0;) {
      at[static_cast<int>(axis)] = rest % indices.shape()[static_cast<int>(axis)];
      rest /= indices.shape()[static_cast<int>(axis)];
    }
    fail<IndexError>(op, concat("indices must lie in [0, ", count, ")"), concat("got ", +index, " at ", at));
  }
}

/// to[indices[i]] += from[i] for rows of `size` elements, except those for `skipped`. A thread owns some of the columns
/// and goes through all rows in order, so a sum is the same on any number of threads.
template <class I, class T>
void scatter_rows(const I* indices, Index count, Index size, Index skipped, const T* from, T* to) {
  parallel_ranges(size, count, [=](Index first, Index last) {
    for (Index i = 0; i < count; ++i) {
      const auto row = static_cast<Index>(indices[i]);
      if (row == skipped) continue;
      for (Index j = first; j < last; ++j) to[row * size + j] += from[i * size + j];
    }
  });
}

}  // namespace detail

/// result[i...] = weight[indices[i...]]: integers (...) to rows (..., D) of a weight (K, D). Row `padding_idx`, if
/// there is one, takes no gradient. Throws: IndexError for an index outside [0, K).
template <VarOperand X, VarOperand W>
auto embedding(const X& indices, const W& weight_operand, Index padding_idx = -1) {
  static_assert(std::is_integral_v<typename X::value_type> && !std::is_same_v<typename X::value_type, bool>,
                "kiln: embedding picks rows by integers: convert indices with x.to<int>()");
  static_assert(W::rank == 2, "kiln: embedding takes a weight (K, D)");
  return detail::with_vars(
      "embedding",
      [padding_idx]<int R, class I, class T>(const Var<R, I>& x, const Var<2, T>& weight) {
        const Index count = x.numel(), size = weight.shape()[1];
        detail::check_indices("embedding", x.value(), weight.shape()[0]);
        Shape<R + 1> shape;
        for (int axis = 0; axis < R; ++axis) shape[axis] = x.shape()[axis];
        shape[R] = size;
        auto value = detail::uninitialised<T>(shape);
        for (Index i = 0; i < count; ++i) {
          std::copy_n(weight.value().data() + static_cast<Index>(x.value().data()[i]) * size, size,
                      value.data() + i * size);
        }
        auto pull_back = [kept = detail::alias(x.value()), size, padding_idx](const auto& dy, auto& dw) {
          dw.add_by([&](Tensor<2, T>& to, bool first) {
            if (first) to.fill(T{});
            detail::scatter_rows(kept.data(), kept.numel(), size, padding_idx, dy.data(), to.data());
          });
        };
        return record("embedding", std::move(value), std::move(pull_back), weight);
      },
      indices, weight_operand);
}

}  // namespace kiln
