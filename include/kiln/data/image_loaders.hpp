// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `ImageLoaders`: what a data set of images gives to a Learner.
#pragma once

#include <utility>

#include <kiln/data/image_dataset.hpp>
#include <kiln/data/loader.hpp>

namespace kiln {

/// Loaders over images: x (N, channels, height, width), y (N).
using ImageLoaders = DataLoaders<DataLoader<ImageDataset>, DataLoader<ImageDataset>, DataLoader<ImageDataset>>;

namespace detail {

/// The three loaders, as the options of a data set say: only the training images are shuffled.
template <class Options>
ImageLoaders make_image_loaders(ImageDataset train, ImageDataset valid, ImageDataset test, const Options& options) {
  const LoaderOptions for_training{.batch_size = options.batch_size,
                                   .shuffle = options.shuffle,
                                   .drop_last = options.drop_last,
                                   .workers = options.workers,
                                   .seed = options.seed};
  const LoaderOptions in_order{
      .batch_size = options.valid_batch_size ? options.valid_batch_size : 2 * options.batch_size,
      .workers = options.workers};
  return {DataLoader{std::move(train), for_training}, DataLoader{std::move(valid), in_order},
          DataLoader{std::move(test), in_order}};
}

}  // namespace detail

}  // namespace kiln
