// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/data/subset.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

TEST_SUITE_BEGIN("data");

using kiln::Index;
using kiln::random_split;
using kiln::Subset;
using kiln::Tensor;
using kiln::TensorDataset;

namespace {

auto numbers(Index count) {
  auto x = kiln::detail::uninitialised<int>(kiln::Shape<1>{count});
  for (Index i = 0; i < count; ++i) x(i) = static_cast<int>(i);
  return TensorDataset{x, x};
}

template <class Parts>
std::vector<Index> sizes(const Parts& parts) {
  std::vector<Index> result;
  for (const auto& part : parts) result.push_back(part.size());
  return result;
}

}  // namespace

TEST_CASE("a subset has the rows it names") {
  auto data = numbers(10);
  Subset subset{data, {7, 3, 3}};
  static_assert(kiln::Dataset<decltype(subset)>);
  CHECK(subset.size() == 3);
  CHECK(&subset.dataset() == &data);
  auto batch = subset.gather(std::vector<Index>{2, 0});
  CHECK(batch.x(0) == 3);
  CHECK(batch.y(1) == 7);

  Subset of_subset{Subset{numbers(10), {5, 6, 7}}, {2}};  // temporaries are owned
  CHECK(of_subset.gather(std::vector<Index>{0}).x(0) == 7);

  CHECK_THROWS_WITH_AS((Subset{data, {0, 10}}), "Subset: rows must lie in [0, 10): got 10", kiln::IndexError);
  CHECK_THROWS_WITH_AS(subset.gather(std::vector<Index>{3}), "gather: rows must lie in [0, 3): got 3",
                       kiln::IndexError);
}

TEST_CASE("a random split is disjoint and complete") {
  auto data = numbers(1000);
  auto parts = random_split(data, {700, 200, 100}, 3);
  CHECK(sizes(parts) == std::vector<Index>{700, 200, 100});
  std::vector<Index> all;
  for (const auto& part : parts) all.insert(all.end(), part.rows().begin(), part.rows().end());
  CHECK_FALSE(std::is_sorted(all.begin(), all.end()));
  std::sort(all.begin(), all.end());
  for (Index i = 0; i < 1000; ++i) REQUIRE(all[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("a random split follows from its seed") {
  auto data = numbers(100);
  auto rows = [&](std::uint64_t seed) {
    auto [first, rest] = random_split(data, {50, 50}, seed);
    return std::vector<Index>(first.rows().begin(), first.rows().end());
  };
  CHECK(rows(1) == rows(1));
  CHECK(rows(1) != rows(2));
  kiln::manual_seed(1);
  auto [first, rest] = random_split(data, {0.5, 0.5});
  CHECK(std::vector<Index>(first.rows().begin(), first.rows().end()) == rows(1));
}

TEST_CASE("the parts own a temporary") {
  auto [first, rest] = random_split(numbers(10), {0.5, 0.5}, 3);
  CHECK(&first.dataset() == &rest.dataset());
  CHECK(first.gather(std::vector<Index>{4}).x(0) == static_cast<int>(first.rows()[4]));
}

TEST_CASE("fractions are cut as PyTorch cuts them") {
  CHECK(sizes(random_split(numbers(10), {0.8, 0.2}, 0)) == std::vector<Index>{8, 2});
  CHECK(sizes(random_split(numbers(11), {0.25, 0.25, 0.25, 0.25}, 0)) == std::vector<Index>{3, 3, 3, 2});
  CHECK(sizes(random_split(numbers(100), {0.29, 0.71}, 0)) == std::vector<Index>{29, 71});  // .29 * 100 is 28.99...
  CHECK(sizes(random_split(numbers(0), {0.5, 0.5}, 0)) == std::vector<Index>{0, 0});
  CHECK(sizes(random_split(numbers(3), {1.0}, 0)) == std::vector<Index>{3});
}

TEST_CASE("parts that are not the whole are refused") {
  auto data = numbers(10);
  CHECK_THROWS_WITH_AS(random_split(data, {5, 4}), "random_split: counts must add up to the 10 rows: got 9",
                       kiln::UsageError);
  CHECK_THROWS_WITH_AS(random_split(data, {11, -1}), "random_split: counts must lie between 0 and 10: got 11",
                       kiln::UsageError);
  CHECK_THROWS_WITH_AS(random_split(data, {-1, 11}), "random_split: counts must lie between 0 and 10: got -1",
                       kiln::UsageError);
  CHECK_THROWS_WITH_AS(random_split(data, {0.5, 0.25}), "random_split: fractions must add up to 1: got 0.75",
                       kiln::UsageError);
  CHECK_THROWS_WITH_AS(random_split(data, {1.5, -0.5}), "random_split: fractions must lie between 0 and 1: got 1.5",
                       kiln::UsageError);
}

TEST_SUITE_END();
