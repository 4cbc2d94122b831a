// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/learner.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <string>

#include <kiln/nn/loss.hpp>
#include <kiln/optim/adam.hpp>
#include <kiln/optim/clip.hpp>

#include "script.hpp"

TEST_SUITE_BEGIN("train");

using namespace kiln;

namespace {

using toy::bits;
using toy::Deep;

struct GradClip {
  double max_norm = 1;
  void on(AfterBackward, Fit& fit) { clip_grad_norm(fit.parameters(), max_norm); }
};

}  // namespace

TEST_CASE("fit learns") {
  manual_seed(1);
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, Adam{.lr = 0.02}, Accuracy{}};
  learn.quiet();
  const double before = learn.validate().loss;
  learn.fit(30);
  const Validation after = learn.validate();
  CHECK(after.loss < before / 3);
  REQUIRE(after.metrics.size() == 1);
  CHECK(after.metrics[0].name == "accuracy");
  CHECK(after.metrics[0].value >= 0.9);
  REQUIRE(learn.recorder().epochs.size() == 30);
  CHECK(learn.recorder().losses.size() == 90);
  CHECK(learn.recorder().hyper("lr").back() == 0.02);
  CHECK(learn.recorder().epochs[29].valid_loss == doctest::Approx(after.loss));
  CHECK(learn.position().step == 90);
}

TEST_CASE("losses and metrics weigh every sample alike, whatever the batches") {
  manual_seed(1);
  auto data = toy::loaders();
  toy::Mlp model;
  auto error_rate = Metric{"error rate", [](const Tensor<2>& pred, const Tensor<1, int>& y) {
                             const auto read = argmax(pred, 1);
                             double wrong = 0;
                             for (Index i = 0; i < y.numel(); ++i) wrong += read(i) != y(i);
                             return wrong / static_cast<double>(y.numel());
                           }};
  Learner learn{data, model, CrossEntropy{}, SGD{}, Accuracy{}, error_rate};
  const Validation found = learn.validate();
  const auto all = toy::points(10);  // one batch instead of 8 + 2
  CHECK(found.loss == doctest::Approx(static_cast<double>(cross_entropy(model(Var<2>(all.x())), all.y()).item())));
  CHECK(found.metrics[1].name == "error rate");
  CHECK(found.metrics[0].value + found.metrics[1].value == doctest::Approx(1));
  const auto [preds, targets] = learn.get_preds();
  CHECK(all_equal(targets, all.y()));
  CHECK(all_equal(preds, learn.predict(all.x())));
}

TEST_CASE("what is an lvalue is referenced, what is a temporary is owned") {
  manual_seed(1);
  auto data = toy::loaders();
  toy::Mlp model;
  Learner by_reference{data, model, CrossEntropy{}, SGD{}};
  CHECK(&by_reference.model() == &model);
  CHECK(&by_reference.data() == &data);

  manual_seed(1);
  Learner owner{toy::loaders(), toy::Mlp{}, CrossEntropy{}, SGD{}};
  by_reference.quiet();
  owner.quiet();
  by_reference.fit(2, 0.1);
  owner.fit(2, 0.1);
  CHECK(bits(model) == bits(owner.model()));

  Optimizer optimizer{SGD{.lr = 0.5}, parameters(model)};
  Learner with_optimizer{data, model, CrossEntropy{}, optimizer};
  CHECK(&with_optimizer.optimizer() == &optimizer);
}

TEST_CASE_TEMPLATE("a callback replaces input, target, prediction, loss and step", T, float, double) {
  auto data = toy::loaders<T>();
  auto model = Sequential{BasicLinear<T>{3, 2}};
  auto& layer = std::get<0>(model.layers);
  auto weight = layer.weight.value;
  auto bias = layer.bias->value;

  struct Replace {
    Index losses = 0;
    Index steps = 0;

    void on(BeforeBatch, Fit& fit) {
      fit.x = ones<T>(fit.x.as<2, T>().shape());
      fit.y = full<int>(fit.y.as<1, int>().shape(), 1);
    }
    void on(AfterPred, Fit& fit) { fit.pred = fit.pred.as<2, T>() * 2; }
    void on(AfterLoss, Fit& fit) {
      ++losses;
      fit.loss = fit.loss.as<0, T>() * 3;
    }
    void on(BeforeStep, Fit& fit) {  // plain descent at rate 0.1 instead of the optimizer's 100
      ++steps;
      for (const ParamRef& param : fit.parameters()) {
        auto values = param.value<T>();
        auto grads = param.grad<T>();
        for (std::size_t i = 0; i < values.size(); ++i) values[i] -= static_cast<T>(0.1) * grads[i];
      }
      fit.zero_grad();
      fit.cancel(Scope::step);
    }
  } replace;
  Learner learn{data, model, CrossEntropy{}, SGD{.lr = 100}, replace};
  learn.quiet();
  learn.fit(1);
  CHECK(replace.losses == 5);
  CHECK(replace.steps == 3);

  // The same by hand: with inputs of 1 and label 1, z = W 1 + b, p = softmax(2 z), dL/dz = 3 * 2 * (p - (0, 1)), which
  // is also dL/db, and for each input dL/dW. The mean over equal samples is that of one.
  for (int step = 0; step < 3; ++step) {
    auto z = sum(weight, 1) + bias;
    auto dz = (softmax(z * 2, 0) - Tensor<1, T>{0, 1}) * 6;
    weight -= dz.reshape({2, 1}) * 0.1;
    bias -= dz * 0.1;
  }
  const double tolerance = std::is_same_v<T, float> ? 1e-5 : 1e-12;
  CHECK(all_close(layer.weight.value, weight, tolerance, tolerance));
  CHECK(all_close(layer.bias->value, bias, tolerance, tolerance));
}

TEST_CASE("a prediction or loss that is set beforehand is not computed") {
  auto data = toy::loaders();
  Index runs = 0;
  auto model = Sequential{Linear{3, 2}, [&runs](const auto& x) { return ++runs, x; }};
  Index calls = 0;
  auto loss = [&calls](const Var<2>& pred, const Tensor<1, int>& y) { return ++calls, cross_entropy(pred, y); };
  struct Ahead {
    void on(BeforeBatch, Fit& fit) {
      if (fit.training) fit.pred = fit.run_model(fit.x);
    }
    void on(AfterPred, Fit& fit) {
      if (fit.training) fit.loss = fit.compute_loss(fit.pred, fit.y);
    }
  };
  Learner learn{data, model, loss, SGD{}, Ahead{}};
  learn.quiet();
  learn.fit(1, 0.1);
  CHECK(runs == 5);
  CHECK(calls == 5);
}

TEST_CASE("an exception thrown by a callback leaves the learner usable") {
  struct Throw {
    bool armed = true;
    void on(AfterBackward, Fit&) {
      if (std::exchange(armed, false)) throw std::runtime_error("mine");
    }
  } thrower;
  auto data = toy::loaders(2);
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}, thrower};
  learn.quiet();
  CHECK_THROWS_WITH(learn.fit(1, 0.1), "mine");
  learn.fit(1, 0.1);
  CHECK(learn.recorder().epochs.size() == 1);
}

TEST_CASE("what a callback asked for at the end of a fit happens however the fit ends, last first") {
  struct Ask {
    std::string* text;
    bool fails = false;
    void on(BeforeFit, Fit& fit) {
      fit.at_end([this] { *text += "b"; });
      fit.at_end([this] { *text += "a"; });
    }
    void on(AfterBatch, Fit& fit) {
      CHECK(text->empty());
      if (fails) throw std::runtime_error("mine");
      fit.cancel(Scope::fit);
    }
  };
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  learn.quiet();
  std::string text;
  learn.fit(1, 0.1, Ask{&text});
  CHECK(text == "ab");
  text.clear();
  CHECK_THROWS_WITH(learn.fit(1, 0.1, Ask{&text, true}), "mine");
  CHECK(text == "ab");
  learn.fit(1, 0.1);
  CHECK(text == "ab");
}

TEST_CASE("a callback observes the layers until its fit ends") {
  struct Count : LayerObserver {
    std::vector<std::string> paths;
    Count() {
      entered = [](LayerObserver& self, const LayerCall& call) {
        static_cast<Count&>(self).paths.emplace_back(call.path);
      };
    }
  };
  struct Watch {
    Count& count;
    NoState no_state;
    void on(BeforeBatch, Fit& fit) {  // in the middle of a batch, and again, which changes nothing
      fit.observe(count);
      CHECK(fit.layer_names().entries.size() == 3);
      CHECK(fit.state_tensors().size() == 4);
    }
    void on(AfterTrain, Fit& fit) { fit.unobserve(count); }
    void on(BeforeValidate, Fit& fit) { fit.cancel(Scope::validate); }
  };
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  learn.quiet();
  Count count;
  learn.fit(1, 0.1, Watch{count, {}});
  const std::vector<std::string> batch{"", "hidden", "out"};
  REQUIRE(count.paths.size() == 9);
  for (std::size_t i = 0; i < 9; ++i) CHECK(count.paths[i] == batch[i % 3]);
  learn.fit(1, 0.1);
  CHECK(count.paths.size() == 9);
}

TEST_CASE("all state can be copied in the middle of an epoch and continued twice to the same bits") {
  manual_seed(3);
  auto data = toy::loaders(1);
  Deep model;
  struct Count {
    int order = 10;
    Index batches = 0;
    void on(AfterBatch, Fit& fit) { batches += fit.training; }
  } count;
  Learner learn{data, model, CrossEntropy{}, Adam{.lr = 0.01}, Accuracy{}, count};
  learn.quiet();

  struct Snapshot {
    NoState no_state;
    int order = 1000;
    decltype(learn)& learner;
    LearnerState state = {};
    void on(AfterBatch, Fit& fit) {
      if (fit.training && fit.position.step == 5) state = learner.state();  // the second batch of the second epoch
    }
  };
  Snapshot snapshot{.no_state = {}, .learner = learn};
  learn.fit(4, snapshot);
  const auto final_bits = bits(model);
  const auto losses = learn.recorder().losses;
  const auto rows = learn.recorder().epochs;
  CHECK(count.batches == 12);
  CHECK(snapshot.state.position.batch == 2);

  for (int again = 0; again < 2; ++again) {
    next_stream(Purpose::user);  // disturb what there is
    learn.fit(1, 5.0);
    learn.restore(snapshot.state);
    CHECK(bits(model) != final_bits);
    CHECK(count.batches == 5);
    learn.resume();
    CHECK(bits(model) == final_bits);
    CHECK(learn.recorder().losses == losses);
    REQUIRE(learn.recorder().epochs.size() == rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      CHECK(learn.recorder().epochs[i].train_loss == rows[i].train_loss);
      CHECK(learn.recorder().epochs[i].valid_loss == rows[i].valid_loss);
      CHECK(learn.recorder().epochs[i].metrics == rows[i].metrics);
    }
    CHECK(count.batches == 12);
    CHECK(learn.position().step == 12);
  }
}

namespace {

/// A schedule of the kind that remembers where it began, and counts what it has seen.
struct Ramp {
  double base = 0;
  Index fits = 0;
  Index epochs = 0;
  void on(BeforeFit, Fit& fit) { base = fit.optimizer().hyper(0, "lr"), ++fits; }
  void on(BeforeEpoch, Fit&) { ++epochs; }
  void on(BeforeBatch, Fit& fit) {
    if (fit.training) fit.optimizer().hyper(0, "lr") = base * (1 + fit.progress());
  }
};

template <class Learn>
struct TakeState {
  NoState no_state;
  Learn& learner;
  std::string at;
  Index step;
  LearnerState state = {};
  int order = 1000;
  void on(auto event, Fit& fit) {
    if (event.name == at && fit.position.step == step && (fit.training || at != "after_batch")) state = learner.state();
  }
};

}  // namespace

TEST_CASE(
    "a fit is resumed in another learner, with callbacks of that fit alone, from the middle or the end of an epoch") {
  struct Moment {
    const char* at;
    Index step;
  };
  for (const Moment moment : {Moment{"after_batch", 2}, Moment{"after_batch", 3}, Moment{"after_epoch", 6}}) {
    const std::string at = moment.at;
    const Index step = moment.step;
    CAPTURE(at);
    CAPTURE(step);
    manual_seed(3);
    auto data = toy::loaders();
    Deep model;
    Learner learn{data, model, CrossEntropy{}, Adam{.lr = 0.01}, Accuracy{}, GradClip{}};
    learn.quiet();
    Ramp ramp;
    TakeState<decltype(learn)> take{.no_state = {}, .learner = learn, .at = at, .step = step};
    learn.fit(4, ramp, take);
    CHECK(ramp.fits == 1);
    CHECK(ramp.epochs == 4);

    manual_seed(99);  // other weights
    Deep other;
    manual_seed(3);
    Learner fresh{toy::loaders(), other, CrossEntropy{}, Adam{}, Accuracy{}, GradClip{}};
    fresh.quiet();
    fresh.restore(take.state);
    fresh.validate();  // changes nothing
    Ramp again;
    fresh.resume(again);
    CHECK(bits(other) == bits(model));
    CHECK(again.base == ramp.base);
    CHECK(again.fits == 1);
    CHECK(again.epochs == 4);
    CHECK(fresh.recorder().losses == learn.recorder().losses);
    CHECK(fresh.recorder().hyper("lr") == learn.recorder().hyper("lr"));
    REQUIRE(fresh.recorder().epochs.size() == 4);
    CHECK(fresh.recorder().epochs[3].valid_loss == learn.recorder().epochs[3].valid_loss);
    CHECK(fresh.position() == learn.position());

    fresh.restore(take.state);
    CHECK_THROWS_WITH_AS(fresh.resume(), doctest::Contains("resume: the callbacks of the state must be given again: "),
                         UsageError);
  }
}

TEST_CASE("what is frozen is part of the state") {
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  const LearnerState state = learn.state();
  freeze(model.hidden);
  learn.restore(state);
  CHECK(model.hidden.weight.trainable);
}

TEST_CASE("a state that does not fit is refused and changes nothing") {
  manual_seed(1);
  auto data = toy::loaders();
  toy::Mlp model;
  Deep other;
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  const auto before = bits(model);
  auto refused = [&](const LearnerState& state, const char* message) {
    CHECK_THROWS_WITH_AS(learn.restore(state), message, UsageError);
    CHECK(bits(model) == before);
  };
  Learner stranger{data, other, CrossEntropy{}, SGD{}};
  refused(stranger.state(), "restore: the state must be of a model with the same tensors: it is of another");
  toy::Mlp twin;
  Learner with_clip{data, twin, CrossEntropy{}, SGD{}, GradClip{}};
  learn.restore(learn.state());
  CHECK_THROWS_WITH_AS(with_clip.restore(learn.state()),
                       doctest::Contains("restore: the callbacks of the state must be given again: none: got "),
                       UsageError);
  manual_seed(2);
  Learner in_other_order{toy::loaders(), twin, CrossEntropy{}, SGD{}};
  refused(in_other_order.state(),
          "restore: the training data must come in the state's order: samples 20, shuffle true, seed 2: the loader has "
          "samples "
          "20, shuffle true, seed 1");
  Learner with_adam{data, twin, CrossEntropy{}, Adam{}};
  refused(with_adam.state(), "load_state: the rule is SGD: got Adam");

  struct Early {
    NoState no_state;
    decltype(learn)& learner;
    void on(AfterTrain, Fit&) { learner.state(); }
  };
  learn.quiet();
  CHECK_THROWS_WITH_AS(
      learn.fit(1, Early{.no_state = {}, .learner = learn}),
      "state: it can be taken between fits, in after_epoch, or in after_batch of training: the event is after_train",
      UsageError);
  struct Unique {
    std::unique_ptr<int> value;
    void on(BeforeFit, Fit&) {}
  };
  Learner with_unique{data, twin, CrossEntropy{}, SGD{}, Unique{}};
  CHECK_THROWS_WITH_AS(with_unique.state(),
                       doctest::Contains("must be copyable, or have a member `NoState no_state;`: it is not"),
                       UsageError);
}

TEST_CASE("figures that were not computed are not shown as new") {
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}, Accuracy{}};
  learn.quiet();
  learn.fit(1, 0.1);
  struct Skip {
    void on(BeforeValidate, Fit& fit) { fit.cancel(Scope::validate); }
  };
  learn.fit(1, 0.1, Skip{});
  const EpochRow& row = learn.recorder().epochs.back();
  CHECK(std::isnan(row.valid_loss));
  REQUIRE(row.metrics.size() == 1);
  CHECK(std::isnan(row.metrics[0].value));
  CHECK(row.train_loss > 0);

  struct Drop {
    void on(BeforeBatch, Fit& fit) {
      if (fit.training) fit.cancel(Scope::batch);
    }
  };
  const auto count = learn.recorder().losses.size();
  learn.fit(1, 0.1, Drop{});
  CHECK(learn.recorder().losses.size() == count);
  CHECK(std::isnan(learn.recorder().epochs.back().train_loss));
}

TEST_CASE("a fit that is cancelled in the middle of an epoch goes on with the next order of the data") {
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  learn.quiet();
  struct Stop {
    void on(AfterBatch, Fit& fit) { fit.cancel(Scope::fit); }
  };
  learn.fit(3, 0.1, Stop{});
  CHECK(learn.position().epoch == 1);
  CHECK(learn.position().batch == 0);
}

TEST_CASE("a rule without lr trains, an optimizer of another model does not") {
  struct Fixed {
    double rate = 0.1;
    void update(ParamUpdate<float> u) const {
      for (std::size_t i = 0; i < u.param.size(); ++i) u.param[i] -= static_cast<float>(rate) * u.grad[i];
    }
  };
  auto data = toy::loaders();
  toy::Mlp model, other;
  Learner learn{data, model, CrossEntropy{}, Fixed{}};
  learn.quiet();
  learn.fit(1);
  CHECK_THROWS_AS(learn.recorder().hyper("lr"), IndexError);
  Optimizer stranger{SGD{}, parameters(other)};
  CHECK_THROWS_WITH_AS((Learner{data, model, CrossEntropy{}, stranger}),
                       "Learner: the optimizer must update parameters of the model: hidden.weight is none of them",
                       UsageError);
}

TEST_CASE("gradients that the optimizer does not use are forgotten too") {
  auto data = toy::loaders();
  toy::Mlp model;
  Optimizer last_layer{SGD{.lr = 0.1}, parameters(model.out)};
  Learner learn{data, model, CrossEntropy{}, last_layer};
  learn.quiet();
  learn.fit(2);
  CHECK_FALSE(model.hidden.weight.has_grad());
}

TEST_CASE("the same seed gives the same bits on any number of threads and workers [threads]") {
  auto train = [](int threads, int workers) {
    set_num_threads(threads);
    manual_seed(11);
    auto data = toy::loaders(workers);
    struct Wide {
      Linear first{3, 300};
      BatchNorm1d norm{300};
      Dropout dropout{.p = 0.3};
      Linear middle{300, 300};
      Linear out{300, 2};
      auto operator()(const Var<2>& x) const { return out(relu(middle(dropout(relu(norm(first(x))))))); }
    } model;
    Learner learn{data, model, CrossEntropy{}, Adam{}};
    learn.quiet();
    learn.fit(2, 0.01);
    return bits(model);
  };
  const int before = num_threads();
  const auto expected = train(1, 0);
  for (int threads : {2, 3, 7}) CHECK(train(threads, threads - 1) == expected);
  set_num_threads(before);
}

TEST_CASE("errors name the layer") {
  manual_seed(1);
  auto data = toy::loaders();
  struct Wrong {
    Linear hidden{4, 8};
    Linear out{8, 2};
    auto operator()(const Var<2>& x) const { return out(relu(hidden(x))); }
  } model;
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  learn.quiet();
  const char* message = "Wrong.hidden: linear: input's last axis must be 4: got shape (8, 3)";
  CHECK_THROWS_WITH_AS(learn.fit(1, 0.1), message, ShapeError);
  CHECK_THROWS_WITH_AS(learn.validate(), message, ShapeError);
  CHECK_THROWS_WITH_AS(learn.predict(zeros({8, 3})), message, ShapeError);
  CHECK_THROWS_WITH_AS(learn.fit(-1, 0.1), "fit: the number of epochs must not be negative: got -1", UsageError);
}

TEST_CASE("a learner does one thing at a time") {
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  learn.quiet();
  struct Nested {
    decltype(learn)& learner;
    void on(AfterBatch, Fit&) { learner.validate(); }
  };
  CHECK_THROWS_WITH_AS(learn.fit(1, 0.1, Nested{learn}),
                       "validate: a Learner does one thing at a time: the event is after_batch", UsageError);
  learn.fit(1, 0.1);
}

TEST_CASE("callbacks act in their order, and one given to a fit only in that") {
  static std::string trace;
  struct Last {
    int order = 5;
    void on(BeforeFit, Fit&) { trace += "l"; }
  };
  struct First {
    int order = -5;
    void on(BeforeFit, Fit&) { trace += "f"; }
  };
  struct Middle {
    void on(BeforeFit, Fit&) { trace += "m"; }
  };
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}, Last{}, First{}};
  learn.quiet();
  trace.clear();
  learn.fit(1, 0.1, Middle{});
  CHECK(trace == "fml");
  trace.clear();
  learn.fit(0, 0.1);
  CHECK(trace == "fl");
}

TEST_SUITE_END();
