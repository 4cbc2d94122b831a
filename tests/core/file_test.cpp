// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/core/file.hpp>

#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

TEST_SUITE_BEGIN("core");

using namespace kiln;
using detail::File;

namespace {

/// A path for this test alone, removed at its end.
struct Path {
  std::string path = (std::filesystem::temp_directory_path() / concat("kiln_file_test_", ::getpid())).string();
  ~Path() { std::remove(path.c_str()); }
  std::string content() const {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

}  // namespace

TEST_CASE("two writers of one path at the same time do not write into each other's file") {
  Path file;
  detail::replace_file("save", file.path, [&](const File& outer) {
    outer.write("outer ", 6);
    detail::replace_file("save", file.path, [](const File& inner) { inner.write("inner", 5); });
    CHECK(file.content() == "inner");
    outer.write("writer", 6);
  });
  CHECK(file.content() == "outer writer");
}

TEST_CASE("a named pipe is refused rather than waited for") {
  Path pipe;
  REQUIRE(::mkfifo(pipe.path.c_str(), 0600) == 0);
  CHECK_THROWS_WITH_AS(File("load", pipe.path, O_RDONLY).size(),
                       concat("load: ", pipe.path, ": must be a file: it is none").c_str(), DataError);
}

TEST_CASE("bytes are read from anywhere without moving where reading goes on") {
  Path path;
  detail::replace_file("save", path.path, [](const File& file) { file.write("0123456789", 10); });
  CHECK(detail::read_file("load", path.path) ==
        std::vector<unsigned char>{'0', '1', '2', '3', '4', '5', '6', '7', '8', '9'});
  const File file("load", path.path, O_RDONLY);
  std::string two(2, ' ');
  file.read(two.data(), 2);
  CHECK(two == "01");
  file.read_at(8, two.data(), 2);
  CHECK(two == "89");
  file.read(two.data(), 2);
  CHECK(two == "23");
  CHECK_THROWS_WITH_AS(file.read_at(9, two.data(), 2),
                       doctest::Contains("must have 2 more bytes: it ends 1 bytes early"), DataError);
}

TEST_SUITE_END();
