// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/terminate_on_nan.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include <kiln/optim/adam.hpp>
#include <kiln/train/gradient_accumulation.hpp>

#include "script.hpp"

TEST_SUITE_BEGIN("train");

using namespace kiln;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// At the second batch, makes an element of the input huge, so that some layer overflows.
struct Poison {
  int order = -1;
  float value = 1e38f;
  void on(BeforeBatch, Fit& fit) {
    if (fit.training && fit.batch == 1) fit.x.as<2>().fill(value);
  }
};

/// Notes everything when a batch begins, and compares when the fit is over.
struct Unchanged {
  NoState no_state;
  toy::Deep& model;
  std::vector<std::byte> before = {};
  Index steps = -1;
  void on(BeforeBatch, Fit& fit) {
    before = toy::bits(model);
    steps = fit.optimizer().steps();
  }
  void on(AfterFit, Fit& fit) {
    CHECK(toy::bits(model) == before);
    CHECK(fit.optimizer().steps() == steps);
  }
};

/// Keeps what dropout lets through in training.
struct Pick {
  Linear first{3, 8};
  Dropout dropout{.p = 0.5};
  Linear out{8, 2};
  auto operator()(const Var<2>& x) const {
    auto kept = dropout(relu(first(x)));
    if (kept.mode() == Mode::train) seen->push_back(kept.value());
    return out(kept);
  }
  std::vector<Tensor<2>>* seen = nullptr;
  static void fields(auto& self, auto&& f) {
    f("first", self.first);
    f("dropout", self.dropout);
    f("out", self.out);
  }
};

}  // namespace

TEST_CASE("finite is what is neither NaN nor infinite, at every place") {
  for (std::size_t size : {1u, 5u, 64u, 65u, 200u}) {
    std::vector<float> x(size, -std::numeric_limits<float>::max());
    std::vector<double> wide(size, std::numeric_limits<double>::denorm_min());
    CHECK(detail::all_finite(std::span<const float>(x)));
    CHECK(detail::all_finite(std::span<const double>(wide)));
    for (std::size_t i = 0; i < size; ++i) {
      for (float bad : {infinity, -infinity, std::nanf(""), -std::nanf("")}) {
        const float was = std::exchange(x[i], bad);
        CHECK_FALSE(detail::all_finite(std::span<const float>(x)));
        x[i] = was;
        const double wide_was = std::exchange(wide[i], static_cast<double>(bad));
        CHECK_FALSE(detail::all_finite(std::span<const double>(wide)));
        wide[i] = wide_was;
      }
    }
  }
  CHECK(detail::all_finite(std::span<const float>()));
  CHECK(detail::all_finite(AnyTensor(Tensor<1, int>{1})));
}

TEST_CASE("a loss that is not finite ends the fit: the layer is named, nothing is written, all is recorded") {
  manual_seed(1);
  auto data = toy::loaders();
  toy::Deep model;
  model.first.weight.value.fill(100);
  TerminateOnNaN stop{.print = false};
  Unchanged unchanged{{}, model};
  Learner learn{data, model, CrossEntropy{}, Adam{}, unchanged, stop};
  learn.quiet();
  learn.fit(3, 0.01, Poison{});
  CHECK(stop.message.starts_with("TerminateOnNaN: step 1 (epoch 0, batch 1): the loss is "));
  CHECK(stop.message.ends_with(": the first output that is not finite is that of Deep.first (Linear)"));
  CHECK(learn.position().step == 2);
  CHECK(learn.optimizer().steps() == 1);
  REQUIRE(learn.recorder().losses.size() == 2);
  CHECK_FALSE(std::isfinite(learn.recorder().losses[1]));
  REQUIRE(learn.recorder().epochs.size() == 1);
  CHECK_FALSE(std::isfinite(learn.recorder().epochs[0].train_loss));
  CHECK(std::isnan(learn.recorder().epochs[0].valid_loss));

  learn.fit(1, 0.01);
  CHECK(stop.message.empty());
  CHECK(learn.optimizer().steps() == 4);
}

TEST_CASE("the batch that is run again draws the same random numbers, and other observers do not see it") {
  manual_seed(1);
  std::vector<Tensor<2>> seen;
  auto data = toy::loaders();
  Pick model;
  model.seen = &seen;
  struct Spoil {
    NoState no_state = {};
    void on(AfterLoss, Fit& fit) { fit.loss = fit.loss.as<0>() * std::nanf(""); }
  };
  struct Count : LayerObserver {
    Index calls = 0;
    Count() {
      entered = [](LayerObserver& self, const LayerCall&) { ++static_cast<Count&>(self).calls; };
    }
  } count;
  struct Watch {
    NoState no_state;
    Count& count;
    void on(BeforeFit, Fit& fit) { fit.observe(count); }
  };
  TerminateOnNaN stop{.print = false};
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  learn.quiet();
  learn.fit(1, 0.1, Spoil{}, stop, Watch{{}, count});
  REQUIRE(seen.size() == 2);
  CHECK(all_equal(seen[0], seen[1]));
  CHECK(count.calls == 4);  // the model and its three layers, once
  CHECK(
      stop.message ==
      "TerminateOnNaN: step 0 (epoch 0, batch 0): the loss is nan: the outputs of all layers are finite, so it is the "
      "loss function's");
}

TEST_CASE("the input may be to blame") {
  auto data = toy::loaders();
  toy::Deep model;
  TerminateOnNaN stop{.print = false};
  Learner learn{data, model, CrossEntropy{}, SGD{}, stop};
  learn.quiet();
  learn.fit(1, 0.1, Poison{.value = infinity});
  CHECK(stop.message.ends_with(": the batch's input is not finite"));
}

TEST_CASE("a gradient that is not finite is found before anything uses it") {
  struct Spoil {
    void on(AfterBackward, Fit& fit) {
      if (fit.batch == 1) fit.parameters()[3].grad<float>()[2] = infinity;
    }
  };
  for (bool gradients : {true, false}) {
    manual_seed(1);
    auto data = toy::loaders();
    toy::Deep model;
    TerminateOnNaN stop{.gradients = gradients, .print = false};
    Learner learn{data, model, CrossEntropy{}, SGD{}, stop};
    learn.quiet();
    learn.fit(1, 0.1, Spoil{}, GradientAccumulation{.samples = 20});
    if (gradients) {
      CHECK(stop.message.starts_with("TerminateOnNaN: step 1 (epoch 0, batch 1): the loss is 0."));
      CHECK(stop.message.ends_with(", but the gradient of norm.bias is not finite"));
      CHECK(learn.optimizer().steps() == 0);
      CHECK_FALSE(model.norm.bias->has_grad());
      CHECK(learn.recorder().epochs.size() == 1);
    } else {
      CHECK(stop.message.empty());
      CHECK(learn.optimizer().steps() == 1);
    }
  }
}

TEST_CASE("a fit in which all is well is not touched") {
  auto train = [](auto... callbacks) {
    manual_seed(1);
    auto data = toy::loaders();
    toy::Deep model;
    Learner learn{data, model, CrossEntropy{}, Adam{}, callbacks...};
    learn.quiet();
    learn.fit(2, 0.01);
    return toy::bits(model);
  };
  CHECK(train() == train(TerminateOnNaN{}));
}

TEST_SUITE_END();
