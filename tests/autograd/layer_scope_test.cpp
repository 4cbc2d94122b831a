// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/autograd/layer_scope.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/einsum.hpp>
#include <kiln/autograd/linear_algebra.hpp>
#include <kiln/autograd/reduction.hpp>

using namespace kiln;

TEST_SUITE_BEGIN("autograd");

namespace {

struct Gain {
  Param<1, double> gain = Tensor<1, double>{2, 3};
  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const auto& x) { return x * gain; });
  }
};

struct Net {  // shares its address with its first field
  Gain first, second;
  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const auto& x) { return second(first(x)); });
  }
};

struct Named {
  static constexpr std::string_view layer_name = "Other";
};

struct Log : LayerObserver {
  std::string text;
  std::string tag;
  explicit Log(std::string name) : tag(std::move(name)) {
    entered = [](LayerObserver& self, const LayerCall& call) {
      auto& log = static_cast<Log&>(self);
      log.text += concat(log.tag, "(", call.type, " ", call.named ? call.path : "?", " ", call.input.dims(), " ");
    };
    left = [](LayerObserver& self, const LayerCall& call, AnyVar& output) {
      auto& log = static_cast<Log&>(self);
      log.text += concat(call.type, " ", output.dims(), ")");
    };
  }
};

LayerNames names_of(const Net& net) {
  return {.root = "Net",
          .entries = {{layer_key(net), "", "Net"},
                      {layer_key(net.first), "first", "Gain"},
                      {layer_key(net.second), "second", "Gain"}}};
}

}  // namespace

TEST_CASE("observers hear of every layer, from the outside in, with its path") {
  Net net;
  const LayerNames names = names_of(net);
  Log log("");
  Context context;
  context.observe(&log);
  context.name_layers(&names);
  auto y = net(context(Tensor<2, double>{{1, 1}}));
  CHECK(log.text == "(Net  (1, 2) (Gain first (1, 2) Gain (1, 2))(Gain second (1, 2) Gain (1, 2))Net (1, 2))");
  CHECK(all_equal(y.value(), Tensor<2, double>{{4, 9}}));

  Log unnamed("");
  Context bare;
  bare.observe(&unnamed);
  net.first(bare(Tensor<2, double>{{1, 1}}));
  CHECK(unnamed.text == "(Gain ? (1, 2) Gain (1, 2))");
}

TEST_CASE("a context has any number of observers, each once, until they are taken out") {
  struct Count : LayerObserver {
    int entries = 0;
    Count() {
      entered = [](LayerObserver& self, const LayerCall&) { ++static_cast<Count&>(self).entries; };
    }
  };
  Count first, second;
  Context context;
  auto x = context(Tensor<1, double>{1, 1});
  context.observe(&first);
  context.observe(&second);
  context.observe(&second);
  context.observe(nullptr);
  Gain{}(x);
  CHECK(first.entries == 1);
  CHECK(second.entries == 1);
  context.unobserve(&first);
  Gain{}(x);
  CHECK(first.entries == 1);
  CHECK(second.entries == 2);

  Context other;  // the same observers in another context, in another order
  other.observe(&second);
  other.observe(&first);
  Gain{}(other(Tensor<1, double>{1, 1}));
  CHECK(first.entries == 2);
  CHECK(second.entries == 3);
  context.unobserve(&second);
  Gain{}(x);
  CHECK(second.entries == 3);
}

TEST_CASE("observers are told in the order of their list") {
  Log first("a"), second("b");
  first.next = &second;
  std::string order;
  struct Order : LayerObserver {
    std::string* text;
    char name;
    Order(std::string& all, char letter) : text(&all), name(letter) {
      entered = [](LayerObserver& self, const LayerCall&) {
        *static_cast<Order&>(self).text += static_cast<Order&>(self).name;
      };
      left = [](LayerObserver& self, const LayerCall&, AnyVar&) {
        *static_cast<Order&>(self).text += static_cast<Order&>(self).name;
      };
    }
  };
  Order x(order, 'x'), y(order, 'y');
  LayerObserver silent;
  x.next = &silent;
  silent.next = &y;
  Context context;
  context.observe(&x);
  Gain{}(context(Tensor<1, double>{1, 1}));
  CHECK(order == "xyxy");
}

TEST_CASE("an observer may replace a layer's output, and the gradient goes through the new one") {
  Net net;
  const LayerNames names = names_of(net);
  LayerObserver cut;
  cut.left = [](LayerObserver&, const LayerCall& call, AnyVar& output) {
    if (call.path == "first") output = output.as<2, double>() * 10;
  };
  Tape tape;
  tape.observe(&cut);
  tape.name_layers(&names);
  auto x = tape.variable(Tensor<2, double>{{1, 1}});
  auto y = net(x);
  CHECK(all_equal(y.value(), Tensor<2, double>{{40, 90}}));
  tape.differentiate(sum(y));
  CHECK(all_equal(tape.grad(x), Tensor<2, double>{{40, 90}}));
  CHECK(all_equal(tape.grad(net.first.gain), Tensor<1, double>{20, 30}));

  LayerObserver wrong;
  wrong.left = [](LayerObserver&, const LayerCall&, AnyVar& output) { output = Var(Tensor<0, double>(1)); };
  Context context;
  context.observe(&wrong);
  CHECK_THROWS_WITH_AS(net.first(context(Tensor<1, double>{1, 1})),
                       "Gain: as: asked for Tensor<1, double>: it holds Tensor<0, double>", UsageError);
}

TEST_CASE("a layer with several outputs is seen from outside") {
  Log log("");
  Context context;
  context.observe(&log);
  Gain gain;
  auto [a, b] = announce(gain, context(Tensor<1, double>{1, 1}), [](const auto& x) { return std::tuple(x, x * 2); });
  CHECK(all_equal(b.value(), Tensor<1, double>{2, 2}));
  CHECK(log.text == "(Gain ? (2,) Gain ())");
}

TEST_CASE("errors name the innermost layer, by its path where the context knows it") {
  Net net;
  const LayerNames names = names_of(net);
  const std::string tail = "multiply: sizes must be equal or 1, counted from the last axis: got shapes (3,) and (2,)";
  const Tensor<1, double> x{1, 1, 1};
  Context context;
  CHECK_THROWS_WITH_AS(net(x), concat("Gain: ", tail).c_str(), ShapeError);
  CHECK_THROWS_WITH_AS(net(context(x)), concat("Gain: ", tail).c_str(), ShapeError);
  context.name_layers(&names);
  CHECK_THROWS_WITH_AS(net(context(x)), concat("Net.first: ", tail).c_str(), ShapeError);
  CHECK_THROWS_WITH_AS(announce(net, context(x), [](const auto& v) { return v + zeros<double>({2}); }),
                       "Net: add: sizes must be equal or 1, counted from the last axis: got shapes (3,) and (2,)",
                       ShapeError);
}

TEST_CASE("a layer takes a tensor, without context, and names itself by its type or as it likes") {
  CHECK(layer_type_name<Named>() == "Other");
  CHECK(layer_type_name<Gain>() == "Gain");
  CHECK(all_equal(Net{}(Tensor<1, double>{1, 1}).value(), Tensor<1, double>{4, 9}));
}

TEST_CASE("a layer that announces itself and is announced by its caller runs once") {
  Net net;
  const LayerNames names = names_of(net);
  Log log("");
  Context context;
  context.observe(&log);
  context.name_layers(&names);
  call_layer(net, context(Tensor<2, double>{{1, 1}}));
  CHECK(log.text == "(Net  (1, 2) (Gain first (1, 2) Gain (1, 2))(Gain second (1, 2) Gain (1, 2))Net (1, 2))");
  CHECK_THROWS(net.first(context(Tensor<1, double>{1, 1, 1})));
  CHECK(context.running_layer() == LayerKey{});
}

TEST_CASE("a context may own its observers") {
  auto log = std::make_shared<Log>("");
  const std::weak_ptr<Log> watched = log;
  {
    Context context;
    context.observe(std::exchange(log, nullptr));
    Gain{}(context(Tensor<1, double>{1, 1}));
    REQUIRE_FALSE(watched.expired());
    CHECK(watched.lock()->text == "(Gain ? (2,) Gain (2,))");
  }
  CHECK(watched.expired());
}

TEST_CASE_TEMPLATE("a context counts the arithmetic of products while somebody observes", T, float, double) {
  LayerObserver somebody;
  Context context;
  auto cost = [&](auto f) {
    const double before = context.flops();
    f();
    return context.flops() - before;
  };
  auto x = context(zeros<T>({2, 3, 4}));
  auto matrix = context(zeros<T>({5, 4}));
  CHECK(cost([&] { linear(x, zeros<T>({5, 4}), zeros<T>({5})); }) == 0);
  context.observe(&somebody);
  CHECK(cost([&] { linear(x, zeros<T>({5, 4}), zeros<T>({5})); }) == 2 * 2 * 3 * 4 * 5);
  CHECK(cost([&] { linear(zeros<T>({7, 4}), matrix); }) == 2 * 7 * 4 * 5);
  CHECK(cost([&] { matmul(x, zeros<T>({2, 4, 6})); }) == 2 * 2 * 3 * 4 * 6);
  CHECK(cost([&] { matmul(zeros<T>({3, 5}), matrix); }) == 2 * 3 * 5 * 4);
  CHECK(cost([&] { einsum<"btc,oc->bto">(x, matrix); }) == 2 * 2 * 3 * 4 * 5);
  CHECK(cost([&] { einsum<"btc->bc">(x); }) == 0);
  CHECK(cost([&] { einsum<"oc,ox->cx">(matrix, zeros<T>({5, 3})); }) == 2 * 4 * 5 * 3);
  CHECK(cost([&] { einsum<"oc,xy->c">(matrix, zeros<T>({5, 3})); }) == 2 * 4);  // both are summed before they meet
  CHECK(cost([&] {
          einsum<"ij,jk,kl->il">(context(zeros<T>({2, 30})), zeros<T>({30, 5}), zeros<T>({5, 10}));
        }) == 2 * (2 * 30 * 5 + 2 * 5 * 10));
  CHECK(cost([&] { einsum<2>("oc,oc->oc", matrix, zeros<T>({5, 4})); }) == 2 * 5 * 4);
  CHECK(cost([&] { x + x; }) == 0);
}

TEST_CASE_TEMPLATE("the backward pass costs a product for each operand that wants a gradient", T, float, double) {
  LayerObserver somebody;
  Tape tape;
  tape.observe(&somebody);
  const auto cost = [&](auto f) {
    const double before = tape.backward_flops();
    f();
    return tape.backward_flops() - before;
  };
  const auto constant = tape(zeros<T>({3, 4}));
  const auto x = tape.variable(zeros<T>({3, 4}));
  Param<2, T> weight = zeros<T>({5, 4});
  const Param<1, T> bias = zeros<T>({5});
  constexpr double product = 2 * 3 * 4 * 5;
  CHECK(cost([&] { linear(x, weight, bias); }) == 2 * product);
  CHECK(cost([&] { linear(constant, weight, bias); }) == product);
  CHECK(cost([&] { linear(constant, zeros<T>({5, 4}), bias); }) == 0);
  CHECK(cost([&] { einsum<"tc,oc->to">(x, weight); }) == 2 * product);
  weight.trainable = false;
  CHECK(cost([&] { linear(x, weight, bias); }) == product);
  CHECK(tape.flops() == 5 * product);
}

TEST_CASE("layers run apart if one observer wants to see them so") {
  LayerObserver first, second, behind_second;
  first.apart = second.apart = false;
  second.next = &behind_second;
  Context context;
  CHECK_FALSE(detail::layers_run_apart(context));
  context.observe(&first);
  CHECK_FALSE(detail::layers_run_apart(context));
  context.observe(&second);
  CHECK(detail::layers_run_apart(context));
  behind_second.apart = false;
  CHECK_FALSE(detail::layers_run_apart(context));
}

TEST_CASE("a struct and its first field are different layers") {
  Net net;
  CHECK(static_cast<const void*>(&net) == static_cast<const void*>(&net.first));
  CHECK_FALSE(layer_key(net) == layer_key(net.first));
  CHECK(layer_key(net) == layer_key(net));
}

TEST_SUITE_END();
