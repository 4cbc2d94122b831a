// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/nn/module.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include <kiln/autograd/gradcheck.hpp>
#include <kiln/io/safetensors.hpp>
#include <kiln/nn/activation.hpp>
#include <kiln/nn/batch_norm.hpp>
#include <kiln/nn/conv.hpp>
#include <kiln/nn/dropout.hpp>
#include <kiln/nn/embedding.hpp>
#include <kiln/nn/group_norm.hpp>
#include <kiln/nn/hook.hpp>
#include <kiln/nn/instance_norm.hpp>
#include <kiln/nn/layer_norm.hpp>
#include <kiln/nn/linear.hpp>
#include <kiln/nn/pool.hpp>
#include <kiln/nn/resample.hpp>
#include <kiln/nn/residual.hpp>
#include <kiln/nn/sequential.hpp>
#include <kiln/train/summary.hpp>

#include "../data/files.hpp"

TEST_SUITE_BEGIN("nn");

using namespace kiln;

namespace {

using Sizes = std::vector<Index>;

/// A user's struct with the layer in it.
template <class Layer>
struct Around {
  Layer inner;
  auto operator()(const auto& x) const { return inner(x); }
};
template <class Layer>
Around(Layer) -> Around<Layer>;

/// Numbers in (-2, 2), no two alike and none at a kink.
template <int R>
Tensor<R, double> spread(const Shape<R>& shape) {
  Tensor<R, double> x = zeros<double>(shape);
  double turn = 0.25;
  for (double& value : x) {
    turn += 0.6180339887498949;
    turn -= std::floor(turn);
    value = 4 * turn - 2;
  }
  return x;
}

template <class Model>
std::string bits(Model& model) {
  std::string all;
  for (const ParamRef& tensor : state_tensors(model))
    all.append(reinterpret_cast<const char*>(tensor.bytes().data()), tensor.bytes().size());
  return all;
}

/// The layers that have been checked, by the names that summaries show.
std::set<std::string>& checked() {
  static std::set<std::string> names;
  return names;
}

/// What a float layer shows of itself: a row of the summary, and a run to hooks.
template <class Model, class X>
void check_visible(const Model& model, const std::string& name, const X& x, const Sizes& out, double flops) {
  const Summary table = summary(model, x, {.timed_runs = 0});
  const SummaryRow* row = nullptr;
  for (const SummaryRow& candidate : table.rows) {
    if (candidate.path == "inner") row = &candidate;
  }
  REQUIRE(row != nullptr);
  CHECK(row->layer == name);
  CHECK(row->output == out);
  CHECK(table.flops == flops);
  CHECK(table.silent.empty());
  CHECK(table.trainable == parameter_count(model));

  Sizes seen;
  const Hook hook = on_forward(model, "inner", [&](const LayerCall& call, AnyVar& y) {
    CHECK(call.path == "inner");
    CHECK(call.type == name);
    seen.assign(y.dims().begin(), y.dims().end());
  });
  Tape tape;
  tape.observe(hook);
  model(tape(x));
  CHECK(hook.runs() == 1);
  CHECK(seen == out);
}

/// Saved weights give the same layer, in either width.
template <class Wide, class Narrow, class X64, class X32>
void check_saved(Wide& wide, Wide& fresh, Narrow& narrow, const X64& x, const X32& x32) {
  const TempFolder folder;
  save(wide, folder / "x.safetensors");
  CHECK(load(fresh, folder / "x.safetensors").complete());
  CHECK(bits(fresh) == bits(wide));
  CHECK(load(narrow, folder / "x.safetensors").loaded.size() == state_tensors(wide).size());
  const auto y = wide(x).value();
  const auto again = fresh(x).value();
  const auto y32 = narrow(x32).value();
  REQUIRE(y.shape() == y32.shape());
  for (Index i = 0; i < y.numel(); ++i) {
    CHECK(again.data()[i] == y.data()[i]);
    CHECK(std::abs(static_cast<double>(y32.data()[i]) - y.data()[i]) < 1e-5 * (1 + std::abs(y.data()[i])));
  }
}

/// Everything that holds for a layer. `make(T{})` makes it, of numbers of type T where it has any.
template <class Make, int R>
void check(const std::string& name, Make make, const Shape<R>& in, const Sizes& out, double flops = 0) {
  CAPTURE(name);
  checked().insert(name);
  Around wide{make(double{})}, fresh{make(double{})};
  Around narrow{make(float{})};
  for (const ParamRef& param : parameters(wide)) {  // norms begin as ones and zeros, which would hide mistakes
    double i = 0;
    for (double& value : param.value<double>()) value += 0.1 * std::sin(++i);
  }
  const Tensor<R, double> x = spread(in);
  const Tensor<R> x32 = x.template to<float>();
  check_visible(narrow, name, x32, out, flops);
  check_saved(wide, fresh, narrow, x, x32);
  for (Mode mode : {Mode::train, Mode::eval}) {
    const GradcheckReport report = gradcheck({.mode = mode}, wide, parameters(wide), x);
    INFO(report.text());
    CHECK(report);
    CHECK(report.checked == x.numel() + parameter_count(wide));
  }
}

}  // namespace

TEST_CASE("layers that multiply") {
  check(
      "Linear",
      []<class T>(T) {
        return BasicLinear<T>{3, 4};
      },
      Shape<2>{5, 3}, {5, 4}, 2 * 5 * 3 * 4);
  check(
      "Conv1d", []<class T>(T) { return BasicConv1d<T>{.in = 4, .out = 6, .kernel = 3, .stride = 2, .groups = 2}; },
      Shape<3>{2, 4, 7}, {2, 6, 3}, 2 * (2 * 6 * 3) * (2 * 3));
  check(
      "Conv2d",
      []<class T>(T) {
        return BasicConv2d<T>{.in = 2, .out = 3, .kernel = {3, 2}, .padding = {1, 0}};
      },
      Shape<4>{2, 2, 4, 3}, {2, 3, 4, 2}, 2 * (2 * 3 * 4 * 2) * (2 * 3 * 2));
  check(
      "ConvTranspose2d",
      []<class T>(T) { return BasicConvTranspose2d<T>{.in = 2, .out = 3, .kernel = 2, .stride = 2}; },
      Shape<4>{2, 2, 2, 3}, {2, 3, 4, 6}, 2 * (2 * 2 * 2 * 3) * (3 * 2 * 2));
}

TEST_CASE("layers that normalise") {
  check("BatchNorm1d", []<class T>(T) { return BasicBatchNorm1d<T>{3}; }, Shape<2>{4, 3}, {4, 3});
  check("BatchNorm1d", []<class T>(T) { return BasicBatchNorm1d<T>{3}; }, Shape<3>{2, 3, 4}, {2, 3, 4});
  check("BatchNorm2d", []<class T>(T) { return BasicBatchNorm2d<T>{2}; }, Shape<4>{2, 2, 3, 2}, {2, 2, 3, 2});
  check("LayerNorm", []<class T>(T) { return BasicLayerNorm<T>{{4}}; }, Shape<3>{2, 3, 4}, {2, 3, 4});
  check("GroupNorm", []<class T>(T) { return BasicGroupNorm<T>{.groups = 2, .channels = 4}; }, Shape<4>{2, 4, 2, 2},
        {2, 4, 2, 2});
  check("InstanceNorm1d", []<class T>(T) { return BasicInstanceNorm1d<T>{.features = 2, .affine = true}; },
        Shape<3>{2, 2, 5}, {2, 2, 5});
  check("InstanceNorm2d",
        []<class T>(T) { return BasicInstanceNorm2d<T>{.features = 2, .affine = true, .track_running_stats = true}; },
        Shape<4>{2, 2, 3, 2}, {2, 2, 3, 2});
}

TEST_CASE("layers that pool") {
  const Shape<4> planes{2, 3, 4, 5};
  check("MaxPool2d", [](auto) { return MaxPool2d{.kernel = 3, .stride = 2, .padding = 1}; }, planes, {2, 3, 2, 3});
  check("AvgPool2d", [](auto) { return AvgPool2d{{2, 3}}; }, planes, {2, 3, 2, 1});
  check("MaxPool1d", [](auto) { return MaxPool1d{2}; }, Shape<3>{2, 3, 7}, {2, 3, 3});
  check("AvgPool1d", [](auto) { return AvgPool1d{2}; }, Shape<3>{2, 3, 7}, {2, 3, 3});
  check("AdaptiveAvgPool2d", [](auto) { return AdaptiveAvgPool2d{{2, 3}}; }, planes, {2, 3, 2, 3});
  check("AdaptiveMaxPool2d", [](auto) { return AdaptiveMaxPool2d{2}; }, planes, {2, 3, 2, 2});
  check("GlobalAvgPool2d", [](auto) { return GlobalAvgPool2d{}; }, planes, {2, 3});
}

TEST_CASE("layers that change the size") {
  const Shape<4> planes{2, 2, 3, 4};
  check("ZeroPad2d", [](auto) { return ZeroPad2d{1}; }, planes, {2, 2, 5, 6});
  check("ReflectionPad2d", [](auto) { return ReflectionPad2d{2}; }, planes, {2, 2, 7, 8});
  check("ReplicationPad2d", [](auto) { return ReplicationPad2d{1}; }, planes, {2, 2, 5, 6});
  check("Upsample", [](auto) { return Upsample{.scale = 2}; }, planes, {2, 2, 6, 8});
  check("Upsample",
        [](auto) {
          return Upsample{.size = {4, 7}, .mode = Interpolation::bilinear};
        },
        planes, {2, 2, 4, 7});
  check("Flatten", [](auto) { return Flatten{}; }, planes, {2, 24});
  check("Identity", [](auto) { return Identity{}; }, planes, {2, 2, 3, 4});
}

TEST_CASE("activations") {
  auto check_one = [](const std::string& name, auto layer) {
    check(name, [layer](auto) { return layer; }, Shape<2>{3, 5}, {3, 5});
  };
  check_one("ReLU", ReLU{});
  check_one("Sigmoid", Sigmoid{});
  check_one("Tanh", Tanh{});
  check_one("GELU", GELU{});
  check_one("SiLU", SiLU{});
  check_one("Softplus", Softplus{});
  check_one("Mish", Mish{});
  check_one("ELU", ELU{});
  check_one("LeakyReLU", LeakyReLU{});
  check_one("GeneralRelu", GeneralRelu{});
  check_one("Hardswish", Hardswish{});
  check_one("Softmax", Softmax{});
  check_one("LogSoftmax", LogSoftmax{});
}

TEST_CASE("layers that drop") {
  check("Dropout", [](auto) { return Dropout{0.3}; }, Shape<2>{4, 5}, {4, 5});
  check("Dropout2d", [](auto) { return Dropout2d{0.3}; }, Shape<4>{4, 5, 2, 2}, {4, 5, 2, 2});
}

TEST_CASE("layers of layers") {
  check(
      "Sequential",
      []<class T>(T) {
        return Sequential{BasicLinear<T>{3, 4}, Tanh{}, BasicLinear<T>{4, 2}};
      },
      Shape<2>{2, 3}, {2, 2}, 2 * 2 * (3 * 4 + 4 * 2));
  check(
      "Residual",
      []<class T>(T) {
        return Residual{Sequential{BasicConv2d<T>{2, 3, 1}, BasicBatchNorm2d<T>{3}}, BasicConv2d<T>{2, 3, 1}};
      },
      Shape<4>{2, 2, 2, 2}, {2, 3, 2, 2}, 2 * (2 * (2 * 2 * 2) * 2 * 3));
}

TEST_CASE("an embedding, whose input is integers") {
  checked().insert("Embedding");
  Around<BasicEmbedding<double>> wide{{5, 3}}, fresh{{5, 3}};
  Around<Embedding> narrow{{5, 3}};
  const Tensor<2, int> tokens{{4, 0, 1}, {3, 3, 2}};
  check_visible(narrow, "Embedding", tokens, {2, 3, 3}, 0);
  check_saved(wide, fresh, narrow, tokens, tokens);
  const GradcheckReport report = gradcheck([&](Context& context) { return wide(context(tokens)); }, parameters(wide));
  INFO(report.text());
  CHECK(report);
  CHECK(report.checked == 15);
}

TEST_CASE("every layer of nn/ has been checked above") {
  // Each test case above fills the list; alone, this one has nothing to look at.
  if (checked().size() < 10) return;
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator("include/kiln/nn")) {
    std::ifstream file(entry.path());
    ++files;
    for (std::string line; std::getline(file, line);) {
      const std::size_t at = line.find("layer_name = ");
      if (at == line.npos) continue;
      for (std::size_t open = line.find('"', at); open != line.npos;) {
        const std::size_t close = line.find('"', open + 1);
        REQUIRE(close != line.npos);
        const std::string name = line.substr(open + 1, close - open - 1);
        CAPTURE(name);
        CHECK(checked().count(name) == 1);
        open = line.find('"', close + 1);
      }
    }
  }
  CHECK(files > 10);
}

TEST_SUITE_END();
