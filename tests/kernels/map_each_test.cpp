// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/kernels/map_each.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using namespace kiln;

TEST_SUITE_BEGIN("kernels");

TEST_CASE_TEMPLATE("map_each applies a function to every element, whatever their number and place", T, float, double) {
  std::vector<T> x(700), y(700), z(700);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<T>(static_cast<int>(i * 7 % 11) - 5);
    y[i] = static_cast<T>(static_cast<int>(i * 5 % 13) - 6);
  }
  auto f = [](T a, T b) { return a > 0 ? a * 2 : b; };
  for (std::size_t n : {0u, 1u, 2u, 15u, 31u, 64u, 100u, 127u, 128u, 129u, 255u, 256u, 300u, 513u, 690u}) {
    for (std::size_t offset : {0u, 1u, 7u}) {
      std::fill(z.begin(), z.end(), T{99});
      detail::map_each(1, f, static_cast<Index>(n), &z[offset], &x[offset], &y[0]);
      bool right = true;
      for (std::size_t i = 0; i < z.size(); ++i) {
        const bool inside = i >= offset && i < offset + n;
        right &= z[i] == (inside ? f(x[i], y[i - offset]) : T{99});
      }
      CAPTURE(n);
      CHECK(right);
    }
  }
}

TEST_CASE("map_each may write to what it reads") {
  std::vector<float> x(1000), expected(1000);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(i);
    expected[i] = 3 * x[i] + 1;
  }
  detail::map_each(
      1, [](float v) { return 3 * v + 1; }, 1000, x.data(), x.data());
  CHECK(x == expected);
}

TEST_CASE("map_each has the same bits on any number of threads") {
  std::vector<float> x(100'000), one(x.size()), several(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = std::sin(static_cast<float>(i));
  auto f = [](float v) { return v * v * 0.3f + v / 7; };
  const int before = num_threads();
  set_num_threads(1);
  detail::map_each(1, f, std::ssize(x), one.data(), x.data());
  set_num_threads(5);
  detail::map_each(1, f, std::ssize(x), several.data(), x.data());
  CHECK(one == several);
  set_num_threads(before);
}

TEST_CASE_TEMPLATE("map_each gives an element the same bits at any place", T, float, double) {
  std::vector<T> x(300), whole(x.size()), part(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(std::sin(static_cast<double>(i)));
  auto f = [](T v) { return (v * v * T(0.3) + v / 7) * v + T(0.1); };
  detail::map_each(1, f, std::ssize(x), whole.data(), x.data());
  for (std::size_t begin : {0u, 1u, 5u, 130u}) {
    for (std::size_t n : {1u, 3u, 17u, 63u, 129u, 170u}) {
      detail::map_each(1, f, static_cast<Index>(n), part.data(), x.data() + begin);
      CHECK(std::equal(part.begin(), part.begin() + static_cast<Index>(n), whole.begin() + static_cast<Index>(begin)));
    }
  }
}

TEST_SUITE_END();
