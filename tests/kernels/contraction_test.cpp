// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/kernels/contraction.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

using namespace kiln;

TEST_SUITE_BEGIN("kernels");

namespace {

struct Random {
  std::uint64_t state = 1;
  Index below(Index bound) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<Index>((state >> 33) % static_cast<std::uint64_t>(bound));
  }
};

/// The definition: one loop inside the other.
void definition(std::span<const ContractionLoop> loops, const double* a, const double* b, double* out) {
  if (loops.empty()) {
    *out += b ? *a * *b : *a;
    return;
  }
  for (Index i = 0; i < loops[0].size; ++i) {
    definition(loops.subspan(1), a + i * loops[0].a, b ? b + i * loops[0].b : b, out + i * loops[0].out);
  }
}

Index extent(std::span<const ContractionLoop> loops, Index ContractionLoop::*stride) {
  Index last = 0;
  for (const ContractionLoop& loop : loops) last += loop.size ? (loop.size - 1) * (loop.*stride) : 0;
  return last + 1;
}

std::vector<double> integers(Index count, Random& random) {
  std::vector<double> data(static_cast<std::size_t>(count));
  for (double& x : data) x = static_cast<double>(random.below(7) - 3);
  return data;
}

}  // namespace

TEST_CASE("contract agrees with its definition on random labels, sizes and orders") {
  Random random;
  int wrong = 0;
  for (int repeat = 0; repeat < 3000; ++repeat) {
    auto labels = static_cast<std::size_t>(random.below(6));
    bool unary = random.below(3) == 0;
    std::vector<ContractionLoop> loops(labels);
    for (ContractionLoop& loop : loops) {
      loop.size = random.below(20) == 0 ? 0 : 1 + random.below(labels <= 3 ? 20 : 5);
      loop.summed = random.below(2) == 0;
    }
    // Each operand has some of the labels, contiguously, in an order of its own.
    for (Index ContractionLoop::*stride : {&ContractionLoop::a, &ContractionLoop::b, &ContractionLoop::out}) {
      Index step = 1;
      std::vector<std::size_t> order(labels);
      for (std::size_t l = 0; l < labels; ++l) order[l] = l;
      for (std::size_t l = labels; l-- > 1;)
        std::swap(order[l], order[static_cast<std::size_t>(random.below(Index(l) + 1))]);
      for (std::size_t l : order) {
        bool has = stride == &ContractionLoop::out ? !loops[l].summed : random.below(3) != 0;
        if (unary && stride == &ContractionLoop::b) has = false;
        loops[l].*stride = has ? step : 0;
        if (has) step *= loops[l].size;
      }
    }
    bool empty = false;
    for (const ContractionLoop& loop : loops) empty |= loop.size == 0;
    std::vector<double> a = integers(extent(loops, &ContractionLoop::a), random);
    std::vector<double> b = integers(extent(loops, &ContractionLoop::b), random);
    std::vector<double> before = integers(extent(loops, &ContractionLoop::out), random);
    for (bool accumulate : {false, true}) {
      std::vector<double> expected = before, got = before;
      bool no_output = false;
      for (const ContractionLoop& loop : loops) no_output |= loop.size == 0 && !loop.summed;
      if (!accumulate && !no_output) expected.assign(expected.size(), 0);
      if (!empty) definition(loops, a.data(), unary ? nullptr : b.data(), expected.data());
      contract<double>(loops, a.data(), unary ? nullptr : b.data(), got.data(), accumulate);
      wrong += got != expected;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("contract: trace, diagonal, transpose, outer product, sum of everything") {
  double a[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  double out[9] = {};
  contract<double>(std::array{ContractionLoop{.size = 3, .a = 4, .summed = true}}, a, out);
  CHECK(out[0] == 15);
  contract<double>(std::array{ContractionLoop{.size = 3, .a = 4, .out = 1}}, a, out);
  CHECK(out[0] == 1);
  CHECK(out[1] == 5);
  CHECK(out[2] == 9);
  contract<double>(
      std::array{ContractionLoop{.size = 3, .a = 3, .out = 1}, ContractionLoop{.size = 3, .a = 1, .out = 3}}, a, out);
  CHECK(out[1] == 4);
  CHECK(out[3] == 2);
  contract<double>(
      std::array{ContractionLoop{.size = 3, .a = 1, .out = 3}, ContractionLoop{.size = 3, .b = 1, .out = 1}}, a, a + 3,
      out);
  CHECK(out[0] == 4);
  CHECK(out[5] == 12);
  CHECK(out[8] == 18);
  contract<double>(std::array{ContractionLoop{.size = 9, .a = 1, .summed = true}}, a, out);
  CHECK(out[0] == 45);
  contract<double>({}, a + 1, a + 2, out);
  CHECK(out[0] == 6);
}

TEST_CASE("contract: integers, and a sum over nothing") {
  int a[] = {1, 2, 3, 4}, out[] = {7, 7};
  contract<int>(
      std::array{ContractionLoop{.size = 2, .a = 2, .out = 1}, ContractionLoop{.size = 2, .a = 1, .summed = true}}, a,
      out);
  CHECK(out[0] == 3);
  CHECK(out[1] == 7);
  contract<int>(
      std::array{ContractionLoop{.size = 2, .a = 2, .out = 1}, ContractionLoop{.size = 0, .a = 1, .summed = true}}, a,
      out);
  CHECK(out[0] == 0);
  CHECK(out[1] == 0);
}

TEST_CASE("contract: the same bits on any number of [threads]") {
  Random random;
  std::vector<float> a(300 * 400), b(400 * 200);
  for (float& x : a) x = static_cast<float>(random.below(1000)) / 999;
  for (float& x : b) x = static_cast<float>(random.below(1000)) / 999;
  std::array loops{ContractionLoop{.size = 300, .a = 400, .out = 200}, ContractionLoop{.size = 200, .b = 1, .out = 1},
                   ContractionLoop{.size = 400, .a = 1, .b = 200, .summed = true}};
  int before = num_threads();
  std::vector<float> expected;
  for (int threads : {1, 2, 3, 7}) {
    set_num_threads(threads);
    std::vector<float> out(300 * 200);
    contract<float>(loops, a.data(), b.data(), out.data());
    if (threads == 1) expected = out;
    CHECK(out == expected);
  }
  set_num_threads(before);
}

TEST_CASE("contract: too many labels") {
  std::vector<ContractionLoop> loops(53);
  double x = 1;
  CHECK_THROWS_WITH_AS(contract<double>(loops, &x, &x), "contract: takes at most 52 labels: got 53", UsageError);
}

TEST_SUITE_END();
