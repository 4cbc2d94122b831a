// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/models/autoencoder.hpp>

#include <kiln/nn/elementwise_loss.hpp>
#include <kiln/optim/adam.hpp>
#include <kiln/optim/optimizer.hpp>

#include "oracle.hpp"

using namespace kiln;

TEST_SUITE_BEGIN("models");

TEST_CASE("an autoencoder equals its PyTorch twin") {
  check_model("autoencoder", BasicAutoencoder<double>{.channels = {3, 4, 2}, .image = 14}, Shape<4>(2, 1, 14, 14));
  check_size("autoencoder", Autoencoder{}, Shape<4>(2, 1, 28, 28));
}

TEST_CASE("an autoencoder's code is small, and decodes to the size of the images") {
  const Autoencoder model{.in = 3, .channels = {4, 2}, .image = {9, 12}};
  const auto x = numbers<float>({2, 3, 9, 12}, 1);
  const auto code = model.encode(x);
  CHECK(code.shape() == Shape<4>(2, 2, 3, 3));
  CHECK(model.decode(code).shape() == x.shape());
  const auto whole = model(x), parts = model.decode(code);
  CHECK(std::equal(whole.value().begin(), whole.value().end(), parts.value().begin()));
}

TEST_CASE("an autoencoder learns to draw what it was shown") {
  manual_seed(1);
  Autoencoder model{.channels = {8, 4}, .image = 8};
  auto x = zeros({4, 1, 8, 8});
  for (Index n = 0; n < 4; ++n) {
    for (Index i = 0; i < 8; ++i) x(n, 0, n < 2 ? i : 2 * n, n < 2 ? 2 + n : i) = 1;  // lines
  }
  Optimizer optimizer{Adam{.lr = 0.02}, parameters(model)};
  double first = 0, last = 0;
  for (int step = 0; step < 60; ++step) {
    Tape tape{Mode::train};
    const auto loss = mse_loss(model(tape(x)), x);
    last = static_cast<double>(loss.item());
    if (step == 0) first = last;
    backward(loss);
    optimizer.step();
    optimizer.zero_grad();
  }
  CHECK(last < 0.1 * first);
}

TEST_CASE("an autoencoder is summarised, saved and shared by threads") {
  Autoencoder model;
  check_uses(model, Autoencoder{}, numbers<float>({2, 1, 28, 28}, 1));
}

TEST_CASE("an autoencoder is made for one size of images") {
  CHECK(message_of<ShapeError>([] {
          Autoencoder{}(zeros({1, 1, 32, 32}));
        }) == "Autoencoder: autoencoder: input's height and width must be (28, 28): got shape (1, 1, 32, 32)");
}

TEST_SUITE_END();
