// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/linalg/matmul.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include <kiln/kernels/matmul_naive.hpp>

using namespace kiln;

namespace {

/// Small integers, so that every sum is exact in every type and order.
template <class T, int R>
Tensor<R, T> numbers(const Shape<R>& shape, int seed) {
  auto x = detail::uninitialised<T>(shape);
  for (T& value : x) {
    seed = (seed * 37 + 11) % 101;
    value = static_cast<T>(seed % 7 - 3);
  }
  return x;
}

template <class T>
Tensor<2, T> product(const TensorView<2, const T>& a, const TensorView<2, const T>& b) {
  auto c = detail::uninitialised<T>(Shape<2>(a.size(0), b.size(1)));
  for (Index i = 0; i < a.size(0); ++i) {
    for (Index j = 0; j < b.size(1); ++j) {
      T sum{};
      for (Index p = 0; p < a.size(1); ++p) sum = static_cast<T>(sum + a(i, p) * b(p, j));
      c(i, j) = sum;
    }
  }
  return c;
}

template <class T>
TensorView<2, T> transposed(const TensorView<2, T>& x) {
  return x.permute_view({1, 0});
}

template <int R, class T>
void check_equal(const Tensor<R, T>& x, const Tensor<R, T>& y) {
  REQUIRE(x.shape() == y.shape());
  CHECK(std::equal(x.begin(), x.end(), y.begin()));
}

template <class F>
std::string message_of(F f) {
  try {
    f();
  } catch (const ShapeError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

/// Notes how it is called, and multiplies.
struct SpyMatmul {
  static constexpr std::string_view name = "spy";
  static inline int calls = 0;
  static inline std::vector<const void*> operands;

  template <class T>
  static void run(const MatmulArgs<T>& args) {
    ++calls;
    operands = {args.a, args.b, args.c};
    NaiveMatmul::run(args);
  }
};

}  // namespace

TEST_SUITE_BEGIN("linalg");

TEST_CASE_TEMPLATE("matmul: matrices of all small sizes, plain and transposed", T, float, double, int, std::int64_t) {
  for (Index m : {0, 1, 2, 5}) {
    for (Index k : {0, 1, 3, 4}) {
      for (Index n : {0, 1, 2, 7}) {
        auto a = numbers<T>(Shape<2>(m, k), 1);
        auto b = numbers<T>(Shape<2>(k, n), 2);
        auto at = numbers<T>(Shape<2>(k, m), 3);
        auto bt = numbers<T>(Shape<2>(n, k), 4);
        const auto& [ca, cb, cat, cbt] = std::tie(a, b, at, bt);
        check_equal(matmul(a, b), product<T>(ca.view(), cb.view()));
        check_equal(matmul<NaiveMatmul>(a, b), product<T>(ca.view(), cb.view()));
        auto expected = product<T>(transposed(cat.view()), transposed(cbt.view()));
        check_equal(matmul(at, bt, {.transpose_a = true, .transpose_b = true}), expected);
        check_equal(matmul(transposed(at.view()), transposed(bt.view())), expected);
        check_equal(matmul(a, bt, {.transpose_b = true}), product<T>(ca.view(), transposed(cbt.view())));
        check_equal(matmul(at, b, {.transpose_a = true}), product<T>(transposed(cat.view()), cb.view()));
        check_equal(matmul(at, transposed(b.view()), {.transpose_a = true, .transpose_b = true}),
                    product<T>(transposed(cat.view()), cb.view()));
      }
    }
  }
}

TEST_CASE("matmul: vectors") {
  Tensor<2> a{{1, 2, 3}, {4, 5, 6}};
  Tensor<1> x{1, 0, -1};
  Tensor<1> y{2, -1};
  check_equal(matmul(a, x), Tensor<1>{-2, -2});
  check_equal(matmul(y, a), Tensor<1>{-2, -1, 0});
  Tensor<0> dot = matmul(x, x);
  CHECK(dot.item() == 2);
  check_equal(matmul(a, y, {.transpose_a = true}), Tensor<1>{-2, -1, 0});
  check_equal(matmul(Tensor<1, int>{1, 2}, Tensor<2, int>{{1, 2}, {3, 4}}), Tensor<1, int>{7, 10});
  CHECK(matmul(Tensor<1>(), Tensor<1>()).item() == 0);
}

TEST_CASE("matmul: batches") {
  auto a = numbers<float>(Shape<3>(3, 2, 4), 1);
  auto b = numbers<float>(Shape<3>(3, 4, 5), 2);
  auto w = numbers<float>(Shape<2>(4, 5), 3);
  auto one = numbers<float>(Shape<3>(1, 4, 5), 4);
  auto batched = matmul(a, b);
  auto shared = matmul(a, w);
  auto broadcast = matmul(a, one);
  auto left = matmul(a.row_view(0), b);
  auto vector = matmul(a, w.view().permute_view({1, 0}).row_view(2));
  REQUIRE(batched.shape() == Shape<3>(3, 2, 5));
  REQUIRE(shared.shape() == Shape<3>(3, 2, 5));
  REQUIRE(broadcast.shape() == Shape<3>(3, 2, 5));
  REQUIRE(left.shape() == Shape<3>(3, 2, 5));
  REQUIRE(vector.shape() == Shape<2>(3, 2));
  for (Index i = 0; i < 3; ++i) {
    check_equal(batched.row_view(i).clone(), matmul(a.row_view(i), b.row_view(i)));
    check_equal(shared.row_view(i).clone(), matmul(a.row_view(i), w));
    check_equal(broadcast.row_view(i).clone(), matmul(a.row_view(i), one.row_view(0)));
    check_equal(left.row_view(i).clone(), matmul(a.row_view(0), b.row_view(i)));
    for (Index j = 0; j < 2; ++j) CHECK(vector(i, j) == shared(i, j, 2));
  }
  auto grid = matmul(a.clone().reshape({3, 1, 2, 4}), b);
  REQUIRE(grid.shape() == Shape<4>(3, 3, 2, 5));
  for (Index i = 0; i < 3; ++i) {
    for (Index j = 0; j < 3; ++j) {
      check_equal(grid.row_view(i).row_view(j).clone(), matmul(a.row_view(i), b.row_view(j)));
    }
  }
  CHECK(matmul(numbers<float>(Shape<3>(0, 2, 4), 1), w).shape() == Shape<3>(0, 2, 5));
}

TEST_CASE("matmul: a batch against one matrix is one call, and readable views are not copied") {
  auto scope = use_matmul<SpyMatmul>();
  auto a = numbers<float>(Shape<3>(3, 2, 4), 1);
  auto w = numbers<float>(Shape<2>(5, 4), 3);
  SpyMatmul::calls = 0;
  auto c = matmul(a, w, {.transpose_b = true});
  CHECK(SpyMatmul::calls == 1);
  CHECK(SpyMatmul::operands == std::vector<const void*>{a.data(), w.data(), c.data()});

  auto columns = w.view().permute_view({1, 0}).slice_view(1, 3);  // (2, 5), columns side by side
  auto rows = w.slice_view(1, 3);
  auto d = matmul(rows, transposed(rows));
  CHECK(SpyMatmul::operands == std::vector<const void*>{rows.data(), rows.data(), d.data()});
  auto e = matmul(columns, w);
  CHECK(SpyMatmul::operands == std::vector<const void*>{columns.data(), w.data(), e.data()});

  TensorView<2, float> sparse(w.data(), {2, 2}, {8, 2});  // neither rows nor columns are contiguous
  auto f = matmul(sparse, sparse);
  CHECK(SpyMatmul::operands[0] != sparse.data());
  CHECK(f(1, 0) == w.data()[8] * w.data()[0] + w.data()[10] * w.data()[8]);

  SpyMatmul::calls = 0;
  matmul(a, numbers<float>(Shape<3>(3, 4, 5), 2));
  CHECK(SpyMatmul::calls == 3);
}

TEST_CASE("matmul: batches have the same bits on any number of threads") {
  auto a = numbers<float>(Shape<3>(41, 16, 33), 1);
  auto b = numbers<float>(Shape<3>(41, 33, 17), 2);
  for (float& x : a) x /= 7;
  for (float& x : b) x /= 3;
  const int threads = num_threads();
  set_num_threads(1);
  auto expected = matmul(a, b);
  for (int count : {2, 3, 7, 64}) {
    set_num_threads(count);
    check_equal(matmul(a, b), expected);
  }
  set_num_threads(threads);
  for (Index i : {0, 17, 40}) check_equal(expected.row_view(i).clone(), matmul(a.row_view(i), b.row_view(i)));
}

TEST_CASE_TEMPLATE("matmul_into: accumulates into tensors and views", T, float, double, int) {
  auto a = numbers<T>(Shape<2>(2, 3), 1);
  auto b = numbers<T>(Shape<2>(3, 4), 2);
  auto ab = matmul(a, b);
  auto c = numbers<T>(Shape<2>(2, 4), 5);
  auto before = c;
  matmul_into(c, a, b, {.alpha = 2, .beta = 3});
  for (Index i = 0; i < 2; ++i) {
    for (Index j = 0; j < 4; ++j) CHECK(c(i, j) == 2 * ab(i, j) + 3 * before(i, j));
  }
  matmul_into(c, a, b);
  check_equal(c, ab);

  auto turned = numbers<T>(Shape<2>(4, 2), 6);
  matmul_into(transposed(turned.view()), a, b);
  check_equal(transposed(turned.view()).clone(), ab);

  auto wide = numbers<T>(Shape<3>(2, 4, 2), 7);  // neither rows nor columns of the output are contiguous
  auto kept = wide;
  TensorView<2, T> out(wide.data(), {2, 4}, {8, 2});
  matmul_into(out, a, b, {.beta = 1});
  for (Index i = 0; i < 2; ++i) {
    for (Index j = 0; j < 4; ++j) {
      CHECK(wide(i, j, 0) == ab(i, j) + kept(i, j, 0));
      CHECK(wide(i, j, 1) == kept(i, j, 1));
    }
  }
  Tensor<2, T> unread = kept.row_view(0).clone();
  matmul_into(unread, numbers<T>(Shape<2>(4, 0), 1), numbers<T>(Shape<2>(0, 2), 1));
  CHECK(std::all_of(unread.begin(), unread.end(), [](T x) { return x == 0; }));
}

TEST_CASE("matmul: sizes that do not fit") {
  Tensor<2> a = numbers<float>(Shape<2>(2, 3), 1);
  Tensor<2> b = numbers<float>(Shape<2>(4, 5), 1);
  Tensor<1> x = numbers<float>(Shape<1>(3), 1);
  Tensor<3> n = numbers<float>(Shape<3>(2, 3, 4), 1);
  CHECK(message_of([&] { matmul(a, b); }) ==
        "matmul: last axis of a must equal first of b: got shapes (2, 3) and (4, 5)");
  CHECK(message_of([&] { matmul(a, b, {.transpose_a = true}); }) ==
        "matmul: first axis of a must equal first of b: got shapes (2, 3) and (4, 5), a transposed");
  CHECK(message_of([&] { matmul(a, b, {.transpose_b = true}); }) ==
        "matmul: last axis of a must equal last of b: got shapes (2, 3) and (4, 5), b transposed");
  CHECK(message_of([&] { matmul(b, x); }) ==
        "matmul: last axis of a must equal first of b: got shapes (4, 5) and (3,)");
  CHECK(message_of([&] { matmul(n, n); }) ==
        "matmul: last axis of a must equal second to last of b: got shapes (2, 3, 4) and (2, 3, 4)");
  CHECK(message_of([&] { matmul(n, numbers<float>(Shape<3>(3, 4, 1), 1)); }) ==
        "matmul: batch axes must be equal, or 1: got shapes (2, 3, 4) and (3, 4, 1)");
  CHECK(message_of([&] {
          matmul_into(b, a, x.clone().reshape({3, 1}));
        }) == "matmul_into: out must have shape (2, 1): got (4, 5)");
  CHECK(message_of([&] { matmul_into(b, a, b); }) ==
        "matmul_into: last axis of a must equal first of b: got shapes (2, 3) and (4, 5)");
}

TEST_SUITE_END();
