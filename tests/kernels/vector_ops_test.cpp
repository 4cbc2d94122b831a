// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/kernels/vector_ops.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

using namespace kiln;

TEST_SUITE_BEGIN("kernels");

TEST_CASE_TEMPLATE("dot, sum and axpy of every length and alignment", T, float, double, int, std::int64_t,
                   long double) {
  std::vector<T> x(310), y(310);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<T>(static_cast<int>(i * 7 % 11) - 5);
    y[i] = static_cast<T>(static_cast<int>(i * 5 % 13) - 6);
  }
  for (std::size_t n = 0; n < 300; ++n) {
    for (std::size_t offset : {0u, 1u, 7u}) {
      T product{}, total{};
      for (std::size_t i = 0; i < n; ++i) {
        product += x[offset + i] * y[i];
        total += x[offset + i];
      }
      CHECK(detail::dot(&x[offset], &y[0], static_cast<Index>(n)) == product);
      CHECK(detail::sum(&x[offset], static_cast<Index>(n)) == total);
      std::vector<T> z = y;
      detail::axpy(T(3), &x[offset], &z[0], static_cast<Index>(n));
      bool right = true;
      for (std::size_t i = 0; i < z.size(); ++i) right &= z[i] == (i < n ? y[i] + 3 * x[offset + i] : y[i]);
      CHECK(right);
    }
  }
  CHECK(detail::dot(&x[0], 2, &y[0], 3, 50) == [&] {
    T sum{};
    for (std::size_t i = 0; i < 50; ++i) sum += x[2 * i] * y[3 * i];
    return sum;
  }());
}

TEST_SUITE_END();
