// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/data/npz.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include <kiln/tensor/reduce.hpp>

#include "files.hpp"
#include "fuzz.hpp"

TEST_SUITE_BEGIN("data");

using namespace kiln;

namespace {

const std::string arrays = "tests/data/arrays/";  // made by tests/oracles/arrays.py

}  // namespace

TEST_CASE("every element type, order of bytes and layout that NumPy writes") {
  const NpzFile file = load_npz(arrays + "types.npz");
  CHECK(file.names().size() == 48);
  for (const std::string& name : file.names()) {
    CAPTURE(name);
    const NpyHeader header = file.header(name);
    CHECK(detail::npy_type_name(header.type).code == name.substr(0, 2));
    CHECK(header.fortran_order == name.ends_with('F'));
    CHECK(header.shape().size() == 3);
    const auto values = file.get<3, double>(name);
    REQUIRE(values.shape() == Shape<3>{2, 3, 4});
    const AnyTensor any = file.get(name);
    CHECK(any.rank() == 3);
    for (int i = 0; i < 24; ++i) {
      const int expected = name[0] == 'b' ? i % 2 : name[0] == 'u' ? i : i - 5;
      CHECK(values.data()[i] == expected);
      detail::visit_npy_type(header.type, [&]<class T>(T) {
        using Kept = std::conditional_t<std::is_same_v<T, detail::Half>, float, T>;
        CHECK(any.elements<Kept>()[static_cast<std::size_t>(i)] == static_cast<Kept>(expected));
      });
    }
  }
}

TEST_CASE("versions, ranks and values at the edge") {
  const NpzFile file = load_npz(arrays + "forms.npz");
  for (const char* name : {"version1", "version2", "version3"}) CHECK(all_equal(file.get<1>(name), Tensor<1>{0, 1, 2}));
  CHECK(file.get<0, int>("scalar").item() == 7);
  CHECK(file.get("scalar").is<0, std::int64_t>());
  CHECK(file.get<2>("empty").shape() == Shape<2>{0, 3});
  CHECK(file.get<8, std::int16_t>("rank8")(0, 0, 0, 1, 0, 0, 0, 0) == 1);
  CHECK(file.get("rank8").rank() == 8);
  const auto halves = file.get<1>("halves");
  const float infinity = std::numeric_limits<float>::infinity();
  const Tensor<1> expected{0, -0.0f, 1, -2.5f, 65504, 0x1p-24f, 0x1p-14f, infinity, -infinity};
  for (Index i = 0; i < 9; ++i) CHECK(halves(i) == expected(i));
  CHECK(std::signbit(halves(1)));
  CHECK(std::isnan(halves(9)));
  auto says = [&](const char* name, const std::string& text) {
    CHECK_THROWS_WITH_AS(file.get(name), concat("load_npz: ", arrays, "forms.npz: ", name, ".npy: ", text).c_str(),
                         DataError);
  };
  says("rank9", "shape: must have at most 8 axes: it has more");
  const std::string types = "element type: must be b1, i1, i2, i4, i8, u1, u2, u4, u8, f2, f4 or f8: got ";
  says("complex", types + "'<c8'");
  says("text", types + "'<U2'");
  says("objects", types + "Python objects, which are code and never read");
  says("records", "element type: must be a number or bool: got an array of records");
  CHECK_THROWS_WITH_AS((file.get<1, int>("wide")),
                       doctest::Contains("wide.npy: element 0: must be one that int32 holds exactly: got 2147483648"),
                       DataError);
  CHECK_THROWS_WITH_AS((file.get<1, double>("wide")), doctest::Contains("element 2: must be one that float64 holds"),
                       DataError);
}

TEST_CASE("what numpy.savez and numpy.savez_compressed write") {
  for (const char* name : {"stored.npz", "deflated.npz"}) {
    const NpzFile file = load_npz(arrays + name);
    CHECK(file.names() == std::vector<std::string>{"x", "y"});
    CHECK(file.contains("y"));
    CHECK(!file.contains("y.npy"));
    CHECK(all_equal(file.get<2>("x"), Tensor<2>{{0, 1, 2}, {3, 4, 5}}));
    CHECK(all_equal(file.get<1, int>("y"), Tensor<1, int>{3, 4}));
    CHECK_THROWS_WITH_AS(file.get("z"),
                         concat("load_npz: ", arrays, name, ": there must be an array z: the file has x, y").c_str(),
                         DataError);
  }
}

TEST_CASE("archives of arrays are written and read back") {
  const TempFolder folder;
  const Tensor<2> x{{1, 2}, {3, 4}};
  const Tensor<1, bool> mask{true, false, true};
  for (bool compress : {false, true}) {
    save_npz({{"x", x}, {"a.b/c", mask}, {"n", Tensor<0, int>(5)}}, folder / "x.npz", {.compress = compress});
    const NpzFile file = load_npz(folder / "x.npz");
    CHECK(file.names() == std::vector<std::string>{"x", "a.b/c", "n"});
    CHECK(all_equal(file.get<2>("x"), x));
    CHECK(all_equal(file.get<1, bool>("a.b/c"), mask));
    CHECK(file.get("n").as<0, int>().item() == 5);
  }
  save_npz({}, folder / "none.npz");
  CHECK(load_npz(folder / "none.npz").names().empty());
  CHECK_THROWS_WITH_AS(load_npz(folder / "none.npz").get("x"),
                       doctest::Contains("there must be an array x: the file has none"), DataError);
}

TEST_CASE("names of arrays are checked before anything is written") {
  const TempFolder folder;
  const std::string path = folder / "x.npz";
  CHECK_THROWS_WITH_AS(save_npz({{"x", Tensor<1>{1}}, {"x", Tensor<1>{2}}}, path),
                       concat("save_npz: ", path, ": every array must have a name of its own: got x twice").c_str(),
                       UsageError);
  CHECK_THROWS_WITH_AS(
      save_npz({{"", Tensor<1>{1}}}, path),
      concat("save_npz: ", path, ": an array's name must have 1 to 1000 characters, none of them 0: got ''").c_str(),
      UsageError);
  CHECK_THROWS_WITH_AS(save_npz({{"x", AnyTensor()}}, path),
                       "save_npz: a tensor's elements must have a type that NumPy has: got nothing", UsageError);
  CHECK(!std::filesystem::exists(path));
}

TEST_CASE("damaged npz files are read or refused") {
  for (const char* name : {"stored.npz", "deflated.npz"}) {
    const std::string good = read_bytes(arrays + name);
    const int read = fuzz("x.npz", good, 4000, good.size(), [](const std::string& path) {
      const NpzFile file = load_npz(path);
      for (const std::string& array : file.names()) file.get(array);
    });
    CHECK(read > 50);
    CHECK(read < 1500);
  }
}

TEST_SUITE_END();
