// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/models/conv_net.hpp>

#include "oracle.hpp"

using namespace kiln;

TEST_SUITE_BEGIN("models");

namespace {

using Net = BasicConvNet<double>;

template <class Model>
std::string names_of(Model model) {
  std::string all;
  for (const ParamRef& tensor : state_tensors(model)) all += tensor.name + " ";
  return all;
}

}  // namespace

TEST_CASE("a ConvNet equals its PyTorch twin") {
  check_model("conv_net", Net{.in = 2, .channels = {3, 4}, .classes = 5}, Shape<4>(2, 2, 7, 8));
  check_model("conv_net.course", Net{.channels = {3, 4, 5}, .classes = 5, .last_norm = true, .first_stride = 1},
              Shape<4>(3, 1, 7, 7));
  check_model("conv_net.plain", Net{.channels = {3, 4}, .classes = 5, .batch_norm = false}, Shape<4>(2, 1, 8, 8));
}

TEST_CASE("a ConvNet has as many parameters as its PyTorch twin") {
  check_size("conv_net", ConvNet{}, Shape<4>(2, 1, 28, 28));
  check_size("conv_net.deep", ConvNet{.channels = {8, 16, 32, 64, 128}, .last_norm = true, .first_stride = 1},
             Shape<4>(2, 1, 28, 28));
}

TEST_CASE("a convolution has a bias where no norm follows") {
  CHECK(names_of(ConvBlock{1, 8}) ==
        "conv.weight norm.weight norm.bias norm.running_mean norm.running_var norm.num_batches_tracked ");
  CHECK(names_of(ConvBlock{.in = 1, .out = 8, .batch_norm = false}) == "conv.weight conv.bias ");
  CHECK(names_of(ConvNet{.channels = {8}, .batch_norm = false}) ==
        "blocks.0.conv.weight blocks.0.conv.bias blocks.1.conv.weight blocks.1.conv.bias ");
}

TEST_CASE("a block without activation lets negative numbers pass, another activation takes its place") {
  const auto x = numbers<float>({2, 1, 4, 4}, 1);
  ConvBlock block{.in = 1, .out = 4, .batch_norm = false};
  CHECK(min(block(x).value()).item() == 0);
  block.act = std::nullopt;
  CHECK(min(block(x).value()).item() < 0);
  const BasicConvBlock<float, Tanh> bounded{1, 4};
  CHECK(max(abs(bounded(x).value())).item() < 1);
}

TEST_CASE("a ConvNet is summarised, saved and shared by threads") {
  ConvNet model;
  check_uses(model, ConvNet{}, numbers<float>({2, 1, 28, 28}, 1));
}

TEST_CASE("summary counts the arithmetic of convolutions") {
  const ConvNet model;
  // 2 for each weight at each pixel that comes out
  const double first = 2. * 14 * 14 * 8 * 9, second = 2. * 7 * 7 * 16 * 8 * 9, third = 2. * 4 * 4 * 32 * 16 * 9,
               fourth = 2. * 2 * 2 * 64 * 32 * 9, last = 2. * 10 * 64 * 9;
  CHECK(summary(model, zeros({1, 1, 28, 28}), {.timed_runs = 0}).flops == first + second + third + fourth + last);
}

TEST_CASE("an image that is not halved to a pixel is an error") {
  const ConvNet model{.channels = {8, 16}};
  CHECK(message_of<ShapeError>([&] {
          model(zeros({1, 1, 28, 28}));
        }) ==
        "ConvNet: conv_net: as many channels as it takes to halve the image to a single pixel: 2 make (1, 10, 4, 4) of "
        "(1, 1, 28, 28)");
}

TEST_SUITE_END();
