// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Pictures of pixels as PNG, in memory or as a file. Source: W3C, Portable Network Graphics (PNG) Specification.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <kiln/core/base64.hpp>
#include <kiln/core/png_filter.hpp>
#include <kiln/core/shape.hpp>
#include <kiln/core/zlib.hpp>
#include <kiln/viz/theme.hpp>

namespace kiln {

/// 8-bit pixels, row by row from the top: one byte each for grey, three for RGB.
struct Pixels {
  Index width = 0;
  Index height = 0;
  int channels = 1;  ///< 1: grey, 3: red, green, blue
  std::vector<unsigned char> bytes = {};
};

namespace detail {

inline void append_big_endian(std::vector<unsigned char>& to, std::uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<unsigned char>(number >> shift));
}

inline void append_png_chunk(std::vector<unsigned char>& to, std::string_view type,
                             std::span<const unsigned char> content) {
  if (content.size() > 0x7fffffff)
    fail<UsageError>("png", "the packed picture must be below 2 GiB", concat("got ", content.size(), " bytes"));
  append_big_endian(to, static_cast<std::uint32_t>(content.size()));
  const std::size_t begin = to.size();
  to.insert(to.end(), type.begin(), type.end());
  to.insert(to.end(), content.begin(), content.end());
  append_big_endian(to, crc32(std::span(to).subspan(begin)));
}

/// The rows, each preceded by the number of its filter: of no filter and Paeth the one that leaves smaller bytes.
inline std::vector<unsigned char> png_rows(const Pixels& pixels) {
  const auto step = static_cast<std::size_t>(pixels.channels);
  const auto row_bytes = static_cast<std::size_t>(pixels.width) * step;
  std::vector<unsigned char> rows;
  rows.reserve((row_bytes + 1) * static_cast<std::size_t>(pixels.height));
  const std::vector<unsigned char> zeros(row_bytes);
  std::vector<unsigned char> filtered(row_bytes);
  const unsigned char* above = zeros.data();
  for (const unsigned char* row = pixels.bytes.data(); row != pixels.bytes.data() + pixels.bytes.size();
       row += row_bytes) {
    long plain_size = 0;
    long filtered_size = 0;
    for (std::size_t i = 0; i < row_bytes; ++i) {
      const int guess = paeth(i < step ? 0 : row[i - step], above[i], i < step ? 0 : above[i - step]);
      filtered[i] = static_cast<unsigned char>(row[i] - guess);
      plain_size += (std::min)(int{row[i]}, 256 - row[i]);
      filtered_size += (std::min)(int{filtered[i]}, 256 - filtered[i]);
    }
    const bool use_filter = filtered_size < plain_size;
    rows.push_back(use_filter ? 4 : 0);
    const unsigned char* from = use_filter ? filtered.data() : row;
    rows.insert(rows.end(), from, from + row_bytes);
    above = row;
  }
  return rows;
}

/// Throws: UsageError if the pixels are not what they say.
inline void check_pixels(const Pixels& pixels) {
  constexpr Index limit = 0x7fffffff;
  if (pixels.channels != 1 && pixels.channels != 3)
    fail<UsageError>("png", "pixels must have 1 channel (grey) or 3 (RGB)", concat("got ", pixels.channels));
  if (pixels.width < 1 || pixels.height < 1 || pixels.width > limit || pixels.height > limit)
    fail<UsageError>("png", "width and height must be between 1 and 2147483647",
                     concat("got ", pixels.width, " x ", pixels.height));
  const auto height = static_cast<std::size_t>(pixels.height);
  const std::size_t row_bytes = static_cast<std::size_t>(pixels.width) * static_cast<std::size_t>(pixels.channels);
  if (pixels.bytes.size() % row_bytes != 0 || pixels.bytes.size() / row_bytes != height)
    fail<UsageError>("png", concat("there must be ", height, " rows of ", row_bytes, " bytes"),
                     concat("got ", pixels.bytes.size(), " bytes"));
}

}  // namespace detail

/// The content of a PNG file. Throws: UsageError if there are no pixels or their number does not fit the size.
inline std::vector<unsigned char> png(const Pixels& pixels) {
  detail::check_pixels(pixels);
  std::vector<unsigned char> file = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  std::vector<unsigned char> header;
  detail::append_big_endian(header, static_cast<std::uint32_t>(pixels.width));
  detail::append_big_endian(header, static_cast<std::uint32_t>(pixels.height));
  const unsigned char colour_type = pixels.channels == 1 ? 0 : 2;
  header.insert(header.end(),
                {8, colour_type, 0, 0, 0});  // bits per value, then packing, filters and order: all as usual
  detail::append_png_chunk(file, "IHDR", header);
  detail::append_png_chunk(file, "IDAT", detail::deflate(detail::png_rows(pixels)));
  detail::append_png_chunk(file, "IEND", {});
  return file;
}

/// The picture as an address, for `<img src=...>` in HTML and `<image href=...>` in SVG.
inline std::string png_data_url(const Pixels& pixels) {
  return concat("data:image/png;base64,", detail::base64(png(pixels)));
}

/// Writes a PNG file, replacing an old one. Throws: UsageError as `png`, DataError if it cannot be written.
inline void save_png(const Pixels& pixels, const std::string& path) {
  detail::save_bytes("save_png", path, png(pixels));
}

namespace detail {

/// Every pixel as a rectangle of pixels.
inline Pixels enlarge(const Pixels& pixels, Index across, Index down) {
  Pixels result{.width = pixels.width * across, .height = pixels.height * down, .channels = pixels.channels};
  result.bytes.reserve(static_cast<std::size_t>(result.width * result.height * result.channels));
  const Index row_bytes = pixels.width * pixels.channels;
  for (Index y = 0; y < result.height; ++y) {
    const unsigned char* row = pixels.bytes.data() + y / down * row_bytes;
    for (Index x = 0; x < result.width; ++x) {
      const unsigned char* pixel = row + x / across * pixels.channels;
      result.bytes.insert(result.bytes.end(), pixel, pixel + pixels.channels);
    }
  }
  return result;
}

/// Pixels as part of a drawing, stretched to the box with sharp edges.
inline void draw_pixels(Drawing& drawing, const Pixels& pixels, const Box& box) {
  const std::string url = png_data_url(pixels);
  drawing.element("image", {{"class", "k-pixels"},
                            {"x", box.x},
                            {"y", box.y},
                            {"width", box.width},
                            {"height", box.height},
                            {"preserveAspectRatio", "none"},
                            {"image-rendering", "optimizeSpeed"},
                            {"href", url}});
}

/// Writes a picture that is made of pixels, as the name's end says: `.svg` or `.png`. Throws: UsageError, DataError.
template <class MakeSvg, class MakePixels>
void save_picture(const std::string& path, MakeSvg svg, MakePixels pixels) {
  if (path.ends_with(".svg")) return save_svg(path, svg());
  if (!path.ends_with(".png")) fail<UsageError>(concat("save: ", path), "the name must end in .svg or .png", "");
  const std::vector<unsigned char> content = png(pixels());
  save_bytes("save", path, content);
}

}  // namespace detail

}  // namespace kiln
