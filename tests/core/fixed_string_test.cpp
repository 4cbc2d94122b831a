// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/core/fixed_string.hpp>

#include <string_view>
#include <type_traits>

#include <doctest/doctest.h>

using kiln::FixedString;

TEST_SUITE_BEGIN("core");

namespace {

template <FixedString text>
struct Labelled {
  static constexpr std::string_view label = text.view();
};

}  // namespace

TEST_CASE("a literal is a template argument") {
  CHECK(Labelled<"ij,jk->ik">::label == "ij,jk->ik");
  CHECK(Labelled<"">::label.empty());
  static_assert(std::is_same_v<Labelled<"ab">, Labelled<"ab">>);
  static_assert(!std::is_same_v<Labelled<"ab">, Labelled<"ba">>);
}

TEST_CASE("a fixed string knows its size and keeps zeros inside") {
  constexpr FixedString text("a\0b");
  CHECK(text.size() == 3);
  CHECK(text.view() == std::string_view("a\0b", 3));
  CHECK(std::string_view(text).back() == 'b');
  FixedString<2> made;
  made.text[0] = 'x';
  made.text[1] = 'y';
  CHECK(made == FixedString("xy"));
}

TEST_SUITE_END();
