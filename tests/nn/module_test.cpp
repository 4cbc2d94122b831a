// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/nn/module.hpp>

#include <string>
#include <thread>

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/reduction.hpp>
#include <kiln/nn/activation.hpp>
#include <kiln/nn/batch_norm.hpp>
#include <kiln/nn/dropout.hpp>
#include <kiln/nn/group_norm.hpp>
#include <kiln/nn/instance_norm.hpp>
#include <kiln/nn/layer_norm.hpp>
#include <kiln/nn/linear.hpp>
#include <kiln/nn/loss.hpp>
#include <kiln/nn/sequential.hpp>

#include "oracle.hpp"

struct Mlp {
  kiln::Linear hidden{784, 50};
  kiln::Linear out{50, 10};
  auto operator()(kiln::Var<2> x) const { return out(relu(hidden(x))); }
};

using namespace kiln;

TEST_SUITE_BEGIN("nn");

namespace {

struct Scale {
  Index channels;
  Param<1> gain = ones({channels});
  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const auto& x) { return x * gain; });
  }
};

struct Containers {
  std::vector<Linear> stack;
  std::array<Scale, 2> scales{Scale{2}, Scale{3}};
  std::tuple<Linear, ReLU, Scale> chain{Linear{2, 2}, ReLU{}, Scale{2}};
  std::pair<Scale, Scale> both{Scale{1}, Scale{1}};
  std::optional<Linear> absent;
  std::optional<Linear> present = Linear{1, 1};
  std::vector<std::optional<Param<1>>> deep;
  Buffer<2, int> table = zeros<int>({2, 2});
};

enum class Flavour { sweet, sour };

struct Settings {
  int count = 3;
  bool fast = true;
  double rate = 0.5;
  Flavour flavour = Flavour::sour;
  std::string title = "a";
  std::string_view view = "b";
  const char* text = "c";
  Shape<3> shape;
  RandomStream stream;
  Size2 kernel = 3;
  std::vector<double> weights{1, 2};
  std::vector<bool> flags{true};
  std::array<std::string, 2> texts;
  Var<2> (*function)(const Var<2>&) = nullptr;
  Param<1> only = ones({2});
};

/// Hides its fields, and lists them.
class Listed {
 public:
  Listed() = default;
  static void fields(auto& self, auto&& f) { f("first", self.first_), f("second", self.second_); }

 private:
  Linear first_{2, 1};
  Param<1> second_ = ones({3});
};

struct Outer {
  Mlp mlp;
  Listed listed;
};

template <class Model>
std::string names_of(const std::vector<ParamRef>& tensors, const Model&) {
  std::string all;
  for (const ParamRef& tensor : tensors) all += tensor.name + " ";
  return all;
}
template <class Model>
std::string parameter_names(Model& model) {
  return names_of(parameters(model), model);
}
template <class Model>
std::string state_names(Model& model) {
  return names_of(state_tensors(model), model);
}

}  // namespace

TEST_CASE("the parameters of a plain struct have the names of its fields") {
  Mlp mlp;
  CHECK(parameter_names(mlp) == "hidden.weight hidden.bias out.weight out.bias ");
  CHECK(parameter_count(mlp) == 784 * 50 + 50 + 50 * 10 + 10);
  Linear alone{2, 3};
  CHECK(parameter_names(alone) == "weight bias ");
  Outer outer;
  CHECK(parameter_names(outer) ==
        "mlp.hidden.weight mlp.hidden.bias mlp.out.weight mlp.out.bias listed.first.weight listed.first.bias "
        "listed.second ");
  struct Local {
    Linear layer{1, 1};
    Scale scale{1};
  } local;
  CHECK(parameter_names(local) == "layer.weight layer.bias scale.gain ");
}

TEST_CASE("a reference to a parameter is the parameter") {
  Mlp mlp;
  const auto all = parameters(mlp);
  REQUIRE(all.size() == 4);
  CHECK(all[1].address() == &*mlp.hidden.bias);
  CHECK(all[1].dims().size() == 1);
  all[1].value<float>()[3] = 7;
  CHECK(mlp.hidden.bias->value(3) == 7);
}

TEST_CASE("vectors, arrays, tuples, pairs and optionals of layers are walked") {
  Containers model{
      .stack = {Linear{1, 2}, Linear{2, 1}}, .absent = std::nullopt, .deep = {std::nullopt, Param<1>(ones({1}))}};
  CHECK(parameter_names(model) ==
        "stack.0.weight stack.0.bias stack.1.weight stack.1.bias scales.0.gain scales.1.gain "
        "chain.0.weight chain.0.bias chain.2.gain both.0.gain both.1.gain present.weight present.bias deep.1 ");
  CHECK(state_names(model).ends_with(" deep.1 table "));
  model.present.reset();
  model.stack.clear();
  CHECK(parameter_names(model).starts_with("scales.0.gain"));
}

TEST_CASE("numbers, enums, texts, shapes and functions are configuration") {
  Settings settings;
  CHECK(parameter_names(settings) == "only ");
  const auto lambda = [factor = 2](const auto& x) { return x * factor; };
  struct WithLambda {
    decltype(lambda) f;
    Param<1> only = ones({1});
  } model{lambda};
  CHECK(parameter_names(model) == "only ");
}

TEST_CASE("freezing takes parameters from training") {
  Mlp mlp;
  freeze(mlp.hidden);
  CHECK(!mlp.hidden.weight.trainable);
  CHECK(mlp.out.weight.trainable);
  CHECK(parameter_count(mlp) == 510);
  CHECK(parameters(mlp).size() == 4);
  Tape tape;
  backward(cross_entropy(mlp(tape(ones({2, 784}))), Tensor<1, int>{1, 2}));
  CHECK(!mlp.hidden.weight.has_grad());
  CHECK(mlp.out.weight.has_grad());
  zero_grad(mlp);
  CHECK(!mlp.out.weight.has_grad());
  unfreeze(mlp);
  CHECK(parameter_count(mlp) == 39760);
}

namespace {

struct Gain {  // a user's own, which says that it normalises
  static constexpr bool is_norm = true;
  Param<1> gain = ones({3});
  auto operator()(const Var<2>& x) const { return x * gain; }
};

struct WithNorms {
  Linear first{3, 3};
  BatchNorm1d norm{3};
  Linear norm2{3, 3};  // a name that begins as the one before
  Gain scale;
  std::vector<Sequential<Linear, LayerNorm>> blocks{{Linear{3, 3}, LayerNorm{{3}}}};
  GroupNorm groups{1, 3};
  InstanceNorm2d instances{.features = 3, .affine = true};
};

std::string trained(auto& model) {
  std::string names;
  for (const ParamRef& param : parameters(model)) {
    if (param.trainable()) names += (names.empty() ? "" : " ") + param.name;
  }
  return names;
}

}  // namespace

TEST_CASE("freezing can spare normalisation layers") {
  WithNorms model;
  freeze(model, {.train_norms = true});
  CHECK(trained(model) ==
        "norm.weight norm.bias scale.gain blocks.0.1.weight blocks.0.1.bias groups.weight groups.bias "
        "instances.weight instances.bias");
  freeze(model, {.train_norms = false});
  CHECK(trained(model) == "");
  freeze(model.norm, {.train_norms = true});
  CHECK(trained(model) == "norm.weight norm.bias");
  freeze(model.first, {.train_norms = true});
  freeze(model.norm);
  CHECK(trained(model) == "");
}

TEST_CASE("frozen layers still give gradients to those before them") {
  Mlp mlp;
  freeze(mlp.out);
  Tape tape;
  backward(cross_entropy(mlp(tape(ones({2, 784}))), Tensor<1, int>{1, 2}));
  CHECK(mlp.hidden.weight.has_grad());
  CHECK(!mlp.out.weight.has_grad());
}

TEST_CASE("layers are told apart by address and type") {
  const Mlp mlp;
  const auto names = layer_names(mlp);
  CHECK(names.root == "Mlp");
  REQUIRE(names.entries.size() == 3);
  CHECK(names.find(layer_key(mlp))->path == "");
  CHECK(names.find(layer_key(mlp.hidden))->path == "hidden");  // where mlp itself lies
  CHECK(names.find(layer_key(mlp.hidden))->type == "Linear");
  CHECK(names.find(layer_key(mlp.out))->path == "out");
  CHECK(names.find(layer_key(Linear{1, 1})) == nullptr);
}

TEST_CASE("errors name the layer that a model calls") {
  const Mlp mlp;
  const auto names = layer_names(mlp);
  Context context;
  context.name_layers(&names);
  auto message = [&] { return message_of<ShapeError>([&] { mlp.hidden(context(zeros({64, 28, 28}))); }); };
  CHECK(message() == "Mlp.hidden: linear: input's last axis must be 784: got shape (64, 28, 28)");
  CHECK(message_of<ShapeError>([&] {
          mlp(context(zeros({64, 28})));
        }) == "Mlp.hidden: linear: input's last axis must be 784: got shape (64, 28)");
  // Without names it is the layer's type.
  CHECK(message_of<ShapeError>([&] {
          mlp(zeros({64, 28}));
        }) == "Linear: linear: input's last axis must be 784: got shape (64, 28)");

  const Outer outer;
  const auto outer_names = layer_names(outer);
  context.name_layers(&outer_names);
  CHECK(message_of<ShapeError>([&] {
          outer.mlp(context(zeros({64, 28})));
        }).ends_with("Outer.mlp.hidden: linear: input's last axis must be 784: got shape (64, 28)"));
}

TEST_CASE("observers hear of every layer, library or not") {
  struct Recorder : LayerObserver {
    std::string heard;
  } recorder;
  recorder.left = [](LayerObserver& self, const LayerCall& call, AnyVar& output) {
    static_cast<Recorder&>(self).heard += concat(call.path, ":", call.type, output.dims(), " ");
  };
  const Sequential model{Linear{4, 3}, BatchNorm1d{3},        Dropout{},
                         ReLU{},       Sequential{Softmax{}}, [](const auto& x) { return x; }};
  const auto names = layer_names(model);
  for (Mode mode : {Mode::train, Mode::eval}) {
    recorder.heard.clear();
    Context context{mode};
    context.name_layers(&names);
    context.observe(&recorder);
    model(context(ones({2, 4})));
    CHECK(
        recorder.heard.starts_with("0:Linear(2, 3) 1:BatchNorm1d(2, 3) 2:Dropout(2, 3) 3:ReLU(2, 3) 4.0:Softmax(2, 3) "
                                   "4:Sequential(2, 3) "));
    CHECK(recorder.heard.ends_with(" :Sequential(2, 3) "));
  }
}

TEST_CASE("several threads call one model without a context") {
  const Mlp mlp;
  const auto x = numbers<float>({8, 784}, 1);
  const auto expected = mlp(x);
  std::array<bool, 4> same{};
  std::vector<std::thread> threads;
  for (bool& result : same) {
    threads.emplace_back([&] {
      bool all = true;
      for (int i = 0; i < 20; ++i) {
        const auto y = mlp(x);
        all = all && std::equal(y.value().begin(), y.value().end(), expected.value().begin());
      }
      result = all;
    });
  }
  for (auto& thread : threads) thread.join();
  for (bool result : same) CHECK(result);
}

TEST_CASE("two threads differentiate one model, a tape each") {
  const Sequential model{Linear{20, 10}, BatchNorm1d{10}, ReLU{}, Dropout{}, Linear{10, 3}};
  const auto x = numbers<float>({8, 20}, 1);
  const Tensor<1, int> y{0, 1, 2, 0, 1, 2, 0, 1};
  auto gradient = [&](std::uint64_t seed) {
    Tape tape;
    tape.set_random({.seed = seed});
    auto loss = cross_entropy(model(tape(x)), y);
    tape.differentiate(loss);
    return tape.grad(std::get<0>(model.layers).weight);
  };
  const auto first = gradient(1), second = gradient(2);
  std::array<bool, 2> same{};
  auto work = [&](std::uint64_t seed, const Tensor<2>& expected) {
    bool all = true;
    for (int i = 0; i < 20; ++i) {
      const auto g = gradient(seed);
      all = all && std::equal(g.begin(), g.end(), expected.begin());
    }
    same[seed - 1] = all;
  };
  std::thread one(work, 1, std::cref(first)), two(work, 2, std::cref(second));
  one.join(), two.join();
  CHECK(same[0]);
  CHECK(same[1]);
  CHECK(!std::get<0>(model.layers).weight.has_grad());
}

TEST_CASE("a tensor may be shared between layers by the functional form") {
  struct Tied {
    Linear encode{3, 3};
    Param<1> bias = zeros({3});
    auto operator()(const Var<2>& x) const { return linear(relu(encode(x)), encode.weight, bias); }
  } model;
  CHECK(parameter_names(model) == "encode.weight encode.bias bias ");
  Tape tape;
  backward(sum(model(tape(ones({2, 3})))));
  CHECK(model.encode.weight.has_grad());
  CHECK(model.bias.grad(0) == 2);
}

TEST_CASE("a copied model has weights of its own") {
  Mlp mlp;
  Mlp copy = mlp;
  copy.out.bias->value(0) += 1;
  CHECK(copy.out.bias->value(0) != mlp.out.bias->value(0));
}

TEST_SUITE_END();
