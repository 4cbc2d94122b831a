// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/kernels/pixel_values.hpp>

#include <doctest/doctest.h>

#include <vector>

TEST_SUITE_BEGIN("kernels");

using kiln::Index;
using kiln::detail::PixelValues;

namespace {

template <class T>
void check_every_pixel(double mean, double std) {
  const PixelValues<T> values(mean, std);
  for (Index n : {0, 1, 15, 127, 128, 129, 784, 1000}) {
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(n) + 256);
    for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i);
    std::vector<T> result(pixels.size() + 1, T{-7});
    values(n + 256, pixels.data(), result.data());
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      volatile T unit = static_cast<T>(pixels[i]) / 255;  // volatile: rounded after each step
      volatile T centred = unit - static_cast<T>(mean);
      REQUIRE(result[i] == centred / static_cast<T>(std));
    }
    CHECK(result.back() == T{-7});
  }
}

}  // namespace

TEST_CASE_TEMPLATE("pixels have the bits of a division, a subtraction and a division", T, float, double) {
  for (double mean : {0.0, 0.1307, 0.2860, 0.485, 0.5, -3.0}) {
    for (double std : {1.0, 0.3081, 0.3530, 0.229, 0.25, 1e-3, 1e30}) check_every_pixel<T>(mean, std);
  }
  check_every_pixel<T>(0.1, 1e-40);  // of which a float's inverse is not finite
}

TEST_SUITE_END();
