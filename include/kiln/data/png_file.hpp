// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Reads PNG files: every colour type and depth, palettes, transparency and interlacing. Not part of kiln.hpp; include
/// data/image_file.hpp. Source: W3C, Portable Network Graphics (PNG) Specification (Second Edition).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kiln/core/png_filter.hpp>
#include <kiln/core/zlib.hpp>
#include <kiln/data/image.hpp>

namespace kiln::detail {

inline constexpr std::string_view png_signature = "\x89PNG\r\n\x1a\n";

/// One PNG file in memory: its chunks are checked in order, then its rows unpacked one by one.
class PngDecoder {
 public:
  PngDecoder(const ImageBytes& file, const ImageLimits& limits) : file_(file), limits_(limits) {}

  /// Throws: DataError.
  Image decode() {
    read_chunks();
    check_packed_size();
    Image image = new_image(channels(), height_, width_);
    inflater_.emplace(Inflater::Format::zlib);
    if (inflater_->error()) fail_rows(inflater_->error());
    if (interlaced_) {
      constexpr std::array<std::array<std::size_t, 4>, 7> passes{
          {{0, 0, 8, 8}, {0, 4, 8, 8}, {4, 0, 8, 4}, {0, 2, 4, 4}, {2, 0, 4, 2}, {0, 1, 2, 2}, {1, 0, 2, 1}}};
      for (const auto& [y, x, y_step, x_step] : passes) read_pass(image, y, x, y_step, x_step);
    } else {
      read_pass(image, 0, 0, 1, 1);
    }
    expect_end();
    return image;
  }

 private:
  using Bytes = std::span<const unsigned char>;

  static std::uint32_t number(Bytes bytes, std::size_t at) {
    std::uint32_t result = 0;
    for (std::size_t i = 0; i < 4; ++i) result = result << 8 | bytes[at + i];
    return result;
  }
  static std::uint32_t number16(Bytes bytes, std::size_t at) { return std::uint32_t{bytes[at]} << 8 | bytes[at + 1]; }

  void read_chunks() {
    std::size_t at = png_signature.size();
    bool first = true, ended = false, data_ended = false;
    while (!ended) {
      const Bytes rest = file_.bytes.subspan(at);
      const std::string place = concat("chunk at byte ", at);
      if (rest.size() < 12)
        file_.fail(place, "must have 12 bytes or more", concat("the file ends after ", rest.size()));
      const std::uint32_t size = number(rest, 0);
      if (size > rest.size() - 12)
        file_.fail(place, concat("must have ", size, " bytes"), concat("the file has ", rest.size() - 12));
      const std::string_view type(reinterpret_cast<const char*>(rest.data()) + 4, 4);
      for (char letter : type) {
        if ((letter | 32) < 'a' || (letter | 32) > 'z')
          file_.fail(place, "must have a type of four letters", "it has another");
      }
      if (crc32(rest.subspan(4, size + 4)) != number(rest, size + 8))
        file_.fail(type, "must have the right checksum", concat("it is damaged, at byte ", at));
      if (first != (type == "IHDR"))
        file_.fail(type, "IHDR must be the first chunk and no other", concat("at byte ", at));
      first = false;
      const Bytes content = rest.subspan(8, size);
      if (type == "IDAT") {
        if (data_ended)
          file_.fail(type, "must follow the other IDAT", concat("there is something between, at byte ", at));
        data_.push_back(content);
      } else {
        data_ended = !data_.empty();
        if (type == "IHDR") read_header(content);
        else if (type == "PLTE") read_palette(content);
        else if (type == "tRNS") read_transparency(content);
        else if (type == "IEND") ended = true;
        else if ((type[0] & 32) == 0)
          file_.fail(type, "must be a chunk that the specification knows", concat("at byte ", at));
      }
      at += size + 12;
    }
    if (data_.empty()) file_.fail("IDAT", "must be there", "there is none");
    if (colour_ == 3 && palette_.empty()) file_.fail("PLTE", "must be there, for colour type 3", "there is none");
  }

  void read_header(Bytes header) {
    if (header.size() != 13) file_.fail("IHDR", "must have 13 bytes", concat("got ", header.size()));
    width_ = number(header, 0);
    height_ = number(header, 4);
    file_.check_size(width_, height_, limits_);
    depth_ = header[8];
    colour_ = header[9];
    constexpr std::array<std::uint32_t, 7> depths{1 << 1 | 1 << 2 | 1 << 4 | 1 << 8 | 1 << 16,
                                                  0,
                                                  1 << 8 | 1 << 16,
                                                  1 << 1 | 1 << 2 | 1 << 4 | 1 << 8,
                                                  1 << 8 | 1 << 16,
                                                  0,
                                                  1 << 8 | 1 << 16};
    if (colour_ >= depths.size() || depth_ > 16 || !(depths[colour_] >> depth_ & 1))
      file_.fail("IHDR", "must have a colour type and depth that the specification knows",
                 concat("got type ", colour_, " with ", depth_, " bits"));
    if (header[10] != 0) file_.fail("IHDR", "must have compression method 0", concat("got ", int{header[10]}));
    if (header[11] != 0) file_.fail("IHDR", "must have filter method 0", concat("got ", int{header[11]}));
    if (header[12] > 1) file_.fail("IHDR", "must have interlace method 0 or 1", concat("got ", int{header[12]}));
    interlaced_ = header[12] == 1;
  }

  void read_palette(Bytes content) {
    if (colour_ == 0 || colour_ == 4) file_.fail("PLTE", "must not be in a grey image", "it is");
    if (!palette_.empty()) file_.fail("PLTE", "must be there once", "it is there twice");
    if (!data_.empty()) file_.fail("PLTE", "must come before IDAT", "it comes after");
    const std::size_t most = colour_ == 3 ? std::size_t{1} << depth_ : 256;
    if (content.empty() || content.size() % 3 != 0 || content.size() / 3 > most)
      file_.fail("PLTE", concat("must have three bytes for each of 1 to ", most, " colours"),
                 concat("got ", content.size(), " bytes"));
    palette_ = content;
  }

  void read_transparency(Bytes content) {
    if (has_transparency_) file_.fail("tRNS", "must be there once", "it is there twice");
    if (!data_.empty()) file_.fail("tRNS", "must come before IDAT", "it comes after");
    if (colour_ == 4 || colour_ == 6) file_.fail("tRNS", "must not be in an image with alpha", "it is");
    if (colour_ == 3) {
      if (content.empty() || content.size() > palette_.size() / 3)
        file_.fail("tRNS",
                   concat("must have 1 to ", palette_.size() / 3, " bytes, one for each colour of PLTE before it"),
                   concat("got ", content.size()));
    } else if (content.size() != samples() * 2) {
      file_.fail("tRNS", concat("must have ", samples() * 2, " bytes"), concat("got ", content.size()));
    }
    transparency_ = content;
    has_transparency_ = true;
  }

  /// Values of a pixel in the file.
  std::size_t samples() const {
    constexpr std::array<std::size_t, 7> counts{1, 0, 3, 1, 2, 0, 4};
    return counts[colour_];
  }
  /// Values of a pixel in the result.
  std::size_t channels() const { return (colour_ == 3 ? 3 : samples()) + (has_transparency_ ? 1 : 0); }

  std::size_t row_bytes(std::size_t width) const { return (width * samples() * depth_ + 7) / 8; }

  /// One compressed byte stands for at most 1032: a small file cannot ask for much memory.
  void check_packed_size() const {
    std::uint64_t packed = 0;
    for (Bytes part : data_) packed += part.size();
    const std::uint64_t rows = std::uint64_t{row_bytes(width_)} * height_;
    if (rows / 1032 > packed)
      file_.fail("IDAT", concat("must have at least ", rows / 1032, " bytes for ", width_, " x ", height_, " pixels"),
                 concat("got ", packed));
  }

  [[noreturn]] void fail_rows(std::string_view what) const {
    file_.fail("IDAT", "must unpack to the image's rows", what);
  }

  /// Fills `to` from the compressed data and returns how many bytes came before their end.
  std::size_t unpack(std::span<unsigned char> to) {
    std::size_t done = 0;
    while (done < to.size() && !inflater_->ended()) {
      while (inflater_->hungry() && next_data_ < data_.size()) inflater_->feed(data_[next_data_++]);
      const bool no_more = inflater_->hungry();
      const std::size_t got = inflater_->inflate(to.subspan(done));
      done += got;
      if (inflater_->error()) fail_rows(inflater_->error());
      if (got == 0 && no_more && !inflater_->ended()) fail_rows("the data end before");
    }
    return done;
  }

  void read_pass(Image& image, std::size_t y0, std::size_t x0, std::size_t y_step, std::size_t x_step) {
    if (y0 >= height_ || x0 >= width_) return;
    const std::size_t width = (width_ - x0 + x_step - 1) / x_step;
    const std::size_t bytes = row_bytes(width);
    const std::size_t step = (std::max)(std::size_t{1}, samples() * depth_ / 8);
    std::vector<unsigned char> row(bytes + 1), above(bytes + 1);  // a filter and the pixels
    for (std::size_t y = y0; y < height_; y += y_step) {
      if (unpack(row) != row.size()) fail_rows(concat("they end in row ", y));
      if (row[0] > 4) fail_rows(concat("row ", y, " has filter ", int{row[0]}));
      const auto pixels = std::span(row).subspan(1);
      undo_png_filter(row[0], pixels, std::span(above).subspan(1), step);
      place_row(image, pixels, y, x0, x_step, width);
      std::swap(row, above);
    }
  }

  void expect_end() {
    unsigned char more = 0;
    if (unpack({&more, 1}) != 0) fail_rows("there are more");
  }

  /// A value of a row, as it is in the file.
  std::uint32_t sample(Bytes row, std::size_t i) const {
    if (depth_ == 8) return row[i];
    if (depth_ == 16) return number16(row, 2 * i);
    const std::size_t bit = i * depth_;
    return row[bit / 8] >> (8 - depth_ - bit % 8) & ((1u << depth_) - 1);
  }

  void place_row(Image& image, Bytes row, std::size_t y, std::size_t x0, std::size_t x_step, std::size_t width) const {
    const std::size_t plane = std::size_t{height_} * width_;
    std::uint8_t* to = image.data() + y * width_ + x0;
    const std::size_t count = samples();
    const std::uint32_t most = (1u << depth_) - 1;
    for (std::size_t i = 0; i < width; ++i, to += x_step) {
      if (colour_ == 3) {
        const std::uint32_t colour = sample(row, i);
        if (colour >= palette_.size() / 3)
          file_.fail("IDAT", concat("colours must be below the ", palette_.size() / 3, " of PLTE"),
                     concat("got ", colour, " in row ", y));
        for (std::size_t c = 0; c < 3; ++c) to[c * plane] = palette_[colour * 3 + c];
        if (has_transparency_) to[3 * plane] = colour < transparency_.size() ? transparency_[colour] : 255;
        continue;
      }
      bool transparent = has_transparency_;
      for (std::size_t c = 0; c < count; ++c) {
        const std::uint32_t value = sample(row, i * count + c);
        to[c * plane] = depth_ == 8 ? static_cast<std::uint8_t>(value) : scaled_byte(value, most);
        transparent = transparent && value == (number16(transparency_, 2 * c) & most);
      }
      if (has_transparency_) to[count * plane] = transparent ? 0 : 255;
    }
  }

  ImageBytes file_;
  ImageLimits limits_;
  std::uint32_t width_ = 0, height_ = 0, depth_ = 0, colour_ = 0;
  bool interlaced_ = false;
  bool has_transparency_ = false;
  Bytes palette_, transparency_;
  std::vector<Bytes> data_;
  std::size_t next_data_ = 0;
  std::optional<Inflater> inflater_;
};

}  // namespace kiln::detail
