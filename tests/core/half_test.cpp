// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/core/half.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

TEST_SUITE_BEGIN("core");

using namespace kiln;

TEST_CASE("every float of 16 bits") {
  for (int bits = 0; bits < 1 << 16; ++bits) {
    const float value = detail::half_to_float({static_cast<std::uint16_t>(bits)});
    const int exponent = bits >> 10 & 31;
    const float fraction = static_cast<float>(bits & 1023) / 1024;
    float expected = exponent == 0 ? std::ldexp(fraction, -14) : std::ldexp(1 + fraction, exponent - 15);
    if (exponent == 31) expected = fraction == 0 ? std::numeric_limits<float>::infinity() : std::nanf("");
    if (bits >> 15) expected = -expected;
    if (std::isnan(expected) ? !std::isnan(value) : value != expected || std::signbit(value) != std::signbit(expected))
      FAIL(bits);
  }
}

TEST_CASE("the upper half of a float") {
  CHECK(detail::bfloat_to_float({0x3f80}) == 1);
  CHECK(detail::bfloat_to_float({0xc020}) == -2.5f);
  CHECK(std::isnan(detail::bfloat_to_float({0x7fc0})));
}

TEST_SUITE_END();
