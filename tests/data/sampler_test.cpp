// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/data/sampler.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

TEST_SUITE_BEGIN("data");

using kiln::Index;

namespace {

template <kiln::Sampler S>
std::vector<Index> order(const S& sampler, Index epoch) {
  std::vector<Index> rows{7, 7, 7};  // what was there does not matter
  sampler.order(epoch, rows);
  return rows;
}

}  // namespace

TEST_CASE("sequential order") {
  CHECK(order(kiln::SequentialSampler{4}, 0) == std::vector<Index>{0, 1, 2, 3});
  CHECK(order(kiln::SequentialSampler{4}, 9) == std::vector<Index>{0, 1, 2, 3});
  CHECK(order(kiln::SequentialSampler{0}, 0).empty());
}

TEST_CASE("a random order is a permutation that follows from seed and epoch") {
  kiln::RandomSampler sampler{.samples = 1000, .seed = 5};
  auto first = order(sampler, 0);
  auto second = order(sampler, 1);
  CHECK(first != second);
  CHECK(order(sampler, 0) == first);
  CHECK(order(kiln::RandomSampler{.samples = 1000, .seed = 6}, 0) != first);
  for (auto* rows : {&first, &second}) {
    std::sort(rows->begin(), rows->end());
    CHECK(*rows == order(kiln::SequentialSampler{1000}, 0));
  }
  CHECK(order(kiln::RandomSampler{.samples = 1, .seed = 5}, 0) == std::vector<Index>{0});
  CHECK(order(kiln::RandomSampler{.samples = 0, .seed = 5}, 0).empty());
}

TEST_CASE("every position is as likely for every row") {
  constexpr int rows = 5;
  constexpr int epochs = 5000;
  int count[rows][rows] = {};
  for (int epoch = 0; epoch < epochs; ++epoch) {
    auto rows_of_epoch = order(kiln::RandomSampler{.samples = rows, .seed = 1}, epoch);
    for (std::size_t i = 0; i < rows; ++i) ++count[i][rows_of_epoch[i]];
  }
  double chi_squared = 0;
  for (auto& line : count) {
    for (int seen : line) chi_squared += (seen - epochs / rows) * (seen - epochs / rows) / double(epochs / rows);
  }
  CHECK(chi_squared < 45);  // 16 degrees of freedom: more in one of 7000 cases
}

TEST_CASE("the default seed is the global one at the time") {
  kiln::manual_seed(17);
  kiln::RandomSampler sampler{.samples = 10};
  kiln::EpochSampler other{.samples = 10, .shuffle = true};
  kiln::manual_seed(18);
  CHECK(sampler.seed == 17);
  CHECK(order(sampler, 3) == order(other, 3));
  CHECK(order(kiln::EpochSampler{.samples = 10}, 3) == order(kiln::SequentialSampler{10}, 3));
}

TEST_CASE("batches") {
  const std::vector<Index> rows{5, 6, 7, 8, 9};
  auto batches = [&](Index size, bool drop_last) {
    kiln::BatchSampler sampler{.samples = 5, .batch_size = size, .drop_last = drop_last};
    std::vector<std::vector<Index>> all;
    for (Index i = 0; i < sampler.size(); ++i) {
      auto part = sampler.rows(rows, i);
      all.emplace_back(part.begin(), part.end());
    }
    return all;
  };
  using Batches = std::vector<std::vector<Index>>;
  CHECK(batches(2, false) == Batches{{5, 6}, {7, 8}, {9}});
  CHECK(batches(2, true) == Batches{{5, 6}, {7, 8}});
  CHECK(batches(5, true) == Batches{{5, 6, 7, 8, 9}});
  CHECK(batches(6, false) == Batches{{5, 6, 7, 8, 9}});
  CHECK(batches(6, true).empty());
  CHECK(batches(1, false).size() == 5);
}

TEST_SUITE_END();
