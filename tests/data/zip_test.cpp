// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/data/zip.hpp>

#include <doctest/doctest.h>

#include "files.hpp"
#include "fuzz.hpp"

TEST_SUITE_BEGIN("data");

using namespace kiln;

namespace {

std::span<const unsigned char> as_bytes(const std::string& text) {
  return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

std::string content(const detail::ZipReader& zip, std::size_t i, std::size_t piece = 1'000'000) {
  const auto source = zip.open(zip.entries()[i]);
  std::string all(source->left(), ' ');
  for (std::size_t at = 0; at < all.size(); at += piece) {
    const std::size_t here = (std::min)(piece, all.size() - at);
    source->read("content", {reinterpret_cast<unsigned char*>(all.data()) + at, here});
  }
  return all;
}

const std::string long_text = [] {
  std::string text;
  for (int i = 0; i < 30'000; ++i) text += concat(i * i % 1000, ' ');
  return text;
}();

void write(const std::string& path, bool compress, bool wide) {
  detail::replace_file("save", path, [&](const detail::File& file) {
    detail::ZipWriter zip(file, wide);
    zip.add("a/long", {as_bytes(long_text), as_bytes("the end")}, compress);
    zip.add("short", {as_bytes("abc")}, compress);  // gets no smaller
    zip.add("empty", {}, compress);
    zip.finish();
  });
}

/// A small archive whose fields are at known places: header 30 + 1, content 3, directory at 34, end at 81.
std::string small_archive() {
  const TempFolder folder;
  detail::replace_file("save", folder / "x", [&](const detail::File& file) {
    detail::ZipWriter zip(file);
    zip.add("n", {as_bytes("abc")}, false);
    zip.finish();
  });
  return read_bytes(folder / "x");
}

}  // namespace

TEST_CASE("archives of every kind are read back, whole and in pieces") {
  const TempFolder folder;
  for (bool compress : {false, true}) {
    for (bool wide : {false, true}) {
      write(folder / "x.zip", compress, wide);
      const detail::ZipReader zip("read", folder / "x.zip");
      REQUIRE(zip.entries().size() == 3);
      CHECK(zip.entries()[0].name == "a/long");
      CHECK(zip.entries()[0].deflated == compress);
      CHECK(!zip.entries()[1].deflated);
      for (std::size_t piece : {1u, 1000u, 1'000'000u}) CHECK(content(zip, 0, piece) == long_text + "the end");
      CHECK(content(zip, 1) == "abc");
      CHECK(content(zip, 2).empty());
    }
  }
}

TEST_CASE("a comment at the end is no obstacle, nor an end mark in it") {
  const TempFolder folder;
  std::string archive = small_archive();
  const std::string comment = "PK\5\6 is how it ends";
  archive[archive.size() - 2] = static_cast<char>(comment.size());
  const detail::ZipReader zip("read", folder.write("x.zip", archive + comment));
  CHECK(content(zip, 0) == "abc");
}

TEST_CASE("bad archives have errors of their own") {
  const TempFolder folder;
  const std::string good = small_archive();
  REQUIRE(good.size() == 34 + 47 + 22);
  auto error = [&](const std::string& archive) -> std::string {
    const std::string path = folder.write("x.zip", archive);
    try {
      const detail::ZipReader zip("read", path);
      for (std::size_t i = 0; i < zip.entries().size(); ++i) content(zip, i);
    } catch (const DataError& failure) {
      const std::string message = failure.what();
      REQUIRE(message.starts_with(concat("read: ", path, ": ")));
      return message.substr(8 + path.size());
    }
    return "read";
  };
  auto changed = [&](std::size_t at, std::string_view bytes_there) {
    std::string archive = good;
    archive.replace(at, bytes_there.size(), bytes_there);
    return error(archive);
  };
  const std::size_t directory = 34, end = 81;
  CHECK(error(good) == "read");
  CHECK(error("") == "end: must be that of a zip archive: it is not; is the file cut off, or none?");
  CHECK(error(good.substr(0, 102)) == "end: must be that of a zip archive: it is not; is the file cut off, or none?");
  CHECK(error(good + "x") == "end: must be that of a zip archive: it is not; is the file cut off, or none?");
  CHECK(changed(end + 4, "\1") == "end: must be of an archive in one file: got part 1");
  CHECK(changed(end + 10, "\2") == "directory: must have 2 entries: it has room for 1");
  CHECK(changed(end + 10, bytes("\0")) == "directory: must end after 0 entries: it does not");
  CHECK(changed(end + 12, "\x30") == "directory: must reach from byte 34 to its end at 81: got 48 bytes");
  CHECK(changed(end + 16, "\x23") == "directory: must reach from byte 35 to its end at 81: got 47 bytes");
  CHECK(changed(directory, "Q") == "entry 0 of the directory: must begin with 50 4b 01 02: it does not");
  CHECK(changed(directory + 28, "\2") == "entry 0 of the directory: must lie inside the directory: it does not");
  CHECK(changed(directory + 8, "\1") == "n: must not be encrypted: it is");
  CHECK(changed(directory + 10, "\x0c") == "n: must be stored or deflated, methods 0 and 8: got method 12");
  CHECK(changed(directory + 20, "\2") == "n: must have 3 bytes, as it is stored: got 2");
  CHECK(changed(directory + 20, bytes("\4\0\0\0\4")) == "n: must end before what follows it at 34: got 4 bytes at 0");
  CHECK(changed(directory + 42, "\1") == "n: must end before what follows it at 34: got 3 bytes at 1");
  CHECK(changed(directory + 24, "\xff\xff\xff\xff") == "n: must have 4294967295 bytes, as it is stored: got 3");
  std::string bomb = good;
  bomb[directory + 10] = 8;
  bomb[directory + 26] = 1;
  CHECK(error(bomb) == "n: must unpack to at most 1032 times its 3 bytes: the directory says 65539");
  CHECK(changed(0, "Q") == "n: must begin with 50 4b 03 04: it does not");
  CHECK(changed(26, "\2") == "n: must have the name that the directory says: it has another");
  CHECK(changed(30, "m") == "n: must have the name that the directory says: it has another");
  CHECK(changed(28, "\x7f") == "n: must lie inside the file's 103 bytes: got 3 at 158");
  CHECK(changed(31, "B") == "n: entry: must have the checksum that the directory says: it is damaged");
  CHECK(changed(directory + 16, "\1") == "n: entry: must have the checksum that the directory says: it is damaged");
  std::string damaged_block = good;
  damaged_block[directory + 10] = 8;
  damaged_block[31] = 7;
  CHECK(error(damaged_block) == "n: entry: must be intact: invalid block type");
  CHECK_THROWS_WITH_AS(detail::ZipReader("read", "no/such"),
                       "read: no/such: must be possible to open: No such file or directory", DataError);

  // Two entries with the same bytes, and two with the same name.
  auto two = [&](std::string second) {
    std::string archive = good.substr(0, 34);
    if (second[0] == 'n') archive += good.substr(0, 34);
    std::string entry = good.substr(directory, 47);
    std::string again = entry;
    again[46] = second[0];
    if (second[0] == 'n') again[42] = 34;
    const std::size_t at = archive.size();
    archive += entry + again + good.substr(end);
    archive[archive.size() - 12] = archive[archive.size() - 14] = 2;
    archive[archive.size() - 10] = 94;
    archive[archive.size() - 6] = static_cast<char>(at);
    return error(archive);
  };
  CHECK(two("m") == "n: must end before what follows it at 0: got 3 bytes at 0");
  CHECK(two("n") == "n: every entry must have a name of its own: it is there twice");
}

TEST_CASE("archives with sizes of 64 bits have errors of their own") {
  const TempFolder folder;
  write(folder / "x.zip", false, true);
  const std::string good = read_bytes(folder / "x.zip");
  auto says = [&](std::size_t from_end, std::string_view bytes_there, const char* text) {
    std::string archive = good;
    archive.replace(archive.size() - from_end, bytes_there.size(), bytes_there);
    CHECK_THROWS_WITH_AS(detail::ZipReader("read", folder.write("x.zip", archive)), doctest::Contains(text), DataError);
  };
  says(22 + 20 - 8, "\xff\xff\xff\xff\xff\xff\xff\xff", "zip64 end: must lie inside the file's");
  says(22 + 20 + 56, "Q", "zip64 end: must begin with 50 4b 06 06: it does not");
  says(22 + 20 + 56 - 32, "\xff\xff\xff\xff\xff\xff\xff\xff", "directory: must have 18446744073709551615 entries");
  says(22 + 20 + 56 - 40, "\xff\xff\xff\xff\xff\xff\xff\xff", "directory: must reach from byte");
  says(22 + 20 + 56 + 8 + 20, bytes("\1\0\7"), "empty: must have its sizes of 64 bits: they are missing");
}

TEST_CASE("a deflated entry that ends early or is damaged is an error") {
  const TempFolder folder;
  write(folder / "x.zip", true, false);
  std::string archive = read_bytes(folder / "x.zip");
  const detail::ZipReader zip("read", folder / "x.zip");
  const std::size_t directory = archive.find("PK\1\2");
  archive[directory + 24] = static_cast<char>(archive[directory + 24] + 1);
  const detail::ZipReader longer("read", folder.write("y.zip", archive));
  CHECK_THROWS_WITH_AS(content(longer, 0),
                       doctest::Contains("a/long: entry: must unpack to the size that the directory says: it ends 1 "
                                         "bytes early"),
                       DataError);
  archive[directory + 24] = static_cast<char>(archive[directory + 24] - 2);
  const detail::ZipReader shorter("read", folder.write("y.zip", archive));
  CHECK_THROWS_WITH_AS(content(shorter, 0), doctest::Contains("must have the checksum"), DataError);
}

TEST_CASE("damaged zip archives are read or refused") {
  for (bool compress : {false, true}) {
    const TempFolder folder;
    detail::replace_file("save", folder / "x", [&](const detail::File& file) {
      detail::ZipWriter zip(file, compress);
      zip.add("one", {as_bytes(long_text.substr(0, 300))}, compress);
      zip.add("two", {as_bytes("abc")}, compress);
      zip.finish();
    });
    const std::string good = read_bytes(folder / "x");
    const int read = fuzz("x.zip", good, 4000, good.size(), [](const std::string& path) {
      const detail::ZipReader zip("read", path);
      for (std::size_t i = 0; i < zip.entries().size(); ++i) content(zip, i, 50);
    });
    CHECK(read > 50);  // dates, comments and the like
    CHECK(read < 1500);
  }
}

TEST_SUITE_END();
