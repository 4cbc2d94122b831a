// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/learner.hpp>

#include <doctest/doctest.h>

#include <kiln/nn/batch_norm.hpp>
#include <kiln/nn/dropout.hpp>
#include <kiln/nn/loss.hpp>
#include <kiln/optim/adam.hpp>

#include "toy.hpp"

TEST_SUITE_BEGIN("train");

using namespace kiln;

namespace {

/// Everything that depends on mode, streams and buffers.
struct Deep {
  Linear first{3, 8};
  BatchNorm1d norm{8};
  Dropout dropout{.p = 0.3};
  Linear out{8, 2};
  auto operator()(const Var<2>& x) const { return out(dropout(relu(norm(first(x))))); }
};

template <class Model>
std::vector<std::byte> bits(Model& model) {
  std::vector<std::byte> all;
  for (const ParamRef& tensor : state_tensors(model))
    all.insert(all.end(), tensor.bytes().begin(), tensor.bytes().end());
  return all;
}

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
  CHECK(learn.recorder().rates.back() == 0.02);
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
  const auto start = std::get<0>(model.layers).weight.value;

  struct Replace {
    Tensor<2, T> input = ones<T>({8, 3});
    Index losses = 0;
    Index steps = 0;

    void on(BeforeBatch, Fit& fit) {
      fit.x = ones<T>(fit.x.as<2, T>().shape());
      fit.y = full<int>(fit.y.as<1, int>().shape(), 1);
    }
    void on(AfterPred, Fit& fit) {
      const auto row = fit.pred.as<2, T>().value();
      for (Index i = 0; i < row.size(0); ++i) CHECK(row(i, 0) == row(0, 0));  // the input was replaced
      for (int label : fit.y.as<1, int>()) CHECK(label == 1);
      fit.pred = fit.pred.as<2, T>() * 2;
    }
    void on(AfterLoss, Fit& fit) {
      ++losses;
      fit.loss = fit.loss.as<0, T>() * 3;
    }
    void on(BeforeStep, Fit& fit) {
      ++steps;
      for (const ParamRef& param : fit.parameters()) {
        auto values = param.value<T>();
        auto grads = param.grad<T>();
        for (std::size_t i = 0; i < values.size(); ++i) values[i] -= grads[i];
      }
      for (const ParamRef& param : fit.parameters()) param.zero_grad();
      fit.cancel(Scope::step);
    }
  } replace;
  Learner learn{data, model, CrossEntropy{}, SGD{.lr = 100}, replace};
  learn.quiet();
  learn.fit(1);
  CHECK(replace.losses == 5);
  CHECK(replace.steps == 3);

  // The same by hand.
  BasicLinear<T> expected{3, 2};
  expected.weight.value = start;
  auto again = Sequential{BasicLinear<T>{3, 2}};
  std::get<0>(again.layers).weight.value = start;
  CHECK_FALSE(all_equal(std::get<0>(model.layers).weight.value, start));
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
    int order = 1000;
    decltype(learn)& learner;
    LearnerState state = {};
    void on(AfterBatch, Fit& fit) {
      if (fit.training && fit.position.step == 5) state = learner.state();  // the second batch of the second epoch
    }
  };
  Snapshot snapshot{.learner = learn};
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

TEST_CASE("a state of another model is refused and changes nothing") {
  auto data = toy::loaders();
  toy::Mlp model;
  Deep other;
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  Learner stranger{data, other, CrossEntropy{}, SGD{}};
  const auto before = bits(model);
  CHECK_THROWS_AS(learn.restore(stranger.state()), UsageError);
  CHECK(bits(model) == before);
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
                       "fit: a Learner does one thing at a time: it is being trained or validated", UsageError);
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
