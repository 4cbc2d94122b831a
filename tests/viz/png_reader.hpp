// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Reads PNG files back for the tests, strictly: every checksum, every filter, nothing after the end.
#pragma once

#include <kiln/viz/png.hpp>

#include <stdexcept>

inline kiln::Pixels read_png(std::span<const unsigned char> file) {
  using namespace kiln;
  const auto require = [](bool holds, const char* what) {
    if (!holds) throw std::runtime_error(what);
  };
  std::size_t at = 8;
  const auto number = [&] {
    require(at + 4 <= file.size(), "cut off");
    std::uint32_t result = 0;
    for (int i = 0; i < 4; ++i) result = result << 8 | file[at++];
    return result;
  };
  const unsigned char signature[] = {137, 80, 78, 71, 13, 10, 26, 10};
  require(file.size() > 8 && std::equal(signature, signature + 8, file.begin()), "signature");
  Pixels pixels;
  std::vector<unsigned char> packed;
  for (std::string type; type != "IEND";) {
    const std::size_t size = number();
    require(at + size + 8 <= file.size(), "chunk cut off");
    type.assign(reinterpret_cast<const char*>(&file[at]), 4);
    const auto content = file.subspan(at + 4, size);
    const std::uint32_t checksum = detail::crc32(file.subspan(at, size + 4));
    at += 4;
    if (type == "IHDR") {
      require(size == 13, "IHDR size");
      pixels.width = number();
      pixels.height = number();
      require(content[8] == 8 && content[10] == 0 && content[11] == 0 && content[12] == 0, "IHDR");
      require(content[9] == 0 || content[9] == 2, "colour type");
      pixels.channels = content[9] == 0 ? 1 : 3;
      at += 5;
    } else {
      require(type == "IDAT" || (type == "IEND" && size == 0), "chunk type");
      packed.insert(packed.end(), content.begin(), content.end());
      at += size;
    }
    require(number() == checksum, "checksum");
  }
  require(at == file.size(), "nothing may follow the end");

  const auto step = static_cast<std::size_t>(pixels.channels);
  const auto row = static_cast<std::size_t>(pixels.width) * step;
  std::vector<unsigned char> rows((row + 1) * static_cast<std::size_t>(pixels.height) + 1);
  detail::Inflater inflater(detail::Inflater::Format::zlib);
  inflater.feed(packed);
  require(inflater.inflate(rows) == rows.size() - 1 && inflater.ended() && inflater.hungry(), "content");
  pixels.bytes.resize(row * static_cast<std::size_t>(pixels.height));
  for (std::size_t y = 0; y < static_cast<std::size_t>(pixels.height); ++y) {
    const unsigned char filter = rows[y * (row + 1)];
    require(filter == 0 || filter == 4, "filter");
    for (std::size_t x = 0; x < row; ++x) {
      const int left = x < step ? 0 : pixels.bytes[y * row + x - step];
      const int above = y == 0 ? 0 : pixels.bytes[(y - 1) * row + x];
      const int corner = x < step || y == 0 ? 0 : pixels.bytes[(y - 1) * row + x - step];
      const int guess = left + above - corner;
      int nearest = left;  // written out once more, not through the library's function
      if (std::abs(guess - above) < std::abs(guess - nearest)) nearest = above;
      if (std::abs(guess - corner) < std::abs(guess - nearest)) nearest = corner;
      pixels.bytes[y * row + x] = static_cast<unsigned char>(rows[y * (row + 1) + 1 + x] + (filter == 4 ? nearest : 0));
    }
  }
  return pixels;
}
