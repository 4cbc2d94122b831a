// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Einstein summation of vars: `einsum<"bhqd,bhkd->bhqk">(q, k)`. What it means is told in linalg/einsum.hpp.
#pragma once

#include <tuple>

#include <kiln/autograd/record.hpp>
#include <kiln/linalg/einsum.hpp>

namespace kiln {

namespace detail {

/// dLoss/d(operand i) += the einsum of dy and the other operands.
template <std::size_t I, int R, class T, class Operands>
void einsum_pull_back(const EinsumProblem& problem, const Operands& operands, const Tensor<R, T>& dy, auto& dx) {
  dx.add_by([&](auto& to, bool first) { einsum_pullback<T>(problem, operands, I, dy.data(), to.data(), !first); });
}

template <int R, class T, int... Ranks>
Var<R, T> record_einsum(const EinsumSpec& spec, std::string_view text, const Var<Ranks, T>&... x) {
  const std::array<Dims, sizeof...(Ranks)> shapes{x.shape().span()...};
  const EinsumProblem problem = measure_einsum(spec, text, shapes);
  auto with_operands = [](const auto& f, const auto&... vars) {
    const std::tuple strides{row_major_strides(vars.shape())...};
    std::apply(
        [&](const auto&... steps) {
          f(std::array<EinsumOperand<T>, sizeof...(Ranks)>{
              {{vars.value().data(), vars.shape().span(), steps.span()}...}});
        },
        strides);
  };
  auto value = uninitialised<T>(problem.template out_shape<R>());
  with_operands([&](const auto& operands) { run_einsum<T>(problem, operands, value.data()); }, x...);
  count_flops([&] { return einsum_flops(problem, shapes); }, x...);
  auto pull_back = [problem, with_operands, x...](const Tensor<R, T>& dy, GradSlot<Ranks, T>&... dx) {
    with_operands(
        [&](const auto& operands) {
          [&]<std::size_t... I>(std::index_sequence<I...>) {
            (einsum_pull_back<I>(problem, operands, dy, dx), ...);
          }(std::index_sequence_for<Var<Ranks, T>...>{});
        },
        x...);
  };
  return record("einsum", std::move(value), pull_back, x...);
}

template <class X, class... More>
constexpr void require_einsum_vars() {
  static_assert((std::is_same_v<typename X::value_type, typename More::value_type> && ...),
                "kiln: einsum needs operands of one element type");
  static_assert(sizeof...(More) < max_einsum_operands, "kiln: einsum takes at most 16 operands");
}

}  // namespace detail

/// Einstein summation of vars, params and tensors. Throws: ShapeError if a label has two sizes.
template <FixedString Text, VarOperand X, VarOperand... More>
  requires(!(is_tensor<X> && ... && is_tensor<More>))
auto einsum(const X& first, const More&... more) {
  detail::require_einsum_vars<X, More...>();
  constexpr const detail::EinsumSpec& spec = detail::einsum_spec<Text, X::rank, More::rank...>;
  detail::require_no_einsum_fault<spec.fault>();
  return detail::with_vars(
      "einsum",
      [](const auto&... x) {
        return detail::record_einsum<spec.out.rank, typename X::value_type>(spec, Text.view(), x...);
      },
      first, more...);
}

/// The same with a text that is only known at run time; the rank of the result must be given: `einsum<2>("ij,jk", a,
/// b)`. Throws: UsageError for what the other form would not compile, ShapeError if a label has two sizes.
template <int Rank, VarOperand X, VarOperand... More>
  requires(!(is_tensor<X> && ... && is_tensor<More>))
Var<Rank, typename X::value_type> einsum(std::string_view text, const X& first, const More&... more) {
  detail::require_einsum_vars<X, More...>();
  const std::array<Dims, 1 + sizeof...(More)> shapes{first.shape().span(), more.shape().span()...};
  const detail::EinsumSpec spec = detail::read_einsum(text, Rank, shapes);
  return detail::with_vars(
      "einsum", [&](const auto&... x) { return detail::record_einsum<Rank, typename X::value_type>(spec, text, x...); },
      first, more...);
}

}  // namespace kiln
