// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `FixedString`: text that can be a template argument, as in `einsum<"ij,jk->ik">(a, b)`.
#pragma once

#include <cstddef>
#include <string_view>

namespace kiln {

/// `N` characters, without a terminating zero. Deduced from a literal: `template <FixedString text>`.
template <std::size_t N>
struct FixedString {
  char text[N + 1] = {};  // one more, because an array cannot be empty; it stays zero

  constexpr FixedString() = default;
  constexpr FixedString(const char (&literal)[N + 1]) {
    for (std::size_t i = 0; i < N; ++i) text[i] = literal[i];
  }

  constexpr std::string_view view() const { return {text, text + N}; }
  constexpr operator std::string_view() const { return view(); }
  static constexpr std::size_t size() { return N; }

  friend constexpr bool operator==(const FixedString&, const FixedString&) = default;
};

template <std::size_t M>
FixedString(const char (&)[M]) -> FixedString<M - 1>;

}  // namespace kiln
