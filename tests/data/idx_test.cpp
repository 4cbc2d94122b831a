// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/data/idx.hpp>

#include <bit>
#include <string>

#include "files.hpp"

TEST_SUITE_BEGIN("data");

using kiln::DataError;
using kiln::read_idx;
using kiln::Tensor;

namespace {

const std::string small = bytes("\0\0\x08\x02\0\0\0\x02\0\0\0\x03\x01\x02\x03\xfd\xfe\xff");

void check_small(const Tensor<2, std::uint8_t>& x) {
  CHECK(x.shape() == kiln::Shape<2>{2, 3});
  CHECK(std::string(x.begin(), x.end()) == "\x01\x02\x03\xfd\xfe\xff");
}

/// The message for a file with these bytes, without `read_idx: <path>: `.
template <int Rank = 2, class T = std::uint8_t>
std::string message(const TempFolder& folder, const std::string& content, std::string_view name = "x") {
  const std::string path = folder.write(name, content);
  try {
    read_idx<Rank, T>(path);
  } catch (const DataError& error) {
    const std::string start = "read_idx: " + path + ": ";
    REQUIRE(std::string_view(error.what()).starts_with(start));
    return error.what() + start.size();
  }
  return "no error";
}

}  // namespace

TEST_CASE("every element type is read, big-endian") {
  TempFolder folder;
  check_small(read_idx<2>(folder.write("u8", small)));
  check_small(read_idx<2>(folder.write("u8.gz", gzip(small))));

  auto i8 = read_idx<1, std::int8_t>(folder.write("i8", bytes("\0\0\x09\x01\0\0\0\x02\x7f\x80")));
  CHECK(i8(0) == 127);
  CHECK(i8(1) == -128);
  auto i16 = read_idx<1, std::int16_t>(folder.write("i16", bytes("\0\0\x0b\x01\0\0\0\x02\x01\x02\xff\xfe")));
  CHECK(i16(0) == 258);
  CHECK(i16(1) == -2);
  auto i32 =
      read_idx<1, std::int32_t>(folder.write("i32", bytes("\0\0\x0c\x01\0\0\0\x02\x01\x02\x03\x04\xff\xff\xff\xfd")));
  CHECK(i32(0) == 0x01020304);
  CHECK(i32(1) == -3);
  auto f32 = read_idx<1, float>(folder.write("f32", bytes("\0\0\x0d\x01\0\0\0\x02\x3f\xc0\0\0\xc0\x20\0\0")));
  CHECK(f32(0) == 1.5f);
  CHECK(f32(1) == -2.5f);
  auto f64 = read_idx<1, double>(folder.write("f64", bytes("\0\0\x0e\x01\0\0\0\x01\x3f\xb9\x99\x99\x99\x99\x99\x9a")));
  CHECK(f64(0) == 0.1);
}

TEST_CASE("every rank up to 8, and sizes of zero") {
  TempFolder folder;
  std::string header = bytes("\0\0\x08\x08");
  for (char size : bytes("\1\2\1\3\1\1\2\1")) header += bytes("\0\0\0") + size;
  auto x = read_idx<8>(folder.write("r8", header + "abcdefghijkl"));
  CHECK(x.shape() == kiln::Shape<8>{1, 2, 1, 3, 1, 1, 2, 1});
  CHECK(x(0, 1, 0, 2, 0, 0, 1, 0) == 'l');

  auto none = read_idx<2>(folder.write("none", bytes("\0\0\x08\x02\0\0\0\0\xff\xff\xff\xff")));
  CHECK(none.shape() == kiln::Shape<2>{0, 4294967295});
  CHECK(read_idx<1>(folder.write("none.gz", gzip(bytes("\0\0\x08\x01\0\0\0\0")))).numel() == 0);
}

TEST_CASE("the header alone") {
  TempFolder folder;
  kiln::IdxHeader header = kiln::read_idx_header(folder.write("x", small));
  CHECK(header.type == kiln::IdxType::u8);
  CHECK(header.rank == 2);
  CHECK(kiln::concat(header.type, header.shape()) == "uint8(2, 3)");
  const std::string path = folder.write("y", "abcd");
  CHECK_THROWS_WITH_AS(
      kiln::read_idx_header(path),
      ("read_idx_header: " + path + ": magic: must be 00 00, element type, rank: got 61 62 63 64").c_str(), DataError);
}

TEST_CASE("what write_idx writes is read again") {
  TempFolder folder;
  const std::string path = folder / "x";
  auto check = [&]<class T>(T first, T second) {
    Tensor<2, T> x{{first, second, T{0}}, {T{1}, T{2}, T{3}}};
    kiln::write_idx(path, x);
    auto y = read_idx<2, T>(path);
    CHECK(y.shape() == x.shape());
    CHECK(std::equal(x.begin(), x.end(), y.begin()));
  };
  check(std::uint8_t{255}, std::uint8_t{7});
  check(std::int8_t{-128}, std::int8_t{127});
  check(std::int16_t{-32768}, std::int16_t{258});
  check(std::int32_t{-2147483647}, std::int32_t{0x01020304});
  check(1.5f, -1e-30f);
  check(0.1, -1e300);
  kiln::write_idx(path, Tensor<2, std::uint8_t>{{1, 2, 3}, {253, 254, 255}});
  std::ifstream file(path, std::ios::binary);
  CHECK(std::string(std::istreambuf_iterator<char>(file), {}) == small);

  const std::string nowhere = folder / "none/x";
  CHECK_THROWS_WITH_AS(kiln::write_idx(nowhere, Tensor<1, float>{1}),
                       ("write_idx: " + nowhere + ": the file must be writable: No such file or directory").c_str(),
                       DataError);
}

TEST_CASE("each fault has its own message") {
  TempFolder folder;
  CHECK(message(folder, "abcdefgh") == "magic: must be 00 00, element type, rank: got 61 62 63 64");
  CHECK(message(folder, bytes("\0\0\x08")) == "magic: must have 4 bytes: the content ends after 3");
  CHECK(message(folder, bytes("\0\0\x0a\x02\0\0\0\0\0\0\0\0")) ==
        "element type: must be 08, 09, 0b, 0c, 0d or 0e: got 0a");
  CHECK(message(folder, bytes("\0\0\x08\0")) == "rank: must lie between 1 and 8: got 0");
  CHECK(message(folder, bytes("\0\0\x08\x09\0\0\0\0")) == "rank: must lie between 1 and 8: got 9");
  CHECK(message(folder, bytes("\0\0\x08\x02\0\0\0\x02\0")) ==
        "size of axis 1: must have 4 bytes: the content ends after 1");
  CHECK(message<3>(folder, small) == "rank: must be 3: got 2");
  CHECK(message<2, float>(folder, small) == "element type: must be float: got uint8");
  CHECK(message(folder, small + "x") == "elements of shape (2, 3): must have 6 bytes: the file holds 7");
  CHECK(message(folder, small.substr(0, 15)) == "elements of shape (2, 3): must have 6 bytes: the file holds 3");
  CHECK(message(folder, gzip(small + "x"), "x.gz") == "elements of shape (2, 3): must have 6 bytes: the file holds 7");
  CHECK(message(folder, gzip(small.substr(0, 15)), "x.gz") ==
        "elements of shape (2, 3): must have 6 bytes: the file holds 3");
  CHECK(message(folder, small, "x.gz") == "gzip: a file named .gz must begin with 1f 8b: got 00 00");
  CHECK(message(folder, "") == "file: must not be empty: it has 0 bytes");
}

TEST_CASE("impossible sizes take no memory") {
  TempFolder folder;
  kiln::release_cached_memory();
  const kiln::MemoryUse before = kiln::memory_use();
  const std::string huge = bytes("\0\0\x08\x02\xff\xff\xff\xff\xff\xff\xff\xff");
  const std::string larger = bytes("\0\0\x0e\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
  const std::string large =
      bytes("\0\0\x08\x02\0\x10\0\0\0\x10\0\0");  // 2^40: possible elsewhere, but not in this file
  for (bool packed : {false, true}) {
    auto message_of = [&]<int Rank, class T>(const std::string& content) {
      return message<Rank, T>(folder, packed ? gzip(content + "abc") : content + "abc", packed ? "x.gz" : "x");
    };
    CHECK(message_of.operator()<2, std::uint8_t>(huge) ==
          "sizes: must fit 64 bits: got shape (4294967295, 4294967295)");
    CHECK(message_of.operator()<3, double>(larger) ==
          "sizes: must fit 64 bits: got shape (4294967295, 4294967295, 4294967295)");
    CHECK(message_of.operator()<2, std::uint8_t>(large) ==
          "elements of shape (1048576, 1048576): must have 1099511627776 bytes: the file holds 3");
  }
  CHECK(kiln::memory_use().in_use == before.in_use);
  CHECK(kiln::memory_use().cached == before.cached);
}

TEST_CASE("a file cut off anywhere is refused") {
  TempFolder folder;
  for (std::size_t size = 0; size < small.size(); ++size) {
    CHECK_THROWS_AS(read_idx<2>(folder.write("cut", small.substr(0, size))), DataError);
  }
  const std::string packed = gzip(small);
  for (std::size_t size = 0; size < packed.size(); ++size) {
    CHECK_THROWS_AS(read_idx<2>(folder.write("cut.gz", packed.substr(0, size))), DataError);
  }
}

TEST_CASE("no flipped bits in a gzip file give wrong data") {
  TempFolder folder;
  const std::string packed = gzip(small);
  int refused = 0;
  auto try_reading = [&](const std::string& damaged) {
    try {
      check_small(read_idx<2>(folder.write("flipped.gz", damaged)));  // the time stamp, say, may be anything
    } catch (const DataError&) {
      ++refused;
    }
  };
  for (std::size_t bit = 0; bit < packed.size() * 8; ++bit) {
    std::string damaged = packed;
    damaged[bit / 8] ^= static_cast<char>(1 << bit % 8);
    try_reading(damaged);
  }
  CHECK(refused > static_cast<int>(packed.size() - 10) * 8 - 8);  // all but those in the header and in padding
  unsigned state = 7;
  for (int round = 0; round < 4000; ++round) {
    std::string damaged = packed;
    for (int flips = 2 + round % 3; flips > 0; --flips) {
      state = state * 1664525u + 1013904223u;
      const std::size_t bit = (state >> 8) % (packed.size() * 8);
      damaged[bit / 8] ^= static_cast<char>(1 << bit % 8);
    }
    try_reading(damaged);
  }
}

TEST_CASE("every flipped bit in a plain file's header is refused, one in its elements changes that element only") {
  TempFolder folder;
  constexpr std::size_t header = 12;
  for (std::size_t bit = 0; bit < small.size() * 8; ++bit) {
    std::string damaged = small;
    damaged[bit / 8] ^= static_cast<char>(1 << bit % 8);
    const std::string path = folder.write("flipped", damaged);
    if (bit / 8 < header) {
      CHECK_THROWS_AS(read_idx<2>(path), DataError);
    } else {
      auto x = read_idx<2>(path);
      CHECK(std::string(x.begin(), x.end()) == damaged.substr(header));
    }
  }
}

TEST_SUITE_END();
