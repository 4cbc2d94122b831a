// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/models/lenet.hpp>

#include "oracle.hpp"

using namespace kiln;

TEST_SUITE_BEGIN("models");

TEST_CASE("LeNet-5 equals its PyTorch twin") {
  check_model("lenet", BasicLeNet5<double>{}, Shape<4>(2, 1, 28, 28));
  check_size("lenet", LeNet5{}, Shape<4>(2, 1, 28, 28));
}

TEST_CASE("LeNet-5 is summarised, saved and shared by threads") {
  LeNet5 model;
  check_uses(model, LeNet5{}, numbers<float>({2, 1, 28, 28}, 1));
}

TEST_SUITE_END();
