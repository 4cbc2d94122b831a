// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The pixels of the images inside of an SVG, for tests.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "png_reader.hpp"
#include "xml.hpp"

inline std::vector<unsigned char> from_base64(std::string_view text) {
  const std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<unsigned char> bytes;
  unsigned bits = 0;
  int count = 0;
  for (char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<unsigned>(digits.find(c));
    if ((count += 6) >= 8) bytes.push_back(static_cast<unsigned char>(bits >> (count -= 8)));
  }
  return bytes;
}

inline std::vector<kiln::Pixels> images_of(const XmlReader& reader) {
  const std::string_view start = "data:image/png;base64,";
  std::vector<kiln::Pixels> images;
  for (const XmlElement& element : reader.elements) {
    if (element.tag != "image") continue;
    const std::string_view url = element.attributes.at("href");
    if (!url.starts_with(start)) throw std::runtime_error("an image is not embedded");
    images.push_back(read_png(from_base64(url.substr(start.size()))));
  }
  return images;
}
