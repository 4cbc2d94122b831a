// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/data/gz.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "files.hpp"

TEST_SUITE_BEGIN("data");

namespace {

std::string read_whole(const std::string& path, std::size_t chunk = 1000) {
  kiln::InputFile file("read", path);
  std::string all;
  std::vector<unsigned char> part(chunk);
  while (std::size_t count = file.read(part)) all.append(reinterpret_cast<const char*>(part.data()), count);
  file.expect_end();
  return all;
}

/// Compressible in parts, longer than every buffer.
std::string sample_text() {
  std::string text;
  unsigned state = 1;
  for (int i = 0; i < 300'000; ++i) {
    state = state * 1664525u + 1013904223u;
    text += i % 1000 < 500 ? 'a' : static_cast<char>(state >> 24);
  }
  return text;
}

}  // namespace

TEST_CASE("a file reads the same plain and as gzip, in parts of any size") {
  TempFolder folder;
  const std::string text = sample_text();
  const std::string plain = folder.write("a", text);
  const std::string packed = folder.write("a.gz", gzip(text));
  const std::string unnamed = folder.write("b", gzip(text));
  for (std::size_t chunk : {std::size_t{1}, std::size_t{7}, std::size_t{65536}, std::size_t{1000000}}) {
    CHECK(read_whole(plain, chunk) == text);
    CHECK(read_whole(packed, chunk) == text);
    CHECK(read_whole(unnamed, chunk) == text);
  }
  CHECK(read_whole(folder.write("empty.gz", gzip(""))).empty());
}

TEST_CASE("what is no readable file is named") {
  TempFolder folder;
  const std::string missing = folder / "none";
  CHECK_THROWS_WITH_AS(read_whole(missing),
                       ("read: " + missing + ": file: must be readable: No such file or directory").c_str(),
                       kiln::DataError);
  CHECK_THROWS_WITH_AS(read_whole(folder.path),
                       ("read: " + folder.path + ": file: must be a regular file: it is a directory").c_str(),
                       kiln::DataError);
  const std::string empty = folder.write("empty", "");
  CHECK_THROWS_WITH_AS(read_whole(empty), ("read: " + empty + ": file: must not be empty: it has 0 bytes").c_str(),
                       kiln::DataError);
  const std::string pipe = folder / "pipe";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);  // to open it would wait for ever
  CHECK_THROWS_WITH_AS(read_whole(pipe),
                       ("read: " + pipe + ": file: must be a regular file: it is a device, pipe or socket").c_str(),
                       kiln::DataError);
}

TEST_CASE("a file without permission is named") {
  TempFolder folder;
  const std::string secret = folder.write("secret", "x");
  REQUIRE(chmod(secret.c_str(), 0) == 0);
  const bool was_root = geteuid() == 0;
  if (was_root && seteuid(65534) != 0) return;  // root may read everything and cannot be left here
  std::string message;
  try {
    read_whole(secret);
  } catch (const kiln::DataError& error) {
    message = error.what();
  }
  if (was_root) REQUIRE(seteuid(0) == 0);
  CHECK(message == "read: " + secret + ": file: must be readable: Permission denied");
}

TEST_CASE("a plain file named .gz is refused") {
  TempFolder folder;
  const std::string plain = folder.write("plain.gz", "hello");
  CHECK_THROWS_WITH_AS(read_whole(plain),
                       ("read: " + plain + ": gzip: a file named .gz must begin with 1f 8b: got 68 65").c_str(),
                       kiln::DataError);
  const std::string one = folder.write("one.gz", "\x1f");
  CHECK_THROWS_WITH_AS(read_whole(one),
                       ("read: " + one + ": gzip: a file named .gz must begin with 1f 8b: got 1f").c_str(),
                       kiln::DataError);
}

TEST_CASE("a gzip file cut off anywhere is refused") {
  TempFolder folder;
  const std::string whole = gzip("The quick brown fox jumps over the lazy dog, the quick brown fox.");
  for (std::size_t size = 2; size < whole.size(); ++size) {
    const std::string path = folder.write("cut.gz", whole.substr(0, size));
    CHECK_THROWS_WITH_AS(
        read_whole(path),
        ("read: " + path + ": gzip: must end with its checksum and length: the file ends before, after " +
         std::to_string(size) + " bytes")
            .c_str(),
        kiln::DataError);
  }
  // Long files too: cut inside the data, in front of the trailer and inside it.
  const std::string long_one = gzip(sample_text());
  for (unsigned missing : {1u, 4u, 7u, 8u, 9u, 1000u, 100000u}) {
    CHECK_THROWS_AS(read_whole(folder.write("cut.gz", long_one.substr(0, long_one.size() - missing))), kiln::DataError);
  }
}

TEST_CASE("a wrong checksum or length is refused") {
  TempFolder folder;
  std::string whole = gzip("hello, hello");
  whole[whole.size() - 8] ^= 1;
  const std::string crc = folder.write("crc.gz", whole);
  CHECK_THROWS_WITH_AS(read_whole(crc), ("read: " + crc + ": gzip: must be intact: incorrect data check").c_str(),
                       kiln::DataError);
  whole[whole.size() - 8] ^= 1;
  whole[whole.size() - 1] ^= 1;
  const std::string length = folder.write("length.gz", whole);
  CHECK_THROWS_WITH_AS(read_whole(length),
                       ("read: " + length + ": gzip: must be intact: incorrect length check").c_str(), kiln::DataError);
}

TEST_CASE("what follows a gzip member is refused, a second member too") {
  TempFolder folder;
  const std::string whole = gzip("hello");
  for (std::string rest : {std::string("x"), std::string(1, '\0'), gzip("world"), std::string(200'000, 'x')}) {
    const std::string path = folder.write("more.gz", whole + rest);
    CHECK_THROWS_WITH_AS(read_whole(path),
                         ("read: " + path + ": gzip: must be a single member that ends the file, at byte " +
                          std::to_string(whole.size()) + ": got " + std::to_string(rest.size()) + " more bytes")
                             .c_str(),
                         kiln::DataError);
  }
}

TEST_CASE("sizes are checked before the content is read") {
  TempFolder folder;
  for (const std::string& path : {folder.write("a", "hello"), folder.write("a.gz", gzip("hello"))}) {
    kiln::InputFile("read", path).expect_rest("letters", 5);
    CHECK_THROWS_WITH_AS(kiln::InputFile("read", path).expect_rest("letters", 6),
                         ("read: " + path + ": letters: must have 6 bytes: the file holds 5").c_str(), kiln::DataError);
    // The right length modulo 2^32, but more than so short a gzip file can stand for.
    CHECK_THROWS_WITH_AS(kiln::InputFile("read", path).expect_rest("letters", (std::uint64_t{1} << 32) + 5),
                         ("read: " + path + ": letters: must have 4294967301 bytes: the file holds 5").c_str(),
                         kiln::DataError);

    kiln::InputFile file("read", path);
    std::array<unsigned char, 4> four{};
    file.read_exactly("letters", four);
    CHECK_THROWS_WITH_AS(file.expect_end(),
                         ("read: " + path + ": end: nothing may follow the content: got 1 more bytes").c_str(),
                         kiln::DataError);
    CHECK_THROWS_WITH_AS(file.read_exactly("letters", four),
                         ("read: " + path + ": letters: must have 4 bytes: the content ends after 0").c_str(),
                         kiln::DataError);
  }
}

TEST_SUITE_END();
