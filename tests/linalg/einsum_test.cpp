// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/linalg/einsum.hpp>

#include <doctest/doctest.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kiln/kernels/matmul_naive.hpp>

using namespace kiln;

namespace {

/// The inputs of tests/oracles/einsum_cases.py.
template <class T>
void fill(std::span<T> values, std::size_t operand) {
  auto state = static_cast<std::uint32_t>(operand + 1);
  for (T& value : values) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<T>(static_cast<int>((state >> 16) % 7) - 3);
  }
}

template <class T, int R>
Tensor<R, T> numbers(const Shape<R>& shape, std::size_t operand) {
  auto x = detail::uninitialised<T>(shape);
  fill(x.span(), operand);
  return x;
}

template <class T>
std::vector<int> as_ints(std::span<const T> values) {
  return {values.begin(), values.end()};
}
template <int R, class T>
std::vector<int> as_ints(const Tensor<R, T>& x) {
  return as_ints(x.span());
}

/// The elements of a row-major tensor.
template <class T>
struct Input {
  std::vector<Index> dims;
  std::vector<Index> strides;
  std::vector<T> elements;

  Input(Dims shape, std::size_t operand)
      : dims(shape.begin(), shape.end()), elements(static_cast<std::size_t>(checked_numel(shape))) {
    strides.assign(dims.size(), 1);
    for (std::size_t axis = dims.size(); axis-- > 1;) strides[axis - 1] = strides[axis] * dims[axis];
    fill(std::span(elements), operand);
  }

  /// The axes are put in the opposite order in memory, and every second element is unused.
  void scatter() {
    std::vector<T> scattered(2 * elements.size() + 1);
    std::vector<Index> steps(dims.size(), 2);
    for (std::size_t axis = 1; axis < dims.size(); ++axis) steps[axis] = steps[axis - 1] * dims[axis - 1];
    for (std::size_t i = 0; i < elements.size(); ++i) {
      Index at = 0;
      for (std::size_t axis = 0; axis < dims.size(); ++axis) {
        at += static_cast<Index>(i) / strides[axis] % dims[axis] * steps[axis];
      }
      scattered[static_cast<std::size_t>(at)] = elements[i];
    }
    elements = scattered;
    strides = steps;
  }

  detail::EinsumOperand<T> operand() const { return {elements.data(), dims, strides}; }

  template <int R>
  TensorView<R, const T> view() const {
    Shape<R> shape;
    Shape<R> steps;
    for (std::size_t axis = 0; axis < R; ++axis) {
      shape.dims[axis] = dims[axis];
      steps.dims[axis] = strides[axis];
    }
    return {elements.data(), shape, steps};
  }
};

/// What a line of einsum_cases.inc says. All but the einsums themselves is compiled once, not once for each rank.
struct Case {
  std::string_view text;
  std::vector<Index> shape;
  std::vector<int> values;
  std::vector<Input<float>> plain;
  std::vector<Input<double>> scattered;

  Case(std::string_view einsum_text, Dims result, std::string_view elements, std::initializer_list<Dims> operands)
      : text(einsum_text), shape(result.begin(), result.end()) {
    for (const char *at = elements.data(), *end = at + elements.size(); at < end; ++at) {
      at = std::from_chars(at, end, values.emplace_back()).ptr;
    }
    for (Dims dims : operands) {
      plain.emplace_back(dims, plain.size());
      scattered.emplace_back(dims, scattered.size()).scatter();
    }
  }

  void check(Dims dims, const std::vector<int>& elements) const {
    CAPTURE(std::string(text));
    CHECK(std::vector<Index>(dims.begin(), dims.end()) == shape);
    CHECK(elements == values);
  }

  /// An einsum is linear in each operand, so <dy, einsum(..., e, ...)> == <pull-back of dy, e> for every e.
  void check_pullbacks() const {
    CAPTURE(std::string(text));
    std::vector<Dims> shapes;
    std::vector<int> ranks;
    std::vector<detail::EinsumOperand<double>> operands;
    for (const Input<double>& input : scattered) {
      operands.push_back(input.operand());
      shapes.push_back(input.dims);
      ranks.push_back(static_cast<int>(input.dims.size()));
    }
    const auto problem = detail::measure_einsum(detail::parse_einsum(text, ranks), text, shapes);
    const auto dy = numbers<double>(Shape<1>(values.size()), 9);
    auto y = numbers<double>(Shape<1>(values.size()), 8);
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      auto dx = numbers<double>(Shape<1>(checked_numel(shapes[i])), 7);
      auto moved = operands;
      moved[i].data = nullptr;  // not needed: the gradient does not depend on it
      detail::einsum_pullback<double>(problem, moved, i, dy.data(), dx.data());
      for (std::size_t seed : {11u, 12u, 13u}) {
        const Input<double> e(shapes[i], seed);
        moved[i] = e.operand();
        detail::run_einsum<double>(problem, moved, y.data());
        CHECK(std::inner_product(dy.begin(), dy.end(), y.begin(), 0.0) ==
              std::inner_product(dx.begin(), dx.end(), e.elements.begin(), 0.0));
      }
      auto twice = dx;
      detail::einsum_pullback<double>(problem, operands, i, dy.data(), twice.data(), true);
      for (Index at = 0; at < dx.numel(); ++at) REQUIRE(twice(at) == 2 * dx(at));
    }
  }
};

template <FixedString Text, int R, int... Ranks, std::size_t... I>
[[gnu::noinline]] void check_case(std::index_sequence<I...>, const Shape<R>& shape, std::string_view elements,
                                  const Shape<Ranks>&... shapes) {
  const Case expected(Text.view(), shape.span(), elements, {shapes.span()...});
  const auto at_compile_time = einsum<Text>(expected.plain[I].template view<Ranks>()...);
  expected.check(at_compile_time.shape().span(), as_ints(at_compile_time));
  const auto at_run_time = einsum<R>(expected.text, expected.scattered[I].template view<Ranks>()...);
  expected.check(at_run_time.shape().span(), as_ints(at_run_time));
  expected.check_pullbacks();
}

struct SpyMatmul {
  static constexpr std::string_view name = "spy";
  static inline int calls = 0;

  template <class T>
  static void run(const MatmulArgs<T>& args) {
    ++calls;
    NaiveMatmul::run(args);
  }
};

/// Notes how much memory tensors have while it runs, and does nothing.
struct MemoryMatmul {
  static constexpr std::string_view name = "memory";
  static inline std::size_t in_use = 0;

  template <class T>
  static void run(const MatmulArgs<T>&) {
    in_use = memory_use().in_use;
  }
};

/// How often an einsum of these operands calls the selected kernel.
template <FixedString Text, int... Ranks>
int kernel_calls(const Shape<Ranks>&... shapes) {
  auto scope = use_matmul<SpyMatmul>();
  SpyMatmul::calls = 0;
  einsum<Text>(numbers<float>(shapes, 0)...);
  return SpyMatmul::calls;
}

template <class E, class F>
std::string message_of(F f) {
  try {
    f();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEST_SUITE_BEGIN("linalg");

TEST_CASE("einsum: equals numpy.einsum, at compile time and at run time, also on views, and so do its pull-backs") {
#define EINSUM_CASE(text, operands, shape, ...) \
  check_case<text>(std::make_index_sequence<operands>(), shape, __VA_ARGS__);
#include "einsum_cases.inc"
#undef EINSUM_CASE
}

TEST_CASE("einsum: products of matrices and of batches go to the selected kernel") {
  const Shape<2> ij(2, 3), jk(3, 4), ji(3, 2), kj(4, 3);
  CHECK(kernel_calls<"ij,jk->ik">(ij, jk) == 1);
  CHECK(kernel_calls<"ij,jk->ki">(ij, jk) == 1);
  CHECK(kernel_calls<"ji,kj->ki">(ji, kj) == 1);
  CHECK(kernel_calls<"ij,jk->i">(ij, jk) == 1);
  CHECK(kernel_calls<"ij,j->i">(ij, Shape<1>(3)) == 1);
  CHECK(kernel_calls<"i,i->">(Shape<1>(3), Shape<1>(3)) == 1);
  CHECK(kernel_calls<"i,j->ij">(Shape<1>(3), Shape<1>(2)) == 1);
  CHECK(kernel_calls<"ij,jk,kl->il">(ij, jk, Shape<2>(4, 2)) == 2);
  CHECK(kernel_calls<"bij,bjk->bik">(Shape<3>(5, 2, 3), Shape<3>(5, 3, 4)) == 5);
  CHECK(kernel_calls<"bhqd,bhkd->bhqk">(Shape<4>(2, 3, 4, 5), Shape<4>(2, 3, 4, 5)) == 6);
  CHECK(kernel_calls<"bqhd,bkhd->bhqk">(Shape<4>(2, 4, 3, 5), Shape<4>(2, 4, 3, 5)) == 6);
  CHECK(kernel_calls<"...ij,jk">(Shape<3>(5, 2, 3), jk) == 1);
  CHECK(kernel_calls<"abcd,dcef->fbea">(Shape<4>(2, 2, 3, 2), Shape<4>(2, 3, 2, 2)) == 1);
  CHECK(kernel_calls<"ij->ji">(ij) == 0);
  CHECK(kernel_calls<"ij,ij->ij">(ij, ij) == 0);
  CHECK(kernel_calls<"bi,bi->b">(ij, ij) == 0);
  CHECK(kernel_calls<",ij->ij">(Shape<0>(), ij) == 0);
}

TEST_CASE("einsum: operands are read where they are if a kernel can do so") {
  auto q = numbers<float>(Shape<4>(2, 4, 3, 5), 0);
  auto k = numbers<float>(Shape<4>(2, 4, 3, 5), 1);
  auto scope = use_matmul<MemoryMatmul>();
  auto scores = einsum<"bqhd,bkhd->bhqk">(q, k);
  CHECK(MemoryMatmul::in_use == memory_use().in_use);
  auto moved = einsum<"bqhd,bkhd->hqbk">(q, k);  // batches inside rows and columns are no obstacle
  CHECK(MemoryMatmul::in_use == memory_use().in_use);
  auto copied = einsum<"abcd,bd->ac">(q, numbers<float>(Shape<2>(4, 5), 2));
  CHECK(MemoryMatmul::in_use > memory_use().in_use);
}

TEST_CASE("einsum: takes tensors and views of every element type and of 8 axes") {
  Tensor<2, std::int64_t> a{{1, 2}, {3, 4}};
  CHECK(as_ints(einsum<"ij,jk">(a, a)) == std::vector{7, 10, 15, 22});
  CHECK(as_ints(einsum<"ij,kj">(a.view(), a.row_view(0).clone().reshape({1, 2}))) == std::vector{5, 11});
  Tensor<1, std::uint8_t> bytes{200, 100};
  CHECK(einsum<"i->">(bytes).item() == 44);  // as NumPy's, sums are of the elements' type
  auto big = numbers<float>(Shape<8>(2, 1, 2, 1, 2, 1, 2, 1), 0);
  auto turned = einsum<"abcdefgh->hgfedcba">(big);
  CHECK(turned.shape() == Shape<8>(1, 2, 1, 2, 1, 2, 1, 2));
  CHECK(turned(0, 1, 0, 0, 0, 1, 0, 1) == big(1, 0, 1, 0, 0, 0, 1, 0));
  CHECK(einsum<"abcdefgh,abcdefgh">(big, big).item() == einsum<"i,i">(big.reshape({16}), big.reshape({16})).item());
}

TEST_CASE("einsum: sizes that do not fit") {
  Tensor<2> a{{1, 2, 3}, {4, 5, 6}};
  Tensor<3> t = numbers<float>(Shape<3>(4, 2, 1), 0);
  CHECK(message_of<ShapeError>([&] { einsum<"ij,jk->ik">(a, a); }) ==
        "einsum: label j must have one size: got 3 and 2 in \"ij,jk->ik\" of shapes (2, 3) and (2, 3)");
  CHECK(message_of<ShapeError>([&] { einsum<0>("ii->", a); }) ==
        "einsum: label i must have one size: got 2 and 3 in \"ii->\" of shape (2, 3)");
  CHECK(message_of<ShapeError>([&] {
          einsum<"ij,jk,kl">(a, a.reshape({3, 2}), a.reshape({1, 6}));
        }) == "einsum: label k must have one size: got 2 and 1 in \"ij,jk,kl\" of shapes (2, 3), (3, 2) and (1, 6)");
  CHECK(message_of<ShapeError>([&] { einsum<"...i,...i">(a, t); }) ==
        "einsum: label i must have one size: got 3 and 1 in \"...i,...i\" of shapes (2, 3) and (4, 2, 1)");
  CHECK(message_of<ShapeError>([&] {
          einsum<"...,...">(a, t.reshape({2, 2, 2}));
        }) ==
        "einsum: axes of an ellipsis must be equal, or 1: got 3 and 2 in \"...,...\" of shapes (2, 3) and (2, 2, 2)");
}

TEST_CASE("einsum: texts that make no sense") {
  Tensor<2> a{{1, 2, 3}, {4, 5, 6}};
  auto message = [&](std::string_view text) { return message_of<UsageError>([&] { einsum<2>(text, a, a); }); };
  const std::string shapes = " of shapes (2, 3) and (2, 3)";
  CHECK(message("i1,ij") == "einsum: a label is a letter from a to z or from A to Z: got \"i1,ij\"" + shapes);
  for (std::string_view text : {"ij,ij-ij", "ij,ij>ij", "ij,ij->i->j", "ij,ij- >ij"}) {
    CHECK(message(text) ==
          concat("einsum: the output follows an arrow, written -> and only once: got \"", text, '"', shapes));
  }
  for (std::string_view text : {"..i,ij", ".,ij", "...i....,ij", "...i...,ij", "ij,ij->..", ". ..,ij"}) {
    CHECK(message(text) ==
          concat("einsum: an ellipsis is three dots, at most once for each tensor: got \"", text, '"', shapes));
  }
  CHECK(message("ij,jk->i,k") ==
        "einsum: there is one output, so no comma can follow the arrow: got \"ij,jk->i,k\"" + shapes);
  for (std::string_view text : {"ij", "ij,ij,ij", "ij->", "ij,ij,->ij"}) {
    CHECK(message(text) ==
          concat("einsum: the text must name the axes of as many tensors, separated by commas, as are given: got \"",
                 text, '"', shapes));
  }
  for (std::string_view text : {"ij,j", "ijk,ij", ",ij", "ij,", "...ijk,ij"}) {
    CHECK(message(text) == concat("einsum: a tensor needs as many labels as it has axes; an ellipsis stands for any "
                                  "number of them: got \"",
                                  text, '"', shapes));
  }
  CHECK(message("ij,jk->iz") ==
        "einsum: every label of the output must also be a label of some tensor: got \"ij,jk->iz\"" + shapes);
  CHECK(message("ij,jk->ii") == "einsum: a label can appear only once in the output: got \"ij,jk->ii\"" + shapes);
  CHECK(message("...j,jk->jk") ==
        "einsum: an output that is written out must have an ellipsis if a tensor's ellipsis stands for an axis: got "
        "\"...j,jk->jk\"" +
            shapes);
  CHECK(message("ij,jk->") == "einsum: the result has rank 0: got einsum<2> for \"ij,jk->\"" + shapes);
  Tensor<5> big = numbers<float>(Shape<5>(1, 1, 1, 1, 1), 0);
  for (std::string_view text : {"abcde,fghij", "abcde,fghij->abcdefghij", "...,fghij->...fghij"}) {
    CHECK(message_of<UsageError>([&] { einsum<8>(text, big, big); }) ==
          concat("einsum: the result can have at most 8 axes: got \"", text,
                 "\" of shapes (1, 1, 1, 1, 1) and (1, 1, 1, 1, 1)"));
  }
  Tensor<8> eight = numbers<float>(Shape<8>(1, 1, 1, 1, 1, 1, 1, 1), 0);
  CHECK(message_of<UsageError>([&] {
          einsum<8>("abcdefgh,ijklmnop,qrstuvwx,yzABCDEF,GHIJKLMN,OPQRSTUV,WXYZ...->...", eight, eight, eight, eight,
                    eight, eight, eight);
        }).starts_with("einsum: there can be at most 52 different labels, each axis of an ellipsis counted: got \""));
}

TEST_SUITE_END();
