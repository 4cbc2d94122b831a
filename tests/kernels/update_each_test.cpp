// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/kernels/update_each.hpp>

#include <doctest/doctest.h>

#include <vector>

using namespace kiln;
using namespace kiln::detail;

namespace {

/// Exact for the small numbers below, whatever the order and with or without FMA.
struct Sums {
  template <class V>
  [[gnu::always_inline]] void operator()(V& p, V& g, V& first, V& second) const {
    first += g;
    second += 2 * first;
    g += p;
    p -= g - second;
  }
};

struct Negate {
  template <class V>
  [[gnu::always_inline]] void operator()(V& p, V& g) const {
    p = -g;
  }
};

template <class T>
struct Blend {
  T a, b;
  template <class V>
  [[gnu::always_inline]] void operator()(V& p, V& g) const {
    p = a * p + b * g * g;
  }
};

template <class T>
std::vector<T> numbers(Index n, int seed) {
  std::vector<T> x(static_cast<std::size_t>(n));
  for (T& value : x) {
    seed = (seed * 37 + 11) % 101;
    value = static_cast<T>(seed % 7 - 3);
  }
  return x;
}

}  // namespace

TEST_SUITE_BEGIN("kernels");

TEST_CASE_TEMPLATE("update_each applies a formula to every element", T, float, double) {
  for (Index n : {0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 1023, 1024, 1025, 5000}) {
    CAPTURE(n);
    auto p = numbers<T>(n + 1, 1), first = numbers<T>(n + 1, 3), second = numbers<T>(n + 1, 4);
    const auto g = numbers<T>(n + 1, 2);
    auto want_p = p, want_first = first, want_second = second;
    for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
      T copy = g[i];
      Sums{}(want_p[i], copy, want_first[i], want_second[i]);
    }
    update_each(Sums{}, n, p.data(), g.data(), first.data(), second.data());
    CHECK(p == want_p);
    CHECK(first == want_first);
    CHECK(second == want_second);
    CHECK(g == numbers<T>(n + 1, 2));

    update_each(Negate{}, n, p.data(), g.data());
    for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) want_p[i] = -g[i];
    CHECK(p == want_p);
  }
}

TEST_CASE_TEMPLATE("an element's bits do not depend on its place", T, float, double) {
  const std::vector<T> g(37, T(1) / 3);
  std::vector<T> p(37, T(1) / 7);
  update_each(Blend<T>{T(0.9), T(0.1)}, 37, p.data(), g.data());
  for (T value : p) CHECK(value == p[0]);
}

TEST_SUITE_END();
