// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/core/text.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>

namespace {

struct Money {
  int cents;
  friend void append_text(std::string& out, Money money) { out += kiln::concat(money.cents / 100, " euros"); }
};

}  // namespace

using namespace kiln;

TEST_SUITE_BEGIN("core");

TEST_CASE("concat joins texts, numbers, truths and whatever says how") {
  CHECK(concat() == "");
  CHECK(concat("got ", 3, ' ', std::string("and "), std::string_view("more"), true, false) ==
        "got 3 and moretruefalse");
  CHECK(concat(Money{500}) == "5 euros");
}

TEST_CASE("integers of every size") {
  CHECK(concat(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
  CHECK(concat(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
  CHECK(concat(std::uint8_t{200}, " ", std::int8_t{-100}) == "200 -100");
}

TEST_CASE("floating-point numbers take the fewest digits that read back the same") {
  CHECK(concat(0.1, " ", 0.1f, " ", 1.0, " ", -0.0, " ", 1e100) == "0.1 0.1 1 -0 1e+100");
  CHECK(concat(1.0 / 3) == "0.3333333333333333");
  CHECK(concat(std::numeric_limits<double>::infinity(), " ", -std::numeric_limits<float>::infinity()) == "inf -inf");
  CHECK(concat(std::numeric_limits<double>::quiet_NaN()) == "nan");
  CHECK(concat(std::numeric_limits<double>::denorm_min()) == "5e-324");
}

TEST_CASE("fixed gives a count of digits after the point") {
  CHECK(fixed(0.98165, 4) == "0.9817");
  CHECK(fixed(2.5, 0) == "2");
  CHECK(fixed(-1e20, 1) == "-100000000000000000000.0");
  CHECK(fixed(std::numeric_limits<double>::max(), 2).size() == 312);
}

TEST_SUITE_END();
