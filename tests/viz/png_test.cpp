// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/viz/png.hpp>

#include "folder.hpp"
#include "png_reader.hpp"

TEST_SUITE_BEGIN("viz");

using namespace kiln;

namespace {

Pixels noise(Index width, Index height, int channels) {
  Pixels pixels{.width = width, .height = height, .channels = channels};
  unsigned state = 7;
  for (Index i = 0; i < width * height * channels; ++i) {
    state = state * 1664525u + 1013904223u;
    pixels.bytes.push_back(static_cast<unsigned char>(state >> 24));
  }
  return pixels;
}

Pixels slope(Index width, Index height, int channels) {
  Pixels pixels{.width = width, .height = height, .channels = channels};
  for (Index i = 0; i < width * height * channels; ++i)
    pixels.bytes.push_back(static_cast<unsigned char>(i / channels % width + 3 * (i / channels / width)));
  return pixels;
}

}  // namespace

TEST_CASE("a PNG reads back as the pixels that were written") {
  for (int channels : {1, 3})
    for (Index width : {1, 2, 17, 300})
      for (Index height : {1, 5, 64})
        for (const Pixels& pixels : {noise(width, height, channels), slope(width, height, channels)}) {
          const Pixels back = read_png(png(pixels));
          CHECK(back.width == width);
          CHECK(back.height == height);
          CHECK(back.channels == channels);
          CHECK(back.bytes == pixels.bytes);
        }
  CHECK(png(slope(300, 64, 3)).size() < 1500);  // the filter at work: without it 10,000
}

TEST_CASE("the smallest PNG, byte for byte") {
  // The chunks of: import struct, zlib; c = lambda t, b: struct.pack(">I", len(b)) + t + b + struct.pack(">I",
  // zlib.crc32(t + b)); c(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)); c(b"IDAT", zlib.compress(b"\0\x7f"))
  const std::vector<unsigned char> file = png({.width = 1, .height = 1, .bytes = {0x7f}});
  CHECK(detail::base64(file) ==
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGOoBwAAgQCA05RTSgAAAABJRU5ErkJggg==");
  CHECK(png_data_url({.width = 1, .height = 1, .bytes = {0x7f}}) ==
        concat("data:image/png;base64,", detail::base64(file)));
}

TEST_CASE("a PNG is written to a file") {
  Folder folder;
  save_png(slope(20, 10, 3), folder / "a.png");
  const std::string content = folder.read("a.png");
  CHECK(read_png({reinterpret_cast<const unsigned char*>(content.data()), content.size()}).bytes ==
        slope(20, 10, 3).bytes);
}

TEST_CASE("pixels that are none are refused") {
  CHECK_THROWS_WITH_AS(png({}), "png: width and height must be between 1 and 2147483647: got 0 x 0", UsageError);
  CHECK_THROWS_WITH_AS(png({.width = 2, .height = 2, .channels = 4, .bytes = std::vector<unsigned char>(16)}),
                       "png: pixels must have 1 channel (grey) or 3 (RGB): got 4", UsageError);
  CHECK_THROWS_WITH_AS(png({.width = 2, .height = 3, .bytes = {1, 2, 3, 4}}),
                       "png: there must be 3 rows of 2 bytes: got 4 bytes", UsageError);
}

TEST_SUITE_END();
