// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/ema.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include "script.hpp"

TEST_SUITE_BEGIN("train");

using namespace kiln;

namespace {

/// One weight, whose loss is (w - 3)^2 / 2 whatever the data.
struct One {
  Param<1> weight = Tensor<1>{1};
  auto operator()(const Var<2>& x) const { return x; }
};

struct Square {
  One& model;
  NoState no_state = {};
  std::vector<double> weights = {};
  std::vector<double> means = {};
  const Ema* ema = nullptr;
  int order = 56;

  void on(AfterPred, Fit& fit) {
    auto& tape = static_cast<Tape&>(fit.context());
    if (!fit.training) return;
    const auto d = tape.parameter(model.weight) - 3;
    fit.loss = sum(d * d) * 0.5;
  }
  void on(AfterBatch, Fit& fit) {
    if (!fit.training) return;
    weights.push_back(static_cast<double>(model.weight.value(0)));
    means.push_back(static_cast<double>(ema->average[0].as<1>()(0)));
  }
};

}  // namespace

TEST_CASE("the average is PyTorch's") {
  // tests/oracles/callbacks.py
  auto data = toy::loaders();
  One model;
  Ema ema{.decay = 0.75};
  Square square{model};
  square.ema = &ema;
  Learner learn{data, model, CrossEntropy{}, SGD{.lr = 0.5}, ema, square};
  learn.quiet();
  learn.fit(2);  // the average goes on
  CHECK(square.weights == std::vector<double>{2.0, 2.5, 2.75, 2.875, 2.9375, 2.96875});
  const std::vector<double> expected{2.0, 2.125, 2.28125, 2.4296875, 2.556640625};
  CHECK(std::vector(square.means.begin(), square.means.end() - 1) == expected);
  CHECK(ema.updates == 6);
}

TEST_CASE("warm-up is timm's: step n decays by 1 - (1 + n)^-power at most") {
  auto data = toy::loaders();
  One model;
  Ema ema{.decay = 0.6, .warmup_power = 2.0 / 3};
  Square square{model};
  square.ema = &ema;
  Learner learn{data, model, CrossEntropy{}, SGD{.lr = 0.5}, ema, square};
  learn.quiet();
  learn.fit(2);
  double mean = 2;
  for (int n = 0; n < 6; ++n) {
    const double decay = std::min(0.6, 1 - std::pow(1.0 + n, -2.0 / 3));
    mean = decay * mean + (1 - decay) * square.weights[static_cast<std::size_t>(n)];
    CHECK(square.means[static_cast<std::size_t>(n)] == doctest::Approx(mean).epsilon(1e-6));
  }
}

namespace {

/// Notes the model's bits where it is validated and where it is trained.
struct Watch {
  NoState no_state;
  toy::Deep& model;
  std::vector<std::byte> trained = {}, validated = {}, after_epoch = {};
  Scope cancel = Scope::step;
  bool fail_now = false;
  int order = 200;
  void on(AfterBatch, Fit& fit) {
    (fit.training ? trained : validated) = toy::bits(model);
    if (fit.training) return;
    if (fail_now) throw std::runtime_error("mine");
    if (cancel != Scope::step) fit.cancel(cancel);
  }
  void on(AfterEpoch, Fit&) { after_epoch = toy::bits(model); }
};

std::vector<std::byte> bits_of(const std::vector<AnyTensor>& tensors) {
  std::vector<std::byte> all;
  for (const AnyTensor& tensor : tensors) all.insert(all.end(), tensor.bytes().begin(), tensor.bytes().end());
  return all;
}

}  // namespace

TEST_CASE("the average is validated, and the weights are back however the validation ends") {
  for (Scope cancel : {Scope::step, Scope::batch, Scope::validate, Scope::epoch, Scope::fit}) {
    if (cancel == Scope::batch) continue;  // over in after_batch
    CAPTURE(scope_name(cancel));
    auto data = toy::loaders();
    toy::Deep model;
    Ema ema{.decay = 0.9};
    Watch watch{.no_state = {}, .model = model, .cancel = cancel};
    Learner learn{data, model, CrossEntropy{}, SGD{.lr = 0.1}, ema};
    learn.quiet();
    learn.fit(2, watch);
    CHECK(watch.validated != watch.trained);
    CHECK(watch.validated == bits_of(ema.average));
    if (cancel != Scope::fit) CHECK(watch.after_epoch == watch.trained);
    CHECK(toy::bits(model) == watch.trained);

    watch.fail_now = true;
    CHECK_THROWS_WITH(learn.fit(1, watch), "mine");
    CHECK(toy::bits(model) == watch.trained);
    CHECK(watch.validated == bits_of(ema.average));
    CHECK_FALSE(ema.in_use);
  }
}

TEST_CASE("a validation outside of a fit runs on the average too") {
  manual_seed(1);
  auto data = toy::loaders();
  toy::Mlp model;
  Ema ema{.decay = 0.9};
  Learner learn{data, model, CrossEntropy{}, SGD{}, ema};
  learn.quiet();
  learn.fit(2, 0.5);
  const auto weight = model.out.weight.value.clone();
  const double averaged = learn.validate().loss;
  CHECK(averaged == learn.recorder().epochs.back().valid_loss);
  CHECK(all_equal(model.out.weight.value, weight));
  ema.validate = false;
  CHECK(learn.validate().loss != averaged);
}

TEST_CASE("integer buffers are copied, floating ones averaged; the average becomes the model if asked for") {
  for (bool copy : {false, true}) {
    auto data = toy::loaders();
    toy::Deep model;
    Ema ema{.decay = 0.9, .validate = false, .copy_to_model = copy};
    Watch watch{.no_state = {}, .model = model};
    Learner learn{data, model, CrossEntropy{}, SGD{.lr = 0.1}, ema, watch};
    learn.quiet();
    learn.fit(2);
    CHECK(watch.validated == watch.trained);
    CHECK(model.norm.num_batches_tracked.value.item() == 6);
    const auto names = state_tensors(model);
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i].name == "norm.num_batches_tracked") CHECK(ema.average[i].as<0, std::int64_t>().item() == 6);
      if (names[i].name == "norm.running_mean")
        CHECK(all_equal(ema.average[i].as<1>(), model.norm.running_mean.value) == copy);
    }
    CHECK(toy::bits(model) == (copy ? bits_of(ema.average) : watch.trained));
  }
}

TEST_CASE("a step that was not made is not averaged") {
  struct Skip {
    void on(BeforeStep, Fit& fit) {
      if (fit.batch < 2) fit.cancel(Scope::step);
    }
  };
  auto data = toy::loaders();
  toy::Deep model;
  Ema ema;
  Learner learn{data, model, CrossEntropy{}, SGD{.lr = 0.1}, ema, Skip{}};
  learn.quiet();
  learn.fit(3);
  CHECK(ema.updates == 3);
}

TEST_CASE("impossible settings of Ema are refused before anything is trained") {
  auto data = toy::loaders();
  toy::Deep model;
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  CHECK_THROWS_WITH_AS(learn.fit(1, 0.1, Ema{.decay = 1}), "Ema: decay must lie in [0, 1): got 1", UsageError);
  CHECK_THROWS_WITH_AS(learn.fit(1, 0.1, Ema{.warmup_power = -1}), "Ema: warmup_power must not be negative: got -1",
                       UsageError);
  CHECK(learn.position().step == 0);
}

TEST_SUITE_END();
