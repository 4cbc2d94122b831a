// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/data/image_dataset.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

TEST_SUITE_BEGIN("data");

using kiln::BasicImageDataset;
using kiln::ImageDataset;
using kiln::Index;
using kiln::Normalise;
using kiln::Tensor;

namespace {

const Tensor<4, std::uint8_t> pixels{{{{0, 1, 37}}}, {{{128, 254, 255}}}};  // (2, 1, 1, 3)

std::vector<float> all_values(const ImageDataset& data) {
  auto x = data.gather(std::vector<Index>{0, 1}).x;
  return {x.begin(), x.end()};
}

}  // namespace

TEST_CASE("pixels are scaled and normalised to the bits of torchvision") {
  // tests/oracles/mnist.py
  CHECK(all_values({pixels, {3, 4}}) ==
        std::vector<float>{0x0p+0f, 0x1.010102p-8f, 0x1.29292ap-3f, 0x1.010102p-1f, 0x1.fdfdfep-1f, 0x1p+0f});
  CHECK(all_values({pixels, {3, 4}, {.mean = 0.1307, .std = 0.3081}}) ==
        std::vector<float>{-0x1.b264e2p-2f, -0x1.a55c4p-2f, 0x1.7ed37ep-5f, 0x1.347af4p+0f, 0x1.678566p+1f,
                           0x1.69267ap+1f});
  CHECK(all_values({pixels, {3, 4}, {.mean = 0.2860, .std = 0.3530}}) ==
        std::vector<float>{-0x1.9ed252p-1f, -0x1.992236p-1f, -0x1.98bc48p-2f, 0x1.393c26p-1f, 0x1.017a98p+1f,
                           0x1.02e69ep+1f});
}

TEST_CASE("batches of float and of double") {
  ImageDataset data(pixels, {3, 4});
  CHECK(data.size() == 2);
  CHECK(data.image_shape() == kiln::Shape<3>{1, 1, 3});
  auto batch = data.gather(std::vector<Index>{1, 0, 1});
  CHECK(batch.x.shape() == kiln::Shape<4>{3, 1, 1, 3});
  CHECK(batch.x(0, 0, 0, 2) == 1.0f);
  CHECK(std::vector<int>(batch.y.begin(), batch.y.end()) == std::vector<int>{4, 3, 4});

  BasicImageDataset<double> precise(pixels, {3, 4}, Normalise{.mean = 0.5, .std = 0.25});
  CHECK(precise.gather(std::vector<Index>{1}).x(0, 0, 0, 0) == (128 / 255.0 - 0.5) / 0.25);
}

TEST_CASE("each channel has its own mean and deviation") {
  const Tensor<4, std::uint8_t> colours{{{{0, 51}}, {{102, 255}}}, {{{255, 51}}, {{0, 102}}}};  // (2, 2, 1, 2)
  const std::vector<Normalise> each{{.mean = 0.2, .std = 0.5}, {.mean = 0.4, .std = 0.25}};
  BasicImageDataset<double> data(colours, {3, 4}, each);
  const auto x = data.slice(1, 2).gather(std::vector<Index>{0}).x;
  CHECK(x.shape() == kiln::Shape<4>{1, 2, 1, 2});
  CHECK(x(0, 0, 0, 0) == (1 - 0.2) / 0.5);
  CHECK(x(0, 0, 0, 1) == 0);
  CHECK(x(0, 1, 0, 0) == (0 - 0.4) / 0.25);
  CHECK(x(0, 1, 0, 1) == 0);
  const auto both = data.gather(std::vector<Index>{1, 0}).x;
  CHECK(both(0, 0, 0, 0) == x(0, 0, 0, 0));
  CHECK(both(1, 1, 0, 1) == (1 - 0.4) / 0.25);
  const auto shared = BasicImageDataset<double>(colours, {3, 4}, each[0]).gather(std::vector<Index>{0}).x;
  CHECK(shared(0, 1, 0, 0) == (0.4 - 0.2) / 0.5);
  CHECK_THROWS_WITH_AS(ImageDataset(colours, {3, 4}, std::vector<Normalise>(3)),
                       "ImageDataset: there must be one Normalise for each of the 2 channels, or one for all: got 3",
                       kiln::UsageError);
}

TEST_CASE("a slice and a copy share the pixels") {
  ImageDataset data(pixels, {3, 4});
  ImageDataset second = data.slice(1, 2);
  ImageDataset copy = data;
  CHECK(second.size() == 1);
  CHECK(second.label(0) == 4);
  CHECK(second.pixels(0)(0, 0, 1) == 254);
  CHECK(second.pixels(0).data() == data.pixels(1).data());
  CHECK(copy.pixels(0).data() == data.pixels(0).data());
  CHECK(second.gather(std::vector<Index>{0}).x(0, 0, 0, 2) == 1.0f);
  CHECK(second.gather(std::vector<Index>{0}).y(0) == 4);
  CHECK(second.slice(0, 1).label(0) == 4);
  CHECK(second.slice(1, 1).size() == 0);
}

TEST_CASE("what does not fit is refused") {
  CHECK_THROWS_WITH_AS(ImageDataset(pixels, {1, 2, 3}),
                       "ImageDataset: there must be as many labels as images: got shapes (2, 1, 1, 3) and (3,)",
                       kiln::ShapeError);
  CHECK_THROWS_WITH_AS(ImageDataset(pixels, {1, 2}, {.mean = 0, .std = 0}), "ImageDataset: std must be positive: got 0",
                       kiln::UsageError);
  CHECK_THROWS_AS(ImageDataset(pixels, {1, 2}, {.mean = 0, .std = std::nan("")}), kiln::UsageError);
  ImageDataset data(pixels, {1, 2});
  CHECK_THROWS_WITH_AS(data.slice(1, 3), "slice: images must lie in [0, 2): got [1, 3)", kiln::IndexError);
  CHECK_THROWS_WITH_AS(data.slice(1, 2).gather(std::vector<Index>{1}), "gather: rows must lie in [0, 1): got 1",
                       kiln::IndexError);
  CHECK_THROWS_WITH_AS(data.slice(0, 1).label(1), "label: rows must lie in [0, 1): got 1", kiln::IndexError);
  CHECK_THROWS_WITH_AS(data.slice(0, 1).pixels(-1), "pixels: rows must lie in [0, 1): got -1", kiln::IndexError);
}

TEST_SUITE_END();
