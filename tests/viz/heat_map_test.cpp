// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/viz/heat_map.hpp>

#include "folder.hpp"
#include "images_of.hpp"

TEST_SUITE_BEGIN("viz");

using namespace kiln;
using detail::Colour;

namespace {

constexpr float none = std::numeric_limits<float>::quiet_NaN();
constexpr Colour dark = {0x44, 0x01, 0x54};
constexpr Colour bright = {0xfd, 0xe7, 0x25};

Colour pixel(const Pixels& pixels, Index x, Index y) {
  const unsigned char* at = &pixels.bytes[static_cast<std::size_t>((y * pixels.width + x) * 3)];
  return {at[0], at[1], at[2]};
}

}  // namespace

TEST_CASE("viridis has its published colours, and grey for NaN") {
  CHECK(detail::viridis(0) == dark);
  CHECK(detail::viridis(1) == bright);
  CHECK(detail::viridis(-3) == dark);
  CHECK(detail::viridis(7) == bright);
  CHECK(detail::viridis(1.0 / 3) == Colour{0x31, 0x68, 0x8e});
  CHECK(detail::viridis(none) == Colour{128, 128, 128});
  int before = 0;  // brighter all the way
  for (int i = 0; i <= 100; ++i) {
    const Colour c = detail::viridis(i / 100.0);
    const int brightness = 299 * c[0] + 587 * c[1] + 114 * c[2];
    CHECK(brightness > before);
    before = brightness;
  }
}

TEST_CASE("a heat map puts the first row below, or on top as in a matrix") {
  HeatMap map;
  map.set(Tensor<2>{{0, 1, 2}, {none, 9, 10}});
  const Pixels upwards = map.pixels();
  CHECK(upwards.width == 3);
  CHECK(upwards.height == 2);
  CHECK(pixel(upwards, 0, 1) == dark);
  CHECK(pixel(upwards, 2, 0) == bright);
  CHECK(pixel(upwards, 0, 0) == detail::missing_colour);
  map.first_row_on_top = true;
  CHECK(pixel(map.pixels(), 0, 0) == dark);
  CHECK(pixel(map.pixels(), 2, 1) == bright);
}

TEST_CASE("log1p spreads small counts, and what is below 0 is missing") {
  HeatMap map{.log1p = true};
  map.set(Tensor<2>{{0, 9, 99, -1}});
  const Pixels pixels = map.pixels();
  CHECK(pixel(pixels, 0, 0) == dark);
  CHECK(pixel(pixels, 1, 0) == detail::viridis(0.5));  // log 10 / log 100
  CHECK(pixel(pixels, 2, 0) == bright);
  CHECK(pixel(pixels, 3, 0) == detail::missing_colour);
}

TEST_CASE("given colour bounds hold, and infinity is beyond them") {
  HeatMap map{.low = -10, .high = 10};
  const float infinity = std::numeric_limits<float>::infinity();
  map.set(Tensor<2>{{-20, 20, -infinity, infinity}});
  const Pixels pixels = map.pixels();
  for (Index x : {0, 2}) CHECK(pixel(pixels, x, 0) == dark);
  for (Index x : {1, 3}) CHECK(pixel(pixels, x, 0) == bright);
  map.high = -10;
  CHECK_THROWS_WITH_AS(map.svg(), "axis: the low bound must be below the high one: got -10 and -10", UsageError);
}

TEST_CASE("the picture holds the cells, a colour bar and the texts") {
  HeatMap map{.title = "Title <", .x_label = "batch", .y_label = "bin", .value_label = "count", .log1p = true};
  map.set(Tensor<2>{{0, 100}, {1000, 5}});
  const XmlReader reader(map.svg());
  for (const char* text : {"Title <", "batch", "bin", "count", "0", "10", "100", "1000"}) CHECK(reader.has_text(text));
  const auto images = images_of(reader);
  REQUIRE(images.size() == 2);
  CHECK(pixel(images[0], 0, 0) == bright);  // 1000, on top
  CHECK(pixel(images[0], 0, images[0].height - 1) == dark);
  CHECK(pixel(images[1], 0, 0) == bright);
  CHECK(pixel(images[1], 0, images[1].height - 1) == dark);
}

TEST_CASE("thousands of columns share pixels by their mean") {
  HeatMap map;
  map.rows = 2;
  map.columns = 10'000;
  for (Index i = 0; i < 20'000; ++i) map.values.push_back(i < 10'000 && i % 2 ? 1 : 0);
  const Pixels pixels = map.pixels();
  CHECK(pixels.width == 2048);
  CHECK(pixels.height == 2);
  CHECK(pixel(pixels, 7, 0) == dark);
  for (Index x : {0, 1000, 2047}) {  // four or five cells each
    const Colour middle = pixel(pixels, x, 1);
    CHECK((middle == detail::viridis(0.5) || middle == detail::viridis(0.4) || middle == detail::viridis(0.6)));
  }
  CHECK(map.svg().size() < 60'000);
}

TEST_CASE("empty, constant and NaN matrices give a picture") {
  CHECK(XmlReader(HeatMap{}.svg()).has_text("no data"));
  for (const Tensor<2>& matrix :
       {Tensor<2>{{3, 3}}, Tensor<2>{{0}}, Tensor<2>{{none, none}}, Tensor<2>{{1e38f, -1e38f}}})
    for (bool log : {false, true}) {
      HeatMap map{.log1p = log};
      CHECK(images_of(XmlReader(map.set(matrix).svg())).size() == 2);
    }
}

TEST_CASE("a heat map is saved as svg or png") {
  Folder folder;
  HeatMap map{.width = 100, .height = 90};
  map.set(Tensor<2, double>{{0, 1, 2}, {3, 4, 5}});
  map.save(folder / "a.svg");
  CHECK(folder.read("a.svg") == map.svg());
  map.save(folder / "a.png");
  const std::string file = folder.read("a.png");
  const Pixels pixels = read_png({reinterpret_cast<const unsigned char*>(file.data()), file.size()});
  CHECK(pixels.width == 99);  // cells of 33 x 45
  CHECK(pixels.height == 90);
  CHECK(pixel(pixels, 0, 89) == dark);
  CHECK(pixel(pixels, 32, 45) == dark);
  CHECK(pixel(pixels, 98, 0) == bright);
  const std::string path = folder / "a.jpg", deep = folder / "none/a.png";
  CHECK_THROWS_WITH_AS(map.save(path), concat("save: ", path, ": the name must end in .svg or .png").c_str(),
                       UsageError);
  CHECK_THROWS_WITH_AS(map.save(deep),
                       concat("save: ", deep, ": its folder must exist: there is no folder ", folder / "none").c_str(),
                       DataError);
  CHECK_THROWS_WITH_AS(HeatMap{}.save(folder / "b.png"),
                       "png: width and height must be between 1 and 2147483647: got 0 x 0", UsageError);
  map.values.pop_back();
  CHECK_THROWS_WITH_AS(map.svg(), "HeatMap: there must be 2 x 3 values: got 5", UsageError);
  CHECK_THROWS_WITH_AS(map.save(folder / "b.png"), "HeatMap: there must be 2 x 3 values: got 5", UsageError);
}

TEST_SUITE_END();
