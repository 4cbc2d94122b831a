// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/data/image_folder.hpp>

#include <doctest/doctest.h>

#include "files.hpp"
#include "fuzz.hpp"

TEST_SUITE_BEGIN("data");

using namespace kiln;

namespace {

/// A grey image, all of one value.
std::string grey(int value, int height = 2, int width = 3) {
  std::string text = concat("P2 ", width, " ", height, " 255\n");
  for (int i = 0; i < height * width; ++i) text += concat(value, ' ');
  return text;
}

struct Tree : TempFolder {
  void add(const std::string& name, const std::string& content) const {
    std::filesystem::create_directories(std::filesystem::path(*this / name).parent_path());
    write(name, content);
  }
};

/// The first pixel of every image.
std::vector<int> firsts(const ImageDataset& data) {
  std::vector<int> result;
  for (Index i = 0; i < data.size(); ++i) result.push_back(data.pixels(i)(0, 0, 0));
  return result;
}
std::vector<int> labels(const ImageDataset& data) {
  std::vector<int> result;
  for (Index i = 0; i < data.size(); ++i) result.push_back(data.label(i));
  return result;
}

std::string error(const std::string& root, const ImageFolderOptions& options = {}) {
  try {
    image_folder(root, options);
  } catch (const Error& failure) {
    return failure.what();
  }
  return "read";
}

}  // namespace

TEST_CASE("classes and files are sorted by bytes, and other files passed over") {
  Tree tree;
  tree.add("b/2.pgm", grey(12));
  tree.add("b/10.PGM", grey(11));
  tree.add("B/x.pgm", grey(10));
  tree.add("b/notes.txt", "no image");
  tree.add("b/.hidden.png", "no image");
  tree.add("README", "no class");
  tree.add(".cache/x.png", "no image");
  const ImageFolder data = image_folder(tree.path, {.valid = 0, .shuffle = false});
  CHECK(data.classes == std::vector<std::string>{"B", "b"});
  CHECK(firsts(data.train.dataset()) == std::vector<int>{10, 11, 12});
  CHECK(labels(data.train.dataset()) == std::vector<int>{0, 1, 1});
  CHECK(data.valid.dataset().size() == 0);
  CHECK(data.test.dataset().size() == 0);
  CHECK(data.test.batches() == 0);
  const auto batch = data.train.one_batch();
  CHECK(batch.x.shape() == Shape<4>{3, 1, 2, 3});
  const double std = std::sqrt(2.0 / 3) / 255, mean = 11 / 255.0;
  CHECK(data.normalise[0].mean == doctest::Approx(mean));
  CHECK(data.normalise[0].std == doctest::Approx(std));
  CHECK(batch.x(2, 0, 1, 2) == doctest::Approx((12 / 255.0 - mean) / std));
  const ImageFolder plain = image_folder(tree.path, {.valid = 0, .normalise = {Normalise{}}, .shuffle = false});
  CHECK(plain.train.one_batch().x(1, 0, 0, 0) == 11 / 255.0f);
}

TEST_CASE("a part is drawn for validation, the same one every time") {
  Tree tree;
  for (int i = 0; i < 50; ++i) tree.add(concat(i % 2 ? "odd/" : "even/", 100 + i, ".pgm"), grey(i));
  const ImageFolder data = image_folder(tree.path, {.valid = 0.3});
  const std::vector<int> train = firsts(data.train.dataset()), valid = firsts(data.valid.dataset());
  CHECK(train.size() == 35);
  CHECK(valid.size() == 15);
  std::vector<int> all = train;
  all.insert(all.end(), valid.begin(), valid.end());
  std::sort(all.begin(), all.end());
  for (int i = 0; i < 50; ++i) CHECK(all[static_cast<std::size_t>(i)] == i);
  for (std::size_t i = 0; i < valid.size(); ++i) CHECK(labels(data.valid.dataset())[i] == valid[i] % 2);
  CHECK(firsts(image_folder(tree.path, {.valid = 0.3, .seed = 5}).valid.dataset()) == valid);
  CHECK(firsts(image_folder(tree.path, {.valid = 0.3, .split_seed = 2}).valid.dataset()) != valid);
  CHECK(firsts(image_folder(tree.path).train.dataset()).size() == 40);
}

TEST_CASE("folders train, valid and test") {
  Tree tree;
  tree.add("train/a/1.pgm", grey(0));
  tree.add("train/b/1.pgm", grey(10));
  tree.add("valid/b/1.pgm", grey(20));
  tree.add("test/a/1.pgm", grey(30));
  tree.add("test/b/1.pgm", grey(40));
  const ImageFolder data = image_folder(tree.path);
  CHECK(firsts(data.train.dataset()) == std::vector<int>{0, 10});
  CHECK(firsts(data.valid.dataset()) == std::vector<int>{20});
  CHECK(labels(data.valid.dataset()) == std::vector<int>{1});
  CHECK(firsts(data.test.dataset()) == std::vector<int>{30, 40});
  CHECK(data.normalise[0].mean == doctest::Approx(5 / 255.0));  // of the training images alone
  tree.add("test/c/1.pgm", grey(50));
  CHECK(error(tree.path) ==
        concat("image_folder: ", tree.path, "/test/c: must be a class of the training images: it is none"));
}

TEST_CASE("images become one size and one number of channels if asked for") {
  Tree tree;
  tree.add("a/1.pgm", grey(100));
  tree.add("a/2.ppm", "P3 1 1 255 10 20 30");
  std::filesystem::copy("tests/data/images/rgba8.png", tree / "a/3.png");
  const ImageFolder grey_ones = image_folder(tree.path, {.size = {4, 5}, .channels = 1, .valid = 0});
  CHECK(grey_ones.train.dataset().image_shape() == Shape<3>{1, 4, 5});
  CHECK(firsts(grey_ones.train.dataset())[1] == 18);
  const ImageFolder colours = image_folder(tree.path, {.size = 4, .channels = 3, .valid = 0});
  CHECK(colours.train.dataset().image_shape() == Shape<3>{3, 4, 4});
  CHECK(colours.normalise.size() == 3);
  CHECK(colours.train.dataset().pixels(1)(2, 3, 3) == 30);
  CHECK(colours.train.dataset().pixels(0)(2, 3, 3) == 100);

  Tree half;
  half.add("a/1.pgm", "P2 4 2 9 0 9 9 0 0 9 9 0");
  CHECK(firsts(image_folder(half.path, {.size = 1, .crop = true, .valid = 0}).train.dataset())[0] == 255);
  CHECK(firsts(image_folder(half.path, {.size = 1, .valid = 0}).train.dataset())[0] < 200);
}

TEST_CASE("whatever is wrong names the file") {
  Tree tree;
  tree.add("a/1.pgm", grey(1));
  tree.add("a/2.pgm", grey(2, 3, 3));
  auto says = [&](const std::string& below, const std::string& text, const ImageFolderOptions& options = {}) {
    CHECK(error(tree.path, options) == concat("image_folder: ", tree.path, below, ": ", text));
  };
  says("/a/2.pgm", "must have the first image's size (2, 3), unless .size is set: got (3, 3)");
  tree.add("a/2.pgm", "P3 3 2 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0");
  says("/a/2.pgm", "must have 1 channels as the first image, unless .channels is set: got 3");
  tree.add("a/2.pgm", "P5 3 2 255\nabc");
  tree.add("a/3.pgm", "broken too, but later");
  CHECK(error(tree.path) == concat("read_image: ", tree.path, "/a/2.pgm: pixels: must have 6 bytes for 3 x 2: got 3"));
  tree.add("a/2.pgm", grey(2));
  tree.add("a/3.pgm", grey(3));
  says("", "images must take at most 17 bytes, unless .most_bytes says more: there are 3 of shape (1, 2, 3)",
       {.most_bytes = 17});
  CHECK(error(tree.path, {.most_bytes = 18}) == "read");
  tree.add("b/x.gif", "GIF89a");
  says("/b/x.gif", "must be PNG, PGM, PPM, PBM or JPEG: got .gif");
}

TEST_CASE("folders that are none, and options that make no sense") {
  Tree tree;
  CHECK(error(tree.path) ==
        concat("image_folder: ", tree.path, ": there must be a folder for each class: there is none"));
  CHECK(error(tree / "no") ==
        concat("image_folder: ", tree.path, "/no: must be a folder that may be read: No such file or directory"));
  tree.add("a/notes.txt", "");
  CHECK(error(tree.path) ==
        concat("image_folder: ", tree.path, "/a: a class must have at least one image: it has none"));
  tree.add("a/deep/1.pgm", grey(1));
  CHECK(error(tree.path) == concat("image_folder: ", tree.path, "/a/deep: a class must hold images: it is a folder"));
  std::filesystem::remove_all(tree / "a/deep");
  tree.add("a/1.pgm", grey(1));
  CHECK(error(tree.path, {.channels = 2}) ==
        "image_folder: channels must be 1 (grey), 3 (RGB) or 0 (the first image's): got 2");
  CHECK(error(tree.path, {.size = {0, 5}}) == "image_folder: size must be at least 1 x 1: got (0, 5)");
  CHECK(error(tree.path, {.valid = 1}) == "image_folder: valid must lie in [0, 1): got 1");
  CHECK(error(tree.path, {.valid = -0.5}) == "image_folder: valid must lie in [0, 1): got -0.5");
  CHECK(error(tree.path, {.normalise = std::vector<Normalise>(2)}) ==
        "ImageDataset: there must be one Normalise for each of the 1 channels, or one for all: got 2");
  CHECK(error(tree.path) == "read");  // all of one value, whose deviation is 0
}

TEST_SUITE_END();
