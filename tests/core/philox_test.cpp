// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/core/philox.hpp>

#include <doctest/doctest.h>

using kiln::philox;

TEST_SUITE_BEGIN("core");

// Source: rows "philox4x32 10" of tests/kat_vectors in Random123 1.14 (D. E. Shaw Research).
TEST_CASE("philox gives the known answers of Random123") {
  using Words = std::array<std::uint32_t, 4>;
  static_assert(philox({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_SUITE_END();
