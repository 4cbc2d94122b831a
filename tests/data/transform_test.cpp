// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// What all transforms share, on a loader and off.
#include <kiln/data/transform.hpp>

#include <doctest/doctest.h>

#include <numeric>
#include <vector>

#include <kiln/data/loader.hpp>
#include <kiln/data/transforms.hpp>

#include "../nn/oracle.hpp"

TEST_SUITE_BEGIN("data");

using namespace kiln;

namespace {

/// Darkens each image by a factor of its own.
struct Dim {
  Tensor<4> operator()(Tensor<4> x, SampleStreams random) const {
    for (Index n = 0; n < x.size(0); ++n) {
      const auto light = static_cast<float>(random[n].uniform());
      for (float& pixel : sample_span(x, n)) pixel *= light;
    }
    return x;
  }
};

struct Images {
  TensorDataset<Tensor<4>, Tensor<1, int>> data;

  explicit Images(Index count) : data(numbers<float>({count, 1, 6, 5}, 1), Tensor<1, int>(labels(count))) {}
  static Tensor<1, int> labels(Index count) {
    auto y = detail::uninitialised<int>(Shape<1>{count});
    std::iota(y.begin(), y.end(), 0);
    return y;
  }
};

const PixelNoise noise{.mean = 0.5, .std = 2, .low = -1, .high = 3};

/// One of each kind, so that each draws something.
auto loader(Index batch_size, int workers, std::uint64_t seed = 3) {
  DataLoader result{Images(37).data,
                    LoaderOptions{.batch_size = batch_size, .shuffle = true, .workers = workers, .seed = seed}};
  result.transform(RandomCrop{.padding = 1}, RandomHorizontalFlip{}, RandomVerticalFlip{})
      .transform(RandomAffine{.degrees = 20}, RandomErase{.noise = noise}, RandomCopy{.pct = 0.4}, Cutout{.size = 2},
                 Dim{});
  return result;
}

/// An epoch's images by their number.
template <class Loader>
std::vector<std::vector<float>> images(const Loader& from, Index epoch, Index first_batch = 0) {
  std::vector<std::vector<float>> all(static_cast<std::size_t>(from.size()));
  auto batches = from.epoch(epoch, first_batch);
  for (auto& batch : batches) {
    for (Index n = 0; n < batch.y.numel(); ++n) {
      const auto pixels = sample_span(batch.x, n);
      all[static_cast<std::size_t>(batch.y(n))].assign(pixels.begin(), pixels.end());
    }
  }
  return all;
}

}  // namespace

TEST_CASE("what a loader's transforms draw does not depend on the number of threads, nor on the batch size") {
  const auto expected = images(loader(8, 0), 2);
  for (int workers : {1, 3}) CHECK(images(loader(8, workers), 2) == expected);
  for (Index batch_size : {1, 5, 37, 100}) CHECK(images(loader(batch_size, 1), 2) == expected);
  CHECK(images(loader(8, 1), 3) != expected);
  CHECK(images(loader(8, 1, 4), 2) != expected);
  const DataLoader plain{Images(37).data};
  const auto untouched = images(plain, 0);
  for (std::size_t i = 0; i < untouched.size(); ++i) CHECK(untouched[i] != expected[i]);
}

TEST_CASE("a sample's stream is keyed by the loader's seed, the epoch and its row") {
  const Images source(37);
  const Dim dim;
  DataLoader dimmed{source.data, {.batch_size = 8, .shuffle = true, .seed = 3}};
  dimmed.transform(dim);
  const auto found = images(dimmed, 2);
  for (Index row : {0, 17, 36}) {
    RandomStream stream{.seed = 3, .purpose = Purpose::augment, .epoch = 2, .sample = static_cast<std::uint64_t>(row)};
    Tensor<4> x = source.data.gather(std::span(&row, 1)).x;
    x = dim(std::move(x), stream);
    CHECK(found[static_cast<std::size_t>(row)] == std::vector<float>(x.begin(), x.end()));
    CHECK(stream.position == 2);
  }
  manual_seed(11);
  DataLoader unnamed{source.data, {.shuffle = true}};
  DataLoader named{source.data, {.shuffle = true, .seed = 11}};
  DataLoader own{source.data, EpochSampler{.samples = 37, .shuffle = true, .seed = 1}, {.seed = 11}};
  manual_seed(0);
  CHECK(images(unnamed.transform(dim), 0) == images(named.transform(dim), 0));
  CHECK(images(own.transform(dim), 0) == images(named, 0));
}

TEST_CASE("an epoch with transforms is entered in the middle, and two epochs run at once") {
  const auto changing = loader(8, 2);
  const auto whole = images(changing, 1);
  const auto rest = images(changing, 1, 3);
  Index seen = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    if (rest[i].empty()) continue;
    ++seen;
    CHECK(rest[i] == whole[i]);
  }
  CHECK(seen == 37 - 3 * 8);
  auto outer = changing.epoch(0);
  outer.next();
  CHECK(images(changing, 1) == whole);  // without the workers, which the outer epoch has
}

TEST_CASE("a loader's transforms are its own") {
  const Images source(9);
  DataLoader first{source.data, {.batch_size = 4, .workers = 2}};
  DataLoader second = first;
  auto running = first.epoch(0);
  first.transform([](Tensor<4> x) { return x + 1; }).transform([](Tensor<4> x) { return x * 2; });
  const auto untouched = images(second, 0);
  CHECK(sample_span(running.next()->x, 0)[0] == untouched[0][0]);
  const auto changed = images(first, 0);
  for (std::size_t i = 0; i < changed.size(); ++i) {
    for (std::size_t p = 0; p < changed[i].size(); ++p) CHECK(changed[i][p] == (untouched[i][p] + 1) * 2);
  }
  auto batch = first.one_batch();
  CHECK(batch.x.shape() == Shape<4>{4, 1, 6, 5});
  CHECK(sample_span(batch.x, 1)[3] == changed[1][3]);
  DataLoader none{Images(0).data};
  CHECK_THROWS_WITH_AS(none.one_batch(), "one_batch: the loader must have at least one batch: it has none", UsageError);
}

TEST_CASE("transforms of data that are no images, and of sizes") {
  DataLoader rows{TensorDataset{numbers<double>({5, 3}, 2), Tensor<1, int>{0, 1, 2, 3, 4}}, {.batch_size = 5}};
  const auto plain = rows.one_batch().x;
  rows.transform([](Tensor<2, double> x, SampleStreams random) {
    for (Index n = 0; n < x.size(0); ++n) sample_span(x, n)[0] += random[n].normal();
    return x;
  });
  const auto noisy = rows.one_batch().x;
  CHECK(noisy(4, 0) != plain(4, 0));
  CHECK(noisy(4, 1) == plain(4, 1));

  DataLoader cropped{Images(5).data, {.batch_size = 5}};
  CHECK(cropped.transform(RandomCrop{.size = {4, 3}}).one_batch().x.shape() == Shape<4>{5, 1, 4, 3});

  DataLoader halved{Images(5).data, {.batch_size = 5}};
  halved.transform([](Tensor<4> x) { return Tensor<4>(x.slice_view(0, 2)); });
  CHECK_THROWS_WITH_AS(halved.one_batch(), "transform: a transform must keep the number of samples, 5: it returned 2",
                       ShapeError);
}

TEST_CASE("what a transform throws arrives at its batch") {
  for (int workers : {0, 2}) {
    DataLoader bad{Images(5).data, {.batch_size = 2, .workers = workers}};
    bad.transform(RandomHorizontalFlip{.p = 2});
    auto epoch = bad.epoch(0);
    CHECK_THROWS_WITH_AS(epoch.next(), "RandomHorizontalFlip: p must lie in [0, 1]: got 2", UsageError);
  }
}

TEST_CASE("one stream for all samples moves on, and Transforms draw in order") {
  const auto x = numbers<float>({6, 1, 4, 4}, 3);
  RandomStream stream{.seed = 5};
  const auto first = Dim{}(x, stream);
  CHECK(stream.position == 12);
  CHECK_FALSE(all_equal(Dim{}(x, stream), first));
  RandomStream again{.seed = 5};
  CHECK(all_equal(Dim{}(x, again), first));

  RandomStream apart{.seed = 5}, together{.seed = 5};
  const auto one_by_one = Dim{}(RandomCrop{.padding = 2}(RandomHorizontalFlip{}(x, apart), apart), apart);
  const Transforms all{RandomHorizontalFlip{}, Transforms{RandomCrop{.padding = 2}, Dim{}}};
  CHECK(all_equal(all(x, together), one_by_one));
  CHECK(apart == together);
}

TEST_CASE("a loader's transforms as text") {
  DataLoader plain{Images(5).data};
  CHECK(plain.transforms().empty());
  DataLoader changing{Images(5).data, {.seed = 3}};
  changing.transform(RandomCrop{.padding = 1, .border = Border::reflect}, Transforms{RandomHorizontalFlip{.p = 0.25}},
                     RandomErase{}, RandomErase{.noise = noise}, NormaliseChannels{{{1, 2}, {3, 4}}});
  CHECK(changing.transforms() ==
        "RandomCrop(size (0, 0), padding (1, 1), border 1, fill 0), Transforms<RandomHorizontalFlip>(0 "
        "RandomHorizontalFlip(p 0.25)), RandomErase(pct 0.2, max_num 4, noise none), RandomErase(pct 0.2, max_num 4, "
        "noise PixelNoise(mean 0.5, std 2, low -1, high 3)), NormaliseChannels(channels [Normalise(mean 1, std 2), "
        "Normalise(mean 3, std 4)]), seed 3");
}

TEST_SUITE_END();
