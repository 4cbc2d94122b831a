// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `ImageDataset`: pixels stay bytes in memory, a quarter of what floats take, and become numbers as a batch is
/// gathered.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <kiln/data/dataset.hpp>
#include <kiln/kernels/pixel_values.hpp>

namespace kiln {

/// A pixel p in [0, 255] becomes (p / 255 - mean) / std. The defaults leave it in [0, 1].
struct Normalise {
  double mean = 0;
  double std = 1;
};

/// Labelled images. Copies and slices share the pixels, which never change.
/// Batches: x (N, C, H, W) of T, y (N) labels.
template <class T = float>
class BasicImageDataset {
 public:
  /// Shapes: pixels (N, C, H, W), labels (N). Throws: ShapeError if the counts differ; UsageError for a std of 0.
  BasicImageDataset(Tensor<4, std::uint8_t> pixels, Tensor<1, int> labels, Normalise normalise = {})
      : BasicImageDataset(std::move(pixels), std::move(labels), std::vector<Normalise>{normalise}) {}

  /// With one for each channel, or one for all. Throws: ShapeError, UsageError.
  BasicImageDataset(Tensor<4, std::uint8_t> pixels, Tensor<1, int> labels, const std::vector<Normalise>& normalise)
      : images_(std::make_shared<const Images>(std::move(pixels), std::move(labels))), end_(images_->labels.numel()) {
    if (images_->pixels.shape()[0] != end_) {
      fail<ShapeError>("ImageDataset", "there must be as many labels as images",
                       concat("got shapes ", images_->pixels.shape(), " and ", images_->labels.shape()));
    }
    const auto channels = static_cast<std::size_t>(images_->pixels.shape()[1]);
    if (normalise.size() != 1 && normalise.size() != channels) {
      fail<UsageError>("ImageDataset",
                       concat("there must be one Normalise for each of the ", channels, " channels, or one for all"),
                       concat("got ", normalise.size()));
    }
    for (const auto& [mean, std] : normalise) {
      if (!(std > 0)) fail<UsageError>("ImageDataset", "std must be positive", concat("got ", std));
      values_.emplace_back(mean, std);
    }
  }

  /// Images [begin, end), not copied. Throws: IndexError.
  BasicImageDataset slice(Index begin, Index end) const {
    if (begin < 0 || end < begin || end > size()) {
      fail<IndexError>("slice", concat("images must lie in [0, ", size(), ")"), concat("got [", begin, ", ", end, ")"));
    }
    BasicImageDataset result = *this;
    result.begin_ = begin_ + begin;
    result.end_ = begin_ + end;
    return result;
  }

  Index size() const { return end_ - begin_; }

  /// Shapes: (C, H, W) of every image.
  Shape<3> image_shape() const {
    const Shape<4>& shape = images_->pixels.shape();
    return {shape[1], shape[2], shape[3]};
  }

  /// The pixels of image i, (C, H, W), as they were read. Valid as long as a copy of the data set lives.
  TensorView<3, const std::uint8_t> pixels(Index i) const {
    detail::check_row("pixels", i, size());
    return images_->pixels.row_view(begin_ + i);
  }

  /// The label of image i.
  int label(Index i) const {
    detail::check_row("label", i, size());
    return images_->labels.unchecked(begin_ + i);
  }

  Batch<Tensor<4, T>, Tensor<1, int>> gather(std::span<const Index> rows) const {
    for (Index row : rows) detail::check_row("gather", row, size());
    Batch<Tensor<4, T>, Tensor<1, int>> batch{
        detail::uninitialised<T>(detail::rows_shape(images_->pixels, rows.size())),
        detail::uninitialised<int>(detail::rows_shape(images_->labels, rows.size()))};
    const Index length = numel(image_shape());
    const std::uint8_t* images = images_->pixels.data() + begin_ * length;
    const int* labels = images_->labels.data() + begin_;
    parallel_ranges(std::ssize(rows), length, [&, x = batch.x.data(), y = batch.y.data()](Index first, Index last) {
      for (Index i = first; i < (std::min)(first + ahead, last); ++i) fetch(images + rows[at(i)] * length, length);
      for (Index i = first; i < last; ++i) {
        if (i + ahead < last) fetch(images + rows[at(i + ahead)] * length, length);
        convert(images + rows[at(i)] * length, length, x + i * length);
        y[i] = labels[rows[at(i)]];
      }
    });
    return batch;
  }

 private:
  struct Images {
    Images(Tensor<4, std::uint8_t> p, Tensor<1, int> l) : pixels(std::move(p)), labels(std::move(l)) {}
    Tensor<4, std::uint8_t> pixels;
    Tensor<1, int> labels;
  };

  static constexpr Index ahead = 4;

  static std::size_t at(Index i) { return static_cast<std::size_t>(i); }

  /// Into the cache. Shuffled images are not there, and the processor cannot guess them.
  [[gnu::always_inline]] static void fetch(const std::uint8_t* image, Index length) {
    constexpr Index cache_line = 64;
    for (Index p = 0; p < length; p += cache_line) __builtin_prefetch(image + p);
  }

  void convert(const std::uint8_t* image, Index length, T* x) const {
    const Index plane = length / std::ssize(values_);  // all channels, if they share their values
    for (const detail::PixelValues<T>& values : values_) {
      values(plane, image, x);
      image += plane;
      x += plane;
    }
  }

  std::shared_ptr<const Images> images_;
  Index begin_ = 0;
  Index end_ = 0;
  std::vector<detail::PixelValues<T>> values_;  // for each channel or for all
};

/// Images as `float`.
using ImageDataset = BasicImageDataset<float>;

}  // namespace kiln
