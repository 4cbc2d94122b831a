// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// bench/smallest/kiln.cpp with libtorch.

#include <torch/torch.h>

#include <cstdio>

int main() {
  namespace nn = torch::nn;
  using torch::data::datasets::MNIST;
  auto set = [](MNIST::Mode mode) {
    return MNIST("data/mnist", mode)
        .map(torch::data::transforms::Normalize<>(0.1307, 0.3081))
        .map(torch::data::transforms::Stack<>());
  };
  auto train = torch::data::make_data_loader(set(MNIST::Mode::kTrain), 64);
  auto test = torch::data::make_data_loader(set(MNIST::Mode::kTest), 128);
  nn::Sequential model{nn::Flatten(), nn::Linear(784, 50), nn::ReLU(), nn::Linear(50, 10)};
  torch::optim::SGD optimizer(model->parameters(), 0.1);
  for (int epoch = 0; epoch < 3; ++epoch) {
    for (auto& batch : *train) {
      optimizer.zero_grad();
      torch::cross_entropy_loss(model->forward(batch.data), batch.target).backward();
      optimizer.step();
    }
    long right = 0, count = 0;
    torch::NoGradGuard no_grad;
    for (auto& batch : *test) {
      right += model->forward(batch.data).argmax(1).eq(batch.target).sum().item<long>();
      count += batch.target.size(0);
    }
    std::printf("%d %.4f\n", epoch, static_cast<double>(right) / static_cast<double>(count));
  }
}
