// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/data/image_file.hpp>

#include <doctest/doctest.h>

#include <kiln/data/npz.hpp>
#include <kiln/tensor/reduce.hpp>

#include "fuzz.hpp"

TEST_SUITE_BEGIN("data");

using namespace kiln;

namespace {

const std::string images = "tests/data/images/";  // made by tests/oracles/images.py

std::string file_of(const std::string& name) {
  if (!name.starts_with("p") || name.starts_with("palette")) return concat(images, name, ".png");
  return concat(images, name, ".", name.substr(0, 3));
}

}  // namespace

TEST_CASE("every kind of PNG, PGM, PPM and PBM is decoded as Netpbm and Pillow do") {
  const NpzFile expected = load_npz(images + "expected.npz");
  int count = 0;
  for (const std::string& name : expected.names()) {
    if (name.starts_with("jpeg")) continue;
    CAPTURE(name);
    const Image image = read_image(file_of(name));
    const auto wanted = expected.get<3, std::uint8_t>(name);
    CHECK(image.shape() == wanted.shape());
    CHECK(all_equal(image, wanted));
    ++count;
  }
  CHECK(count == 57);
}

TEST_CASE("files that are no images, and images that are too large") {
  const TempFolder folder;
  const std::string jpeg = images + "jpeg_grey.jpg";
  CHECK_THROWS_WITH_AS(read_image(jpeg),
                       concat("read_image: ", jpeg,
                              ": format: must be PNG, PGM, PPM or PBM: it is JPEG, which "
                              "read_image_or_jpeg of kiln/data/jpeg.hpp reads")
                           .c_str(),
                       DataError);
  for (const char* content : {"", "P", "P7\n", "GIF89a"}) {
    const std::string path = folder.write("x.png", content);
    CHECK_THROWS_WITH_AS(
        read_image(path),
        concat("read_image: ", path, ": format: must be PNG, PGM, PPM or PBM, by its first bytes: it is none of them")
            .c_str(),
        DataError);
  }
  CHECK_THROWS_WITH_AS(read_image("no/such"),
                       "read_image: no/such: must be possible to open: No such file or directory", DataError);
  CHECK(read_image(images + "grey8.png", {.pixels = 117}).shape() == Shape<3>{1, 9, 13});
  for (const char* name : {"grey8.png", "pgm.pgm"}) {
    CHECK_THROWS_WITH_AS(read_image(images + name, {.pixels = 27}),
                         doctest::Contains("size: must be at most 27 pixels, unless ImageLimits says more: got "),
                         DataError);
    CHECK_THROWS_WITH_AS(read_image(images + name, {.pixels = -1}), doctest::Contains("must be at most 0 pixels"),
                         DataError);
  }
}

TEST_CASE("values of any depth are rounded to the nearest of 256") {
  CHECK(detail::scaled_byte(0, 1) == 0);
  CHECK(detail::scaled_byte(1, 1) == 255);
  CHECK(detail::scaled_byte(7, 15) == 119);
  CHECK(detail::scaled_byte(65535, 65535) == 255);
  CHECK(detail::scaled_byte(128, 65535) == 0);
  CHECK(detail::scaled_byte(129, 65535) == 1);
  for (std::uint32_t v = 0; v < 256; ++v) CHECK(detail::scaled_byte(v, 255) == v);
}

TEST_CASE("damaged images are read or refused") {
  int read = 0;
  for (const char* name : {"grey1_interlaced.png", "rgba16.png", "palette2_alpha.png", "grey4_key.png", "filter4.png",
                           "pbm.pbm", "pbm_text.pbm", "pgm1000.pgm", "ppm_text.ppm"}) {
    const std::string good = read_bytes(images + name);
    read +=
        fuzz("x", good, 1500, good.size(), [](const std::string& path) { read_image(path, {.pixels = 1'000'000}); });
  }
  CHECK(read > 500);  // Netpbm's formats have no checksums
  CHECK(read < 5000);
}

TEST_SUITE_END();
