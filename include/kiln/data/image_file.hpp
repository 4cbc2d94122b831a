// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Image pixels = read_image("x.png");` reads PNG, PGM, PPM and PBM files as bytes (C, H, W). JPEG: data/jpeg.hpp.
/// Not part of kiln.hpp: include it where it is used.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <kiln/core/file.hpp>
#include <kiln/data/image.hpp>
#include <kiln/data/png_file.hpp>
#include <kiln/data/pnm_file.hpp>

namespace kiln {

namespace detail {

inline bool looks_like_jpeg(std::span<const unsigned char> bytes) {
  return bytes.size() >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff;
}

inline Image decode_image(const ImageBytes& file, const ImageLimits& limits) {
  const std::string_view start(reinterpret_cast<const char*>(file.bytes.data()),
                               (std::min)(file.bytes.size(), png_signature.size()));
  if (start == png_signature) return PngDecoder(file, limits).decode();
  if (looks_like_pnm(file.bytes)) return PnmDecoder(file, limits).decode();
  if (looks_like_jpeg(file.bytes))
    file.fail("format", "must be PNG, PGM, PPM or PBM",
              "it is JPEG, which read_image_or_jpeg of kiln/data/jpeg.hpp reads");
  file.fail("format", "must be PNG, PGM, PPM or PBM, by its first bytes", "it is none of them");
}

}  // namespace detail

/// Reads a PNG, PGM, PPM or PBM file, recognised by its first bytes. Values of other depths are scaled to 0 ... 255 and
/// rounded; palettes become RGB, transparency an alpha channel; gamma and colour profiles are not applied.
/// Throws: DataError: `read_image: file: field: expected: got`.
inline Image read_image(const std::string& path, const ImageLimits& limits = {}) {
  const std::vector<unsigned char> bytes = detail::read_file("read_image", path);
  return detail::decode_image({concat("read_image: ", path), bytes}, limits);
}

/// The same for the content of a file, which messages call `name`.
inline Image read_image(std::span<const unsigned char> bytes, std::string_view name, const ImageLimits& limits = {}) {
  return detail::decode_image({concat("read_image: ", name), bytes}, limits);
}

}  // namespace kiln
