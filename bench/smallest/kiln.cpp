// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// The smallest program that trains on MNIST, for scripts/bench --compile: what it takes to compile, and its size.

#include <kiln/kiln.hpp>

int main() {
  using namespace kiln;
  auto data = mnist({.batch_size = 64});
  auto model = Sequential{Flatten{}, Linear{784, 50}, ReLU{}, Linear{50, 10}};
  Learner learn{data, model, CrossEntropy{}, SGD{}, Accuracy{}};
  learn.fit(3, 0.1);
}
