// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/data/jpeg.hpp>

#include <doctest/doctest.h>

#include <kiln/data/image_folder.hpp>
#include <kiln/data/npz.hpp>
#include <kiln/tensor/reduce.hpp>

#include "files.hpp"
#include "fuzz.hpp"

TEST_SUITE_BEGIN("data");

using namespace kiln;

namespace {

const std::string images = "tests/data/images/";  // made by tests/oracles/images.py

std::string error(const std::string& path, const ImageLimits& limits = {}) {
  try {
    read_image_or_jpeg(path, limits);
  } catch (const DataError& failure) {
    const std::string message = failure.what();
    const std::string place = concat("read_image_or_jpeg: ", path, ": ");
    REQUIRE(message.starts_with(place));
    return message.substr(place.size());
  }
  return "read";
}

/// The largest difference of two images' bytes.
int distance(const Image& a, const Image& b) {
  REQUIRE(a.shape() == b.shape());
  int most = 0;
  for (Index i = 0; i < a.numel(); ++i) most = (std::max)(most, std::abs(int{a.data()[i]} - int{b.data()[i]}));
  return most;
}

}  // namespace

TEST_CASE("JPEG files are decoded as Pillow does, and other images too") {
  const NpzFile expected = load_npz(images + "expected.npz");
  for (const char* name : {"jpeg_rgb", "jpeg_progressive", "jpeg_grey"}) {
    CAPTURE(name);
    const Image image = read_image_or_jpeg(concat(images, name, ".jpg"));
    CHECK(distance(image, expected.get<3, std::uint8_t>(name)) <= 1);  // the transform may be another one
  }
  CHECK(read_image_or_jpeg(images + "rgb8.png").shape() == Shape<3>{3, 9, 13});
}

TEST_CASE("a folder of JPEG and other files") {
  const TempFolder folder;
  std::filesystem::create_directories(folder / "a");
  std::filesystem::copy(images + "jpeg_rgb.jpg", folder / "a/1.JPG");
  std::filesystem::copy(images + "rgb8.png", folder / "a/2.png");
  CHECK_THROWS_WITH_AS(image_folder(folder.path, {.size = 8, .valid = 0}),
                       concat("read_image: ", folder.path,
                              "/a/1.JPG: format: must be PNG, PGM, PPM or PBM: it is JPEG, "
                              "which read_image_or_jpeg of kiln/data/jpeg.hpp reads")
                           .c_str(),
                       DataError);
  const ImageFolder data = image_folder(folder.path, {.size = 8, .valid = 0, .read = read_image_or_jpeg});
  CHECK(data.train.one_batch().x.shape() == Shape<4>{2, 3, 8, 8});
}

TEST_CASE("JPEG files that are refused") {
  const TempFolder folder;
  const std::string good = read_bytes(images + "jpeg_rgb.jpg");
  CHECK(error(images + "jpeg_cmyk.jpg") == "colours: must be grey, RGB or YCbCr: got 4 others");
  CHECK(error(images + "jpeg_scans.jpg") == "JPEG: must be intact: more than 100 scans");
  CHECK(error(images + "jpeg_rgb.jpg", {.pixels = 493}) ==
        "size: must be at most 493 pixels, unless ImageLimits says more: got 26 x 19");
  CHECK(error(images + "jpeg_rgb.jpg", {.pixels = 494}) == "read");
  CHECK(error(folder.write("x", good.substr(0, good.size() / 2))) ==
        "JPEG: must be intact: Premature end of JPEG file");
  CHECK(error(folder.write("x", good.substr(0, good.size() - 2))) ==
        "JPEG: must be intact: Premature end of JPEG file");
  CHECK(error(folder.write("x", good.substr(0, 20))) == "JPEG: must be intact: Premature end of JPEG file");
  std::string huge = good;
  const std::size_t frame = good.find(bytes("\xff\xc0"));
  REQUIRE(frame != good.npos);
  for (std::size_t i = 5; i < 9; ++i) huge[frame + i] = '\x20';  // 8224 x 8224
  CHECK(error(folder.write("x", huge)) ==
        concat("size: must be at most 512 pixels for each of the file's ", good.size(), " bytes: got 8224 x 8224"));
  std::string bits = good;
  bits[frame + 4] = 12;
  CHECK(error(folder.write("x", bits)) == "JPEG: must be intact: Unsupported JPEG data precision 12");
}

TEST_CASE("damaged JPEG files are read or refused") {
  for (const char* name : {"jpeg_rgb.jpg", "jpeg_progressive.jpg", "jpeg_grey.jpg"}) {
    const std::string good = read_bytes(images + name);
    const int read = fuzz("x.jpg", good, 3000, good.size(),
                          [](const std::string& path) { read_image_or_jpeg(path, {.pixels = 1'000'000}); });
    CHECK(read > 300);  // there are no checksums
    CHECK(read < 2800);
  }
}

TEST_SUITE_END();
