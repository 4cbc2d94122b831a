// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `NormaliseChannels`: mean 0 and deviation 1 for each channel.
#pragma once

#include <utility>
#include <vector>

#include <kiln/data/image_dataset.hpp>
#include <kiln/data/transform.hpp>

namespace kiln {

/// x becomes (x - mean) / std, with a mean and a std for each channel, or for all. Image data sets do this themselves
/// as they make numbers of bytes; it is for inputs that come from elsewhere: `NormaliseChannels{{{0.485, 0.229},
/// {0.456, 0.224}, {0.406, 0.225}}}`. Shapes: x (N, C, H, W). Throws: UsageError for a std that is not positive,
/// ShapeError for another number of channels. Source: torchvision.transforms.Normalize.
struct NormaliseChannels {
  std::vector<Normalise> channels = {Normalise{}};

  template <RandomReal T>
  Tensor<4, T> operator()(Tensor<4, T> x) const {
    const Index count = x.size(1), plane = x.size(2) * x.size(3);
    if (channels.size() != 1 && !std::cmp_equal(channels.size(), count)) {
      fail<UsageError>("NormaliseChannels",
                       concat("there must be one Normalise for each of the ", count, " channels, or one for all"),
                       concat("got ", channels.size()));
    }
    for (const Normalise& channel : channels) {
      if (!(channel.std > 0))
        fail<UsageError>("NormaliseChannels", "std must be positive", concat("got ", channel.std));
    }
    T* value = x.data();
    for (Index i = 0; i < x.size(0) * count; ++i) {
      const Normalise& channel = channels[channels.size() == 1 ? 0 : static_cast<std::size_t>(i % count)];
      const T mean = static_cast<T>(channel.mean), std = static_cast<T>(channel.std);
      for (T* end = value + plane; value != end; ++value) *value = (*value - mean) / std;
    }
    return x;
  }
};

}  // namespace kiln
