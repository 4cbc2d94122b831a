// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/optim/adam.hpp>

#include <doctest/doctest.h>

#include "trajectory.hpp"

using namespace kiln;
using namespace trajectory;

TEST_SUITE_BEGIN("optim");

TEST_CASE("Adam takes PyTorch's steps") {
  follow("adam_defaults", Adam{});
  follow("adam", Adam{.lr = 0.1});
  follow("adam_betas", Adam{.lr = 0.1, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-3});
  follow("adam_decay", Adam{.lr = 0.1, .weight_decay = 0.05});
  follow("adam_amsgrad", Adam{.lr = 0.1, .beta2 = 0.9, .amsgrad = true});
  follow("adam_amsgrad_decay", Adam{.lr = 0.1, .beta2 = 0.9, .weight_decay = 0.05, .amsgrad = true});
}

TEST_CASE("AdamW takes PyTorch's steps") {
  follow("adamw_defaults", AdamW{});
  follow("adamw", AdamW{.lr = 0.1, .weight_decay = 0.2});
  follow("adamw_amsgrad", AdamW{.lr = 0.1, .beta2 = 0.9, .weight_decay = 0.2, .amsgrad = true});
}

TEST_CASE("Adam follows a schedule of its learning rate") {
  follow("adam_schedule", Adam{}, [](Optimizer& optimizer, int step) {
    optimizer.hyper(0, "lr") = (step % 7) / 64.0;
    return true;
  });
}

TEST_CASE("Adam corrects the bias by the updates of the parameter, not by the steps of the optimizer") {
  follow("adam_gaps", Adam{.lr = 0.1}, [](Optimizer&, int step) { return step >= 5 && step % 3 != 0; });
}

TEST_CASE("Adam and AdamW minimise") {
  minimises<Quadratic>(Adam{.lr = 0.1}, 500);
  minimises<Quadratic>(AdamW{.lr = 0.1, .weight_decay = 1e-4}, 500);
  minimises<Quadratic>(Adam{.lr = 0.1, .amsgrad = true}, 500);
  minimises<Rosenbrock>(Adam{.lr = 0.05}, 3000);
  minimises<Rosenbrock>(AdamW{.lr = 0.05, .weight_decay = 1e-5}, 3000);
  minimises<Rosenbrock>(Adam{.lr = 0.05, .amsgrad = true}, 3000);
}

TEST_CASE("Adam and AdamW say which value is impossible") {
  Param<1> x{ones({1})};
  auto made = [&](auto rule) { return message_of([&] { Optimizer{rule, {{"x", x}}}; }); };
  CHECK(made(Adam{.lr = -1}) == "Adam.lr: must be finite and not negative: got -1");
  CHECK(made(Adam{.beta1 = 1}) == "Adam.beta1: must lie in [0, 1): got 1");
  CHECK(made(Adam{.beta2 = -0.1}) == "Adam.beta2: must lie in [0, 1): got -0.1");
  CHECK(made(AdamW{.eps = -1}) == "AdamW.eps: must be finite and not negative: got -1");
  CHECK(made(AdamW{.weight_decay = -1}) == "AdamW.weight_decay: must be finite and not negative: got -1");
}

TEST_SUITE_END();
