// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// What the readers of image files have in common: pixels as a tensor (C, H, W) of bytes, and how large it may be.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <kiln/tensor/tensor.hpp>

namespace kiln {

/// Pixels of one image, (C, H, W): 1 channel is grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.
using Image = Tensor<3, std::uint8_t>;

/// What an image file may ask for, checked before memory is taken.
struct ImageLimits {
  Index pixels = 100'000'000;  ///< height times width
};

namespace detail {

/// The bytes of an image file being read, and what its messages begin with.
struct ImageBytes {
  std::string place;
  std::span<const unsigned char> bytes;

  [[noreturn]] void fail(std::string_view field, std::string_view expected, std::string_view got) const {
    kiln::fail<DataError>(concat(place, ": ", field), expected, got);
  }

  /// Throws: DataError unless there is a pixel and there are not too many.
  void check_size(std::uint64_t width, std::uint64_t height, const ImageLimits& limits) const {
    constexpr Index countable = Index{1} << 40;  // the bytes of as many pixels fit 64 bits
    const auto most = static_cast<std::uint64_t>(std::clamp(limits.pixels, Index{0}, countable));
    if (width == 0 || height == 0) fail("size", "must be at least 1 x 1", concat("got ", width, " x ", height));
    if (width > most / height)
      fail("size", concat("must be at most ", most, " pixels, unless ImageLimits says more"),
           concat("got ", width, " x ", height));
  }
};

/// `value` of 0 to `most` as a byte of 0 to 255, rounded to nearest.
constexpr std::uint8_t scaled_byte(std::uint32_t value, std::uint32_t most) {
  return static_cast<std::uint8_t>((2 * 255 * std::uint64_t{value} + most) / (2 * std::uint64_t{most}));
}

inline Image new_image(std::uint64_t channels, std::uint64_t height, std::uint64_t width) {
  return uninitialised<std::uint8_t>(Shape<3>{channels, height, width});
}

}  // namespace detail

}  // namespace kiln
