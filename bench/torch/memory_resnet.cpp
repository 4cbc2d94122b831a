// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// bench/memory_resnet.cpp with PyTorch's C++ interface (Debian: libtorch-dev). scripts/bench builds it.

#include <sys/resource.h>
#include <torch/torch.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace nn = torch::nn;

namespace {

double peak_mib() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  return static_cast<double>(use.ru_maxrss) / 1024;
}

nn::Sequential conv(int in, int out, int stride, bool act) {
  nn::Sequential block{nn::Conv2d(nn::Conv2dOptions(in, out, 3).stride(stride).padding(1).bias(false)),
                       nn::BatchNorm2d(out)};
  if (act) block->push_back(nn::ReLU());
  return block;
}

struct ResBlockImpl : nn::Module {
  nn::Sequential conv1, conv2;
  nn::Conv2d shortcut{nullptr};
  bool halves;

  ResBlockImpl(int in, int out, int stride)
      : conv1(register_module("conv1", conv(in, out, 1, true))),
        conv2(register_module("conv2", conv(out, out, stride, false))),
        halves(stride == 2) {
    if (in != out) shortcut = register_module("shortcut", nn::Conv2d(nn::Conv2dOptions(in, out, 1)));
  }

  torch::Tensor forward(const torch::Tensor& x) {
    torch::Tensor kept = halves ? torch::avg_pool2d(x, 2, {}, 0, true) : x;
    if (shortcut) kept = shortcut(kept);
    return torch::relu(conv2->forward(conv1->forward(x)) + kept);
  }
};
TORCH_MODULE(ResBlock);

struct ResNet : nn::Module {
  nn::Sequential blocks;
  nn::Linear head{nn::LinearOptions(64, 10).bias(false)};
  nn::BatchNorm1d norm{10};

  ResNet() {
    int in = 1;
    for (int out : {16, 32, 64}) {
      for (int block = 0; block < 2; ++block) {
        blocks->push_back(ResBlock(in, out, out > 16 && block == 0 ? 2 : 1));
        in = out;
      }
    }
    register_module("blocks", blocks);
    register_module("head", head);
    register_module("norm", norm);
  }

  torch::Tensor forward(const torch::Tensor& x) { return norm(head(blocks->forward(x).mean({2, 3}))); }
};

}  // namespace

int main(int count, char** words) {
  torch::set_num_threads(2);
  const long batch = count > 1 ? std::atol(words[1]) : 256;
  const double before = peak_mib();
  ResNet model;
  torch::optim::AdamW optimizer(model.parameters(), torch::optim::AdamWOptions(1e-3));
  const auto x = torch::randn({batch, 1, 28, 28});
  const auto y = torch::arange(batch).remainder(10);
  const auto begin = std::chrono::steady_clock::now();
  constexpr int steps = 10;
  for (int step = 0; step < steps; ++step) {
    auto loss = nn::functional::cross_entropy(model.forward(x), y);
    loss.backward();
    optimizer.step();
    optimizer.zero_grad();
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  std::printf(
      "PyTorch %s, C++, batch %ld: peak %.0f MiB resident, %.0f of them since the start of main; %.0f ms a "
      "step\n",
      TORCH_VERSION, batch, peak_mib(), peak_mib() - before, taken.count() * 1e3 / steps);
}
