// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/tensor/print.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <sstream>

#include <kiln/tensor/create.hpp>
#include <kiln/tensor/elementwise.hpp>

using namespace kiln;

TEST_SUITE_BEGIN("tensor");

TEST_CASE("tensors are printed as NumPy prints arrays"){
#include "print.inc"
}

TEST_CASE("views and small integers are printed too") {
  Tensor<2, std::uint8_t> x{{1, 200}, {30, 4}};
  CHECK(to_string(x.view().permute_view({1, 0})) == "[[  1  30]\n [200   4]]");
  CHECK(to_string(x.row_view(0).row_view(1)) == "200");
}

TEST_CASE("a scalar without element prints as one without elements") {
  CHECK(to_string(detail::without_elements<0, float>()) == "[]");
}

TEST_CASE("tensors go to a stream") {
  std::ostringstream out;
  out << Tensor<1>{1, 2.5f} << '\n' << Tensor<1, int>{1}.reshape(Shape<0>{});
  CHECK(out.str() == "[1.  2.5]\n1");
}

TEST_SUITE_END();
