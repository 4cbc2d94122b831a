// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/models/resnet.hpp>

#include <kiln/nn/cross_entropy.hpp>
#include <kiln/nn/hook.hpp>
#include <kiln/optim/optimizer.hpp>
#include <kiln/optim/sgd.hpp>

#include "oracle.hpp"

using namespace kiln;

TEST_SUITE_BEGIN("models");

namespace {

using Block = BasicResBlock<double>;

template <class T>
void check_losses(const std::string& name, double tolerance) {
  BasicResNet<T> model{.channels = {16, 32, 64}, .blocks_per_stage = 2};
  fill(model);
  Optimizer optimizer{SGD{.lr = 0.05, .momentum = 0.9}, parameters(model)};
  const auto x = numbers<T>({8, 1, 12, 12}, 5);
  const Tensor<1, int> y{0, 1, 2, 3, 4, 5, 6, 7};
  auto losses = zeros<double>({10});
  for (Index step = 0; step < 10; ++step) {
    Tape tape{Mode::train};
    const auto loss = cross_entropy(model(tape(x)), y);
    losses(step) = static_cast<double>(loss.item());
    backward(loss);
    optimizer.step();
    optimizer.zero_grad();
  }
  check_oracle(pytorch, name, losses, tolerance);
}

}  // namespace

TEST_CASE("a ResBlock equals its PyTorch twin") {
  check_model("res_block.same", Block{3, 3}, Shape<4>(2, 3, 5, 4));
  check_model("res_block.halves", Block{3, 4, 2}, Shape<4>(2, 3, 5, 6));
  check_model("res_block.wide_kernel", Block{.in = 1, .out = 4, .kernel = 5}, Shape<4>(2, 1, 6, 6));
  check_model("res_block.plain", Block{.in = 2, .out = 3, .stride = 2, .batch_norm = false}, Shape<4>(2, 2, 7, 7));
  check_model("res_block.x", Block{.in = 3, .out = 4, .stride = 2, .stride_first = true, .shortcut_norm = true},
              Shape<4>(2, 3, 5, 6));
}

TEST_CASE("a ResNet equals its PyTorch twin") {
  check_model(
      "resnet",
      BasicResNet<double>{.in = 2, .channels = {3, 4, 5}, .classes = 4, .blocks_per_stage = 2, .first_kernel = 5},
      Shape<4>(3, 2, 9, 9));
}

TEST_CASE("a ResNet has as many parameters as its PyTorch twin") {
  check_size("resnet", ResNet{}, Shape<4>(2, 1, 28, 28));
  check_size("resnet.wide", ResNet{.channels = {16, 32, 64, 128, 256, 512}}, Shape<4>(2, 1, 28, 28));
  check_size("resnet.16_32_64", ResNet{.channels = {16, 32, 64}, .blocks_per_stage = 2}, Shape<4>(2, 1, 28, 28));
}

TEST_CASE("ten steps of training take a ResNet through PyTorch's losses") {
  check_losses<double>("losses.double", 1e-9);
  // From the fifth step on the input of some ReLU is so near to 0 that rounding decides: noise of 1e-6 in x changes the
  // losses in double by as much.
  check_losses<float>("losses.float", 1e-3);
}

TEST_CASE("an untrained block is its shortcut, if it begins with zero") {
  const auto x = numbers<float>({2, 4, 5, 5}, 1);
  auto check_shortcut = [&](const ResBlock& block, const Var<4>& expected) {
    Tape tape{Mode::train};
    const auto y = block(tape(x));
    CHECK(y.shape() == expected.shape());
    CHECK(std::equal(y.value().begin(), y.value().end(), expected.value().begin()));
  };
  check_shortcut(ResBlock{.in = 4, .out = 4, .zero_init = true}, relu(Var<4>(x)));
  check_shortcut(ResBlock{.in = 4, .out = 4, .stride = 2, .zero_init = true},
                 relu(avg_pool2d(Var<4>(x), {.kernel = 2, .ceil_mode = true})));
  const ResBlock wider{.in = 4, .out = 6, .zero_init = true};
  check_shortcut(wider, relu((*wider.shortcut)(x)));
  auto begins_with = [](const auto& model) { return model.stages[0][0].conv2.norm->weight->value(0); };
  CHECK(begins_with(ResNet{.channels = {4}}) == 1);
  CHECK(begins_with(ResNet{.channels = {4}, .zero_init = true}) == 0);
}

TEST_CASE("a ResBlock has the same bits at once and with an observer between its layers") {
  for (const ResBlock& block :
       {ResBlock{3, 3}, ResBlock{3, 4, 2}, ResBlock{.in = 3, .out = 4, .shortcut_norm = true}}) {
    auto run = [&](bool apart) {
      LayerObserver observer;
      Tape tape{Mode::train};
      if (apart) tape.observe(&observer);
      const auto x = tape.variable(numbers<float>({4, 3, 7, 9}, 1));
      const auto y = block(x);
      differentiate_weighted(tape, y);
      std::vector<float> all(y.value().begin(), y.value().end());
      auto add = [&](const Tensor<4>& grad) { all.insert(all.end(), grad.begin(), grad.end()); };
      add(tape.grad(x));
      add(tape.grad(block.conv1.conv.weight));
      add(tape.grad(block.conv2.conv.weight));
      return all;
    };
    CHECK(run(true) == run(false));
  }
}

TEST_CASE("a ResNet drops channels and elements in training, on request") {
  const auto x = numbers<float>({8, 1, 8, 8}, 1);
  auto outputs_differ = [&](const ResNet& model, Mode mode) {
    Context one{mode}, other{mode};
    const auto a = model(one(x)), b = model(other(x));
    return !std::equal(a.value().begin(), a.value().end(), b.value().begin());
  };
  const ResNet dropping{.channels = {4, 8}, .dropout = 0.3};
  CHECK(outputs_differ(dropping, Mode::train));
  CHECK_FALSE(outputs_differ(dropping, Mode::eval));
  CHECK_FALSE(outputs_differ(ResNet{.channels = {4, 8}}, Mode::train));
}

TEST_CASE("a ResNet is summarised, saved and shared by threads") {
  ResNet model{.channels = {4, 8}, .blocks_per_stage = 2, .last_norm = false};
  check_uses(model, ResNet{model}, numbers<float>({2, 1, 12, 12}, 1));
  ResNet twin{.channels = {4, 8}, .blocks_per_stage = 2, .last_norm = false};
  check_uses(model, twin, numbers<float>({2, 1, 12, 12}, 1));
}

TEST_CASE("eval mode holds a few activations at a time, training what backward needs and no more") {
  const ResNet model{.channels = {16, 32, 64}, .blocks_per_stage = 2};
  const auto x = numbers<float>({8, 1, 28, 28}, 1);
  const double plane = 8 * 16 * 28 * 28 * sizeof(float);  // what comes out of the first stage
  const std::size_t before = memory_use().in_use;
  double most = 0;
  auto planes = [&] { return (static_cast<double>(memory_use().in_use) - static_cast<double>(before)) / plane; };
  auto look = [&](auto&&...) { most = (std::max)(most, planes()); };
  {
    Context context{Mode::eval};
    const Hook hook = on_forward(model, "stages.0.0.conv1", look), next = on_forward(model, "stages.1.1.conv2", look);
    context.observe(hook);
    context.observe(next);
    model(context(x));
    CHECK(most > 1);
    CHECK(most < 5);  // x, the shortcut, what a convolution reads and writes, and its workspace
  }
  {
    Tape tape{Mode::train};
    const auto loss = sum(model(tape(x)));
    const double kept = planes();
    tape.differentiate(loss);
    // Of each ConvBlock what its norm and its activation were given; of each first block of a stage the average too.
    const double activations = 8 + (2 + 2 + 0.5 + 0.5 + 0.25 + 2) + (1 + 1 + 0.25 + 0.25 + 0.125 + 1);
    const double gradients = static_cast<double>(parameter_count(model)) * sizeof(float) / plane;
    CHECK(kept >= activations);
    CHECK(kept < 1.2 * activations);  // the pool rounds sizes up
    CHECK(planes() >= gradients);
    CHECK(planes() < 1.2 * gradients);
  }
}

TEST_SUITE_END();
