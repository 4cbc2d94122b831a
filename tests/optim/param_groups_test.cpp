// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/optim/param_groups.hpp>

#include <doctest/doctest.h>

#include <kiln/nn/linear.hpp>
#include <kiln/nn/sequential.hpp>
#include <kiln/optim/adam.hpp>

TEST_SUITE_BEGIN("optim");

using namespace kiln;

namespace {

struct Net {
  Sequential<Linear, Linear> body{{3, 4}, {4, 4}};
  Linear bodyguard{4, 4};
  Linear head{4, 2};
};

}  // namespace

TEST_CASE("a group for each path, in the order given") {
  Net net;
  Optimizer optimizer =
      param_groups(Adam{.lr = 0.5}, parameters(net), {"head", "body", "bodyguard.weight", "bodyguard.bias"});
  REQUIRE(optimizer.group_count() == 4);
  CHECK(optimizer.parameters(0)[0].name == "head.weight");
  REQUIRE(optimizer.parameters(1).size() == 4);
  CHECK(optimizer.parameters(1)[3].name == "body.1.bias");
  CHECK(optimizer.parameters(2).size() == 1);
  CHECK(optimizer.hyper(3, "lr") == 0.5);
  optimizer.hyper(0, "lr") = 0.1;
  CHECK(optimizer.hyper(1, "lr") == 0.5);
}

TEST_CASE("paths that leave a parameter out, share one or have none") {
  Net net;
  const auto params = parameters(net);
  CHECK_THROWS_WITH_AS(param_groups(Adam{}, params, {"body", "head"}),
                       "param_groups: every parameter must belong to a path: bodyguard.weight is not below body, head",
                       UsageError);
  CHECK_THROWS_WITH_AS(param_groups(Adam{}, params, {"body", "body.0", "bodyguard", "head"}),
                       "param_groups: a parameter must belong to one path: body.0.weight belongs to two", UsageError);
  CHECK_THROWS_WITH_AS(param_groups(Adam{}, params, {"body", "bodyguard", "head", "tail"}),
                       "param_groups: every path must have parameters: tail has none", UsageError);
  CHECK_THROWS_WITH_AS(param_groups(Adam{}, params, {}), "param_groups: at least one path is needed: got none",
                       UsageError);
}

TEST_SUITE_END();
