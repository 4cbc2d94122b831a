// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/data/loader.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <kiln/data/image_dataset.hpp>
#include <kiln/data/subset.hpp>
#include <kiln/data/transforms.hpp>

namespace {
std::atomic<long> allocations = 0;
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KILN_TEST_OWN_NEW 0  // clang's runtime for it does not let us replace `new`
#endif
#endif
#ifndef KILN_TEST_OWN_NEW
#define KILN_TEST_OWN_NEW 1
#endif

#if KILN_TEST_OWN_NEW
// Not inlined: g++ would complain that what its caller gets from `new` goes to `free`.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size ? size : 1)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif

TEST_SUITE_BEGIN("data");

using kiln::DataLoader;
using kiln::DataLoaders;
using kiln::Index;
using kiln::Tensor;
using kiln::TensorDataset;

namespace {

/// Row i is (i, i + .5), its target i. Some rows take longer, so that threads finish out of order, and one may fail.
struct Numbers {
  Index count;
  Index bad_row = -1;

  Index size() const { return count; }
  kiln::Batch<Tensor<2>, Tensor<1, int>> gather(std::span<const Index> rows) const {
    const auto n = static_cast<Index>(rows.size());
    auto x = kiln::detail::uninitialised<float>(kiln::Shape<2>{n, 2});
    auto y = kiln::detail::uninitialised<int>(kiln::Shape<1>{n});
    for (Index i = 0; i < n; ++i) {
      const Index row = rows[static_cast<std::size_t>(i)];
      if (row == bad_row) throw std::runtime_error("row " + std::to_string(row));
      x(i, 0) = static_cast<float>(row);
      x(i, 1) = x(i, 0) + 0.5f;
      y(i) = static_cast<int>(row);
    }
    if (n && rows[0] % 5 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));
    return {std::move(x), std::move(y)};
  }
};

using Labels = std::vector<std::vector<int>>;

template <class E>
Labels labels(E&& epoch) {
  Labels all;
  for (auto& batch : epoch) {
    all.emplace_back(batch.y.begin(), batch.y.end());
    REQUIRE(batch.x.shape() == kiln::Shape<2>{batch.y.numel(), 2});
    for (Index i = 0; i < batch.y.numel(); ++i) REQUIRE(batch.x(i, 1) == static_cast<float>(batch.y(i)) + 0.5f);
  }
  return all;
}

std::vector<int> flat(const Labels& batches) {
  std::vector<int> all;
  for (const auto& batch : batches) all.insert(all.end(), batch.begin(), batch.end());
  return all;
}

}  // namespace

TEST_CASE("batches in order, the last one shorter") {
  DataLoader loader{Numbers{5}, {.batch_size = 2}};
  CHECK(loader.size() == 5);
  CHECK(loader.batches() == 3);
  CHECK(loader.batch_size() == 2);
  CHECK(labels(loader.epoch(0)) == Labels{{0, 1}, {2, 3}, {4}});
  CHECK(labels(loader.epoch(1)) == Labels{{0, 1}, {2, 3}, {4}});
  CHECK(labels(DataLoader{Numbers{5}, {.batch_size = 2, .drop_last = true}}.epoch(0)) == Labels{{0, 1}, {2, 3}});
  CHECK(labels(DataLoader{Numbers{5}, {.batch_size = 5, .drop_last = true}}.epoch(0)) == Labels{{0, 1, 2, 3, 4}});
  CHECK(labels(DataLoader{Numbers{5}, {.batch_size = 100}}.epoch(0)) == Labels{{0, 1, 2, 3, 4}});
  CHECK(labels(DataLoader{Numbers{5}, {.batch_size = 100, .drop_last = true}}.epoch(0)).empty());
  CHECK(labels(DataLoader{Numbers{5}}.epoch(0)).size() == 1);
}

TEST_CASE("an empty data set has no batches") {
  for (int workers : {0, 2}) {
    DataLoader loader{Numbers{0}, {.shuffle = true, .workers = workers}};
    CHECK(loader.batches() == 0);
    CHECK(labels(loader.epoch(0)).empty());
    CHECK(labels(loader.epoch(1)).empty());
  }
}

TEST_CASE("order and bits do not depend on the number of threads") {
  Numbers data{1003};
  auto batches = [&](std::optional<int> workers, Index epoch) {
    DataLoader loader{data, {.batch_size = 10, .shuffle = true, .workers = workers, .seed = 3}};
    labels(loader.epoch(epoch + 1));  // what came before does not matter
    return labels(loader.epoch(epoch));
  };
  const Labels expected = batches(0, 4);
  CHECK(expected.size() == 101);
  CHECK(expected != batches(0, 5));
  std::vector<int> all = flat(expected);
  std::sort(all.begin(), all.end());
  for (int i = 0; i < 1003; ++i) REQUIRE(all[static_cast<std::size_t>(i)] == i);
  for (std::optional<int> workers : {std::optional<int>(), {1}, {2}, {3}, {7}}) CHECK(batches(workers, 4) == expected);
}

TEST_CASE("an epoch can be entered in the middle") {
  for (int workers : {0, 1, 3}) {
    DataLoader loader{Numbers{100}, {.batch_size = 7, .shuffle = true, .workers = workers, .seed = 3}};
    const Labels whole = labels(loader.epoch(2));
    for (Index first = 0; first <= loader.batches(); ++first) {
      auto rest = loader.epoch(2, first);
      CHECK(rest.position() == first);
      CHECK(labels(rest) == Labels(whole.begin() + first, whole.end()));
      CHECK(rest.position() == loader.batches());
      CHECK(rest.next() == nullptr);
    }
  }
}

TEST_CASE("the position counts batches handed out, not prefetched") {
  DataLoader loader{Numbers{100}, {.batch_size = 10, .workers = 2}};
  auto epoch = loader.epoch(0);
  CHECK(epoch.batches() == 10);
  CHECK(epoch.position() == 0);
  auto* batch = epoch.next();
  REQUIRE(batch != nullptr);
  CHECK(batch->y(0) == 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  CHECK(epoch.position() == 1);
}

TEST_CASE("an exception of a thread arrives at its batch and the loader stays usable") {
  for (int workers : {0, 1, 3}) {
    DataLoader loader{Numbers{.count = 100, .bad_row = 42}, {.batch_size = 10, .workers = workers}};
    for (int round = 0; round < 3; ++round) {
      Labels seen;
      auto epoch = loader.epoch(round);
      for (int i = 0; i < 4; ++i) {
        auto* batch = epoch.next();
        REQUIRE(batch != nullptr);
        CHECK(batch->y(0) == 10 * i);
      }
      CHECK_THROWS_WITH_AS(epoch.next(), "row 42", std::runtime_error);
      auto* after = epoch.next();
      REQUIRE(after != nullptr);
      CHECK(after->y(0) == 50);
    }
    int batches = 0;
    auto run = [&] {
      for (auto& batch : loader.epoch(0)) batches += batch.y.numel() > 0;
    };
    CHECK_THROWS_WITH_AS(run(), "row 42", std::runtime_error);
    CHECK(batches == 4);
  }
}

TEST_CASE("an epoch may end early, threads park") {
  DataLoader loader{Numbers{1000}, {.batch_size = 3, .shuffle = true, .workers = 3, .seed = 1}};
  const Labels whole = labels(loader.epoch(0));
  for (std::size_t length = 0; length < 20; ++length) {
    auto epoch = loader.epoch(0);
    for (std::size_t i = 0; i < length; ++i) {
      auto* batch = epoch.next();
      REQUIRE(batch != nullptr);
      REQUIRE(std::equal(batch->y.begin(), batch->y.end(), whole[i].begin()));
    }
  }
  CHECK(labels(loader.epoch(0)) == whole);
}

TEST_CASE("an epoch outlives its loader, and moves, with threads running") {
  auto make = [] {
    DataLoader loader{Numbers{100}, {.batch_size = 10, .workers = 2}};
    return loader.epoch(0);
  };
  auto epoch = make();
  auto moved = std::move(epoch);
  CHECK(flat(labels(moved)).size() == 100);
  DataLoader{Numbers{100}, {.workers = 2}}.epoch(0).next();
}

TEST_CASE("two epochs of one loader at once, nested and from two threads") {
  DataLoader loader{Numbers{200}, {.batch_size = 10, .shuffle = true, .workers = 2, .seed = 1}};
  const Labels first = labels(loader.epoch(0));
  const Labels second = labels(loader.epoch(1));
  std::size_t i = 0;
  for (auto& batch : loader.epoch(0)) {
    REQUIRE(std::equal(batch.y.begin(), batch.y.end(), first[i++].begin()));
    REQUIRE(labels(loader.epoch(1)) == second);
  }
  CHECK(i == first.size());
  Labels from_thread;
  std::thread other([&] {
    for (auto& batch : loader.epoch(0)) from_thread.emplace_back(batch.y.begin(), batch.y.end());
  });
  const Labels here = labels(loader.epoch(1));
  other.join();
  CHECK(here == second);
  CHECK(from_thread == first);
}

TEST_CASE("two loaders at once, with threads each") {
  Numbers data{100};
  DataLoaders both{DataLoader{data, {.batch_size = 7, .shuffle = true, .workers = 2}},
                   DataLoader{data, {.batch_size = 7, .workers = 3}}};
  auto random = both.train.epoch(0);
  auto ordered = both.valid.epoch(0);
  std::vector<int> seen;
  while (auto* batch = random.next()) {
    seen.insert(seen.end(), batch->y.begin(), batch->y.end());
    auto* other = ordered.next();
    REQUIRE(other != nullptr);
    CHECK(other->y(0) == 7 * (ordered.position() - 1));
  }
  CHECK_FALSE(std::is_sorted(seen.begin(), seen.end()));
  std::sort(seen.begin(), seen.end());
  CHECK(seen.size() == 100);
  CHECK(std::adjacent_find(seen.begin(), seen.end()) == seen.end());
}

TEST_CASE("a batch may be moved out and kept") {
  DataLoader loader{Numbers{20}, {.batch_size = 10, .workers = 1}};
  std::vector<DataLoader<Numbers>::Batch> kept;
  for (auto& batch : loader.epoch(0)) kept.push_back(std::move(batch));
  REQUIRE(kept.size() == 2);
  CHECK(kept[0].y(3) == 3);
  CHECK(kept[1].y(3) == 13);
}

TEST_CASE("an lvalue data set is referenced, a temporary is owned, a copied loader shares it") {
  Numbers data{10};
  DataLoader loader{data};
  CHECK(&loader.dataset() == &data);
  DataLoader owning{Numbers{10}};
  DataLoader copy = owning;
  CHECK(&copy.dataset() == &owning.dataset());
  const Numbers fixed{10};
  CHECK(&DataLoader{fixed}.dataset() == &fixed);
}

TEST_CASE("the seed is the global one when the loader is made, unless given") {
  Numbers data{50};
  kiln::manual_seed(11);
  DataLoader loader{data, {.shuffle = true}};
  kiln::manual_seed(12);
  DataLoader other{data, {.shuffle = true}};
  CHECK(labels(loader.epoch(0)) == labels(DataLoader{data, {.shuffle = true, .seed = 11}}.epoch(0)));
  CHECK(labels(loader.epoch(0)) != labels(other.epoch(0)));
}

namespace {

struct Backwards {
  Index samples;
  Index given;
  Index size() const { return samples; }
  void order(Index epoch, std::vector<Index>& rows) const {
    rows.clear();
    for (Index i = given; i-- > 0;) rows.push_back(i + epoch);
  }
};

}  // namespace

TEST_CASE("a sampler of one's own") {
  DataLoader loader{Numbers{10}, Backwards{4, 4}, {.batch_size = 3}};
  CHECK(loader.size() == 4);
  CHECK(labels(loader.epoch(0)) == Labels{{3, 2, 1}, {0}});
  CHECK(labels(loader.epoch(1)) == Labels{{4, 3, 2}, {1}});
  DataLoader wrong{Numbers{10}, Backwards{4, 3}, {.batch_size = 3}};
  for (int i = 0; i < 2; ++i) {
    CHECK_THROWS_WITH_AS(wrong.epoch(0), "epoch: the sampler must give 4 rows, its size: got 3", kiln::UsageError);
  }
}

namespace {

struct Unsigned {
  std::size_t size() const { return 3; }
  kiln::Batch<Tensor<1>, Tensor<1>> gather(std::span<const Index> rows) const {
    return TensorDataset{Tensor<1>{1, 2, 3}, Tensor<1>{4, 5, 6}}.gather(rows);
  }
};

}  // namespace

TEST_CASE("a data set may count in any integer type") {
  Unsigned data;
  CHECK(DataLoader{data}.size() == 3);
  auto [first, rest] = kiln::random_split(data, {1, 2});
  CHECK(DataLoader{rest}.epoch(0).next()->y.numel() == 2);
}

TEST_CASE("options that make no sense are refused") {
  Numbers data{10};
  CHECK_THROWS_WITH_AS((DataLoader{data, {.batch_size = 0}}), "DataLoader: batch_size must be at least 1: got 0",
                       kiln::UsageError);
  CHECK_THROWS_WITH_AS((DataLoader{data, {.workers = -1}}), "DataLoader: workers must lie between 0 and 256: got -1",
                       kiln::UsageError);
  CHECK_THROWS_WITH_AS((DataLoader{data, {.prefetch = 0}}), "DataLoader: prefetch must lie between 1 and 256: got 0",
                       kiln::UsageError);
  DataLoader loader{data, {.batch_size = 5}};
  CHECK_THROWS_WITH_AS(loader.epoch(-1), "epoch: its number must lie in [0, 4294967295): got -1", kiln::IndexError);
  CHECK_THROWS_WITH_AS(loader.epoch(0, 3), "epoch: the first batch must lie in [0, 2]: got 3", kiln::IndexError);
}

TEST_CASE("after the first epoch nothing is allocated, counting all threads") {
  kiln::ImageDataset images(kiln::detail::uninitialised<std::uint8_t>(kiln::Shape<4>{1000, 1, 28, 28}),
                            kiln::detail::uninitialised<int>(kiln::Shape<1>{1000}));
  auto parts = kiln::random_split(images, {900, 100});
  for (std::optional<int> workers : {std::optional<int>(), {0}, {1}, {2}}) {
    DataLoader loader{parts[0], {.batch_size = 64, .shuffle = true, .workers = workers}};
    auto run = [&](Index epoch) {
      for (auto& batch : loader.epoch(epoch)) batch.y.data()[0] = 0;
    };
    for (Index epoch = 0; epoch < 3; ++epoch) run(epoch);
    const long before = allocations;
    for (Index epoch = 3; epoch < 6; ++epoch) run(epoch);
    CHECK(allocations == before);

    loader.transform(kiln::RandomCrop{.padding = 1}, kiln::RandomHorizontalFlip{}, kiln::RandomAffine{.degrees = 5},
                     kiln::RandomErase{}, kiln::RandomCopy{}, kiln::Cutout{}, kiln::NormaliseChannels{});
    for (Index epoch = 0; epoch < 3; ++epoch) run(epoch);
    const long with_transforms = allocations;
    for (Index epoch = 3; epoch < 6; ++epoch) run(epoch);
    CHECK(allocations == with_transforms);
  }
}

TEST_SUITE_END();
