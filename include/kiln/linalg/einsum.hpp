// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `einsum<"bhqd,bhkd->bhqk">(q, k)`: Einstein summation whose text is read by the compiler, so that a wrong label,
/// rank or number of tensors does not compile, and the rank of the result is known. The twin
/// `einsum<4>("bhqd,bhkd->bhqk", q, k)` reads its text at run time.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>

#include <kiln/core/fixed_string.hpp>
#include <kiln/core/shape.hpp>
#include <kiln/linalg/einsum_parse.hpp>
#include <kiln/linalg/einsum_run.hpp>
#include <kiln/tensor/tensor.hpp>
#include <kiln/tensor/view.hpp>

namespace kiln {

namespace detail {

template <class X, class... More>
constexpr void require_einsum_operands() {
  static_assert((std::is_same_v<element_t<X>, element_t<More>> && ...),
                "kiln: einsum needs tensors of one element type; convert with `.to<float>()`");
  static_assert(sizeof...(More) < max_einsum_operands, "kiln: einsum takes at most 16 tensors");
}

/// The text of a template argument, read. From a copy, because g++ with -fsanitize=undefined cannot search the
/// original.
template <FixedString Text, int... Ranks>
inline constexpr EinsumSpec einsum_spec = [] {
  const FixedString text = Text;
  return parse_einsum(text.view(), std::array<int, sizeof...(Ranks)>{Ranks...});
}();

template <int R, class T, class... Views>
Tensor<R, T> einsum_of(const EinsumSpec& spec, std::string_view text, const Views&... views) {
  const std::array<Dims, sizeof...(Views)> shapes{views.shape().span()...};
  const std::array<EinsumOperand<T>, sizeof...(Views)> operands{
      {{views.data(), views.shape().span(), views.strides().span()}...}};
  const EinsumProblem problem = measure_einsum(spec, text, shapes);
  auto out = uninitialised<T>(problem.out_shape<R>());
  run_einsum<T>(problem, operands, out.data());
  return out;
}

}  // namespace detail

/// Einstein summation: multiplies the tensors and sums over every label that the output does not have. Without `->` the
/// output has the labels that appear once, in alphabetical order; `...` stands for any axes, which broadcast; a label
/// twice in one tensor takes its diagonal. Spaces do not count. Pairs that are products of matrices, or of batches of
/// them, use the selected matmul kernel. Source: numpy.einsum, but a named axis of size 1 does not broadcast.
/// Throws: ShapeError if a label has two sizes.
template <FixedString Text, TensorLike X, TensorLike... More>
auto einsum(const X& first, const More&... more) {
  detail::require_einsum_operands<X, More...>();
  constexpr const detail::EinsumSpec& spec = detail::einsum_spec<Text, X::rank, More::rank...>;
  detail::require_no_einsum_fault<spec.fault>();
  return detail::einsum_of<spec.out.rank, element_t<X>>(spec, Text.view(), first.view(), more.view()...);
}

/// The same with a text that is only known at run time; the rank of the result must be given: `einsum<2>("ij,jk", a,
/// b)`. Throws: UsageError for what the other form would not compile, ShapeError if a label has two sizes.
template <int Rank, TensorLike X, TensorLike... More>
Tensor<Rank, element_t<X>> einsum(std::string_view text, const X& first, const More&... more) {
  detail::require_einsum_operands<X, More...>();
  const std::array<Dims, 1 + sizeof...(More)> shapes{first.shape().span(), more.shape().span()...};
  const detail::EinsumSpec spec = detail::read_einsum(text, Rank, shapes);
  return detail::einsum_of<Rank, element_t<X>>(spec, text, first.view(), more.view()...);
}

}  // namespace kiln
