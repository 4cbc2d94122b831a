// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/core/zlib.hpp>

#include <doctest/doctest.h>

#include <string_view>

TEST_SUITE_BEGIN("core");

using namespace kiln;

namespace {

std::vector<unsigned char> bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

std::vector<unsigned char> unpack(std::span<const unsigned char> packed, std::size_t piece,
                                  detail::Inflater::Format format = detail::Inflater::Format::zlib) {
  detail::Inflater inflater(format);
  std::vector<unsigned char> all;
  std::vector<unsigned char> part(piece);
  while (!inflater.ended() && !inflater.error()) {
    if (inflater.hungry()) {
      const std::size_t count = (std::min)(piece, packed.size());
      if (count == 0) break;
      inflater.feed(packed.first(count));
      packed = packed.subspan(count);
    }
    all.insert(all.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(inflater.inflate(part)));
  }
  if (!inflater.ended()) all = bytes_of("cut off or damaged");
  return all;
}

}  // namespace

TEST_CASE("crc32 has its published check value, in one piece and in two") {
  const auto digits = bytes_of("123456789");
  const std::span<const unsigned char> all = digits;
  CHECK(detail::crc32(all) == 0xcbf43926);
  CHECK(detail::crc32(all.subspan(4), detail::crc32(all.first(4))) == 0xcbf43926);
  CHECK(detail::crc32({}) == 0);
  CHECK(detail::crc32({}, 17) == 17);
}

TEST_CASE("what was packed unpacks to the same, in pieces of any size") {
  std::vector<unsigned char> bytes(100'000);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<unsigned char>(i * i >> 5);
  const auto packed = detail::deflate(bytes);
  CHECK(packed.size() < bytes.size());
  for (std::size_t piece : {1u, 7u, 4096u, 1'000'000u}) CHECK(unpack(packed, piece) == bytes);
  CHECK(unpack(detail::deflate({}), 10).empty());
  const auto raw = std::span(packed).subspan(2, packed.size() - 6);  // without zlib's header and checksum
  CHECK(unpack(raw, 4096, detail::Inflater::Format::raw) == bytes);
}

TEST_CASE("what is cut off or damaged does not end well") {
  auto packed = detail::deflate(bytes_of("a text to be packed"));
  CHECK(unpack(std::span(packed).first(packed.size() - 1), 100) == bytes_of("cut off or damaged"));
  packed.back() ^= 1;  // the checksum
  CHECK(unpack(packed, 100) == bytes_of("cut off or damaged"));
}

TEST_SUITE_END();
