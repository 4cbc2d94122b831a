// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// The memory that training takes: ten steps of AdamW with the ResNet of 16, 32 and 64 channels, two blocks each, on
// batches of 28 by 28 pixels. bench/torch holds the same for PyTorch, in Python and C++.
//
//   bench_memory_resnet [BATCH]      256 unless told otherwise

#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include <kiln/autograd/tape.hpp>
#include <kiln/models/resnet.hpp>
#include <kiln/nn/cross_entropy.hpp>
#include <kiln/optim/adam.hpp>
#include <kiln/optim/optimizer.hpp>
#include <kiln/tensor/random.hpp>

using namespace kiln;

namespace {

double peak_mib() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  return static_cast<double>(use.ru_maxrss) / 1024;
}

double mib(std::size_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

}  // namespace

int main(int count, char** words) {
  const Index batch = count > 1 ? std::atol(words[1]) : 256;
  const double before = peak_mib();
  ResNet model{.channels = {16, 32, 64}, .blocks_per_stage = 2};
  Optimizer optimizer{AdamW{.lr = 1e-3}, parameters(model)};
  const Tensor<4> x = randn({batch, 1, 28, 28});
  Tensor<1, int> y = zeros<int>({batch});
  for (Index i = 0; i < batch; ++i) y(i) = static_cast<int>(i % 10);

  const auto begin = std::chrono::steady_clock::now();
  constexpr int steps = 10;
  std::size_t kept = 0;
  for (int step = 0; step < steps; ++step) {
    Tape tape{Mode::train};
    const auto loss = cross_entropy(model(tape(x)), y);
    kept = memory_use().in_use;
    backward(loss);
    optimizer.step();
    optimizer.zero_grad();
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  std::printf(
      "Kiln, batch %ld: peak %.0f MiB resident, %.0f of them since the start of main; %.0f MiB in tensors "
      "before backward; %.0f ms a step\n",
      static_cast<long>(batch), peak_mib(), peak_mib() - before, mib(kept), taken.count() * 1e3 / steps);
}
