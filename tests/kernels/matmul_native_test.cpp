// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/kernels/matmul_native.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <vector>

using namespace kiln;

TEST_SUITE_BEGIN("kernels");

namespace {

/// Numbers in [-1, 1) that do not add up exactly.
template <class T>
std::vector<T> noise(Index count, std::uint64_t seed) {
  std::vector<T> data(static_cast<std::size_t>(count));
  for (T& x : data) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    x = static_cast<T>(static_cast<double>(seed >> 11) * 0x1p-52 - 1.0);
  }
  return data;
}

template <class T>
std::vector<T> product(Index m, Index n, Index k, bool transpose_a, bool transpose_b) {
  std::vector<T> a = noise<T>(m * k, 1), b = noise<T>(k * n, 2), c = noise<T>(m * n, 3);
  NativeMatmul::run(MatmulArgs<T>{m, n, k, a.data(), transpose_a ? m : k, transpose_a, b.data(), transpose_b ? k : n,
                                  transpose_b, c.data(), n, T(0.5), T(0.25)});
  return c;
}

struct Sizes {
  Index m, n, k;
};
// Both orientations, dot products, operands read in place and packed, several depth blocks, edges of every kind.
constexpr Sizes sizes[] = {{64, 512, 784}, {512, 784, 64},  {64, 10, 512},   {50, 784, 64},   {512, 50, 784},
                           {1, 512, 784},  {300, 300, 600}, {1000, 10, 300}, {129, 100, 513}, {4200, 30, 40},
                           {30, 4200, 40}, {70, 90, 1200},  {600, 70, 530}};

}  // namespace

TEST_CASE_TEMPLATE("native: within the rounding error of the sum in double", T, float, double) {
  for (const Sizes& size : sizes) {
    Index m = size.m, n = size.n, k = size.k;  // clang 14 does not let doctest's lambdas see structured bindings
    for (int variant = 0; variant < 4; ++variant) {
      bool ta = variant & 1, tb = variant & 2;
      std::vector<T> a = noise<T>(m * k, 1), b = noise<T>(k * n, 2), before = noise<T>(m * n, 3);
      std::vector<T> c = product<T>(m, n, k, ta, tb);
      double worst = 0;
      for (Index i = 0; i < m; i += 1 + m / 40) {
        for (Index j = 0; j < n; j += 1 + n / 40) {
          long double sum = 0;
          for (Index p = 0; p < k; ++p) {
            sum += static_cast<long double>(a[static_cast<std::size_t>(ta ? p * m + i : i * k + p)]) *
                   b[static_cast<std::size_t>(tb ? j * k + p : p * n + j)];
          }
          auto at = static_cast<std::size_t>(i * n + j);
          worst = (std::max)(worst, std::abs(static_cast<double>(0.5L * sum + 0.25L * before[at] - c[at])));
        }
      }
      CAPTURE(m);
      CAPTURE(n);
      CAPTURE(k);
      CAPTURE(variant);
      CHECK(worst < static_cast<double>(std::numeric_limits<T>::epsilon()) * static_cast<double>(k));
    }
  }
}

// Each size and each way of storing it meets each number of threads, though not all of them all.
TEST_CASE_TEMPLATE("native: the same bits on 1, 2, 3 and 7 [threads]", T, float, double) {
  constexpr int counts[] = {2, 3, 7};
  int before = num_threads();
  int turn = 0;
  for (auto [m, n, k] : sizes) {
    for (int variant = 0; variant < 4; ++variant) {
      set_num_threads(1);
      std::vector<T> expected = product<T>(m, n, k, variant & 1, variant & 2);
      set_num_threads(counts[turn++ % 3]);
      CHECK(product<T>(m, n, k, variant & 1, variant & 2) == expected);
    }
  }
  set_num_threads(before);
}

TEST_CASE("native: panels make up every number of rows") {
  for (auto [full, fewer] : {std::pair<Index, Index>{8, 5}, {4, 3}}) {
    for (Index rows = 1; rows < 200; ++rows) {
      detail::RowPanels panels(rows, full, fewer);
      Index i = 0;
      Index small = 0;
      while (i < rows) {
        Index height = panels.height(i);
        CHECK((height == full || height == fewer || height == 1));
        for (Index next = 1; next < panels.equal(i, rows); ++next) CHECK(panels.height(i + next * height) == height);
        if (i % full != 0) CHECK(height != full);
        small += height < fewer;
        i += height;
      }
      CHECK(i == rows);
      if (rows >= 28) CHECK(small == 0);
    }
  }
}

TEST_SUITE_END();
