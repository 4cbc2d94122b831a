// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/learner.hpp>

#include <doctest/doctest.h>

#include <optional>

#include "toy.hpp"

TEST_SUITE_BEGIN("train");

using namespace kiln;

namespace {

struct QuietScale {
  Param<1> gain = ones({2});
  auto operator()(const Var<2>& x) const { return x * gain; }
};

struct QuietMlp {
  Linear hidden{3, 2};
  QuietScale scale;
  auto operator()(const Var<2>& x) const { return scale(hidden(x)); }
};

}  // namespace

TEST_CASE("a Learner's hooks act in fits, validations and predictions until their guard ends") {
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  learn.quiet();
  int gradients = 0;
  std::optional<Hook> hidden(learn.on_forward("hidden", [](const LayerCall& call, AnyVar& output) {
    CHECK(call.type == "Linear");
    CHECK(output.dims()[1] == 8);
  }));
  auto whole = learn.on_forward("", [](const LayerCall& call, AnyVar&) { CHECK(call.path.empty()); });
  auto back = learn.on_backward("out", [&](const HookedLayer&, AnyTensor& dy) {
    ++gradients;
    CHECK(dy.dims()[1] == 2);
  });
  learn.fit(2, 0.1);  // in each epoch 3 batches to train, 2 to validate
  CHECK(hidden->runs() == 10);
  CHECK(whole.runs() == 10);
  CHECK(gradients == 6);
  learn.validate();
  CHECK(hidden->runs() == 12);
  learn.predict(zeros({4, 3}));
  CHECK(hidden->runs() == 13);
  hidden.reset();
  learn.fit(1, 0.1);
  CHECK(gradients == 9);
}

TEST_CASE("a hook that replaces an output and a gradient changes what a Learner trains") {
  auto data = toy::loaders();
  toy::Mlp model;
  const auto before = model.out.weight.value;
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  learn.quiet();
  auto no_gradient = learn.on_backward("out", [](const HookedLayer&, AnyTensor& dy) { dy.as<2>().fill(0); });
  learn.fit(1, 0.1);
  CHECK(all_equal(model.out.weight.value, before));
  no_gradient.remove();
  auto zero = learn.on_forward("", [](const LayerCall&, AnyVar& output) { output = output.as<2>() * 0; });
  CHECK(all_equal(learn.predict(ones({1, 3})), zeros({1, 2})));
}

TEST_CASE("a hook that throws leaves the Learner usable, and a guard may outlive it") {
  struct Stop {};
  auto data = toy::loaders();
  std::optional<Hook> hook;
  {
    Learner learn{data, toy::Mlp{}, CrossEntropy{}, SGD{}};
    learn.quiet();
    bool armed = true;
    hook.emplace(learn.on_forward("out", [&](const LayerCall&, AnyVar&) {
      if (armed) throw Stop{};
    }));
    CHECK_THROWS_AS(learn.fit(1, 0.1), Stop);
    armed = false;
    CHECK_NOTHROW(learn.fit(1, 0.1));
    auto back = learn.on_backward("out", [](const HookedLayer&, AnyTensor&) { throw Stop{}; });
    CHECK_THROWS_AS(learn.fit(1, 0.1), Stop);
    back.remove();
    CHECK_NOTHROW(learn.fit(1, 0.1));
    CHECK(learn.recorder().epochs.size() == 2);
  }
  CHECK(hook->runs() > 0);
}

TEST_CASE("a Learner says so when a hooked layer does not exist or is not seen to run") {
  auto data = toy::loaders();
  Learner learn{data, QuietMlp{}, CrossEntropy{}, SGD{}};
  learn.quiet();
  auto nothing = [](const LayerCall&, AnyVar&) {};
  CHECK_THROWS_WITH_AS(
      auto hook = learn.on_forward("hiden", nothing),
      "on_forward: the layers of QuietMlp are hidden, scale, and \"\", the model itself: got \"hiden\"", IndexError);
  const char* silent =
      "on_forward: scale must run and be seen to; it can announce itself by "
      "`return kiln::announce(*this, input, [&](const auto& x) { ... });`: it was not seen";
  auto hook = learn.on_forward("scale", nothing);
  CHECK_THROWS_WITH_AS(learn.fit(1, 0.1), silent, UsageError);
  CHECK(learn.recorder().losses.empty());  // already in the first batch
  CHECK_THROWS_WITH_AS(learn.validate(), silent, UsageError);
  CHECK_THROWS_WITH_AS(learn.predict(zeros({1, 3})), silent, UsageError);
  hook.remove();
  CHECK_NOTHROW(learn.fit(1, 0.1));
}

TEST_SUITE_END();
