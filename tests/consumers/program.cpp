// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// A user's own file with a model. It trains on points of a line, and touches what needs Eigen, zlib and threads.
#include <cstdio>
#include <cstring>

#include <kiln/autograd/activation.hpp>
#include <kiln/data/mnist.hpp>
#include <kiln/kernels/matmul_eigen.hpp>
#include <kiln/kernels/select.hpp>
#include <kiln/nn/linear.hpp>
#include <kiln/nn/loss.hpp>
#include <kiln/optim/optimizer.hpp>
#include <kiln/optim/sgd.hpp>
#include <kiln/tensor/create.hpp>

namespace {

struct Net {
  kiln::Linear hidden{1, 8};
  kiln::Linear out{8, 1};
  auto operator()(kiln::Var<2> x) const { return out(kiln::relu(hidden(x))); }
};

float train(Net& net, int steps) {
  const kiln::Tensor<2> x = (kiln::arange(64) / 32.0F - 1.0F).reshape({64, 1});
  const kiln::Tensor<2> y = 3.0F * x + 1.0F;
  kiln::Optimizer optimizer{kiln::SGD{.lr = 0.05}, kiln::parameters(net)};
  float last = 0;
  for (int step = 0; step < steps; ++step) {
    kiln::Tape tape{kiln::Mode::train};
    auto loss = kiln::mse_loss(net(tape(x)), y);
    kiln::backward(loss);
    optimizer.step();
    optimizer.zero_grad();
    last = loss.item();
  }
  return last;
}

}  // namespace

int main() {
  kiln::manual_seed(1);
  Net net;
  const float before = train(net, 1);
  auto scope = kiln::use_matmul<kiln::EigenMatmul>();
  const float after = train(net, 100);
  std::printf("loss %g, then %g\n", static_cast<double>(before), static_cast<double>(after));
  if (!(after < before / 10)) return 1;

  try {
    auto data = kiln::mnist({.path = "no such folder"});
  } catch (const kiln::DataError& error) {
    std::printf("%s\n", error.what());
    return std::strstr(error.what(), "no such folder") == nullptr ? 1 : 0;
  }
  return 1;
}
