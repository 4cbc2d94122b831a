// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Reads PBM, PGM and PPM files (P1 to P6), as text or binary. Not part of kiln.hpp; include data/image_file.hpp.
/// Source: the manual pages pbm(5), pgm(5) and ppm(5) of Netpbm.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <kiln/data/image.hpp>

namespace kiln::detail {

inline bool looks_like_pnm(std::span<const unsigned char> bytes) {
  return bytes.size() >= 2 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6';
}

/// One PBM, PGM or PPM file in memory.
class PnmDecoder {
 public:
  PnmDecoder(const ImageBytes& file, const ImageLimits& limits) : file_(file), limits_(limits) {}

  /// Throws: DataError.
  Image decode() {
    kind_ = file_.bytes[1] - '0';
    at_ = 2;
    const std::uint32_t width = header_number("width", 0x7fffffff);
    const std::uint32_t height = header_number("height", 0x7fffffff);
    file_.check_size(width, height, limits_);
    if (!bits()) {
      most_ = header_number("maxval", 65535);
      if (most_ == 0) file_.fail("maxval", "must lie between 1 and 65535", "got 0");
    }
    const std::size_t channels = kind_ % 3 == 0 ? 3 : 1;
    if (at_ >= file_.bytes.size() || !is_space(file_.bytes[at_]))
      file_.fail("header", "must end with white space", concat("it does not, at byte ", at_));
    ++at_;
    check_rest(width, height, channels);
    Image image = new_image(channels, height, width);
    const std::size_t plane = std::size_t{height} * width;
    for (std::size_t y = 0; y < height; ++y) {
      for (std::size_t x = 0; x < width; ++x) {
        for (std::size_t c = 0; c < channels; ++c) {
          const std::uint32_t value = kind_ == 4 ? packed_bit(x, width) : binary() ? binary_value() : text_value();
          if (value > most_)
            file_.fail("pixels", concat("must be at most ", most_), concat("got ", value, " at (", y, ", ", x, ")"));
          image.data()[c * plane + y * width + x] =
              bits() ? static_cast<std::uint8_t>(value ? 0 : 255) : scaled_byte(value, most_);
        }
      }
    }
    if (!binary()) skip_space();
    if (at_ != file_.bytes.size())
      file_.fail("end", "nothing may follow the pixels", concat("got ", file_.bytes.size() - at_, " more bytes"));
    return image;
  }

 private:
  bool binary() const { return kind_ >= 4; }
  bool bits() const { return kind_ == 1 || kind_ == 4; }

  static bool is_space(unsigned char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
  static bool is_digit(unsigned char c) { return c >= '0' && c <= '9'; }

  void skip_space() {
    for (; at_ < file_.bytes.size(); ++at_) {
      const unsigned char c = file_.bytes[at_];
      if (c == '#') {
        while (at_ + 1 < file_.bytes.size() && file_.bytes[at_ + 1] != '\n' && file_.bytes[at_ + 1] != '\r') ++at_;
      } else if (!is_space(c)) {
        return;
      }
    }
  }

  std::uint32_t text_number(std::string_view field, std::uint32_t most) {
    skip_space();
    const std::size_t begin = at_;
    std::uint64_t value = 0;
    for (; at_ < file_.bytes.size() && is_digit(file_.bytes[at_]); ++at_) {
      value = value * 10 + (file_.bytes[at_] - std::uint64_t{'0'});
      if (value > most) file_.fail(field, concat("must be at most ", most), concat("got more, at byte ", begin));
    }
    if (at_ == begin) file_.fail(field, "must be a whole number", concat("there is none at byte ", begin));
    return static_cast<std::uint32_t>(value);
  }

  /// Apart from the number before it.
  std::uint32_t header_number(std::string_view field, std::uint32_t most) {
    if (at_ < file_.bytes.size() && !is_space(file_.bytes[at_]) && file_.bytes[at_] != '#')
      file_.fail(field, "must come after white space", concat("it does not, at byte ", at_));
    return text_number(field, most);
  }

  /// Before memory is taken: exactly the bytes of a binary image; as text at least a digit for every value.
  void check_rest(std::uint64_t width, std::uint64_t height, std::uint64_t channels) const {
    const std::uint64_t rest = file_.bytes.size() - at_;
    const std::uint64_t values = width * height * channels;
    if (binary()) {
      const std::uint64_t bytes = kind_ == 4 ? (width + 7) / 8 * height : values * (most_ > 255 ? 2 : 1);
      if (rest != bytes)
        file_.fail("pixels", concat("must have ", bytes, " bytes for ", width, " x ", height), concat("got ", rest));
    } else if (const std::uint64_t bytes = bits() ? values : 2 * values - 1; rest < bytes) {
      file_.fail("pixels", concat("must have at least ", bytes, " bytes for ", width, " x ", height),
                 concat("got ", rest));
    }
  }

  std::uint32_t packed_bit(std::size_t x, std::size_t width) {
    const std::uint32_t bit = file_.bytes[at_] >> (7 - x % 8) & 1u;
    if (x % 8 == 7 || x + 1 == width) ++at_;
    return bit;
  }

  std::uint32_t binary_value() {
    std::uint32_t value = file_.bytes[at_++];
    if (most_ > 255) value = value << 8 | file_.bytes[at_++];
    return value;
  }

  std::uint32_t text_value() {
    if (!bits()) return text_number("pixels", 65535);
    skip_space();
    if (at_ >= file_.bytes.size() || (file_.bytes[at_] | 1) != '1')
      file_.fail("pixels", "must be 0 or 1", concat("got neither at byte ", at_));
    return file_.bytes[at_++] & 1u;
  }

  ImageBytes file_;
  ImageLimits limits_;
  int kind_ = 0;
  std::uint32_t most_ = 1;
  std::size_t at_ = 0;
};

}  // namespace kiln::detail
