// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/nn/hook.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/gradcheck.hpp>
#include <kiln/autograd/reduction.hpp>
#include <kiln/nn/activation.hpp>
#include <kiln/nn/linear.hpp>
#include <kiln/nn/sequential.hpp>

TEST_SUITE_BEGIN("nn");

using namespace kiln;

namespace {

template <class T>
struct Gain {
  Param<1, T> gain = Tensor<1, T>{2, 3};
  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const auto& x) { return x * gain; });
  }
};

struct Quiet {  // does not announce itself
  Param<1> gain = Tensor<1>{1, 1};
  auto operator()(const Var<1>& x) const { return x * gain; }
};

template <class T = float>
struct Body {
  Gain<T> first;
  Sequential<Gain<T>, ReLU> rest;
  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const auto& x) { return rest(first(x)); });
  }
};

template <class T = float>
struct Net {
  std::vector<Body<T>> body = std::vector<Body<T>>(2);
  Gain<T> head;
  Quiet quiet;
  auto operator()(const auto& x) const { return head(body[1](body[0](x))); }
};

}  // namespace

TEST_CASE_TEMPLATE("a forward hook sees its layer's input and output, by path", T, float, double) {
  Net<T> net;
  std::string seen;
  auto hook = on_forward(net, "body.1.rest.0", [&](const LayerCall& call, AnyVar& output) {
    seen += concat(call.path, " ", call.type, " ", call.input.as<1, T>().value()(0), " ", output.as<1, T>().value()(0),
                   ";");
  });
  CHECK(seen.empty());
  Context context;
  context.observe(hook);
  net(context(Tensor<1, T>{1, 1}));
  CHECK(seen == concat("body.1.rest.0 ", type_name<Gain<T>>(), " 8 16;"));
  CHECK(hook.runs() == 1);
  net(Tensor<1, T>{1, 1});  // in another context, or in none, it does not act
  CHECK(hook.runs() == 1);
  CHECK_NOTHROW(hook.check());
}

TEST_CASE("a forward hook may replace the output, and the gradient goes through the new one") {
  Net<double> net;
  auto hook = on_forward(net, "body.0", [](const LayerCall&, AnyVar& output) { output = output.as<1, double>() * 10; });
  auto f = [&](const Var<1, double>& x) {
    x.context()->observe(hook);
    return net(x);
  };
  CHECK(all_equal(f(Context{}(Tensor<1, double>{1, 1})).value(), Tensor<1, double>{320, 2430}));
  CHECK(gradcheck(f, Tensor<1, double>{0.5, 2}));
}

TEST_CASE_TEMPLATE("a backward hook sees the gradient of its layer's output, and may replace it", T, float, double) {
  Net<T> net;
  std::string seen;
  auto hook = on_backward(net, "body.1.first", [&](const HookedLayer& layer, AnyTensor& dy) {
    seen += concat(layer.path, " ", layer.type, " ", dy.as<1, T>()(0), " ", dy.as<1, T>()(1), ";");
  });
  auto gradient = [&](auto&... hooks) {
    Tape tape;
    (tape.observe(hooks), ...);
    auto x = tape.variable(Tensor<1, T>{1, 1});
    tape.differentiate(sum(net(x)));
    return tape.grad(x);
  };
  CHECK(all_equal(gradient(hook), Tensor<1, T>{32, 243}));
  CHECK(seen == concat("body.1.first ", type_name<Gain<T>>(), " 4 9;"));
  auto half = on_backward(net, "body.0.rest", [](const HookedLayer&, AnyTensor& dy) { dy.as<1, T>() *= T(0.5); });
  CHECK(all_equal(gradient(half), Tensor<1, T>{16, 121.5}));
  auto other = on_backward(net, "head", [](const HookedLayer&, AnyTensor& dy) { dy = Tensor<1, T>{1, 0}; });
  CHECK(all_equal(gradient(other, half), Tensor<1, T>{16, 0}));
}

TEST_CASE("a backward hook is not called where no gradient is wanted") {
  Net<float> net;
  int calls = 0;
  auto hook = on_backward(net, "head", [&](const HookedLayer&, AnyTensor&) { ++calls; });
  Context context;
  context.observe(hook);
  net(context(Tensor<1>{1, 1}));
  freeze(net);
  Tape tape;
  tape.observe(hook);
  net(tape(Tensor<1>{1, 1}));
  CHECK(calls == 0);
  CHECK(hook.runs() == 2);
  CHECK_NOTHROW(hook.check());
}

TEST_CASE("of two hooks on a layer the later one sees what the earlier one left, and the gradient first") {
  Gain<double> layer;
  std::string order;
  auto add = [&](char name, double number) {
    return on_forward(layer, "", [&order, name, number](const LayerCall&, AnyVar& output) {
      order += name;
      output = output.as<1, double>() * number + number;
    });
  };
  auto a = add('a', 2), b = add('b', 3);
  auto back = [&](char name) {
    return on_backward(layer, "", [&order, name](const HookedLayer&, AnyTensor&) { order += name; });
  };
  auto c = back('c'), d = back('d');
  Tape tape;
  tape.observe(a);
  tape.observe(b);
  tape.observe(c);
  tape.observe(d);
  tape.observe(d);
  auto y = layer(tape(Tensor<1, double>{1, 1}));
  CHECK(all_equal(y.value(), Tensor<1, double>{(2 * 2 + 2) * 3 + 3, (3 * 2 + 2) * 3 + 3}));
  tape.differentiate(sum(y));
  CHECK(order == "abdc");
  CHECK(all_equal(tape.grad(layer.gain), Tensor<1, double>{6, 6}));
}

TEST_CASE("a layer that runs twice calls its hooks for each run") {
  Gain<double> layer;
  std::string seen;
  auto ahead =
      on_forward(layer, "", [&](const LayerCall&, AnyVar& y) { seen += concat(y.as<1, double>().value()(0), " "); });
  auto back = on_backward(layer, "",
                          [&](const HookedLayer&, AnyTensor& dy) { seen += concat("d", dy.as<1, double>()(0), " "); });
  Tape tape;
  tape.observe(ahead);
  tape.observe(back);
  tape.differentiate(sum(layer(layer(tape(Tensor<1, double>{1, 1})))));
  CHECK(seen == "2 4 d1 d2 ");
  CHECK(ahead.runs() == 2);
}

TEST_CASE("a hook ends with its guard, before or after its context, and may be moved") {
  Gain<float> layer;
  int calls = 0;
  auto make = [&] { return on_forward(layer, "", [&](const LayerCall&, AnyVar&) { ++calls; }); };
  std::optional<Hook> hook(make());
  Context context;
  context.observe(*hook);
  auto x = context(Tensor<1>{1, 1});
  layer(x);
  CHECK(calls == 1);
  {
    Hook moved = std::move(*hook);
    hook.reset();
    layer(x);
    CHECK(calls == 2);
    moved = make();  // ends the first
    layer(x);
    CHECK(calls == 2);
    Context shorter;
    shorter.observe(moved);
    layer(shorter(Tensor<1>{1, 1}));
    CHECK(calls == 3);
    Hook& same = moved;
    moved = std::move(same);
    layer(shorter(Tensor<1>{1, 1}));
    CHECK(calls == 4);
  }
  layer(x);
  CHECK(calls == 4);

  std::optional<Hook> back(on_backward(layer, "", [&](const HookedLayer&, AnyTensor&) { ++calls; }));
  Tape tape;
  tape.observe(*back);
  auto loss = sum(layer(tape(Tensor<1>{1, 1})));
  back.reset();  // between the two passes
  tape.differentiate(loss);
  CHECK(calls == 4);

  std::optional<Hook> self;
  self.emplace(on_forward(layer, "", [&](const LayerCall&, AnyVar&) {
    ++calls;
    self.reset();  // from within
  }));
  Context last;
  last.observe(*self);
  layer(last(Tensor<1>{1, 1}));
  layer(last(Tensor<1>{1, 1}));
  CHECK(calls == 5);
}

TEST_CASE("threads that share a model and a hook call the hook one at a time") {
  Net<double> net;
  int forward_calls = 0;  // not atomic, and each hook's own: two hooks may be called at the same time
  int backward_calls = 0;
  auto hook = on_forward(net, "head", [&](const LayerCall&, AnyVar&) { ++forward_calls; });
  auto back = on_backward(net, "head", [&](const HookedLayer&, AnyTensor&) { ++backward_calls; });
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 50; ++k) {
        Tape tape;
        tape.observe(hook);
        tape.observe(back);
        tape.differentiate(sum(net(tape(Tensor<1, double>{1, 1}))));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(forward_calls == 200);
  CHECK(backward_calls == 200);
}

TEST_CASE("an exception of a hook passes, and the hook acts again") {
  struct Stop {};
  Net<double> net;
  int calls = 0;
  auto hook = on_forward(net, "head", [&](const LayerCall&, AnyVar&) {
    if (++calls == 1) throw Stop{};
  });
  Context context;
  context.observe(hook);
  CHECK_THROWS_AS(net(context(Tensor<1, double>{1, 1})), Stop);
  CHECK_NOTHROW(net(context(Tensor<1, double>{1, 1})));
  CHECK(calls == 2);
  auto back = on_backward(net, "head", [&](const HookedLayer&, AnyTensor&) { fail<UsageError>("mine", "a", "b"); });
  Tape tape;
  tape.observe(back);
  auto y = sum(net(tape(Tensor<1, double>{1, 1})));
  CHECK_THROWS_WITH_AS(tape.differentiate(y), "backward of on_backward: mine: a: b", UsageError);
}

TEST_CASE("a path that does not exist is told those that do, the nearest first") {
  Net<float> net;
  net.body.resize(1);
  auto nothing = [](const LayerCall&, AnyVar&) {};
  const std::string model = concat("the layers of ", type_name<Net<float>>(), " are ");
  CHECK_THROWS_WITH_AS(auto hook = on_forward(net, "heat", nothing),
                       concat("on_forward: ", model,
                              "head, quiet, body.0, body.0.rest, body.0.first, body.0.rest.0, body.0.rest.1, and \"\", "
                              "the model itself: got \"heat\"")
                           .c_str(),
                       IndexError);
  CHECK_THROWS_WITH_AS(auto hook = on_backward(net, "body.0.rest.2", [](const HookedLayer&, AnyTensor&) {}),
                       concat("on_backward: ", model,
                              "body.0.rest.0, body.0.rest.1, body.0.rest, body.0.first, body.0, quiet, head, and \"\", "
                              "the model itself: got \"body.0.rest.2\"")
                           .c_str(),
                       IndexError);
  net.body.resize(40);
  std::string message;
  try {
    auto hook = on_forward(net, "head.weight", nothing);
  } catch (const IndexError& error) {
    message = error.what();
  }
  CHECK(message.size() < 600);
  CHECK(message.find("..., and \"\", the model itself") != std::string::npos);
  CHECK_THROWS_WITH_AS(auto hook = on_forward(net, "head", ForwardHook{}),
                       "on_forward: the hook must be a function: it is empty", UsageError);
}

TEST_CASE("a layer that does not announce itself is told how") {
  Net<float> net;
  auto hook = on_forward(net, "quiet", [](const LayerCall&, AnyVar&) {});
  CHECK_THROWS_WITH_AS(hook.check(),
                       "on_forward: a hook must be given to the tape or context, as in `tape.observe(hook)`: it was "
                       "given to none",
                       UsageError);
  Context context;
  context.observe(hook);
  net.quiet(context(Tensor<1>{1, 1}));
  CHECK_THROWS_WITH_AS(hook.check(),
                       "on_forward: quiet must run and be seen to; it can announce itself by "
                       "`return kiln::announce(*this, input, [&](const auto& x) { ... });`: it was not seen",
                       UsageError);
  call_layer(net.quiet, context(Tensor<1>{1, 1}));
  CHECK_NOTHROW(hook.check());
  auto whole = on_backward(net, "", [](const HookedLayer&, AnyTensor&) {});
  context.observe(whole);
  net(context(Tensor<1>{1, 1}));
  CHECK_THROWS_WITH_AS(whole.check(),
                       "on_backward: the model must run and be seen to; it can announce itself by "
                       "`return kiln::announce(*this, input, [&](const auto& x) { ... });`: it was not seen",
                       UsageError);
}

TEST_CASE("an output keeps its type") {
  Gain<float> layer;
  auto hook = on_forward(layer, "", [](const LayerCall&, AnyVar& output) { output = Var(Tensor<2>{{1}}); });
  Context context;
  context.observe(hook);
  CHECK_THROWS_WITH_AS(layer(context(Tensor<1>{1, 1})),
                       "Gain<float>: on_forward: the output must stay a Tensor<1, float>: it became Tensor<2, float>",
                       UsageError);
}

TEST_SUITE_END();
