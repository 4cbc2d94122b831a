// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/data/mnist.hpp>

#include <unistd.h>

#include <filesystem>
#include <string>

#include "files.hpp"

TEST_SUITE_BEGIN("data");

using kiln::DataError;
using kiln::Index;
using kiln::Tensor;

namespace {

/// Sets `KILN_DATA`, or removes it for a null, for as long as this lives.
struct DataVariable {
  explicit DataVariable(const char* value) {
    if (const char* old = std::getenv("KILN_DATA")) old_ = old;
    value ? setenv("KILN_DATA", value, 1) : unsetenv("KILN_DATA");
  }
  DataVariable(const DataVariable&) = delete;
  DataVariable& operator=(const DataVariable&) = delete;
  ~DataVariable() { old_ ? setenv("KILN_DATA", old_->c_str(), 1) : unsetenv("KILN_DATA"); }

 private:
  std::optional<std::string> old_;
};

struct WorkingFolder {
  explicit WorkingFolder(const std::string& path) { std::filesystem::current_path(path); }
  WorkingFolder(const WorkingFolder&) = delete;
  WorkingFolder& operator=(const WorkingFolder&) = delete;
  ~WorkingFolder() { std::filesystem::current_path(old_); }

 private:
  std::filesystem::path old_ = std::filesystem::current_path();
};

/// Four files of 2 by 2 images; pixel (0, 0) and label of training image i are i modulo 10, plus `first`.
void write_files(const std::string& folder, Index train = 20, Index test = 4, int first = 0) {
  std::filesystem::create_directories(folder);
  for (auto [part, count] : {std::pair{"train", train}, std::pair{"t10k", test}}) {
    auto images = kiln::detail::uninitialised<std::uint8_t>(kiln::Shape<3>{count, 2, 2});
    auto labels = kiln::detail::uninitialised<std::uint8_t>(kiln::Shape<1>{count});
    images.fill(0);
    for (Index i = 0; i < count; ++i) images(i, 0, 0) = labels(i) = static_cast<std::uint8_t>(i % 10 + first);
    kiln::write_idx(folder + "/" + part + "-images-idx3-ubyte", images);
    kiln::write_idx(folder + "/" + part + "-labels-idx1-ubyte", labels);
  }
}

std::string message(const kiln::MnistOptions& options) {
  try {
    kiln::mnist(options);
  } catch (const kiln::Error& error) {
    return error.what();
  }
  return "no error";
}

uLong pixel_crc(const kiln::ImageDataset& data, uLong crc = 0) {
  for (Index i = 0; i < data.size(); ++i) crc = crc32(crc, data.pixels(i).data(), 28 * 28);
  return crc;
}

std::vector<int> first_labels(const kiln::ImageDataset& data) {
  std::vector<int> labels;
  for (Index i = 0; i < 10; ++i) labels.push_back(data.label(i));
  return labels;
}

}  // namespace

// The figures come from tests/oracles/mnist.py.

TEST_CASE("MNIST has its pixels and labels") {
  DataVariable none(nullptr);
  auto data = kiln::mnist({.batch_size = 100});
  CHECK(data.train.size() == 50'000);
  CHECK(data.valid.size() == 10'000);
  CHECK(data.test.size() == 10'000);
  CHECK(data.train.batches() == 500);
  CHECK(data.valid.batches() == 50);
  CHECK(first_labels(data.train.dataset()) == std::vector<int>{5, 0, 4, 1, 9, 2, 1, 3, 1, 4});
  CHECK(first_labels(data.valid.dataset()) == std::vector<int>{3, 8, 6, 9, 6, 4, 5, 3, 8, 4});
  CHECK(first_labels(data.test.dataset()) == std::vector<int>{7, 2, 1, 0, 4, 1, 4, 9, 5, 9});
  CHECK(pixel_crc(data.valid.dataset(), pixel_crc(data.train.dataset())) == 0xf3639b56);
  CHECK(pixel_crc(data.test.dataset()) == 0xe4ca5f57);

  auto epoch = data.valid.epoch(0);
  auto* batch = epoch.next();
  REQUIRE(batch != nullptr);
  CHECK(batch->x.shape() == kiln::Shape<4>{200, 1, 28, 28});
  CHECK(batch->y(0) == 3);

  double sum = 0;
  double squares = 0;
  for (auto* loader : {&data.train, &data.valid}) {
    for (auto& part : loader->epoch(0)) {
      for (float value : part.x) {
        sum += value;
        squares += double{value} * value;
      }
    }
  }
  CHECK(sum / (60'000 * 784) == doctest::Approx(0).epsilon(0.001));
  CHECK(squares / (60'000 * 784) == doctest::Approx(1).epsilon(0.001));
}

TEST_CASE("Fashion-MNIST is found where Debian puts it") {
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist")) return;
  DataVariable none(nullptr);
  auto data = kiln::fashion_mnist();
  CHECK(data.train.size() == 50'000);
  CHECK(first_labels(data.train.dataset()) == std::vector<int>{9, 0, 0, 3, 0, 2, 7, 2, 5, 5});
  CHECK(pixel_crc(data.valid.dataset(), pixel_crc(data.train.dataset())) == 0xae65dccd);
  CHECK(pixel_crc(data.test.dataset()) == 0x12728439);
  CHECK(kiln::fashion_mnist_classes[static_cast<std::size_t>(data.train.dataset().label(0))] == "Ankle boot");
}

TEST_CASE("options reach the loaders") {
  TempFolder folder;
  write_files(folder.path);
  auto data = kiln::mnist({.batch_size = 3,
                           .valid_batch_size = 5,
                           .valid = 6,
                           .path = folder.path,
                           .normalise = kiln::Normalise{},
                           .shuffle = false,
                           .drop_last = true,
                           .workers = 0});
  CHECK(data.train.size() == 14);
  CHECK(data.train.batches() == 4);
  CHECK(data.valid.batch_size() == 5);
  CHECK(data.valid.batches() == 2);
  CHECK(data.test.size() == 4);
  auto epoch = data.train.epoch(0);
  auto* batch = epoch.next();
  REQUIRE(batch != nullptr);
  CHECK(batch->x(2, 0, 0, 0) == 2 / 255.0f);
  CHECK(batch->y(2) == 2);

  const kiln::MnistOptions seeded{.batch_size = 14, .valid = 6, .path = folder.path, .seed = 4};
  const Tensor<1, int> order = kiln::mnist(seeded).train.epoch(0).next()->y;
  CHECK_FALSE(std::is_sorted(order.begin(), order.end()));
  kiln::manual_seed(4);
  const Tensor<1, int> again =
      kiln::mnist({.batch_size = 14, .valid = 6, .path = folder.path}).train.epoch(0).next()->y;
  CHECK(std::equal(order.begin(), order.end(), again.begin()));
  CHECK(kiln::mnist({.valid = 0, .path = folder.path}).train.size() == 20);
}

TEST_CASE("files are looked for in KILN_DATA, then in data/mnist here and in the folders around") {
  TempFolder folder;
  write_files(folder / "work/data/mnist", 20, 4, 0);
  write_files(folder / "elsewhere/mnist", 21, 4, 0);
  write_files(folder / "flat", 22, 4, 0);
  write_files(folder / "elsewhere/fashion-mnist", 23, 4, 0);
  std::filesystem::create_directories(folder / "work/build/examples");
  auto size = [] {
    auto data = kiln::mnist({.valid = 0});
    return data.train.size();
  };
  WorkingFolder inside(folder / "work/build/examples");
  {
    DataVariable none(nullptr);
    CHECK(size() == 20);
  }
  {
    DataVariable set((folder / "elsewhere").c_str());
    CHECK(size() == 21);
    CHECK(kiln::fashion_mnist({.valid = 0}).train.size() == 23);
  }
  {
    DataVariable set((folder / "flat").c_str());
    CHECK(size() == 22);
  }
  {
    DataVariable set((folder / "none").c_str());
    CHECK(size() == 20);
    CHECK(kiln::mnist({.valid = 0, .path = folder / "flat"}).train.size() == 22);
  }
}

TEST_CASE("where nothing is, the error says where it looked and how to get the files") {
  TempFolder folder;
  DataVariable set("/nowhere");
  WorkingFolder inside(folder.path);
  const std::string text = message({});
  CHECK(
      text.starts_with("mnist: train-images-idx3-ubyte, plain or .gz, must be there: looked in /nowhere/mnist, "
                       "/nowhere, " +
                       folder.path + "/data/mnist, "));
  CHECK(
      text.ends_with(", /data/mnist; the four files are in data/mnist of Kiln's repository; name their folder by "
                     "mnist({.path = ...}) or the environment variable KILN_DATA"));
  CHECK(message({.path = "/nowhere"})
            .starts_with("mnist: train-images-idx3-ubyte, plain or .gz, must be there: looked in "
                         "/nowhere; the four files"));
  CHECK_THROWS_WITH_AS(kiln::fashion_mnist({.path = "/nowhere"}),
                       "fashion_mnist: train-images-idx3-ubyte, plain or .gz, must be there: looked in /nowhere; on "
                       "Debian and Ubuntu: apt install dataset-fashion-mnist; elsewhere name the folder by "
                       "fashion_mnist({.path = ...})",
                       DataError);
}

TEST_CASE("files that do not fit together are refused") {
  TempFolder folder;
  const std::string& path = folder.path;
  const std::string labels = folder / "train-labels-idx1-ubyte";
  auto tensor = [](Index count) {
    auto result = kiln::detail::uninitialised<std::uint8_t>(kiln::Shape<1>{count});
    result.fill(1);
    return result;
  };

  write_files(path);
  kiln::write_idx(labels, tensor(19));
  CHECK(message({.path = path}) == "mnist: " + labels + ": must have a label for each of the 20 images of " +
                                       (folder / "train-images-idx3-ubyte") + ": got 19");
  auto wrong = tensor(20);
  wrong(7) = 10;
  kiln::write_idx(labels, wrong);
  CHECK(message({.path = path}) == "mnist: " + labels + ": every label must lie between 0 and 9: number 7 is 10");
  std::filesystem::remove(labels);
  CHECK(message({.path = path}) == "mnist: train-labels-idx1-ubyte, plain or .gz, must be in " + path + ": it is not");
  kiln::write_idx(labels, tensor(20));
  CHECK(message({.path = path}) == "mnist: valid must lie between 0 and the 20 training images: got 10000");
  CHECK(message({.valid = -1, .path = path}) == "mnist: valid must lie between 0 and the 20 training images: got -1");
  CHECK(message({.batch_size = 0, .valid = 5, .path = path}) == "DataLoader: batch_size must be at least 1: got 0");
  CHECK(message({.valid = 5, .path = path}) == "no error");

  auto images = kiln::detail::uninitialised<std::uint8_t>(kiln::Shape<3>{4, 2, 3});
  images.fill(0);
  kiln::write_idx(folder / "t10k-images-idx3-ubyte", images);
  CHECK(message({.valid = 5, .path = path}) ==
        "mnist: the test images must have the training images' shape (1, 2, 2): got (1, 2, 3)");
  kiln::write_idx(folder / "t10k-images-idx3-ubyte", tensor(4));
  CHECK(message({.valid = 5, .path = path}) ==
        "read_idx: " + (folder / "t10k-images-idx3-ubyte") + ": rank: must be 3: got 1");
}

TEST_SUITE_END();
