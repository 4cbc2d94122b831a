// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/data/image_resize.hpp>

#include <doctest/doctest.h>

#include <kiln/data/npz.hpp>
#include <kiln/tensor/reduce.hpp>

TEST_SUITE_BEGIN("data");

using namespace kiln;

TEST_CASE("sizes and grey are Pillow's, bit for bit") {
  const NpzFile file = load_npz("tests/data/images/resized.npz");  // made by tests/oracles/images.py
  const auto source = file.get<3, std::uint8_t>("source");
  CHECK(all_equal(convert_channels(source, 1), file.get<3, std::uint8_t>("grey")));
  int count = 0;
  for (const std::string& name : file.names()) {
    if (name.find('x') == name.npos) continue;
    CAPTURE(name);
    const auto wanted = file.get<3, std::uint8_t>(name);
    CHECK(all_equal(resize_image(source, {wanted.size(1), wanted.size(2)}), wanted));
    ++count;
  }
  CHECK(count == 8);
}

TEST_CASE("channels are repeated or left out") {
  const Image grey{{{1, 2}}}, grey_alpha{{{1, 2}}, {{7, 7}}}, colour{{{1, 2}}, {{3, 4}}, {{5, 6}}},
      colour_alpha{{{1, 2}}, {{3, 4}}, {{5, 6}}, {{7, 7}}};
  const Image repeated{{{1, 2}}, {{1, 2}}, {{1, 2}}}, mixed{{{3, 4}}};
  CHECK(all_equal(convert_channels(grey, 1), grey));
  CHECK(all_equal(convert_channels(grey_alpha, 1), grey));
  CHECK(all_equal(convert_channels(grey, 3), repeated));
  CHECK(all_equal(convert_channels(grey_alpha, 3), repeated));
  CHECK(all_equal(convert_channels(colour, 3), colour));
  CHECK(all_equal(convert_channels(colour_alpha, 3), colour));
  CHECK(all_equal(convert_channels(colour_alpha, 1), mixed));
  CHECK_THROWS_WITH_AS(convert_channels(grey, 2), "convert_channels: channels must be 1 (grey) or 3 (RGB): got 2",
                       UsageError);
  CHECK_THROWS_WITH_AS(convert_channels(Image(), 1),
                       "convert_channels: an image must have 1 to 4 channels: got shape (0, 0, 0)", ShapeError);
}

TEST_CASE("the middle is cut out in the shape that is wanted") {
  const Image wide{{{1, 2, 3, 4, 5}, {6, 7, 8, 9, 10}}};
  CHECK(all_equal(crop_to_shape(wide, 28), Image{{{2, 3}, {7, 8}}}));
  CHECK(all_equal(crop_to_shape(wide, {2, 5}), wide));
  CHECK(all_equal(crop_to_shape(wide, {100, 1}), Image{{{3}, {8}}}));
  CHECK(all_equal(crop_to_shape(wide, {1, 100}), Image{{{1, 2, 3, 4, 5}}}));
  CHECK_THROWS_WITH_AS(crop_to_shape(wide, {0, 5}), "crop_to_shape: height and width must be at least 1: got (0, 5)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(resize_image(wide, {3, -1}), "resize_image: height and width must be at least 1: got (3, -1)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(resize_image(Image(), 3), "resize_image: the image must have pixels: got shape (0, 0, 0)",
                       ShapeError);
}

TEST_SUITE_END();
