// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// What all losses share: how many values become one.
#pragma once

#include <kiln/autograd/record.hpp>

namespace kiln {

/// How a loss becomes a scalar. (PyTorch's `none`, whose result has another rank, is the member function `each` of
/// every loss: `CrossEntropy{}.each(logits, y)`.)
enum class Reduction { mean, sum };

namespace detail {

/// Records a loss as one node. `terms` are the values to be reduced, and `pull(dx, slope)` adds to the prediction's
/// gradient, where slope(i) is dLoss/dterm of term i.
template <int R, class T, class Pull, class... Inputs>
Var<0, T> record_reduced(std::string_view op, const Tensor<R, T>& terms, double divisor, Pull pull,
                         const Inputs&... inputs) {
  double sum = 0;  // always in the same order
  for (T term : terms) sum += static_cast<double>(term);
  auto pull_back = [pull = std::move(pull), divisor](const Tensor<0, T>& dz, GradSlot<Inputs::rank, T>&... dx) mutable {
    pull([g = static_cast<T>(static_cast<double>(dz.item()) / divisor)](Index) { return g; }, dx...);
  };
  return record(op, Tensor<0, T>(static_cast<T>(sum / divisor)), std::move(pull_back), inputs...);
}

/// The same without a reduction.
template <int R, class T, class Pull, class... Inputs>
Var<R, T> record_each(std::string_view op, Tensor<R, T>&& terms, Pull pull, const Inputs&... inputs) {
  auto pull_back = [pull = std::move(pull)](const Tensor<R, T>& dz, GradSlot<Inputs::rank, T>&... dx) mutable {
    pull([&dz](Index i) { return dz.data()[i]; }, dx...);
  };
  return record(op, std::move(terms), std::move(pull_back), inputs...);
}

}  // namespace detail

}  // namespace kiln
