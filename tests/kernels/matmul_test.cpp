// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// One suite for every rung of the ladder. Operands are small integers, so every sum is exact and every kernel must give
// exactly the same numbers.

#include <kiln/kernels/matmul.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include <kiln/kernels/ladder.hpp>

using namespace kiln;

TEST_SUITE_BEGIN("kernels");

namespace {

struct Options {
  bool transpose_a = false;
  bool transpose_b = false;
  int alpha = 1;
  int beta = 0;
  Index padding = 0;
};

std::size_t to_size(Index i) { return static_cast<std::size_t>(i); }
int a_value(Index i, Index p) { return static_cast<int>((i * 7 + p * 3 + i * p) % 9) - 4; }
int b_value(Index p, Index j) { return static_cast<int>((p * 5 + j * 11 + p * j * 2) % 7) - 3; }
int c_value(Index i, Index j) { return static_cast<int>((i + 2 * j) % 5) - 2; }

std::vector<int> reference(Index m, Index n, Index k) {
  std::vector<int> sums(to_size(m * n));
  for (Index i = 0; i < m; ++i) {
    for (Index p = 0; p < k; ++p) {
      for (Index j = 0; j < n; ++j) sums[to_size(i * n + j)] += a_value(i, p) * b_value(p, j);
    }
  }
  return sums;
}

/// A stored matrix whose padding is NaN.
template <class T, class F>
std::vector<T> stored(Index rows, Index columns, Index padding, bool transposed, F value) {
  if (transposed) std::swap(rows, columns);
  std::vector<T> data(to_size(rows * (columns + padding)), std::numeric_limits<T>::quiet_NaN());
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < columns; ++j) {
      data[to_size(i * (columns + padding) + j)] = static_cast<T>(transposed ? value(j, i) : value(i, j));
    }
  }
  return data;
}

/// How many numbers of the result, or of the padding around it, are not what they must be.
template <class T>
Index mistakes(const MatmulKernel& kernel, Index m, Index n, Index k, const Options& o,
               const std::vector<int>& expected) {
  std::vector<T> a = stored<T>(m, k, o.padding, o.transpose_a, a_value);
  std::vector<T> b = stored<T>(k, n, o.padding, o.transpose_b, b_value);
  std::vector<T> c = stored<T>(m, n, o.padding, false, c_value);
  if (o.beta == 0) c.assign(c.size(), std::numeric_limits<T>::quiet_NaN());
  Index ldc = n + o.padding;
  kernel.run(MatmulArgs<T>{.m = m,
                           .n = n,
                           .k = k,
                           .a = a.data(),
                           .lda = (o.transpose_a ? m : k) + o.padding,
                           .transpose_a = o.transpose_a,
                           .b = b.data(),
                           .ldb = (o.transpose_b ? k : n) + o.padding,
                           .transpose_b = o.transpose_b,
                           .c = c.data(),
                           .ldc = ldc,
                           .alpha = static_cast<T>(o.alpha),
                           .beta = static_cast<T>(o.beta)});
  Index count = 0;
  for (Index i = 0; i < m; ++i) {
    for (Index j = 0; j < ldc; ++j) {
      T got = c[to_size(i * ldc + j)];
      if (j >= n) count += got == got;
      else
        count += got != static_cast<T>(o.alpha * expected[to_size(i * n + j)] + (o.beta ? o.beta * c_value(i, j) : 0));
    }
  }
  return count;
}

template <class T>
void check(const MatmulKernel& kernel, Index m, Index n, Index k, const Options& o, const std::vector<int>& expected) {
  Index wrong = mistakes<T>(kernel, m, n, k, o, expected);
  if (wrong != 0) {
    FAIL_CHECK(wrong << " wrong: " << kernel.name << " m " << m << " n " << n << " k " << k << " transposed "
                     << o.transpose_a << o.transpose_b << " alpha " << o.alpha << " beta " << o.beta << " padding "
                     << o.padding << " bytes " << sizeof(T));
  }
}

struct Sizes {
  Index m, n, k;
};

struct Epilogue {
  bool bias, relu;
};

/// How many numbers are not the same with bias and relu in the call as when they follow it.
template <class T>
Index finished(const MatmulKernel& kernel, Sizes size, bool ta, bool tb, int beta, Epilogue fused, T alpha) {
  auto [m, n, k] = size;
  auto noise = [seed = 1u](Index count) mutable {
    std::vector<T> data(to_size(count));
    for (T& x : data) x = static_cast<T>((seed = seed * 1664525u + 1013904223u) >> 8) / 8388608 - 1;
    return data;
  };
  std::vector<T> a = noise(m * k), b = noise(k * n), bias = noise(n), expected = noise(m * n), c = expected;
  MatmulArgs<T> args{.m = m,
                     .n = n,
                     .k = k,
                     .a = a.data(),
                     .lda = ta ? m : k,
                     .transpose_a = ta,
                     .b = b.data(),
                     .ldb = tb ? k : n,
                     .transpose_b = tb,
                     .c = expected.data(),
                     .ldc = n,
                     .alpha = alpha,
                     .beta = static_cast<T>(beta)};
  kernel.run(args);
  Index wrong = 0;
  for (Index at = 0; at < m * n; ++at) {
    T& x = expected[to_size(at)];
    if (fused.bias) x += bias[to_size(at % n)];
    if (fused.relu) x = x < 0 ? T{0} : x;
  }
  args.c = c.data();
  args.bias = fused.bias ? bias.data() : nullptr;
  args.relu = fused.relu;
  kernel.run(args);
  for (Index at = 0; at < m * n; ++at) wrong += c[to_size(at)] != expected[to_size(at)];
  return wrong;
}

struct Mine {
  static constexpr std::string_view name = "mine";
  static void run(const MatmulArgs<float>& args) { NaiveMatmul::run(args); }
  static void run(const MatmulArgs<double>& args) { NaiveMatmul::run(args); }
};

struct NotOne {
  static void run(const MatmulArgs<float>&) {}
};

}  // namespace

TEST_CASE("every kernel: all transposes, factors and paddings on small sizes") {
  for (Index m : {0, 1, 2, 3, 5, 8, 17}) {
    for (Index n : {0, 1, 2, 3, 5, 8, 17}) {
      for (Index k : {0, 1, 2, 3, 5, 8, 17}) {
        std::vector<int> expected = reference(m, n, k);
        for (const MatmulKernel& kernel : matmul_kernels()) {
          for (int variant = 0; variant < 16; ++variant) {
            Options o{.transpose_a = (variant & 1) != 0,
                      .transpose_b = (variant & 2) != 0,
                      .padding = (variant & 4) != 0 ? 3 : 0};
            if (variant & 8) o.alpha = 2, o.beta = -3;
            else o.beta = variant & 4 ? 1 : 0;
            check<float>(kernel, m, n, k, o, expected);
            check<double>(kernel, m, n, k, o, expected);
          }
        }
      }
    }
  }
}

TEST_CASE("every kernel: sizes around the tiles") {
  int turn = 0;
  for (Index m : {1, 7, 13, 16, 31, 33, 64, 65, 100}) {
    for (Index n : {1, 7, 13, 16, 31, 33, 64, 65, 100}) {
      for (Index k : {1, 7, 13, 16, 31, 33, 64, 65, 100}) {
        std::vector<int> expected = reference(m, n, k);
        for (const MatmulKernel& kernel : matmul_kernels()) {
          Options o{.transpose_a = (turn & 1) != 0, .transpose_b = (turn & 2) != 0, .padding = turn % 3};
          if (turn % 5 == 0) o.alpha = -1, o.beta = 2;
          check<float>(kernel, m, n, k, o, expected);
          check<double>(kernel, m, n, k, o, expected);
          ++turn;
        }
        ++turn;
      }
    }
  }
}

TEST_CASE("every kernel: bias and relu, bit for bit as if done afterwards") {
  for (const MatmulKernel& kernel : matmul_kernels()) {
    for (const Sizes& size : {Sizes{1, 1, 1},
                              {1, 10, 20},
                              {1, 2000, 20},
                              {3, 5, 0},
                              {9, 1, 7},
                              {8, 48, 33},
                              {17, 50, 9},
                              {30, 40, 1700},
                              {70, 10, 40},
                              {129, 70, 21}}) {
      if (size.k > 1000 && kernel.name != "native") continue;  // it alone divides the depth
      for (int variant = 0; variant < 32; ++variant) {
        Epilogue fused{.bias = (variant & 1) != 0, .relu = (variant & 2) != 0};
        bool ta = variant & 4, tb = variant & 8;
        int beta = variant & 16 ? 1 : 0;
        CAPTURE(kernel.name);
        CAPTURE(size.m);
        CAPTURE(size.n);
        CAPTURE(size.k);
        CAPTURE(variant);
        CHECK(finished<float>(kernel, size, ta, tb, beta, fused, 1) == 0);
        CHECK(finished<double>(kernel, size, ta, tb, beta, fused, 1) == 0);
        if (variant < 4) CHECK(finished<float>(kernel, size, ta, tb, beta, fused, 0.3f) == 0);
      }
    }
  }
}

TEST_CASE("every kernel: relu lets NaN through") {
  float nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> a(40, -1), b(40, 1), c(40 * 40);
  a[3] = nan;
  for (const MatmulKernel& kernel : matmul_kernels()) {
    kernel.run(MatmulArgs<float>{.m = 40,
                                 .n = 40,
                                 .k = 1,
                                 .a = a.data(),
                                 .lda = 1,
                                 .transpose_a = false,
                                 .b = b.data(),
                                 .ldb = 40,
                                 .transpose_b = false,
                                 .c = c.data(),
                                 .ldc = 40,
                                 .relu = true});
    CHECK(c[0] == 0);
    CHECK(std::isnan(c[3 * 40]));
    CHECK(std::isnan(c[3 * 40 + 39]));
  }
}

TEST_CASE("a kernel of one's own is a struct with a name and a run") {
  static_assert(MatmulKernelLike<Mine>);
  static_assert(MatmulKernelLike<NativeMatmul>);
  static_assert(!MatmulKernelLike<NotOne>);
  static_assert(matmul_kernel_of<Mine>.name == "mine");
  CHECK(mistakes<float>(matmul_kernel_of<Mine>, 3, 4, 5, {}, reference(3, 4, 5)) == 0);
}

TEST_CASE("the ladder lists its rungs and finds them by name") {
  std::vector<std::string_view> names;
  for (const MatmulKernel& kernel : matmul_kernels()) names.push_back(kernel.name);
  CHECK(names == std::vector<std::string_view>{"naive", "elementwise", "broadcast", "einsum", "eigen", "native"});
  for (const MatmulKernel& kernel : matmul_kernels()) CHECK(&matmul_kernel(kernel.name) == &kernel);
  CHECK_THROWS_WITH_AS(matmul_kernel("fast"),
                       "matmul_kernel: must be one of naive, elementwise, broadcast, einsum, eigen, native: got fast",
                       IndexError);
}

TEST_SUITE_END();
