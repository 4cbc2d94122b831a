// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/core/type_name.hpp>

#include <array>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using kiln::type_id;
using kiln::type_name;

TEST_SUITE_BEGIN("core");

namespace nets::inner {

struct Mlp {};
template <class T>
struct BasicLinear {};
template <int Rank, class T = float>
struct Tensor {};
template <class... Layers>
struct Sequential {
  struct Part {};
};

}  // namespace nets::inner

namespace {

struct Anonymous {};

}  // namespace

TEST_CASE("type_name leaves out namespaces, also those of arguments") {
  using nets::inner::BasicLinear;
  using nets::inner::Mlp;
  using nets::inner::Sequential;
  using nets::inner::Tensor;
  static_assert(type_name<Mlp>() == "Mlp");
  CHECK(type_name<int>() == "int");
  CHECK(type_name<Anonymous>() == "Anonymous");
  CHECK(type_name<BasicLinear<float>>() == "BasicLinear<float>");
  CHECK(type_name<Sequential<BasicLinear<Anonymous>, Mlp>>() == "Sequential<BasicLinear<Anonymous>, Mlp>");
  CHECK(type_name<Sequential<Mlp, Mlp>::Part>() == "Part");
  CHECK(type_name<Tensor<2>>() == "Tensor<2>");
  CHECK(type_name<std::vector<std::vector<Mlp>>>() == "vector<vector<Mlp>>");
  CHECK(type_name<std::array<Anonymous, 3>>() == "array<Anonymous, 3>");
  CHECK(type_name<const Mlp&>() == "const Mlp&");
  CHECK(type_name<Mlp*>() == "Mlp*");
}

TEST_CASE("type_name leaves out functions around a type") {
  struct Local {};
  CHECK(type_name<Local>() == "Local");
  CHECK(type_name<std::vector<Local>>() == "vector<Local>");
  auto in_lambda = [](auto x, const std::vector<int>&) {
    struct Deeper {
      decltype(x) value;
    };
    return type_name<nets::inner::BasicLinear<Deeper>>();
  };
  CHECK(in_lambda(Local{}, {}) == "BasicLinear<Deeper>");
}

TEST_CASE("type_name calls every closure lambda") {
  auto scale = [factor = 2.0f](float x) { return factor * x; };
  auto generic = [](auto x) { return x; };
  CHECK(type_name<decltype(scale)>() == "lambda");
  CHECK(type_name<nets::inner::Sequential<decltype(generic), int>>() == "Sequential<lambda, int>");
}

TEST_CASE("type_id tells types apart") {
  struct Local {};
  static_assert(type_id<int>() == type_id<int>());
  CHECK(type_id<int>() != type_id<unsigned>());
  CHECK(type_id<int>() != type_id<const int>());
  CHECK(type_id<Local>() != type_id<Anonymous>());
  CHECK(type_id<Local>() == type_id<Local>());
}

TEST_SUITE_END();
