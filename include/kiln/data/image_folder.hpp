// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `auto data = image_folder("flowers", {.size = 64, .channels = 3});`: loaders over images in a folder for each class,
/// `data.train`, `data.valid`, `data.test`, and their names, `data.classes`.
/// Not part of kiln.hpp: include it where it is used.
#pragma once

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kiln/core/parallel.hpp>
#include <kiln/data/image_file.hpp>
#include <kiln/data/image_loaders.hpp>
#include <kiln/data/image_resize.hpp>

namespace kiln {

struct ImageFolderOptions {
  Size2 size = {};    ///< of every image, which is resized to it; unless set all must have the first one's
  int channels = 0;   ///< 1: grey, 3: RGB; unless set the first image's, without alpha, and all must have as many
  bool crop = false;  ///< cut the middle out in the shape of `size` first, instead of stretching
  Index batch_size = 64;
  Index valid_batch_size = 0;    ///< of valid and test; 0: twice `batch_size`
  double valid = 0.2;            ///< the part of the training images that is drawn for validation, if no folder is
  std::uint64_t split_seed = 1;  ///< of that draw: whatever the seed of training, the same images are kept from it
  std::vector<Normalise> normalise = {};   ///< for each channel or for all; unless set, the training images' own
  bool shuffle = true;                     ///< the training images
  bool drop_last = false;                  ///< a last training batch that is not full
  std::optional<int> workers = {};         ///< threads that gather ahead; see LoaderOptions
  std::optional<std::uint64_t> seed = {};  ///< of the order; `global_seed()` unless set
  Image (*read)(const std::string&, const ImageLimits&) = read_image;  ///< `read_image_or_jpeg` of data/jpeg.hpp
  ImageLimits limits = {};                                             ///< of each file
  std::uint64_t most_bytes = std::uint64_t{8} << 30;                   ///< that all images may take together
};

/// Loaders over images, x (N, C, H, W) and y (N), with the labels' names. `test` is empty if there is no such folder.
struct ImageFolder : ImageLoaders {
  std::vector<std::string> classes;
  std::vector<Normalise> normalise;  ///< what was done to the images' channels, to be done to further images
};

namespace detail {

struct FolderEntry {
  std::string name;
  bool is_folder = false;
};

/// What a folder holds, but for hidden entries, sorted by the bytes of the names.
inline std::vector<FolderEntry> list_folder(const std::string& path) {
  const std::string place = concat("image_folder: ", path);
  struct Close {
    void operator()(DIR* folder) const { ::closedir(folder); }
  };
  const std::unique_ptr<DIR, Close> folder(::opendir(path.c_str()));
  if (!folder) fail<DataError>(place, "must be a folder that may be read", std::strerror(errno));
  std::vector<FolderEntry> entries;
  while (const dirent* entry = ::readdir(folder.get())) {
    if (entry->d_name[0] == '.') continue;
    struct stat status;
    const std::string below = concat(path, "/", entry->d_name);
    if (::stat(below.c_str(), &status) != 0)
      fail<DataError>(concat("image_folder: ", below), "must be readable", std::strerror(errno));
    entries.push_back({entry->d_name, S_ISDIR(status.st_mode)});
  }
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

/// The end of a file's name behind the point, in small letters.
inline std::string name_ending(std::string_view name) {
  const std::size_t point = name.rfind('.');
  std::string ending(point == name.npos ? "" : name.substr(point + 1));
  for (char& c : ending) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  return ending;
}

struct LabelledFile {
  std::string path;
  int label = 0;
};

/// The files of each class, class by class. Files that are no images are passed over, but not images of kinds that
/// nobody here can read.
inline std::vector<LabelledFile> labelled_files(const std::string& root, const std::vector<std::string>& classes) {
  constexpr std::array<std::string_view, 8> images{"png", "pgm", "ppm", "pbm", "pnm", "jpg", "jpeg", "jpe"};
  constexpr std::array<std::string_view, 8> others{"gif", "bmp", "tif", "tiff", "webp", "avif", "heic", "jp2"};
  auto is_one_of = [](const auto& endings, const std::string& ending) {
    return std::find(endings.begin(), endings.end(), ending) != endings.end();
  };
  std::vector<LabelledFile> files;
  for (std::size_t label = 0; label < classes.size(); ++label) {
    const std::string folder = concat(root, "/", classes[label]);
    const std::size_t before = files.size();
    for (const FolderEntry& entry : list_folder(folder)) {
      const std::string path = concat(folder, "/", entry.name);
      if (entry.is_folder)
        fail<DataError>(concat("image_folder: ", path), "a class must hold images", "it is a folder");
      const std::string ending = name_ending(entry.name);
      if (is_one_of(others, ending))
        fail<DataError>(concat("image_folder: ", path), "must be PNG, PGM, PPM, PBM or JPEG", concat("got .", ending));
      if (is_one_of(images, ending)) files.push_back({path, static_cast<int>(label)});
    }
    if (files.size() == before)
      fail<DataError>(concat("image_folder: ", folder), "a class must have at least one image", "it has none");
  }
  return files;
}

inline std::vector<std::string> folders_in(const std::string& root) {
  std::vector<std::string> names;
  for (FolderEntry& entry : list_folder(root)) {
    if (entry.is_folder) names.push_back(std::move(entry.name));
  }
  if (names.empty())
    fail<DataError>(concat("image_folder: ", root), "there must be a folder for each class", "there is none");
  return names;
}

/// The images of `part`, whose classes must be among those of the training images.
inline std::vector<LabelledFile> further_files(const std::string& root, const std::vector<std::string>& classes) {
  const std::vector<std::string> own = folders_in(root);
  for (const std::string& name : own) {
    if (std::find(classes.begin(), classes.end(), name) == classes.end())
      fail<DataError>(concat("image_folder: ", root, "/", name), "must be a class of the training images",
                      "it is none");
  }
  std::vector<LabelledFile> files = labelled_files(root, own);
  for (LabelledFile& file : files) {
    const auto found = std::find(classes.begin(), classes.end(), own[static_cast<std::size_t>(file.label)]);
    file.label = static_cast<int>(found - classes.begin());
  }
  return files;
}

/// The files of train, valid and test.
struct ImageFiles {
  std::vector<std::string> classes;
  std::vector<LabelledFile> train, valid, test;
};

/// Moves a part of the training files, drawn by seed, to the validation files.
inline void draw_validation(ImageFiles& files, double part, std::uint64_t seed) {
  if (!(part >= 0 && part < 1)) fail<UsageError>("image_folder", "valid must lie in [0, 1)", concat("got ", part));
  std::vector<std::size_t> order(files.train.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  RandomStream stream{.seed = seed, .purpose = Purpose::split};
  shuffle(std::span(order), stream);
  const auto count = static_cast<std::size_t>(static_cast<double>(order.size()) * part);
  std::vector<bool> drawn(order.size());
  for (std::size_t i = 0; i < count; ++i) drawn[order[i]] = true;
  std::vector<LabelledFile> train;
  for (std::size_t i = 0; i < order.size(); ++i) (drawn[i] ? files.valid : train).push_back(std::move(files.train[i]));
  files.train = std::move(train);
}

inline ImageFiles find_images(const std::string& root, const ImageFolderOptions& options) {
  const std::vector<std::string> folders = folders_in(root);
  auto folder = [&](std::string_view name) -> std::optional<std::string> {
    if (std::find(folders.begin(), folders.end(), name) == folders.end()) return {};
    return concat(root, "/", name);
  };
  ImageFiles files;
  const auto train = folder("train");
  const std::string& train_root = train ? *train : root;
  files.classes = train ? folders_in(*train) : folders;
  files.train = labelled_files(train_root, files.classes);
  std::optional<std::string> valid;
  if (train) {
    for (std::string_view name : {"valid", "val", "validation"}) {
      if (!valid) valid = folder(name);
    }
    if (const auto test = folder("test")) files.test = further_files(*test, files.classes);
  }
  if (valid) files.valid = further_files(*valid, files.classes);
  else draw_validation(files, options.valid, options.split_seed);
  if (files.train.empty())
    fail<DataError>(concat("image_folder: ", root), "there must be training images", "there are none");
  return files;
}

/// Reads images of one shape.
class ImageFolderReader {
 public:
  /// The shape is that of the options, completed by the first file.
  ImageFolderReader(const ImageFolderOptions& options, const LabelledFile& first) : options_(&options) {
    const bool sized = options.size != Size2{};
    if (sized && (options.size.height < 1 || options.size.width < 1))
      fail<UsageError>("image_folder", "size must be at least 1 x 1", concat("got ", options.size));
    if (options.channels != 0 && options.channels != 1 && options.channels != 3)
      fail<UsageError>("image_folder", "channels must be 1 (grey), 3 (RGB) or 0 (the first image's)",
                       concat("got ", options.channels));
    size_ = options.size;
    channels_ = options.channels;
    if (sized && channels_) return;
    const Image image = options.read(first.path, options.limits);
    if (!sized) size_ = {image.size(1), image.size(2)};
    if (!channels_) channels_ = image.size(0) >= 3 ? 3 : 1;
  }

  /// Shapes: (C, H, W) of every image.
  Shape<3> shape() const { return {channels_, size_.height, size_.width}; }

  Image read(const LabelledFile& file) const {
    Image image = options_->read(file.path, options_->limits);
    const Index own = image.size(0) >= 3 ? 3 : 1;
    if (!options_->channels && own != channels_)
      fail<DataError>(concat("image_folder: ", file.path),
                      concat("must have ", channels_, " channels as the first image, unless .channels is set"),
                      concat("got ", own));
    image = convert_channels(image, channels_);
    const Size2 size{image.size(1), image.size(2)};
    if (size == size_) return image;
    if (options_->size == Size2{})
      fail<DataError>(concat("image_folder: ", file.path),
                      concat("must have the first image's size ", size_, ", unless .size is set"),
                      concat("got ", size));
    return resize_image(options_->crop ? crop_to_shape(image, size_) : image, size_);
  }

  /// All of them. Throws what the first broken file throws, before memory is taken for more than allowed.
  std::pair<Tensor<4, std::uint8_t>, Tensor<1, int>> read_all(const std::vector<LabelledFile>& files) const {
    const Index length = numel(shape());
    const Index count = static_cast<Index>(files.size());
    auto pixels = uninitialised<std::uint8_t>(Shape<4>{count, channels_, size_.height, size_.width});
    auto labels = uninitialised<int>(Shape<1>{count});
    parallel_for(count, [&](Index i) {
      const LabelledFile& file = files[static_cast<std::size_t>(i)];
      const Image image = read(file);
      std::copy_n(image.data(), length, pixels.data() + i * length);
      labels.data()[i] = file.label;
    });
    return {std::move(pixels), std::move(labels)};
  }

 private:
  const ImageFolderOptions* options_;
  Size2 size_;
  int channels_ = 0;
};

/// Mean and deviation of each channel, of pixels in [0, 1], over images [0, count).
inline std::vector<Normalise> channel_moments(const Tensor<4, std::uint8_t>& pixels, Index count) {
  const Index channels = pixels.size(1), plane = pixels.size(2) * pixels.size(3);
  std::vector<Normalise> result;
  for (Index c = 0; c < channels; ++c) {
    std::uint64_t sum = 0, squares = 0;
    for (Index i = 0; i < count; ++i) {
      const std::uint8_t* pixel = pixels.data() + (i * channels + c) * plane;
      for (Index p = 0; p < plane; ++p) {
        sum += pixel[p];
        squares += std::uint64_t{pixel[p]} * pixel[p];
      }
    }
    const double number = static_cast<double>(count * plane);
    const double mean = static_cast<double>(sum) / number;
    const double variance = (std::max)(static_cast<double>(squares) / number - mean * mean, 0.0);
    result.push_back({.mean = mean / 255, .std = variance > 0 ? std::sqrt(variance) / 255 : 1});
  }
  return result;
}

}  // namespace detail

/// Reads all images below `root` into memory: `root/class/image.png`, split by seed into train and valid; or
/// `root/train/class/image.png`, where `root/valid` (or val, validation) and `root/test` are read too. Labels are the
/// positions of the sorted class names; files come sorted by the bytes of their names, so all is the same on every
/// machine. What has to be resized is, bilinear; grey and colour are converted into each other.
/// Throws: DataError, naming the file; UsageError for options that make no sense.
inline ImageFolder image_folder(const std::string& root, const ImageFolderOptions& options = {}) {
  detail::ImageFiles files = detail::find_images(root, options);
  const detail::ImageFolderReader reader(options, files.train.front());
  const auto train = static_cast<Index>(files.train.size()), valid = static_cast<Index>(files.valid.size());
  std::vector<detail::LabelledFile> all = std::move(files.train);
  all.insert(all.end(), files.valid.begin(), files.valid.end());
  all.insert(all.end(), files.test.begin(), files.test.end());
  const auto count = static_cast<Index>(all.size());
  const auto each = static_cast<std::uint64_t>(numel(reader.shape()));
  if (each > options.most_bytes / all.size())
    fail<DataError>(concat("image_folder: ", root),
                    concat("images must take at most ", options.most_bytes, " bytes, unless .most_bytes says more"),
                    concat("there are ", count, " of shape ", reader.shape()));
  auto [pixels, labels] = reader.read_all(all);
  std::vector<Normalise> normalise =
      options.normalise.empty() ? detail::channel_moments(pixels, train) : options.normalise;
  const ImageDataset data(std::move(pixels), std::move(labels), normalise);
  return {detail::make_image_loaders(data.slice(0, train), data.slice(train, train + valid),
                                     data.slice(train + valid, count), options),
          std::move(files.classes), std::move(normalise)};
}

}  // namespace kiln
