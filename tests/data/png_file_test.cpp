// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/data/png_file.hpp>

#include <doctest/doctest.h>

#include <kiln/tensor/reduce.hpp>

#include "files.hpp"
#include "fuzz.hpp"

TEST_SUITE_BEGIN("data");

using namespace kiln;

namespace {

std::string number(std::size_t value) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(value >> shift & 255);
  return text;
}

std::span<const unsigned char> as_bytes(std::string_view text) {
  return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

std::string chunk(const std::string& type, const std::string& content) {
  return number(content.size()) + type + content + number(detail::crc32(as_bytes(type + content)));
}

std::string header(std::size_t width, std::size_t height, int depth, int colour,
                   const std::string& rest = std::string(3, '\0')) {
  return chunk("IHDR", number(width) + number(height) + static_cast<char>(depth) + static_cast<char>(colour) + rest);
}

std::string data(const std::string& rows) {
  const auto packed = detail::deflate(as_bytes(rows));
  return chunk("IDAT", {packed.begin(), packed.end()});
}

const std::string end = chunk("IEND", "");

std::string png(const std::string& chunks) { return std::string(detail::png_signature) + chunks; }

Image decode(const std::string& content) {
  return detail::PngDecoder({"read: x.png", as_bytes(content)}, {.pixels = 1'000'000}).decode();
}

std::string error(const std::string& content) {
  try {
    decode(content);
  } catch (const DataError& failure) {
    const std::string message = failure.what();
    REQUIRE(message.starts_with("read: x.png: "));
    return message.substr(13);
  }
  return "read";
}

/// Data of two rows of two grey pixels, in a file whose compressed bytes can be changed.
std::string two_by_two(const std::string& compressed) {
  return png(header(2, 2, 8, 0) + chunk("IDAT", compressed) + end);
}

}  // namespace

TEST_CASE("a PNG in pieces, with chunks that do not matter and something behind its end") {
  const std::string rows = bytes("\0\1\2\1\3\4");
  const auto packed = detail::deflate(as_bytes(rows));
  std::string chunks = header(2, 2, 8, 0) + chunk("tEXt", "a\0b") + chunk("gAMA", "\1\2\3\4");
  for (unsigned char byte : packed) chunks += chunk("IDAT", std::string(1, static_cast<char>(byte))) + "";
  chunks += chunk("tIME", "1234567") + end + "what is this?";
  CHECK(all_equal(decode(png(chunks)), Image{{{1, 2}, {3, 7}}}));
}

TEST_CASE("PNG: every mistake has a message") {
  const std::string good = png(header(2, 2, 8, 0) + data(std::string(6, '\0')) + end);
  CHECK(error(good) == "read");
  CHECK(error(png("")) == "chunk at byte 8: must have 12 bytes or more: the file ends after 0");
  CHECK(error(good.substr(0, good.size() - 1)) ==
        "chunk at byte 56: must have 12 bytes or more: the file ends after 11");
  CHECK(error(png(number(5) + "IHDR    ")) == "chunk at byte 8: must have 5 bytes: the file has 0");
  CHECK(error(png(number(0) + "IH\1R    ")) == "chunk at byte 8: must have a type of four letters: it has another");
  CHECK(error(png(number(0) + "IHDR    ")) == "IHDR: must have the right checksum: it is damaged, at byte 8");
  CHECK(error(png(data("abc"))) == "IDAT: IHDR must be the first chunk and no other: at byte 8");
  CHECK(error(png(header(1, 1, 8, 0) + header(1, 1, 8, 0))) ==
        "IHDR: IHDR must be the first chunk and no other: at byte 33");
  CHECK(error(png(chunk("IHDR", "123"))) == "IHDR: must have 13 bytes: got 3");
  CHECK(error(png(header(0, 7, 8, 0))) == "size: must be at least 1 x 1: got 0 x 7");
  CHECK(error(png(header(4294967295, 4294967295, 8, 0))) ==
        "size: must be at most 1000000 pixels, unless ImageLimits says more: got 4294967295 x 4294967295");
  const std::string kind = "IHDR: must have a colour type and depth that the specification knows: got ";
  CHECK(error(png(header(1, 1, 3, 0))) == kind + "type 0 with 3 bits");
  CHECK(error(png(header(1, 1, 0, 0))) == kind + "type 0 with 0 bits");
  CHECK(error(png(header(1, 1, 64, 0))) == kind + "type 0 with 64 bits");
  CHECK(error(png(header(1, 1, 4, 2))) == kind + "type 2 with 4 bits");
  CHECK(error(png(header(1, 1, 16, 3))) == kind + "type 3 with 16 bits");
  CHECK(error(png(header(1, 1, 8, 5))) == kind + "type 5 with 8 bits");
  CHECK(error(png(header(1, 1, 8, 7))) == kind + "type 7 with 8 bits");
  CHECK(error(png(header(1, 1, 8, 0, bytes("\1\0\0")))) == "IHDR: must have compression method 0: got 1");
  CHECK(error(png(header(1, 1, 8, 0, bytes("\0\1\0")))) == "IHDR: must have filter method 0: got 1");
  CHECK(error(png(header(1, 1, 8, 0, bytes("\0\0\2")))) == "IHDR: must have interlace method 0 or 1: got 2");

  CHECK(error(png(header(1, 1, 8, 0) + end)) == "IDAT: must be there: there is none");
  CHECK(error(png(header(1, 1, 8, 3) + data(bytes("\0\0")) + end)) ==
        "PLTE: must be there, for colour type 3: there is none");
  CHECK(error(png(header(1, 1, 8, 0) + data("ab") + chunk("tEXt", "") + data("ab"))) ==
        "IDAT: must follow the other IDAT: there is something between, at byte 67");
  CHECK(error(png(header(1, 1, 8, 0) + chunk("NEWS", ""))) ==
        "NEWS: must be a chunk that the specification knows: at byte 33");

  const std::string colours = chunk("PLTE", "abcdef");
  CHECK(error(png(header(1, 1, 8, 0) + colours)) == "PLTE: must not be in a grey image: it is");
  CHECK(error(png(header(1, 1, 1, 3) + colours + colours)) == "PLTE: must be there once: it is there twice");
  CHECK(error(png(header(1, 1, 8, 2) + data("ab") + colours)) == "PLTE: must come before IDAT: it comes after");
  const std::string sizes = "PLTE: must have three bytes for each of 1 to 2 colours: got ";
  CHECK(error(png(header(1, 1, 1, 3) + chunk("PLTE", ""))) == sizes + "0 bytes");
  CHECK(error(png(header(1, 1, 1, 3) + chunk("PLTE", "abcd"))) == sizes + "4 bytes");
  CHECK(error(png(header(1, 1, 1, 3) + chunk("PLTE", "abcabcabc"))) == sizes + "9 bytes");
  CHECK(error(png(header(3, 1, 2, 3) + colours + data(bytes("\0\x18")) + end)) ==
        "IDAT: colours must be below the 2 of PLTE: got 2 in row 0");

  const std::string clear = chunk("tRNS", "ab");
  CHECK(error(png(header(1, 1, 8, 0) + clear + clear)) == "tRNS: must be there once: it is there twice");
  CHECK(error(png(header(1, 1, 8, 0) + data("ab") + clear)) == "tRNS: must come before IDAT: it comes after");
  CHECK(error(png(header(1, 1, 8, 4) + clear)) == "tRNS: must not be in an image with alpha: it is");
  CHECK(error(png(header(1, 1, 8, 2) + clear)) == "tRNS: must have 6 bytes: got 2");
  CHECK(error(png(header(1, 1, 8, 0) + chunk("tRNS", ""))) == "tRNS: must have 2 bytes: got 0");
  CHECK(error(png(header(1, 1, 8, 3) + colours + chunk("tRNS", "abc"))) ==
        "tRNS: must have 1 to 2 bytes, one for each colour of PLTE before it: got 3");
}

TEST_CASE("PNG: rows that are not what the header says") {
  auto packed = [](const std::string& rows) {
    const auto result = detail::deflate(as_bytes(rows));
    return std::string(result.begin(), result.end());
  };
  const std::string rows = "IDAT: must unpack to the image's rows: ";
  const std::string good = packed(bytes("\0\1\2\0\3\4"));
  CHECK(error(two_by_two(good)) == "read");
  CHECK(error(two_by_two("")) == rows + "the data end before");
  CHECK(error(two_by_two(good.substr(0, good.size() - 1))) == rows + "the data end before");
  CHECK(error(two_by_two(packed(bytes("\0\1\2\0\3")))) == rows + "they end in row 1");
  CHECK(error(two_by_two(packed(bytes("\0\1\2\0\3\4\5")))) == rows + "there are more");
  CHECK(error(two_by_two(packed(bytes("\0\1\2\5\3\4")))) == rows + "row 1 has filter 5");
  CHECK(error(two_by_two("no stream")) == rows + "incorrect header check");
  CHECK(error(two_by_two(good.substr(0, good.size() - 1) + "x")) == rows + "incorrect data check");
  CHECK(error(png(header(1000, 1000, 8, 0) + data("abc") + end)) ==
        "IDAT: must have at least 968 bytes for 1000 x 1000 pixels: got 11");
}

TEST_SUITE_END();
