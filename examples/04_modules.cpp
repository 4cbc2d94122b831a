// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// Chapter 4: layers and models as classes.
//
// You learn  what a training loop has to know about a model: its parameters, by name, and nothing else; how a plain
//            struct tells it, without a base class, registration or macro; how to write a layer of your own; how layers
//            are put one behind the other.
// Look at    the first part, where a forgotten parameter stays untrained and nothing says so; then at how little a
//            layer is.
// Follows    fast.ai, Deep Learning from the Foundations, lesson 8, notebook 02_fully_connected, "Refactor model", and
//            lesson 9, notebook 03_minibatch_training, up to "Registering modules":
//            https://course19.fast.ai/videos/?lesson=9

#include <tuple>

#include <kiln/data/mnist.hpp>
#include <kiln/nn/activation.hpp>
#include <kiln/nn/cross_entropy.hpp>
#include <kiln/nn/linear.hpp>
#include <kiln/nn/sequential.hpp>

#include "course/course.hpp"

using namespace kiln;
using namespace course;

namespace {

// A model with a list of its parameters, kept by hand.

// A Param is a tensor that is trained: a value and its gradient. x (N, 784) gives scores of the ten digits (N, 10).
struct ByHand {
  Param<2> w1 = kaiming_normal({50, 784});
  Param<1> b1 = zeros({50});
  Param<2> w2 = kaiming_normal({10, 50});
  Param<1> b2 = zeros({10});

  Var<2> operator()(const Var<2>& x) const { return linear(relu(linear(x, w1, b1)), w2, b2); }

  std::vector<ParamRef> listed() { return {{"w1", w1}, {"b1", b1}, {"w2", w2}}; }  // do you see what is missing?
};

// The same without the list.

// A structured binding takes any plain struct apart into its fields, whatever they are called. That is all the
// reflection that is needed; the library's also counts the fields, finds their names, and goes into fields of fields.
template <class Model>
std::vector<ParamRef> four_fields(Model& model) {
  auto& [a, b, c, d] = model;
  return {{"field 1", a}, {"field 2", b}, {"field 3", c}, {"field 4", d}};
}

// Layers: parameters, and what they do to an input.

struct MyLinear {
  Index in = 0;
  Index out = 0;
  Param<2> weight = kaiming_normal({out, in});
  Param<1> bias = zeros({out});

  Var<2> operator()(const Var<2>& x) const { return linear(x, weight, bias); }
};

// The course's relu of lesson 10: it leaks, so that no unit is ever quite dead, and is shifted, so that its mean is
// near 0. Numbers are settings; only Params are trained.
struct GeneralRelu {
  float leak = 0;
  float shift = 0;

  Var<2> operator()(const Var<2>& x) const { return relu(x) - leak * relu(-x) - shift; }
};

// A layer that the library lacks, with a parameter of its own: every column gets a factor, which is learnt.
struct Scale {
  Index columns = 0;
  Param<1> factor = ones({columns});

  Var<2> operator()(const Var<2>& x) const { return x * factor; }
};

// A model is a layer whose fields are layers.
struct Mlp {
  MyLinear hidden{784, 50};
  MyLinear out{50, 10};

  Var<2> operator()(const Var<2>& x) const { return out(relu(hidden(x))); }
};

// Layers one after the other: x goes into the first, what comes out into the next. The library's Sequential is this,
// and says in an error which layer it was.
template <class... Layers>
struct Chain {
  std::tuple<Layers...> layers;

  Var<2> operator()(Var<2> x) const {
    std::apply([&](const auto&... layer) { ((x = layer(x)), ...); }, layers);
    return x;
  }
};

// Training.

Tensor<2> rows(const Tensor<4>& images) { return images.reshape({images.size(0), 28 * 28}); }

// One step down the slope, for every parameter in the list.
template <class Model>
double train_step(const Model& model, const std::vector<ParamRef>& params, const Tensor<2>& x, const Tensor<1, int>& y,
                  float lr) {
  Tape tape{Mode::train};
  const auto loss = cross_entropy(model(tape(x)), y);
  backward(loss);
  for (const ParamRef& param : params) {
    const auto value = param.value<float>(), grad = param.grad<float>();
    for (std::size_t i = 0; i < grad.size(); ++i) value[i] -= lr * grad[i];
    param.zero_grad();
  }
  return static_cast<double>(loss.value().item());
}

// The share of images whose largest score is that of the label. Without a tape nothing is recorded.
template <class Model, class Loader>
double accuracy(const Model& model, const Loader& loader) {
  double right = 0;
  for (auto& batch : loader.epoch(0)) {
    const Tensor<1, Index> best = argmax(model(rows(batch.x)).value(), 1);
    right += static_cast<double>(sum(best == batch.y.template to<Index>()).item());
  }
  return right / static_cast<double>(loader.size());
}

template <class Model, class Loader>
void train_epoch(Model& model, const Loader& loader, float lr) {
  const std::vector<ParamRef> params = parameters(model);
  for (auto& batch : loader.epoch(0)) train_step(model, params, rows(batch.x), batch.y, lr);
}

void say_params(const std::vector<ParamRef>& params) {
  for (const ParamRef& param : params) say("  ", left(param.name, 16), param.dims());
}

// -----------------------------------------------------------------------------------------------------------------------

void chapter(const Options& options) {
  manual_seed(1);
  auto data = mnist({.batch_size = 64, .normalise = Normalise{}});  // train 50,000 images, valid the next 10,000
  const auto batch = first_samples(data.train.dataset(), 64);
  const Tensor<2> x = rows(batch.x);

  heading("A list of parameters, kept by hand");
  ByHand by_hand;
  const ByHand before = by_hand;
  for (int step = 0; step < 10; ++step) train_step(by_hand, by_hand.listed(), x, batch.y, 0.5f);
  auto moved = [](const auto& now, const auto& then) {
    return all_equal(now.value, then.value) ? "did not move" : "moved";
  };
  say("after ten steps: w1 ", moved(by_hand.w1, before.w1), ", b1 ", moved(by_hand.b1, before.b1), ", w2 ",
      moved(by_hand.w2, before.w2), ", b2 ", moved(by_hand.b2, before.b2));
  say("The loss went down all the same, and nobody will ever look for the mistake.");

  heading("No list: the fields of a struct are the list");
  say("taken apart by a structured binding:");
  say_params(four_fields(by_hand));
  say("by the library, with the names as they are written in the struct:");
  say_params(parameters(by_hand));
  for (int step = 0; step < 10; ++step) train_step(by_hand, parameters(by_hand), x, batch.y, 0.5f);
  say("after ten steps more: b2 ", moved(by_hand.b2, before.b2));
  require(!all_equal(by_hand.b2.value, before.b2.value), "b2 is trained now");

  heading("Layers as fields: their names become paths");
  Mlp model;
  say_params(parameters(model));
  say(with_separators(parameter_count(model)), " numbers to train");
  Linear theirs{784, 50};
  theirs.weight.value = model.hidden.weight.value;
  theirs.bias->value = model.hidden.bias.value;
  agree("MyLinear and the library's Linear", model.hidden(x).value(), theirs(Var<2>(x)).value(), 1e-6);

  heading("One behind the other");
  Chain<MyLinear, GeneralRelu, Scale, MyLinear> chain{
      {MyLinear{784, 50}, GeneralRelu{.leak = 0.1f, .shift = 0.4f}, Scale{50}, MyLinear{50, 10}}};
  say("our Chain:");
  say_params(parameters(chain));
  Sequential sequential{MyLinear{784, 50}, GeneralRelu{.leak = 0.1f, .shift = 0.4f}, Scale{50}, MyLinear{50, 10}};
  std::get<0>(sequential.layers) = std::get<0>(chain.layers);
  std::get<3>(sequential.layers) = std::get<3>(chain.layers);
  say("the library's Sequential, with names as in PyTorch:");
  say_params(parameters(sequential));
  agree("with the same weights", chain(x).value(), sequential(Var<2>(x)).value(), 1e-6);

  heading("Why there is no base class");
  say("A model is a value. A copy is a second model, and no parameter is shared:");
  Mlp copy = model;
  train_step(copy, parameters(copy), x, batch.y, 0.5f);
  say("  after a step of the copy its bias ", moved(copy.out.bias, model.out.bias), ", that of the original did not");
  say("What a layer takes is its own business: Var<2>, Var<4>, two inputs. A wrong rank does not compile, where");
  say("a virtual forward() would have to take one type for all. And there is no constructor in which one could");
  say("forget to call super().__init__(), or to register a list of layers.");

  heading("Training for an epoch, with accuracy");
  const float lr = 0.5f;
  auto report = [&](std::string_view name, auto& trained) {
    const double untrained = accuracy(trained, data.valid);
    train_epoch(trained, data.train, lr);
    const double score = accuracy(trained, data.valid);
    say(left(name, 38), " accuracy ", fixed(score, 3), options.quick ? " (within 0.02)" : "");
    require(untrained < 0.4 && score > 0.9, "one epoch teaches the digits");
  };
  say("50,000 images in batches of 64, lr ", fixed(lr, 1), "; accuracy on the 10,000 for validation");
  report("Mlp: linear, relu, linear", model);
  if (!options.quick) report("Chain: with GeneralRelu and Scale", chain);
  report("Sequential: with GeneralRelu and Scale", sequential);
}

}  // namespace

int main(int count, char** words) { return run(count, words, chapter); }
