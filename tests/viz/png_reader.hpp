// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Reads PNG files back for the tests, with the reader of data/, which has been tested against files of other programs.
#pragma once

#include <kiln/viz/png.hpp>

#include <stdexcept>

#include <kiln/data/image_file.hpp>

inline kiln::Pixels read_png(std::span<const unsigned char> file) {
  const std::string_view content(reinterpret_cast<const char*>(file.data()), file.size());
  if (!content.ends_with(std::string_view("\0\0\0\0IEND\xae\x42\x60\x82", 12))) throw std::runtime_error("end");
  const kiln::Image image = kiln::read_image(file, "picture");
  kiln::Pixels pixels{.width = image.size(2), .height = image.size(1), .channels = static_cast<int>(image.size(0))};
  for (kiln::Index y = 0; y < pixels.height; ++y)
    for (kiln::Index x = 0; x < pixels.width; ++x)
      for (int c = 0; c < pixels.channels; ++c) pixels.bytes.push_back(image(c, y, x));
  return pixels;
}
