// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/optim/optimizer.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <string_view>
#include <vector>

#include <kiln/core/parallel.hpp>
#include <kiln/optim/adam.hpp>
#include <kiln/optim/rmsprop.hpp>
#include <kiln/optim/sgd.hpp>

#include "trajectory.hpp"

using namespace kiln;
using trajectory::message_of;

namespace {

struct Net {
  Param<2> weight{Tensor<2>{{1, 2, 3}, {4, 5, 6}}};
  Param<1, double> bias{Tensor<1, double>{7, 8}};

  std::vector<ParamRef> refs() { return {{"weight", weight}, {"bias", bias}}; }

  void set_grads(int step) {
    weight.grad = zeros({2, 3});
    bias.grad = zeros<double>({2});
    int k = step;
    for (float& g : weight.grad) g = static_cast<float>(++k * 7 % 5 - 2) / 4;
    for (double& g : bias.grad) g = (++k * 7 % 5 - 2) / 4.0;
  }

  bool same_bits(const Net& other) const {
    return std::equal(weight.value.begin(), weight.value.end(), other.weight.value.begin()) &&
           std::equal(bias.value.begin(), bias.value.end(), other.bias.value.begin());
  }
};

void train(Net& net, Optimizer& optimizer, int first, int last) {
  for (int step = first; step < last; ++step) {
    net.set_grads(step);
    optimizer.step();
    optimizer.zero_grad();
  }
}

}  // namespace

TEST_SUITE_BEGIN("optim");

TEST_CASE("a step changes parameters with a gradient and counts once") {
  Net net;
  Optimizer optimizer{SGD{.lr = 0.5}, net.refs()};
  net.weight.grad = ones({2, 3});
  optimizer.step();
  CHECK(net.weight.value(1, 2) == 5.5f);
  CHECK(net.bias.value(1) == 8);
  CHECK(optimizer.steps() == 1);
  CHECK(optimizer.state().groups[0].parameters[0].updates == 1);
  CHECK(optimizer.state().groups[0].parameters[1].updates == 0);
  optimizer.zero_grad();
  CHECK_FALSE(net.weight.has_grad());
  optimizer.step();
  CHECK(net.weight.value(1, 2) == 5.5f);
  CHECK(optimizer.steps() == 2);
}

TEST_CASE("a frozen parameter and a buffer are left alone") {
  Net net;
  Buffer<1> mean{Tensor<1>{1, 2}};
  Buffer<1, int> count{Tensor<1, int>{3}};
  std::vector<ParamRef> refs = net.refs();
  refs.emplace_back("mean", mean);
  refs.emplace_back("count", count);
  net.weight.trainable = false;
  Optimizer optimizer{Adam{.lr = 0.5}, refs};
  train(net, optimizer, 0, 2);
  CHECK(net.weight.value(0, 0) == 1);
  CHECK(net.bias.value(0) != 7);
  CHECK(mean.value(0) == 1);
  CHECK(count.value(0) == 3);
  net.weight.trainable = true;
  train(net, optimizer, 2, 3);
  CHECK(net.weight.value(0, 0) != 1);
}

TEST_CASE("a parameter without elements is no difficulty") {
  Param<2> none{zeros({0, 3})};
  none.grad = zeros({0, 3});
  Optimizer optimizer{Adam{}, {{"none", none}}};
  optimizer.step();
  OptimizerState state = optimizer.state();
  optimizer.load_state(state);
  CHECK(optimizer.state() == state);
}

TEST_CASE("groups have values and rules of their own") {
  Net net;
  Optimizer optimizer{SGD{.lr = 1}, {{"weight", net.weight}}};
  optimizer.add_group(SGD{.lr = 0.25}, {{"bias", net.bias}});
  net.weight.grad = ones({2, 3});
  net.bias.grad = ones<double>({2});
  optimizer.step();
  CHECK(net.weight.value(0, 0) == 0);
  CHECK(net.bias.value(0) == 6.75);

  optimizer.hyper(1, "lr") = 0.5;
  optimizer.step();
  CHECK(net.weight.value(0, 0) == -1);
  CHECK(net.bias.value(0) == 6.25);

  Param<1> extra{ones({1})};
  optimizer.add_group(RMSProp{}, {{"extra", extra}});
  CHECK(optimizer.group_count() == 3);
  CHECK(optimizer.rule_name(0) == "SGD");
  CHECK(optimizer.rule_name(2) == "RMSProp");
  CHECK(optimizer.parameters(1).at(0).name == "bias");
  CHECK(optimizer.parameters().size() == 3);
  CHECK(message_of([&] { optimizer.hyper(3, "lr"); }) == "optimizer: it has 3 groups, counted from 0: got 3");
}

TEST_CASE("hyper-parameters are found by name") {
  Net net;
  Optimizer optimizer{SGD{.lr = 0.1, .momentum = 0.9}, net.refs()};
  CHECK(optimizer.hyper_names() == std::vector<std::string_view>{"lr", "momentum", "dampening", "weight_decay"});
  double& momentum = optimizer.hyper(0, "momentum");
  CHECK(momentum == 0.9);
  momentum = 0.8;
  CHECK(optimizer.rule<SGD>().momentum == 0.8);
  OptimizerState state = optimizer.state();
  momentum = 0.7;
  optimizer.load_state(state);
  CHECK(momentum == 0.8);
  CHECK(message_of([&] { optimizer.hyper(0, "beta1"); }) ==
        "hyper: SGD has lr, momentum, dampening, weight_decay: got beta1");
  CHECK(message_of([&] { optimizer.hyper(0, "nesterov"); }) ==
        "hyper: SGD has lr, momentum, dampening, weight_decay: got nesterov");
  CHECK(message_of([&] { optimizer.rule<Adam>(); }) == "rule: asked for Adam: group 0 has SGD");
}

TEST_CASE("an optimizer says what is wrong with its parameters") {
  Net net;
  CHECK(message_of([] { Optimizer{SGD{}, {}}; }) == "optimizer: it needs at least one trainable parameter: got none");
  CHECK(message_of([&] {
          Optimizer{SGD{}, {{"a", net.weight}, {"b", net.weight}}};
        }) == "optimizer: a parameter must be given only once: got b twice");
  Optimizer optimizer{SGD{}, {{"weight", net.weight}}};
  CHECK(message_of([&] { optimizer.add_group(SGD{}, net.refs()); }) ==
        "optimizer: a parameter must be given only once: got weight twice");
  CHECK(message_of([&] { optimizer.add_group(SGD{}, {}); }) ==
        "optimizer: a group needs at least one parameter: got none");
  CHECK(optimizer.group_count() == 1);
  net.weight.trainable = net.bias.trainable = false;
  CHECK(message_of([&] {
          Optimizer{SGD{}, net.refs()};
        }) == "optimizer: it needs at least one trainable parameter: all 2 are frozen");
}

TEST_CASE("an impossible step changes nothing") {
  Net net;
  Optimizer optimizer{SGD{.lr = 0.5}, {{"weight", net.weight}}};
  optimizer.add_group(SGD{.lr = 0.5}, {{"bias", net.bias}});
  net.set_grads(0);
  optimizer.hyper(1, "lr") = std::numeric_limits<double>::quiet_NaN();
  CHECK(message_of([&] { optimizer.step(); }) == "SGD.lr: must be finite: got nan");
  optimizer.hyper(1, "lr") = -2;
  CHECK(message_of([&] { optimizer.step(); }) == "SGD.lr: must be finite and not negative: got -2");
  optimizer.hyper(1, "lr") = 2;
  net.bias.value = zeros<double>({3});
  CHECK(message_of([&] { optimizer.step(); }) == "optimizer: bias must keep its shape (2,): got (3,)");
  CHECK(net.weight.value(0, 0) == 1);
  CHECK(optimizer.steps() == 0);
}

TEST_CASE_TEMPLATE("a copied state goes on with the same bits", Rule, SGD, Adam, AdamW, RMSProp) {
  Rule rule{.lr = 0.1};
  if constexpr (requires { rule.momentum; }) rule.momentum = 0.9;
  if constexpr (requires { rule.amsgrad; }) rule.amsgrad = true;
  Net net;
  Optimizer optimizer{rule, net.refs()};
  train(net, optimizer, 0, 5);
  const Net net_then = net;
  const OptimizerState then = optimizer.state();
  Optimizer copy = optimizer;
  train(net, optimizer, 5, 12);
  const OptimizerState end = optimizer.state();
  CHECK(end != then);

  Net again = net_then;
  Optimizer fresh{rule, again.refs()};
  fresh.hyper(0, "lr") = 3;
  fresh.load_state(then);
  CHECK(fresh.state() == then);
  train(again, fresh, 5, 12);
  CHECK(again.same_bits(net));
  CHECK(fresh.state() == end);

  CHECK(copy.state() == then);
  Net after = net;
  net = net_then;
  train(net, copy, 5, 12);
  CHECK(net.same_bits(after));
}

TEST_CASE("a state that does not fit is refused and changes nothing") {
  Net net;
  Optimizer optimizer{Adam{.lr = 0.1}, net.refs()};
  train(net, optimizer, 0, 2);
  const OptimizerState good = optimizer.state();
  auto refused = [&](auto spoil) {
    OptimizerState bad = good;
    bad.steps = 99;
    bad.groups[0].hypers[0].value = 0.2;
    spoil(bad);
    std::string message = message_of([&] { optimizer.load_state(bad); });
    CHECK(optimizer.state() == good);
    return message;
  };
  CHECK(refused([](OptimizerState& s) { s.groups.clear(); }) == "load_state: the optimizer has 1 groups: got 0");
  CHECK(refused([](OptimizerState& s) { s.steps = -1; }) == "load_state: the steps must not be negative: got -1");
  CHECK(refused([](OptimizerState& s) { s.groups[0].rule = "SGD"; }) == "load_state: the rule is Adam: got SGD");
  CHECK(refused([](OptimizerState& s) { s.groups[0].hypers.pop_back(); }) ==
        "load_state: the hyper-parameters must be those of Adam: got others");
  CHECK(refused([](OptimizerState& s) { s.groups[0].hypers[5].value = 1; }) == "load_state: Adam.amsgrad is 0: got 1");
  CHECK(refused([](OptimizerState& s) { s.groups[0].hypers[1].value = 1; }) == "Adam.beta1: must lie in [0, 1): got 1");
  CHECK(refused([](OptimizerState& s) { s.groups[0].parameters.pop_back(); }) ==
        "load_state: the group has 2 parameters: got 1");
  CHECK(refused([](OptimizerState& s) { s.groups[0].parameters[1].name = "scale"; }) ==
        "load_state: the parameter is bias: got scale");
  CHECK(refused([](OptimizerState& s) {
          s.groups[0].parameters[0].shape = {3, 2};
        }) == "load_state: weight has shape (2, 3): got (3, 2)");
  CHECK(refused([](OptimizerState& s) { s.groups[0].parameters[1].updates = -1; }) ==
        "load_state: bias's updates must not be negative: got -1");
  CHECK(refused([](OptimizerState& s) {
          s.groups[0].parameters[1].slots[0].values = zeros({2});
        }).starts_with("load_state: bias's exp_avg must be a Tensor<1, double>: got Tensor<1"));
  CHECK(refused([](OptimizerState& s) { s.groups[0].parameters[0].slots[1].values = zeros({7}); }) ==
        "load_state: weight's exp_avg_sq must have 6 elements: got 7");
}

TEST_CASE("states are compared by their bits") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(OptimizerSlot{"m", Tensor<1>{nan}} == OptimizerSlot{"m", Tensor<1>{nan}});
  CHECK(OptimizerSlot{"m", Tensor<1>{0.0f}} != OptimizerSlot{"m", Tensor<1>{-0.0f}});
  CHECK(OptimizerSlot{"m", Tensor<1>{0.0f}} != OptimizerSlot{"v", Tensor<1>{0.0f}});
  CHECK(OptimizerSlot{"m", Tensor<1>{1}} != OptimizerSlot{"m", Tensor<1, double>{1}});
  CHECK(OptimizerSlot{"m", zeros({2})} != OptimizerSlot{"m", zeros({3})});
}

TEST_CASE("the number of threads does not change a bit") {
  const int before = num_threads();
  auto trained = [](int threads) {
    set_num_threads(threads);
    Param<1> x{arange(100'003)};
    Optimizer optimizer{Adam{.lr = 0.1, .weight_decay = 0.01}, {{"x", x}}};
    for (int step = 1; step < 4; ++step) {
      x.grad = arange(100'003);
      for (float& g : x.grad) g = static_cast<float>(static_cast<int>(g) * step % 1009) / 64;
      optimizer.step();
    }
    return x.value;
  };
  Tensor<1> one = trained(1);
  for (int threads : {2, 3, 7}) {
    Tensor<1> many = trained(threads);
    CHECK(std::equal(one.begin(), one.end(), many.begin()));
  }
  set_num_threads(before);
}

TEST_SUITE_END();
