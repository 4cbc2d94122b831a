// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/optim/sgd.hpp>

#include <doctest/doctest.h>

#include <limits>

#include "trajectory.hpp"

using namespace kiln;
using namespace trajectory;

TEST_SUITE_BEGIN("optim");

TEST_CASE("SGD takes PyTorch's steps") {
  follow("sgd", SGD{.lr = 0.1});
  follow("sgd_decay", SGD{.lr = 0.1, .weight_decay = 0.05});
  follow("sgd_momentum", SGD{.lr = 0.1, .momentum = 0.9});
  follow("sgd_dampening", SGD{.lr = 0.1, .momentum = 0.9, .dampening = 0.5});
  follow("sgd_nesterov", SGD{.lr = 0.1, .momentum = 0.9, .nesterov = true});
  follow("sgd_dampening_decay", SGD{.lr = 0.1, .momentum = 0.8, .dampening = 0.3, .weight_decay = 0.05});
  follow("sgd_nesterov_decay", SGD{.lr = 0.1, .momentum = 0.8, .weight_decay = 0.05, .nesterov = true});
}

TEST_CASE("SGD's momentum may begin in the middle") {
  follow("sgd_schedule", SGD{.lr = 0.1, .dampening = 0.5}, [](Optimizer& optimizer, int step) {
    optimizer.hyper(0, "momentum") = step < 5 ? 0 : 0.5 + step / 64.0;
    return true;
  });
}

TEST_CASE("SGD keeps no slot without momentum") {
  Param<1> x{ones({4})};
  x.grad = ones({4});
  Optimizer plain{SGD{}, {{"x", x}}};
  Optimizer heavy{SGD{.momentum = 0.9}, {{"x", x}}};
  plain.step();
  heavy.step();
  CHECK(plain.state().groups[0].parameters[0].slots.empty());
  REQUIRE(heavy.state().groups[0].parameters[0].slots.size() == 1);
  CHECK(heavy.state().groups[0].parameters[0].slots[0].name == "momentum_buffer");
}

TEST_CASE("SGD leaves an infinite weight alone") {
  Param<1> x{Tensor<1>{-std::numeric_limits<float>::infinity()}};
  x.grad = zeros({1});
  Optimizer optimizer{SGD{.momentum = 0.9}, {{"x", x}}};
  optimizer.step();
  CHECK(x.value(0) == -std::numeric_limits<float>::infinity());
}

TEST_CASE("SGD minimises") {
  minimises<Quadratic>(SGD{.lr = 0.1}, 200);
  minimises<Quadratic>(SGD{.lr = 0.02, .momentum = 0.9, .nesterov = true}, 500);
  minimises<Rosenbrock>(SGD{.lr = 1e-3}, 40000);
  minimises<Rosenbrock>(SGD{.lr = 1e-3, .momentum = 0.9}, 5000);
}

TEST_CASE("SGD says which value is impossible") {
  Param<1> x{ones({1})};
  auto made = [&](SGD rule) { return message_of([&] { Optimizer{rule, {{"x", x}}}; }); };
  CHECK(made({.lr = -1}) == "SGD.lr: must be finite and not negative: got -1");
  CHECK(made({.lr = std::numeric_limits<double>::quiet_NaN()}) == "SGD.lr: must be finite: got nan");
  CHECK(made({.lr = std::numeric_limits<double>::infinity()}) == "SGD.lr: must be finite: got inf");
  CHECK(made({.momentum = -0.5}) == "SGD.momentum: must be finite and not negative: got -0.5");
  CHECK(made({.weight_decay = -0.5}) == "SGD.weight_decay: must be finite and not negative: got -0.5");
  CHECK(made({.nesterov = true}) == "SGD.nesterov: needs a momentum and no dampening: got momentum 0 and dampening 0");
  CHECK(made({.momentum = 0.9, .dampening = 0.1, .nesterov = true}) ==
        "SGD.nesterov: needs a momentum and no dampening: got momentum 0.9 and dampening 0.1");
}

TEST_SUITE_END();
