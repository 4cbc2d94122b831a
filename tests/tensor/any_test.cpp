// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/tensor/any.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>

#include <utility>

#include <kiln/tensor/create.hpp>
#include <kiln/tensor/reduce.hpp>

using namespace kiln;

TEST_SUITE_BEGIN("tensor");

TEST_CASE("an AnyTensor gives its tensor back") {
  AnyTensor any = Tensor<2>{{1, 2}, {3, 4}};
  CHECK(any.is<2>());
  CHECK_FALSE(any.is<2, double>());
  CHECK(any.rank() == 2);
  CHECK(any.type() == "Tensor<2, float>");
  CHECK(concat(any.dims()) == "(2, 2)");
  any.as<2>()(0, 0) = 10;
  CHECK(std::as_const(any).as<2>()(0, 0) == 10);
  any = Tensor<8, double>();
  CHECK(any.rank() == 8);
}

TEST_CASE("copies of an AnyTensor are deep, and moves hand over") {
  AnyTensor any = Tensor<1>{1, 2};
  AnyTensor copy = any;
  const float* data = any.as<1>().data();
  any.as<1>()(0) = 5;
  CHECK(copy.as<1>()(0) == 1);
  AnyTensor moved = std::move(any);
  CHECK(moved.as<1>().data() == data);
  CHECK(any.empty());
  any = moved;
  CHECK(any.as<1>()(0) == 5);
  any = *&any;
  CHECK(any.as<1>()(0) == 5);
  any.reset();
  any.reset();
  CHECK(any.empty());
  CHECK(any.dims().empty());
  AnyTensor none = any;
  CHECK(none.empty());
}

TEST_CASE("elements of an AnyTensor, whatever its rank") {
  AnyTensor any = Tensor<2, double>{{1, 2}, {3, 4}};
  any.elements<double>()[3] = 40;
  CHECK(any.as<2, double>()(1, 1) == 40);
  CHECK(std::as_const(any).elements<double>().size() == 4);
  CHECK_THROWS_WITH_AS(any.elements<float>(), "elements: asked for float: it holds Tensor<2, double>", UsageError);
  CHECK_THROWS_WITH_AS(AnyTensor().elements<float>(), "elements: asked for float: it holds nothing", UsageError);
}

TEST_CASE("an AnyTensor as memory") {
  AnyTensor any = Tensor<2, std::int16_t>{{1, 2}, {3, 4}};
  CHECK(any.holds<std::int16_t>());
  CHECK_FALSE(any.holds<int>());
  CHECK(any.bytes().size() == 8);
  any.bytes()[6] = std::byte{9};
  CHECK(any.as<2, std::int16_t>()(1, 1) == 9);
  CHECK(std::as_const(any).bytes().data() == any.bytes().data());
  CHECK(AnyTensor().bytes().empty());
  CHECK_FALSE(AnyTensor().holds<int>());
  CHECK(AnyTensor(detail::without_elements<1, float>()).bytes().empty());
}

TEST_CASE("a scalar without element has none in an AnyTensor either") {
  AnyTensor any = detail::without_elements<0, float>();
  CHECK(any.elements<float>().empty());
}

TEST_CASE("an AnyTensor says what it is asked wrongly for") {
  AnyTensor any = Tensor<1, int>{1};
  CHECK_THROWS_WITH_AS(any.as<1>(), "as: asked for Tensor<1, float>: it holds Tensor<1, int>", UsageError);
  CHECK_THROWS_WITH_AS((any.as<2, int>()), "as: asked for Tensor<2, int>: it holds Tensor<1, int>", UsageError);
  CHECK_THROWS_WITH_AS(AnyTensor().as<1>(), "as: asked for Tensor<1, float>: it holds nothing", UsageError);
}

TEST_CASE("AnyTensors of the same type know each other") {
  const AnyTensor x = Tensor<2, double>{{1, 2, 3}};
  CHECK(x.same_type(Tensor<2, double>{{1}}));
  CHECK_FALSE(x.same_type(Tensor<2>{{1}}));
  CHECK_FALSE(x.same_type(Tensor<1, double>{1}));
  CHECK_FALSE(x.same_type(AnyTensor()));
  CHECK(AnyTensor().same_type(AnyTensor()));
}

TEST_SUITE_END();
