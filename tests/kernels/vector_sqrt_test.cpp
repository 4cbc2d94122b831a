// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/kernels/vector_sqrt.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include <kiln/kernels/update_each.hpp>

using namespace kiln;
using namespace kiln::detail;

namespace {

template <class T>
struct Root {
  template <class V>
  [[gnu::always_inline]] void operator()(V& p, V& g) const {
    p = g;
    take_sqrt<T>(p);
  }
};

}  // namespace

TEST_SUITE_BEGIN("kernels");

TEST_CASE_TEMPLATE("take_sqrt is exact", T, float, double) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  using Limits = std::numeric_limits<T>;
  std::vector<T> x{
      0, T(-0.0), 1, 2, T(0.1), Limits::denorm_min(), (Limits::min)(), (Limits::max)(), Limits::infinity()};
  Bits bits = 1;
  while (x.size() < 1000) {
    bits = bits * 1664525 + 1013904223;
    if (T value = std::abs(std::bit_cast<T>(bits)); value == value) x.push_back(value);
  }
  std::vector<T> root(x.size());
  update_each(Root<T>{}, static_cast<Index>(x.size()), root.data(), x.data());
  for (std::size_t i = 0; i < x.size(); ++i) {
    CHECK(std::bit_cast<Bits>(root[i]) == std::bit_cast<Bits>(std::sqrt(x[i])));
  }

  const std::vector<T> bad{-1, Limits::quiet_NaN(), -Limits::infinity()};
  std::vector<T> out(3);
  update_each(Root<T>{}, 3, out.data(), bad.data());
  for (T value : out) CHECK(std::isnan(value));
}

TEST_SUITE_END();
