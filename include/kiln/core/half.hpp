// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Floats of 16 bits, which files hold and Kiln reads as `float`.
#pragma once

#include <bit>
#include <cstdint>

namespace kiln::detail {

/// As IEEE 754 has it: 5 bits of exponent, 10 of fraction.
struct Half {
  std::uint16_t bits = 0;
};

inline float half_to_float(Half half) {
  const std::uint32_t sign = std::uint32_t{half.bits & 0x8000u} << 16;
  const std::uint32_t exponent = half.bits >> 10 & 31u;
  const std::uint32_t fraction = half.bits & 1023u;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
  if (exponent == 0) return (sign ? -1.0f : 1.0f) * static_cast<float>(fraction) * 0x1p-24f;
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
}

/// The upper half of a float.
struct BFloat {
  std::uint16_t bits = 0;
};

inline float bfloat_to_float(BFloat half) { return std::bit_cast<float>(std::uint32_t{half.bits} << 16); }

}  // namespace kiln::detail
