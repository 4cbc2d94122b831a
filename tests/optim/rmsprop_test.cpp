// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/optim/rmsprop.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include "trajectory.hpp"

using namespace kiln;
using namespace trajectory;

TEST_SUITE_BEGIN("optim");

TEST_CASE("RMSProp takes PyTorch's steps") {
  follow("rmsprop_defaults", RMSProp{});
  follow("rmsprop", RMSProp{.lr = 0.05, .alpha = 0.9, .eps = 1e-4});
  follow("rmsprop_decay", RMSProp{.lr = 0.05, .alpha = 0.9, .weight_decay = 0.05});
  follow("rmsprop_momentum", RMSProp{.lr = 0.05, .alpha = 0.9, .momentum = 0.8});
  follow("rmsprop_centered", RMSProp{.lr = 0.05, .alpha = 0.9, .centered = true});
  follow("rmsprop_everything",
         RMSProp{.lr = 0.05, .alpha = 0.9, .weight_decay = 0.05, .momentum = 0.8, .centered = true});
}

TEST_CASE("a centered RMSProp survives a constant gradient") {  // whose variance may round to less than nothing
  Param<1> x{zeros({3})};
  Optimizer optimizer{RMSProp{.lr = 1e-3, .alpha = 0.5, .centered = true}, {{"x", x}}};
  for (int step = 0; step < 300; ++step) {
    x.grad = Tensor<1>{0.1f, 3.3f, 1e-3f};
    optimizer.step();
  }
  for (float value : x.value) CHECK(std::isfinite(value));
}

TEST_CASE("RMSProp minimises") {
  minimises<Quadratic>(RMSProp{.lr = 0.1}, 500);
  minimises<Quadratic>(RMSProp{.lr = 0.01, .momentum = 0.9, .centered = true}, 500);
  minimises<Rosenbrock>(RMSProp{.lr = 0.01}, 5000);
  minimises<Rosenbrock>(RMSProp{.lr = 1e-3, .momentum = 0.9, .centered = true}, 5000);
}

TEST_CASE("RMSProp says which value is impossible") {
  Param<1> x{ones({1})};
  auto made = [&](RMSProp rule) { return message_of([&] { Optimizer{rule, {{"x", x}}}; }); };
  CHECK(made({.lr = -1}) == "RMSProp.lr: must be finite and not negative: got -1");
  CHECK(made({.alpha = 1}) == "RMSProp.alpha: must lie in [0, 1): got 1");
  CHECK(made({.momentum = -1}) == "RMSProp.momentum: must be finite and not negative: got -1");
}

TEST_SUITE_END();
