// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/data/pnm_file.hpp>

#include <doctest/doctest.h>

#include <kiln/tensor/reduce.hpp>

#include "files.hpp"

TEST_SUITE_BEGIN("data");

using namespace kiln;

namespace {

Image decode(std::string_view content) {
  const std::span bytes(reinterpret_cast<const unsigned char*>(content.data()), content.size());
  return detail::PnmDecoder({"read: x", bytes}, {.pixels = 1'000'000}).decode();
}

std::string error(std::string_view content) {
  try {
    decode(content);
  } catch (const DataError& failure) {
    const std::string message = failure.what();
    REQUIRE(message.starts_with("read: x: "));
    return message.substr(9);
  }
  return "read";
}

}  // namespace

TEST_CASE("comments and white space stand where they may") {
  const Image grey{{{0, 255}, {85, 170}}};
  CHECK(all_equal(decode("P2 2 2 3 0 3 1 2"), grey));
  CHECK(all_equal(decode("P2\n# by hand\n2 # width\n\t2\r\n3\n0 3 # first row\n1 2\n# the end\n"), grey));
  CHECK(all_equal(decode("P2#\n2#\n2#\n3\n0 3 1 2#"), grey));
  CHECK(all_equal(decode(bytes("P5 #x\n2 2\n3\n\0\3\1\2")), grey));
  CHECK(all_equal(decode(bytes("P5 2 2 768 \0\0\3\0\1\0\2\0")), grey));
  CHECK(all_equal(decode("P5 2 1 255\n# "), Image{{{'#', ' '}}}));
  CHECK(all_equal(decode("P1 3 2 010 1 1\n0"), Image{{{255, 0, 255}, {0, 0, 255}}}));
  CHECK(all_equal(decode("P4 9 2\n\x80\x80\x7f\x7f"),
                  Image{{{0, 255, 255, 255, 255, 255, 255, 255, 0}, {255, 0, 0, 0, 0, 0, 0, 0, 255}}}));
  CHECK(all_equal(decode("P3 1 2 1  1 0 1  0 1 0"), Image{{{255}, {0}}, {{0}, {255}}, {{255}, {0}}}));
}

TEST_CASE("PNM: every mistake has a message") {
  CHECK(error("P2") == "width: must be a whole number: there is none at byte 2");
  CHECK(error("P23 1") == "width: must come after white space: it does not, at byte 2");
  CHECK(error("P2 x 2") == "width: must be a whole number: there is none at byte 3");
  CHECK(error("P2 -1 2") == "width: must be a whole number: there is none at byte 3");
  CHECK(error("P2 99999999999999999999 2") == "width: must be at most 2147483647: got more, at byte 3");
  CHECK(error("P2 2 2147483647 255 ") ==
        "size: must be at most 1000000 pixels, unless ImageLimits says more: got 2 x 2147483647");
  CHECK(error("P2 0 2 255 ") == "size: must be at least 1 x 1: got 0 x 2");
  CHECK(error("P2 1 1") == "maxval: must be a whole number: there is none at byte 6");
  CHECK(error("P2 1 1 0 ") == "maxval: must lie between 1 and 65535: got 0");
  CHECK(error("P2 1 1 65536 ") == "maxval: must be at most 65535: got more, at byte 7");
  CHECK(error("P5 1 1 255") == "header: must end with white space: it does not, at byte 10");
  CHECK(error("P5 1 1 255#x\n") == "header: must end with white space: it does not, at byte 10");
  CHECK(error("P5 2 2 255\nabc") == "pixels: must have 4 bytes for 2 x 2: got 3");
  CHECK(error("P5 2 2 256\nabc") == "pixels: must have 8 bytes for 2 x 2: got 3");
  CHECK(error("P6 2 2 255\nabcde") == "pixels: must have 12 bytes for 2 x 2: got 5");
  CHECK(error("P4 9 2\nabc") == "pixels: must have 4 bytes for 9 x 2: got 3");
  CHECK(error("P5 2 2 255\nabcde") == "pixels: must have 4 bytes for 2 x 2: got 5");
  CHECK(error("P2 1000 1000 255 1 2 3") == "pixels: must have at least 1999999 bytes for 1000 x 1000: got 5");
  CHECK(error("P1 2 2 111") == "pixels: must have at least 4 bytes for 2 x 2: got 3");
  CHECK(error("P2 2 1 3 1 4") == "pixels: must be at most 3: got 4 at (0, 1)");
  CHECK(error("P5 1 2 3 \1\4") == "pixels: must be at most 3: got 4 at (1, 0)");
  CHECK(error("P2 2 1 3 1  ") == "pixels: must be a whole number: there is none at byte 12");
  CHECK(error("P1 2 1 12") == "pixels: must be 0 or 1: got neither at byte 8");
  CHECK(error("P2 2 1 3 1 1 1") == "end: nothing may follow the pixels: got 1 more bytes");
}

TEST_SUITE_END();
