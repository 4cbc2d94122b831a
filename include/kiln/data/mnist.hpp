// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `auto data = mnist({.batch_size = 64});`: loaders of the handwritten digits, `data.train`, `data.valid`,
/// `data.test`. `fashion_mnist` is the same for the clothes of Fashion-MNIST. Source: http://yann.lecun.com/exdb/mnist
/// and https://github.com/zalandoresearch/fashion-mnist
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kiln/data/idx.hpp>
#include <kiln/data/image_loaders.hpp>

namespace kiln {

/// Makes mean 0 and deviation 1 of the pixels of MNIST's 60,000 training images.
inline constexpr Normalise mnist_normalise{.mean = 0.1307, .std = 0.3081};
/// The same for Fashion-MNIST.
inline constexpr Normalise fashion_mnist_normalise{.mean = 0.2860, .std = 0.3530};

/// The labels' names.
inline constexpr std::array<std::string_view, 10> mnist_classes{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
inline constexpr std::array<std::string_view, 10> fashion_mnist_classes{
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"};

struct MnistOptions {
  Index batch_size = 64;
  Index valid_batch_size = 0;  ///< of valid and test; 0: twice `batch_size`, as there is no backward pass to store for
  Index valid = 10'000;        ///< the last so many of the training images become the validation set
  std::string path = {};       ///< the folder with the four files; found by itself if empty
  std::optional<Normalise> normalise = {};  ///< the data set's own mean and deviation, unless set
  bool shuffle = true;                      ///< the training images
  bool drop_last = false;                   ///< a last training batch that is not full
  std::optional<int> workers = {};          ///< threads that gather ahead; see LoaderOptions
  std::optional<std::uint64_t> seed = {};   ///< of the order; `global_seed()` unless set
};

namespace detail {

inline bool exists(const std::string& path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0;
}

/// `folder/name` or `folder/name.gz`, whichever is there; empty if neither.
inline std::string find_idx(const std::string& folder, std::string_view name) {
  for (std::string_view ending : {"", ".gz"}) {
    if (std::string path = concat(folder, "/", name, ending); exists(path)) return path;
  }
  return {};
}

/// `data/<name>` in the current folder and in those around it, so that a program run from a build folder finds it.
inline std::vector<std::string> data_folders(std::string_view name) {
  std::vector<std::string> folders;
  std::array<char, 4096> buffer{};
  if (::getcwd(buffer.data(), buffer.size()) == nullptr) return {concat("data/", name)};
  for (std::string_view here = buffer.data();;) {
    while (here.ends_with('/')) here.remove_suffix(1);
    folders.push_back(concat(here, "/data/", name));
    if (here.empty()) break;
    here = here.substr(0, here.rfind('/') + 1);
  }
  return folders;
}

/// A data set in the format of MNIST: how errors call it, where it may lie, how one gets it.
struct MnistKind {
  std::string_view op;
  std::vector<std::string> folders;
  std::string_view help;
  Normalise normalise;
};

inline std::string find_mnist_folder(const MnistKind& kind) {
  std::string looked;
  for (const std::string& folder : kind.folders) {
    if (!find_idx(folder, "train-images-idx3-ubyte").empty()) return folder;
    if (!looked.empty()) looked += ", ";
    looked += folder;
  }
  fail<DataError>(kind.op, "train-images-idx3-ubyte, plain or .gz, must be there",
                  concat("looked in ", looked, "; ", kind.help));
}

inline ImageDataset read_mnist(const MnistKind& kind, const std::string& folder, std::string_view part,
                               Normalise normalise) {
  auto file = [&](std::string_view rest) {
    std::string name = concat(part, rest);
    std::string path = find_idx(folder, name);
    if (path.empty()) fail<DataError>(kind.op, concat(name, ", plain or .gz, must be in ", folder), "it is not");
    return path;
  };
  const std::string image_path = file("-images-idx3-ubyte");
  const std::string label_path = file("-labels-idx1-ubyte");
  auto labels = read_idx<1>(label_path).to<int>();
  auto images = read_idx<3>(image_path);
  if (images.size(0) != labels.size(0)) {
    fail<DataError>(concat(kind.op, ": ", label_path),
                    concat("must have a label for each of the ", images.size(0), " images of ", image_path),
                    concat("got ", labels.size(0)));
  }
  for (Index i = 0; i < labels.numel(); ++i) {
    if (int label = labels.unchecked(i); label > 9) {
      fail<DataError>(concat(kind.op, ": ", label_path), "every label must lie between 0 and 9",
                      concat("number ", i, " is ", label));
    }
  }
  Shape<4> shape{images.size(0), 1, images.size(1), images.size(2)};
  return {std::move(images).reshape(shape), std::move(labels), normalise};
}

inline ImageLoaders load_mnist(MnistKind kind, const MnistOptions& options) {
  if (!options.path.empty()) kind.folders = {options.path};
  const std::string folder = find_mnist_folder(kind);
  const Normalise normalise = options.normalise.value_or(kind.normalise);
  ImageDataset train = read_mnist(kind, folder, "train", normalise);
  ImageDataset test = read_mnist(kind, folder, "t10k", normalise);
  if (train.image_shape() != test.image_shape()) {
    fail<DataError>(kind.op, concat("the test images must have the training images' shape ", train.image_shape()),
                    concat("got ", test.image_shape()));
  }
  if (options.valid < 0 || options.valid > train.size()) {
    fail<UsageError>(kind.op, concat("valid must lie between 0 and the ", train.size(), " training images"),
                     concat("got ", options.valid));
  }
  const Index split = train.size() - options.valid;
  return make_image_loaders(train.slice(0, split), train.slice(split, train.size()), std::move(test), options);
}

inline std::string environment_folder(std::string_view below) {
  const char* folder = std::getenv("KILN_DATA");
  return folder && *folder ? concat(folder, below) : std::string();
}

}  // namespace detail

/// MNIST: train 50,000, valid the next 10,000, test 10,000, from `path`, else `$KILN_DATA/mnist`, `$KILN_DATA`, or
/// `data/mnist` here or in a folder around. Throws: DataError, which says where it looked or what is wrong with a file.
inline ImageLoaders mnist(const MnistOptions& options = {}) {
  std::vector<std::string> folders = detail::data_folders("mnist");
  if (std::string folder = detail::environment_folder(""); !folder.empty()) {
    folders.insert(folders.begin(), {detail::environment_folder("/mnist"), folder});
  }
  return detail::load_mnist({.op = "mnist",
                             .folders = std::move(folders),
                             .help = "the four files are in data/mnist of Kiln's repository; name their folder by "
                                     "mnist({.path = ...}) or the environment variable KILN_DATA",
                             .normalise = mnist_normalise},
                            options);
}

/// Fashion-MNIST, split in the same way, from `path`, else `$KILN_DATA/fashion-mnist`, `data/fashion-mnist` here or in
/// a folder around, or where Debian puts it. Throws: DataError.
inline ImageLoaders fashion_mnist(const MnistOptions& options = {}) {
  std::vector<std::string> folders = detail::data_folders("fashion-mnist");
  if (std::string folder = detail::environment_folder("/fashion-mnist"); !folder.empty()) {
    folders.insert(folders.begin(), folder);
  }
  folders.emplace_back("/usr/share/datasets/fashion-mnist");
  return detail::load_mnist({.op = "fashion_mnist",
                             .folders = std::move(folders),
                             .help = "on Debian and Ubuntu: apt install dataset-fashion-mnist; elsewhere name the "
                                     "folder by fashion_mnist({.path = ...})",
                             .normalise = fashion_mnist_normalise},
                            options);
}

}  // namespace kiln
