// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/data/npy.hpp>

#include <doctest/doctest.h>

#include <limits>

#include <kiln/tensor/reduce.hpp>

#include "files.hpp"
#include "fuzz.hpp"

TEST_SUITE_BEGIN("data");

using namespace kiln;

namespace {

const std::string table = "tests/data/arrays/table.npy";

/// An .npy file with this dictionary.
std::string file_with(const std::string& dictionary, const std::string& elements, int version = 1) {
  std::string text = bytes("\x93NUMPY") + static_cast<char>(version) + '\0';
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) text += static_cast<char>(dictionary.size() >> 8 * i & 255);
  return text + dictionary + elements;
}

std::string npy_error(const std::string& path) {
  try {
    load_npy<1>(path);
  } catch (const DataError& error) {
    return error.what();
  }
  return "loaded";
}

}  // namespace

TEST_CASE("NumPy's file is read, of any order and width") {
  CHECK(all_equal(load_npy<2>(table), Tensor<2>{{0, 1, 2}, {3, 4, 5}}));
  CHECK(all_equal(load_npy<2, double>(table), Tensor<2, double>{{0, 1, 2}, {3, 4, 5}}));
  const NpyHeader header = read_npy_header(table);
  CHECK(header.type == NpyType::f64);
  CHECK(header.fortran_order);
  CHECK(concat(header.shape(), " ", header.type) == "(2, 3) float64");
  CHECK(load_npy(table).type() == "Tensor<2, double>");
}

TEST_CASE("what was written is read back, and NumPy's header is matched") {
  const TempFolder folder;
  const std::string path = folder / "x.npy";
  const Tensor<2, int> x{{1, -2, 3}, {4, 5, std::numeric_limits<int>::min()}};
  save_npy(x, path);
  CHECK(all_equal(load_npy<2, int>(path), x));
  const std::string content = read_bytes(path);
  CHECK(content.size() == 128 + 24);
  CHECK(content.substr(0, 10) == bytes("\x93NUMPY\1\0\x76\0"));
  CHECK(content.substr(10, 59) == "{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }");
  CHECK(content.substr(126, 2) == " \n");

  save_npy(Tensor<0, std::int64_t>(7), path);
  CHECK(load_npy<0, std::int64_t>(path).item() == 7);
  CHECK(read_bytes(path).find("'shape': (), }") != std::string::npos);
  save_npy(Tensor<1, bool>{true, false}, path);
  CHECK(all_equal(load_npy<1, bool>(path), Tensor<1, bool>{true, false}));
  CHECK(read_bytes(path).find("'|b1', 'fortran_order': False, 'shape': (2,), }") != std::string::npos);
  save_npy(Tensor<3>(), path);
  CHECK(load_npy<3>(path).shape() == Shape<3>{0, 0, 0});
  CHECK_THROWS_WITH_AS(save_npy(x, folder / "no/x.npy"), doctest::Contains("save_npy: "), DataError);
}

TEST_CASE("headers of any order, spacing and quotes are understood") {
  const TempFolder folder;
  auto read = [&](const std::string& dictionary, int version = 1) {
    return load_npy<1>(folder.write("x.npy", file_with(dictionary, bytes("\0\0\x80\x3f\0\0\0\x40"), version)));
  };
  for (int version : {1, 2, 3})
    CHECK(all_equal(read("{'descr':'<f4','fortran_order':False,'shape':(2,)}", version), Tensor<1>{1, 2}));
  CHECK(
      all_equal(read("{ \"shape\" : ( 2L , ) , \"fortran_order\": True, 'descr' : \"=f4\" , }  \n"), Tensor<1>{1, 2}));
}

TEST_CASE("errors of npy files name the file, the place, what was expected and what came") {
  const TempFolder folder;
  auto says = [&](const std::string& content, const std::string& text) {
    const std::string path = folder.write("x.npy", content);
    CHECK(npy_error(path) == concat("load_npy: ", path, ": ", text));
  };
  auto dictionary = [](const std::string& fields) { return file_with(concat("{", fields, "}"), bytes("\0\0\0\0")); };
  says("", "magic: must have 8 bytes: only 0 are left");
  says("not an array", "magic: must be 93 4e 55 4d 50 59, as of an .npy file: it is not");
  says(bytes("\x93NUMPY\4\0\0\0"), "version: must be 1.0, 2.0 or 3.0: got 4.0");
  says(bytes("\x93NUMPY\1\2\0\0"), "version: must be 1.0, 2.0 or 3.0: got 1.2");
  says(bytes("\x93NUMPY\2\0\0\0\0\x7f"), "header's length: must be at most 65536: got 2130706432");
  says(bytes("\x93NUMPY\1\0\x76\0{}"), "header: must have 118 bytes: only 2 are left");
  says(dictionary(""), "header: expected 'descr', 'fortran_order' and 'shape': at byte 2 of the dictionary");
  says(dictionary("'descr': '<f4', 'descr': '<f4'"),
       "header: expected 'descr', 'fortran_order' and 'shape', each once: at byte 25 of the dictionary");
  says(dictionary("'descr' '<f4'"), "header: expected ':': at byte 9 of the dictionary");
  says(dictionary("'descr': '<f4' 'shape'"), "header: expected '}': at byte 16 of the dictionary");
  says(dictionary("'descr': f4"), "header: expected a string: at byte 10 of the dictionary");
  says(dictionary("'descr': '<f4"), "header: expected the end of a string: at byte 15 of the dictionary");
  says(dictionary("'fortran_order': 1"), "header: expected True or False: at byte 18 of the dictionary");
  says(dictionary("'shape': (1 2)"), "header: expected ',' or ')': at byte 13 of the dictionary");
  says(dictionary("'shape': (1)"), "header: expected a tuple, such as (3,): at byte 13 of the dictionary");
  says(dictionary("'shape': (-1,)"), "header: expected a whole number: at byte 11 of the dictionary");
  says(dictionary("'shape': (99999999999999999999,)"),
       "header: expected a smaller number: at byte 27 of the dictionary");
  says(dictionary("'shape': (1,1,1,1,1,1,1,1,1)"), "shape: must have at most 8 axes: it has more");
  says(dictionary("'descr': '<f4', 'fortran_order': False, 'shape': (1,)} {"),
       "header: expected nothing behind the closing brace: at byte 56 of the dictionary");
  says(dictionary("'descr': '<c8'"),
       "element type: must be b1, i1, i2, i4, i8, u1, u2, u4, u8, f2, f4 or f8: got '<c8'");
  says(dictionary("'descr': '|f4'"),
       "element type: must be b1, i1, i2, i4, i8, u1, u2, u4, u8, f2, f4 or f8: got '|f4'");
  says(dictionary("'descr': '|O'"),
       "element type: must be b1, i1, i2, i4, i8, u1, u2, u4, u8, f2, f4 or f8: got Python objects, which are code and "
       "never read");
  says(dictionary("'descr': [('a', '<i4')]"), "element type: must be a number or bool: got an array of records");
  says(dictionary("'descr': '<f4', 'fortran_order': False, 'shape': ()"), "shape: must have 1 axes: got ()");
  says(dictionary("'descr': '<f4', 'fortran_order': False, 'shape': (3,)"),
       "elements of shape (3,): must have 12 bytes: there are 4");
  says(dictionary("'descr': '<f4', 'fortran_order': False, 'shape': (0,)"),
       "elements of shape (0,): must have 0 bytes: there are 4");
  CHECK_THROWS_WITH_AS(load_npy(folder.write("x.npy", dictionary("'descr': '<f8', 'fortran_order': True, 'shape': "
                                                                 "(4503599627370496, 0, 4503599627370496)"))),
                       doctest::Contains("shape: must fit 64 bits: got (4503599627370496, 0, 4503599627370496)"),
                       DataError);
  CHECK(npy_error("no/such") == "load_npy: no/such: must be possible to open: No such file or directory");
  CHECK(npy_error(folder.path) == concat("load_npy: ", folder.path, ": must be a file: it is a folder"));
}

TEST_CASE("values that the tensor cannot hold are errors") {
  const TempFolder folder;
  const std::string path = folder / "x.npy";
  auto says = [&]<class T>(T, const auto& x, const std::string& text) {
    save_npy(x, path);
    CHECK_THROWS_WITH_AS((load_npy<1, T>(path)), concat("load_npy: ", path, ": ", text).c_str(), DataError);
  };
  using Long = Tensor<1, std::int64_t>;
  says(int{}, Long{5, std::int64_t{1} << 31}, "element 1: must be one that int32 holds exactly: got 2147483648");
  says(std::uint8_t{}, Long{-1}, "element 0: must be one that uint8 holds exactly: got -1");
  says(float{}, Long{1 << 24, (1 << 24) + 1}, "element 1: must be one that float32 holds exactly: got 16777217");
  says(double{}, Long{-(std::int64_t{1} << 53) - 1},
       "element 0: must be one that float64 holds exactly: got -9007199254740993");
  says(int{}, Tensor<1>{1}, "element type: must be one that is read as int32: got float32");
  says(bool{}, Tensor<1, std::uint8_t>{1}, "element type: must be one that is read as bool: got uint8");
  save_npy(Long{-1, 3, std::int64_t{1} << 62, std::numeric_limits<std::int64_t>::min()}, path);
  CHECK(all_equal(load_npy<1>(path), Tensor<1>{-1, 3, 0x1p62f, -0x1p63f}));
  save_npy(Tensor<1, std::uint64_t>{0xfffffffffffff800u}, path);
  CHECK(load_npy<1, double>(path)(0) == 18446744073709549568.0);
  save_npy(Tensor<1, bool>{true, false}, path);
  CHECK(all_equal(load_npy<1>(path), Tensor<1>{1, 0}));
  CHECK(all_equal(load_npy<1, int>(path), Tensor<1, int>{1, 0}));
  std::string content = read_bytes(path);
  content.back() = 2;
  CHECK_THROWS_WITH_AS((load_npy<1, bool>(folder.write("x.npy", content))),
                       doctest::Contains("element 1: a bool must be 0 or 1: got 2"), DataError);
}

TEST_CASE("damaged npy files are read or refused") {
  const std::string content = read_bytes(table);
  const int read = fuzz("x.npy", content, 5000, content.size(), [](const std::string& path) {
    load_npy(path);
    load_npy<2>(path);
  });
  CHECK(read > 300);  // what hits the elements
  CHECK(read < 3000);
}

TEST_SUITE_END();
