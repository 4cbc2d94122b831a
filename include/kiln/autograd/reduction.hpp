// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Sums, means, extremes and the softmax family of vars, over all axes, one axis or several (see tensor/reduce.hpp).
#pragma once

#include <kiln/autograd/record.hpp>

namespace kiln {

namespace detail {

/// The reduced tensor's gradient in the shape that broadcasts against the input.
template <int R, class G>
auto expanded(const G& gradient, const Shape<R>& kept) {
  return detail::alias(gradient).reshape(kept);
}

template <int R, class T, std::size_t K, class... Keep>
auto reduce_sum(const Var<R, T>& x, const std::array<int, K>& axes, Keep... keep) {
  const auto kept = kept_shape<R>(x.shape(), axis_set<R>("sum", axes));
  auto pull_back = [kept, shape = x.shape()](const auto& dy, auto& dx) {
    dx += broadcast_to(expanded(dy, kept), shape);
  };
  return record("sum", run(x.value(), axes, Sum{}, keep...), pull_back, x);
}

template <int R, class T, std::size_t K, class... Keep>
auto reduce_mean(const Var<R, T>& x, const std::array<int, K>& axes, Keep... keep) {
  const auto kept = kept_shape<R>(x.shape(), axis_set<R>("mean", axes));
  const auto count = static_cast<double>(x.numel()) / static_cast<double>((std::max)(numel(kept), Index{1}));
  auto pull_back = [kept, count, shape = x.shape()](const auto& dy, auto& dx) {
    dx += broadcast_to(expanded(dy / count, kept), shape);
  };
  return record("mean", run(x.value(), axes, Mean{}, keep...), pull_back, x);
}

/// The gradient is divided evenly among equal extremes, as PyTorch does for amax.
template <int R, class T, std::size_t K, class Reduction, class... Keep>
auto reduce_extreme(const Var<R, T>& x, const std::array<int, K>& axes, Reduction reduction, Keep... keep) {
  const auto set = axis_set<R>(reduction.name, axes);
  const auto kept = kept_shape<R>(x.shape(), set);
  auto pull_back = [x, kept](const auto& y, const auto& dy, auto& dx) {
    auto hit = (x.value() == expanded(y, kept)).template to<T>();
    dx += hit * (expanded(dy, kept) / sum_to_shape(hit, kept));
  };
  return record(reduction.name, run(x.value(), axes, reduction, keep...), pull_back, x);
}

template <int R, class T, std::size_t K, class... Keep>
auto reduce_variance(const Var<R, T>& x, const std::array<int, K>& axes, Variance variance, Keep... keep) {
  const auto kept = kept_shape<R>(x.shape(), axis_set<R>("var", axes));
  auto pull_back = [x, axes, kept, variance](const auto& dy, auto& dx) {
    const double count = static_cast<double>(x.numel()) / static_cast<double>((std::max)(numel(kept), Index{1}));
    const double divisor = (std::max)(count - static_cast<double>(variance.correction), 0.0);
    dx += expanded(dy, kept) * (x.value() - run(x.value(), axes, Mean{}, keep_axes)) * (2 / divisor);
  };
  return record("var", run(x.value(), axes, variance, keep...), pull_back, x);
}

template <int R, class T, std::size_t K, class... Keep>
auto reduce_logsumexp(const Var<R, T>& x, const std::array<int, K>& axes, Keep... keep) {
  const auto kept = kept_shape<R>(x.shape(), axis_set<R>("logsumexp", axes));
  auto pull_back = [x, kept](const auto& y, const auto& dy, auto& dx) {
    dx += expanded(dy, kept) * exp(x.value() - expanded(y, kept));
  };
  return record("logsumexp", run(x.value(), axes, LogSumExp{}, keep...), pull_back, x);
}

}  // namespace detail

// Each comes over everything, over one axis and over several, with and without keep_axes, as for tensors.
#define KILN_VAR_REDUCTION(name, call, ...)                                          \
  template <int R, class T>                                                          \
  Var<0, T>(name)(const Var<R, T>& x) {                                              \
    return detail::call(x, detail::all_axes<R>() __VA_OPT__(, ) __VA_ARGS__);        \
  }                                                                                  \
  template <int R, class T, class... Keep>                                           \
  auto(name)(const Var<R, T>& x, int axis, Keep... keep) {                           \
    return detail::call(x, std::array{axis} __VA_OPT__(, ) __VA_ARGS__, keep...);    \
  }                                                                                  \
  template <int R, class T, std::size_t K, class... Keep>                            \
  auto(name)(const Var<R, T>& x, const int(&axes)[K], Keep... keep) {                \
    return detail::call(x, std::to_array(axes) __VA_OPT__(, ) __VA_ARGS__, keep...); \
  }
KILN_VAR_REDUCTION(sum, reduce_sum)
KILN_VAR_REDUCTION(mean, reduce_mean)
KILN_VAR_REDUCTION(max, reduce_extreme, detail::Extreme<detail::Greater>{"max"})
KILN_VAR_REDUCTION(min, reduce_extreme, detail::Extreme<detail::Less>{"min"})
KILN_VAR_REDUCTION(logsumexp, reduce_logsumexp)
KILN_VAR_REDUCTION(var, reduce_variance, detail::Variance{1})
KILN_VAR_REDUCTION(population_var, reduce_variance, detail::Variance{0})
#undef KILN_VAR_REDUCTION

/// log(softmax(x)) along an axis, stable for logits of any size.
template <int R, class T>
Var<R, T> log_softmax(const Var<R, T>& x, int axis = -1) {
  axis = checked_axis("log_softmax", axis, R);
  auto pull_back = [axis](const auto& y, const auto& dy, auto& dx) { dx += dy - exp(y) * sum(dy, axis, keep_axes); };
  return record("log_softmax", x.value() - logsumexp(x.value(), axis, keep_axes), pull_back, x);
}

/// exp(x) / sum(exp(x)) along an axis.
template <int R, class T>
Var<R, T> softmax(const Var<R, T>& x, int axis = -1) {
  axis = checked_axis("softmax", axis, R);
  auto pull_back = [axis](const auto& y, const auto& dy, auto& dx) {
    auto weighted = y * dy;
    dx += weighted - y * sum(weighted, axis, keep_axes);
  };
  return record("softmax", exp(x.value() - logsumexp(x.value(), axis, keep_axes)), pull_back, x);
}

/// The same for tensors.
template <int R, class T>
Tensor<R, T> log_softmax(const Tensor<R, T>& x, int axis = -1) {
  return x - logsumexp(x, checked_axis("log_softmax", axis, R), keep_axes);
}
template <int R, class T>
Tensor<R, T> softmax(const Tensor<R, T>& x, int axis = -1) {
  return exp(x - logsumexp(x, checked_axis("softmax", axis, R), keep_axes));
}

}  // namespace kiln
