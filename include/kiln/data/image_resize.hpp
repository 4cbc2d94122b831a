// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Images of bytes in another size or with other channels, to the bits of Pillow, on which torchvision builds.
/// Source: Pillow's documentation of Image.resize with BILINEAR, and of Image.convert.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <kiln/core/size2.hpp>
#include <kiln/data/image.hpp>

namespace kiln {

namespace detail {

/// How much each input counts in one output, along one axis, in units of 2^-22.
struct ResizeWeights {
  std::size_t first = 0;
  std::vector<std::int32_t> weights;
};

inline constexpr int resize_bits = 22;

/// A triangle over two outputs' distance, or two inputs' where the size grows: every input counts when it shrinks.
inline std::vector<ResizeWeights> resize_weights(std::size_t from, std::size_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double reach = (std::max)(scale, 1.0);
  std::vector<ResizeWeights> result(to);
  for (std::size_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const auto first = static_cast<std::size_t>((std::max)(centre - reach + 0.5, 0.0));
    const auto end = (std::min)(from, static_cast<std::size_t>(std::floor(centre + reach + 0.5)));
    std::vector<double> exact;
    double sum = 0;
    for (std::size_t x = first; x < end; ++x) {
      const double distance = std::abs((static_cast<double>(x) - centre + 0.5) / reach);
      exact.push_back((std::max)(1 - distance, 0.0));
      sum += exact.back();
    }
    result[i].first = first;
    for (double weight : exact)
      result[i].weights.push_back(static_cast<std::int32_t>(std::lround(weight / sum * (1 << resize_bits))));
  }
  return result;
}

/// Weighs bytes that are `step` apart.
inline std::uint8_t weighted_byte(const ResizeWeights& weights, const std::uint8_t* from, std::size_t step) {
  std::int64_t sum = 1 << (resize_bits - 1);
  from += weights.first * step;
  for (std::size_t i = 0; i < weights.weights.size(); ++i) sum += std::int64_t{weights.weights[i]} * from[i * step];
  return static_cast<std::uint8_t>((std::min)(sum >> resize_bits, std::int64_t{255}));
}

}  // namespace detail

/// The image with `size` pixels, stretched if the shape differs: bilinear, and averaged over all pixels where it
/// shrinks. Shapes: (C, H, W) to (C, height, width). Throws: ShapeError for a size below 1 or an image without pixels.
inline Image resize_image(const Image& image, Size2 size) {
  const auto channels = static_cast<std::size_t>(image.size(0)), height = static_cast<std::size_t>(image.size(1)),
             width = static_cast<std::size_t>(image.size(2));
  if (size.height < 1 || size.width < 1)
    fail<ShapeError>("resize_image", "height and width must be at least 1", concat("got ", size));
  if (image.numel() == 0)
    fail<ShapeError>("resize_image", "the image must have pixels", concat("got shape ", image.shape()));
  const auto new_height = static_cast<std::size_t>(size.height), new_width = static_cast<std::size_t>(size.width);
  Image wide = detail::new_image(channels, height, new_width);
  const auto across = detail::resize_weights(width, new_width);
  for (std::size_t row = 0; row < channels * height; ++row) {
    for (std::size_t x = 0; x < new_width; ++x)
      wide.data()[row * new_width + x] = detail::weighted_byte(across[x], image.data() + row * width, 1);
  }
  Image result = detail::new_image(channels, new_height, new_width);
  const auto down = detail::resize_weights(height, new_height);
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t y = 0; y < new_height; ++y) {
      for (std::size_t x = 0; x < new_width; ++x)
        result.data()[(c * new_height + y) * new_width + x] =
            detail::weighted_byte(down[y], wide.data() + c * height * new_width + x, new_width);
    }
  }
  return result;
}

/// The largest part in the middle of the image that has the shape of `size`.
/// Shapes: (C, H, W) to (C, h, w) with h / w as of `size`, rounded. Throws: ShapeError for a size below 1.
inline Image crop_to_shape(const Image& image, Size2 size) {
  if (size.height < 1 || size.width < 1)
    fail<ShapeError>("crop_to_shape", "height and width must be at least 1", concat("got ", size));
  const Index height = image.size(1), width = image.size(2);
  const double ratio = static_cast<double>(size.height) / static_cast<double>(size.width);
  auto at_least_1 = [](double x) { return (std::max)(Index{1}, static_cast<Index>(std::llround(x))); };
  const Index h = (std::min)(height, at_least_1(static_cast<double>(width) * ratio));
  const Index w = (std::min)(width, at_least_1(static_cast<double>(height) / ratio));
  if (h == height && w == width) return image;
  const Index top = (height - h) / 2, left = (width - w) / 2;
  Image result = detail::uninitialised<std::uint8_t>(Shape<3>{image.size(0), h, w});
  std::uint8_t* to = result.data();
  for (Index c = 0; c < image.size(0); ++c) {
    for (Index y = top; y < top + h; ++y) to = std::copy_n(image.data() + (c * height + y) * width + left, w, to);
  }
  return result;
}

/// The image as grey (1 channel) or RGB (3). Alpha is left out; grey is 0.299 red + 0.587 green + 0.114 blue.
/// Throws: UsageError for other numbers of channels; ShapeError unless the image has 1 to 4.
inline Image convert_channels(const Image& image, int channels) {
  if (channels != 1 && channels != 3)
    fail<UsageError>("convert_channels", "channels must be 1 (grey) or 3 (RGB)", concat("got ", channels));
  const Index from = image.size(0);
  if (from < 1 || from > 4)
    fail<ShapeError>("convert_channels", "an image must have 1 to 4 channels", concat("got shape ", image.shape()));
  if (from == channels) return image;
  const Index plane = image.size(1) * image.size(2);
  Image result = detail::uninitialised<std::uint8_t>(Shape<3>{channels, image.size(1), image.size(2)});
  const std::uint8_t* red = image.data();
  if (channels == 1 && from >= 3) {
    for (Index i = 0; i < plane; ++i) {
      const std::uint32_t sum = 19595u * red[i] + 38470u * red[plane + i] + 7471u * red[2 * plane + i];
      result.data()[i] = static_cast<std::uint8_t>((sum + 0x8000u) >> 16);
    }
    return result;
  }
  for (Index c = 0; c < channels; ++c) std::copy_n(red + (from >= 3 ? c * plane : 0), plane, result.data() + c * plane);
  return result;
}

}  // namespace kiln
