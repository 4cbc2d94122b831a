// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/io/npz.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include <kiln/io/safetensors.hpp>
#include <kiln/nn/activation.hpp>
#include <kiln/nn/batch_norm.hpp>
#include <kiln/nn/conv.hpp>
#include <kiln/nn/embedding.hpp>
#include <kiln/nn/group_norm.hpp>
#include <kiln/nn/instance_norm.hpp>
#include <kiln/nn/layer_norm.hpp>
#include <kiln/nn/linear.hpp>
#include <kiln/nn/pool.hpp>
#include <kiln/nn/residual.hpp>
#include <kiln/nn/sequential.hpp>

#include "../data/files.hpp"

TEST_SUITE_BEGIN("io");

using namespace kiln;

namespace {

const std::string files = "tests/io/torch_state/";  // made by tests/oracles/torch_state.py

/// The script's network.
template <class T>
struct Net {
  using Conv = BasicConv2d<T>;

  Sequential<Conv, BasicBatchNorm2d<T>, ReLU, MaxPool2d> stem{
      Conv{.in = 1, .out = 4, .kernel = 3, .stride = 2, .padding = 1, .bias = std::nullopt}, {4}, {}, {2}};
  Residual<Sequential<Conv, BasicGroupNorm<T>, SiLU, Conv, BasicInstanceNorm2d<T>>,
           Sequential<Conv, BasicBatchNorm2d<T>>>
      block{{Conv{.in = 4, .out = 6, .kernel = 3, .padding = 1},
             {.groups = 2, .channels = 6},
             {},
             Conv{.in = 6, .out = 6, .kernel = 3, .padding = 1, .groups = 6, .bias = std::nullopt},
             {.features = 6, .affine = true}},
            {Conv{.in = 4, .out = 6, .kernel = 1, .bias = std::nullopt}, {6}}};
  BasicConvTranspose2d<T> up{6, 3, 2, 2};
  BasicLinear<T> image{3, 6};
  BasicEmbedding<T> token{10, 6};
  BasicLayerNorm<T> norm{{6}};
  BasicConv1d<T> mix{.in = 1, .out = 2, .kernel = 3, .padding = 1};
  BasicBatchNorm1d<T> last_norm{12};
  BasicLinear<T> out{12, 3};

  Var<2, T> operator()(const Var<4, T>& x, const Tensor<1, int>& tokens) const {
    const auto h = norm(image(global_avg_pool2d(relu(up(block(stem(x)))))) + token(tokens));
    return out(last_norm(flatten(mix(reshape(h, {h.size(0), 1, 6})))));
  }
};

/// Every layer that has parameters or buffers.
template <class T>
struct Layers {
  BasicLinear<T> linear{3, 2};
  BasicConv1d<T> conv1d{.in = 4, .out = 6, .kernel = 3, .stride = 2, .padding = 1, .dilation = 2, .groups = 2};
  BasicConv2d<T> conv2d{.in = 2, .out = 4, .kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 0}};
  BasicConv2d<T> depthwise{.in = 4, .out = 4, .kernel = 3, .padding = 1, .groups = 4, .bias = std::nullopt};
  BasicConvTranspose2d<T> transposed{.in = 3, .out = 2, .kernel = 3, .stride = 2, .padding = 1, .output_padding = 1};
  BasicBatchNorm1d<T> batch_norm1d{3};
  BasicBatchNorm2d<T> batch_norm2d{2};
  BasicBatchNorm2d<T> plain_norm{.features = 2, .affine = false};
  BasicLayerNorm<T> layer_norm{{4}};
  BasicLayerNorm<T, 2> layer_norm2{{2, 3}};
  BasicGroupNorm<T> group_norm{.groups = 2, .channels = 4};
  BasicInstanceNorm1d<T> instance_norm1d{.features = 2, .affine = true};
  BasicInstanceNorm2d<T> instance_norm2d{.features = 3, .affine = true, .track_running_stats = true};
  BasicEmbedding<T> embedding{5, 3};
  Net<T> net;
};

/// The largest difference of a layer's output from PyTorch's, which is computed in double.
template <int RX, int RY, class T>
double error(const NpzFile& cases, const std::string& name, const auto& run, T) {
  const Tensor<RY, T> y = run(cases.get<RX, T>(name + ".x"));
  const auto expected = cases.get<RY, double>(name + ".y");
  REQUIRE(y.shape() == expected.shape());
  double most = 0;
  for (Index i = 0; i < y.numel(); ++i)
    most = (std::max)(most, std::abs(static_cast<double>(y.data()[i]) - expected.data()[i]));
  return most;
}

template <class T>
void check_outputs(const Layers<T>& layers, double tolerance) {
  const NpzFile cases = load_npz(files + "cases.npz");
  auto check = [&]<int RX, int RY>(std::integral_constant<int, RX>, std::integral_constant<int, RY>,
                                   const std::string& name, const auto& layer) {
    CAPTURE(name);
    auto run = [&](const Tensor<RX, T>& x) { return layer(x).value(); };
    CHECK(error<RX, RY>(cases, name, run, T{}) < tolerance);
  };
  constexpr std::integral_constant<int, 2> two;
  constexpr std::integral_constant<int, 3> three;
  constexpr std::integral_constant<int, 4> four;
  check(two, two, "linear", layers.linear);
  check(three, three, "conv1d", layers.conv1d);
  check(four, four, "conv2d", layers.conv2d);
  check(four, four, "depthwise", layers.depthwise);
  check(four, four, "transposed", layers.transposed);
  check(two, two, "batch_norm1d", layers.batch_norm1d);
  check(four, four, "batch_norm2d", layers.batch_norm2d);
  check(four, four, "plain_norm", layers.plain_norm);
  check(two, two, "layer_norm", layers.layer_norm);
  check(three, three, "layer_norm2", layers.layer_norm2);
  check(four, four, "group_norm", layers.group_norm);
  check(three, three, "instance_norm1d", layers.instance_norm1d);
  check(four, four, "instance_norm2d", layers.instance_norm2d);

  const auto tokens = cases.get<2, int>("embedding.x");
  const Tensor<3, T> rows = layers.embedding(tokens).value();
  const auto expected = cases.get<3, T>("embedding.y");
  CHECK(std::equal(rows.begin(), rows.end(), expected.begin(), expected.end()));

  auto run = [&](const Tensor<4, T>& x) { return layers.net(x, cases.get<1, int>("net.token")).value(); };
  CHECK(error<4, 2>(cases, "net", run, T{}) < tolerance);
}

template <class T>
std::string bits(Layers<T>& layers) {
  std::string all;
  for (const ParamRef& tensor : state_tensors(layers))
    all.append(reinterpret_cast<const char*>(tensor.bytes().data()), tensor.bytes().size());
  return all;
}

/// Both formats give the same layers, which give PyTorch's outputs, and are saved under PyTorch's names.
template <class T>
void check_state(const std::string& name, double tolerance) {
  Layers<T> from_npz, from_safetensors;
  CHECK(load_npz(from_npz, concat(files, name, ".npz")).complete());
  CHECK(load(from_safetensors, concat(files, name, ".safetensors")).complete());
  CHECK(bits(from_npz) == bits(from_safetensors));
  CHECK(from_npz.net.last_norm.num_batches_tracked.value.item() == 7);
  check_outputs(from_npz, tolerance);

  const TempFolder folder;
  save(from_npz, folder / "x.safetensors");
  save_npz(from_npz, folder / "x.npz");
  std::vector<std::string> saved = load_npz(folder / "x.npz").names();
  std::vector<std::string> torch = load_npz(concat(files, name, ".npz")).names();
  std::sort(saved.begin(), saved.end());
  std::sort(torch.begin(), torch.end());
  CHECK(saved == torch);
  Layers<T> again, once_more;
  load(again, folder / "x.safetensors");
  load_npz(once_more, folder / "x.npz");
  CHECK(bits(again) == bits(from_npz));
  CHECK(bits(once_more) == bits(from_npz));
}

}  // namespace

TEST_CASE("PyTorch's state dict of every layer and of a network, in double") { check_state<double>("state64", 1e-12); }

TEST_CASE("PyTorch's state dict of every layer and of a network, in float") { check_state<float>("state32", 2e-5); }

TEST_CASE("a state dict of the other width is converted") {
  Layers<float> narrow, wide;
  load_npz(narrow, files + "state64.npz");
  load_npz(wide, files + "state32.npz");
  CHECK(bits(narrow) == bits(wide));  // PyTorch rounds as Kiln does
}

TEST_CASE("a part of PyTorch's state dict is loaded into a part") {
  Net<float> net;
  CHECK(load(net, files + "state32.safetensors", {.prefix = "net"}).loaded.size() == state_tensors(net).size());
  Layers<float> layers;
  const LoadReport report = load_npz(layers, files + "state32.npz", {.skip = {"net.out", "linear"}});
  CHECK(report.skipped == std::vector<std::string>{"linear.weight", "linear.bias", "net.out.weight", "net.out.bias"});
  CHECK(report.complete());
}

TEST_SUITE_END();
