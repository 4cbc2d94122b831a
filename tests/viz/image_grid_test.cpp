// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/viz/image_grid.hpp>

#include "folder.hpp"
#include "images_of.hpp"

TEST_SUITE_BEGIN("viz");

using namespace kiln;
using Bytes = std::vector<unsigned char>;

namespace {

constexpr float none = std::numeric_limits<float>::quiet_NaN();

}  // namespace

TEST_CASE("images of one call share a scale") {
  ImageGrid grid;
  grid.add(Tensor<3>{{{-1, 0}}, {{0.5f, 1}}});
  REQUIRE(grid.items.size() == 2);
  CHECK(grid.items[0].image.bytes == Bytes{0, 128});
  CHECK(grid.items[1].image.bytes == Bytes{191, 255});
  grid.add(Tensor<2>{{0, none, 2}});
  CHECK(grid.items[2].image.bytes == Bytes{0, 0, 255});
  CHECK(grid.items[2].image.width == 3);
  CHECK(grid.items[2].image.height == 1);
}

TEST_CASE("given bounds, bytes and bools have a scale of their own; one value alone is black or white") {
  CHECK(ImageGrid{.low = 0, .high = 2}.add(Tensor<2>{{-1, 1, 5}}).items[0].image.bytes == Bytes{0, 128, 255});
  CHECK(ImageGrid{}.add(Tensor<2, std::uint8_t>{{7, 100}}).items[0].image.bytes == Bytes{7, 100});
  CHECK(ImageGrid{}.add(Tensor<2, bool>{{true, true}}).items[0].image.bytes == Bytes{255, 255});
  CHECK(ImageGrid{}.add(Tensor<2>{{0, 0}}).items[0].image.bytes == Bytes{0, 0});
  CHECK(ImageGrid{}.add(Tensor<2>{{3, 3}}).items[0].image.bytes == Bytes{255, 255});
  CHECK(ImageGrid{}.add(Tensor<2>{{none, none}}).items[0].image.bytes == Bytes{0, 0});
}

TEST_CASE("channels first become RGB pixels") {
  ImageGrid grid;
  grid.add(Tensor<4, std::uint8_t>{{{{1, 2}}, {{3, 4}}, {{5, 6}}}});
  CHECK(grid.items[0].image.channels == 3);
  CHECK(grid.items[0].image.bytes == Bytes{1, 3, 5, 2, 4, 6});
  grid.add(Tensor<4, std::uint8_t>{{{{9}}}});
  CHECK(grid.items[1].image.channels == 1);
  CHECK_THROWS_WITH_AS(grid.add(Tensor<4>{{{{1}}, {{2}}}}),
                       "ImageGrid.add: images must have 1 channel (grey) or 3 (RGB): got shape (1, 2, 1, 1)",
                       UsageError);
  CHECK(grid.items.size() == 2);
}

TEST_CASE("captions and verdicts go with their images") {
  ImageGrid grid{.title = "Worst & best"};
  grid.add(Tensor<3>{{{0}}, {{1}}, {{2}}}, {"a 4 read as 9", "<b>", ""},
           {Verdict::wrong, Verdict::right, Verdict::none});
  const XmlReader reader(grid.svg());
  CHECK(reader.has_text("Worst & best"));
  CHECK(reader.has_text("<b>"));
  CHECK(reader.count("text", "k-wrong") == 1);
  CHECK(reader.count("text", "k-right") == 1);
  CHECK(images_of(reader).size() == 3);
  CHECK_THROWS_WITH_AS(grid.add(Tensor<3>{{{0}}, {{1}}}, {"one"}),
                       "ImageGrid.add: there must be none or as many captions as images, 2: got 1", UsageError);
  CHECK_THROWS_WITH_AS(grid.add(Tensor<3>{{{0}}}, {}, {Verdict::right, Verdict::right}),
                       "ImageGrid.add: there must be none or as many verdicts as images, 1: got 2", UsageError);
  CHECK_THROWS_WITH_AS(grid.add(Tensor<2>{}), "ImageGrid.add: images must have pixels: got shape (1, 1, 0, 0)",
                       UsageError);
}

TEST_CASE("images stand in rows without overlap, inside of the picture") {
  ImageGrid grid{.columns = 3};
  for (int i = 0; i < 7; ++i)
    grid.add(detail::uninitialised<std::uint8_t>(Shape<2>{20 + i, 30 - i}), concat("image ", i));
  const XmlReader reader(grid.svg());
  std::vector<detail::Box> boxes;
  for (const XmlElement& element : reader.elements) {
    if (element.tag != "image") continue;
    const auto number = [&](const char* name) { return std::stod(element.attributes.at(name)); };
    boxes.push_back({number("x"), number("y"), number("width"), number("height")});
  }
  REQUIRE(boxes.size() == 7);
  CHECK(boxes[2].y == boxes[0].y);
  CHECK(boxes[3].y > boxes[0].bottom());
  CHECK(boxes[3].x + boxes[3].width / 2 == doctest::Approx(boxes[0].x + boxes[0].width / 2));
  CHECK(boxes[1].x > boxes[0].right());
  CHECK(boxes[0].width / boxes[0].height == doctest::Approx(1.5).epsilon(0.01));
  for (const detail::Box& box : boxes) {
    CHECK(box.right() < std::stod(reader.elements[0].attributes.at("width")));
    CHECK(box.bottom() + 18 < std::stod(reader.elements[0].attributes.at("height")));
  }
}

TEST_CASE("cells are as wide as their captions, up to a limit") {
  ImageGrid grid;
  const Tensor<2> image = {{0, 1}, {1, 0}};
  grid.add(image, "a truck read as a frog", Verdict::wrong).add(image, std::string(100, 'x'));
  const XmlReader reader(grid.svg());
  CHECK(reader.has_text("a truck read as a frog"));
  CHECK_FALSE(reader.has_text(std::string(100, 'x')));
  CHECK(std::stod(reader.elements[0].attributes.at("width")) < 400);
}

TEST_CASE("a grid is saved as svg, or without its captions as png") {
  Folder folder;
  ImageGrid grid{.columns = 2, .image_size = 4};
  grid.add(Tensor<3, std::uint8_t>{{{10, 20}, {30, 40}}, {{50, 60}, {70, 80}}, {{1, 2}, {3, 4}}});
  grid.save(folder / "a.svg");
  CHECK(folder.read("a.svg") == grid.svg());
  grid.save(folder / "a.png");
  const std::string file = folder.read("a.png");
  const Pixels sheet = read_png({reinterpret_cast<const unsigned char*>(file.data()), file.size()});
  CHECK(sheet.width == 14);
  CHECK(sheet.height == 14);
  const auto at = [&](Index x, Index y) { return int{sheet.bytes[static_cast<std::size_t>(y * 14 + x)]}; };
  CHECK(at(0, 0) == 255);
  CHECK(at(2, 2) == 10);
  CHECK(at(5, 5) == 40);
  CHECK(at(6, 5) == 255);
  CHECK(at(8, 2) == 50);
  CHECK(at(2, 8) == 1);
  CHECK(at(8, 8) == 255);  // there is no fourth
  grid.add(Tensor<4, std::uint8_t>{{{{9}}, {{8}}, {{7}}}});
  const Pixels mixed = grid.sheet();
  CHECK(mixed.channels == 3);
  CHECK(std::vector<unsigned char>(mixed.bytes.begin() + 90, mixed.bytes.begin() + 93) == Bytes{10, 10, 10});
  const std::string path = folder / "a.gif";
  CHECK_THROWS_WITH_AS(grid.save(path), concat("save: ", path, ": the name must end in .svg or .png").c_str(),
                       UsageError);
  CHECK_THROWS_AS(ImageGrid{}.save(folder / "b.png"), UsageError);
  CHECK(XmlReader(ImageGrid{}.svg()).has_text("no images"));
  CHECK_THROWS_WITH_AS(ImageGrid{.columns = -1}.svg(),
                       "ImageGrid: columns and image_size must not be negative, nor the size above 10000: got -1 and 0",
                       UsageError);
}

TEST_SUITE_END();
