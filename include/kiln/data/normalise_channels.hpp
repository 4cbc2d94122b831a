// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `NormaliseChannels`: mean 0 and deviation 1 for each channel.
#pragma once

#include <cmath>
#include <vector>

#include <kiln/data/transform.hpp>

namespace kiln {

/// x becomes (x - mean) / std, with a mean and a std for each channel, or one for all. Image data sets do the same for
/// grey images as they make numbers of bytes; see `Normalise`.
/// Shapes: x (N, C, H, W). Throws: UsageError for a std that is not positive, or other numbers of them than channels.
/// Source: torchvision.transforms.Normalize.
struct NormaliseChannels {
  std::vector<double> mean = {0};
  std::vector<double> std = {1};

  template <RandomReal T>
  Tensor<4, T> operator()(Tensor<4, T> x) const {
    const Index channels = x.size(1);
    check("mean", mean, channels);
    check("std", std, channels);
    for (double s : std) {
      if (!(s > 0)) fail<UsageError>("NormaliseChannels", "std must be positive", concat("got ", s));
    }
    const Index plane = x.size(2) * x.size(3);
    T* value = x.data();
    for (Index i = 0; i < x.size(0) * channels; ++i) {
      const T m = static_cast<T>(of(mean, i % channels)), s = static_cast<T>(of(std, i % channels));
      for (T* end = value + plane; value != end; ++value) *value = (*value - m) / s;
    }
    return x;
  }

 private:
  static double of(const std::vector<double>& values, Index channel) {
    return values[values.size() == 1 ? 0 : static_cast<std::size_t>(channel)];
  }
  static void check(std::string_view name, const std::vector<double>& values, Index channels) {
    const auto count = static_cast<Index>(values.size());
    if (count == 1 || count == channels) return;
    fail<UsageError>("NormaliseChannels",
                     concat(name, " must have one number, or ", channels, ", one for each channel"),
                     concat("got ", count));
  }
};

}  // namespace kiln
