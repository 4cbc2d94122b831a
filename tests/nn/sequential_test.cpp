// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/nn/sequential.hpp>

#include <kiln/autograd/gradcheck.hpp>
#include <kiln/nn/activation.hpp>
#include <kiln/nn/batch_norm.hpp>
#include <kiln/nn/conv.hpp>
#include <kiln/nn/dropout.hpp>
#include <kiln/nn/linear.hpp>

#include "oracle.hpp"

using namespace kiln;

TEST_SUITE_BEGIN("nn");

namespace {

Var<2> twice(const Var<2>& x) { return x * 2; }

struct Pair {
  Sequential<Linear, ReLU, Linear> body{{4, 3}, {}, {3, 2}};
  auto operator()(const Var<2>& x) const { return body(x); }
};

template <class Model>
std::string names_of(Model& model) {
  std::string all;
  for (const ParamRef& tensor : state_tensors(model)) all += tensor.name + " ";
  return all;
}

}  // namespace

TEST_CASE("sequential calls its layers in order") {
  const Linear first{4, 3}, second{3, 2};
  const Sequential model{first, ReLU{}, second};
  const auto x = numbers<float>({5, 4}, 1);
  const auto expected = second(relu(first(x)));
  const auto y = model(x);
  CHECK(y.shape() == Shape<2>(5, 2));
  CHECK(std::equal(y.value().begin(), y.value().end(), expected.value().begin()));
}

TEST_CASE("lambdas, functions and other models are layers too") {
  const Linear layer{4, 4};
  const Sequential model{layer, [](const auto& x) { return x + 1; }, twice, Sequential{ReLU{}}};
  const auto x = numbers<float>({5, 4}, 1);
  const auto expected = relu((layer(x) + 1) * 2);
  const auto y = model(x);
  CHECK(std::equal(y.value().begin(), y.value().end(), expected.value().begin()));
}

TEST_CASE("a sequential gives up what a layer got when the layer has run") {
  constexpr std::size_t bytes = 65536 * sizeof(float);
  const auto x = full({256, 256}, 1.0f);
  const std::size_t before = memory_use().in_use;
  std::size_t most = 0;
  auto add_one = [&most](const auto& input) {
    auto y = input + 1;
    most = (std::max)(most, memory_use().in_use);
    return y;
  };
  const Sequential model{add_one, add_one, add_one, add_one, add_one, add_one};
  CHECK(model(x).value()(0, 0) == 7);
  CHECK(most - before >= 2 * bytes);  // what goes in and what comes out, of one layer
  CHECK(most - before < 2 * bytes + 4096);
}

TEST_CASE("the layers of a sequential may change the rank") {
  const Sequential model{Flatten{}, Linear{12, 5}, [](const Var<2>& x) { return reshape(x, {x.numel()}); }};
  CHECK(model(zeros({2, 3, 4})).shape() == Shape<1>(10));
}

TEST_CASE("sequential's parameters are named as PyTorch names them") {
  Sequential model{Flatten{}, Linear{4, 3}, ReLU{}, Sequential{BatchNorm1d{3}, Linear{3, 2}},
                   [](const auto& x) { return x; }};
  CHECK(names_of(model) ==
        "1.weight 1.bias 3.0.weight 3.0.bias 3.0.running_mean 3.0.running_var 3.0.num_batches_tracked 3.1.weight "
        "3.1.bias ");
  Pair pair;
  CHECK(names_of(pair) == "body.0.weight body.0.bias body.2.weight body.2.bias ");
  CHECK(parameter_count(pair) == 4 * 3 + 3 + 3 * 2 + 2);
}

TEST_CASE("braces construct the layers in order, so the weights do not depend on the compiler") {
  manual_seed(9);
  const Sequential model{Linear{2, 2}, Linear{2, 2}};
  manual_seed(9);
  const Linear first{2, 2};
  const Linear second{2, 2};
  CHECK(std::get<0>(model.layers).weight.value(0, 0) == first.weight.value(0, 0));
  CHECK(std::get<1>(model.layers).weight.value(0, 0) == second.weight.value(0, 0));
}

TEST_CASE("gradients through a sequential agree with differences") {
  using D = double;
  Sequential model{BasicLinear<D>{4, 6}, BasicBatchNorm1d<D>{6}, Tanh{},
                   Dropout{.p = 0.3},    BasicLinear<D>{6, 2},   Softmax{}};
  CHECK(gradcheck(model, parameters(model), numbers<D>({5, 4}, 3)));
}

TEST_CASE("errors name the layer by its position") {
  const Sequential model{Linear{4, 3}, ReLU{}, Linear{4, 2}};
  const auto names = layer_names(model);
  Context context;
  context.name_layers(&names);
  CHECK(message_of<ShapeError>([&] {
          model(context(zeros({1, 4})));
        }) == "Sequential.2: linear: input's last axis must be 4: got shape (1, 3)");
}

namespace {

/// Notes the layers that it is told of, and lets layers run as one or not.
struct Seen : LayerObserver {
  std::string types;
  Seen() {
    left = [](LayerObserver& self, const LayerCall& call, AnyVar&) {
      static_cast<Seen&>(self).types += concat(call.type, " ");
    };
  }
};

/// Runs a model whose layers fuse without observers and with both kinds: the results must be the same.
void check_fusing(auto& model, const auto& x, const std::string& fused, const std::string& unfused) {
  auto run = [&](auto... observer) {
    Tape tape;
    (tape.observe(observer), ...);
    auto y = model(tape(x));
    backward(sum(square(y)));
    std::vector<float> all(y.value().begin(), y.value().end());
    for (const ParamRef& param : parameters(model)) {
      const auto grad = param.template grad<float>();
      all.insert(all.end(), grad.begin(), grad.end());
      param.zero_grad();
    }
    return all;
  };
  Seen apart, together;
  together.apart = false;
  const auto plain = run();
  CHECK(run(static_cast<LayerObserver*>(&together)) == plain);
  CHECK(together.types == fused);
  CHECK(run(static_cast<LayerObserver*>(&apart)) == plain);
  CHECK(apart.types == unfused);
}

}  // namespace

TEST_CASE("a convolution or linear layer and a relu run as one, but apart where an observer needs to see both") {
  Sequential convolutions{Conv2d{1, 4, 3}, ReLU{}, Conv2d{4, 2, 3, 2}, ReLU{}};
  check_fusing(convolutions, numbers<float>({9, 1, 7, 7}, 1), "Conv2d+ReLU Conv2d+ReLU Sequential ",
               "Conv2d ReLU Conv2d ReLU Sequential ");
  Sequential model{Linear{4, 3}, ReLU{}, Linear{3, 3}, ReLU{}};
  check_fusing(model, numbers<float>({5, 4}, 1), "Linear+ReLU Linear+ReLU Sequential ",
               "Linear ReLU Linear ReLU Sequential ");
  CHECK_THROWS_WITH_AS(model(numbers<float>({5, 3}, 1)),
                       doctest::Contains("linear: input's last axis must be 4: got shape (5, 3)"), ShapeError);
}

TEST_SUITE_END();
