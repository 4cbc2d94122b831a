// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/trainer.hpp>

#include <doctest/doctest.h>

#include <cstring>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <kiln/optim/adam.hpp>
#include <kiln/optim/param_groups.hpp>

#include "script.hpp"

TEST_SUITE_BEGIN("train");

using namespace kiln;
using doctest::Approx;

namespace {

using toy::bits;
using toy::Deep;

/// A callback that does not act in trials.
struct Writes {
  static constexpr bool trials = false;
  Index epochs = 0;
  void on(BeforeEpoch, Fit&) { ++epochs; }
};

/// Two parameter groups.
Optimizer in_two_groups(Deep& model) {
  Optimizer optimizer{SGD{.lr = 0.1, .momentum = 0.9}, parameters(model.first)};
  optimizer.add_group(Adam{}, parameters(model.out));
  return optimizer;
}

}  // namespace

TEST_CASE("schedules set a hyper-parameter before every batch, from the progress of the whole fit") {
  auto data = toy::loaders();  // 3 batches
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  learn.quiet();
  learn.fit_scheduled(2, {{"lr", sched_linear(0.6, 0)}, {"weight_decay", [](double p) { return p * p; }}});
  REQUIRE(learn.recorder().hyper("lr").size() == 6);
  for (std::size_t i = 0; i < 6; ++i) {
    const double p = static_cast<double>(i) / 6;
    CHECK(learn.recorder().hyper("lr")[i] == Approx(0.6 * (1 - p)));
    CHECK(learn.recorder().hyper("weight_decay")[i] == Approx(p * p));
  }
  // They end with their fit.
  learn.fit(1, 0.25);
  CHECK(learn.recorder().hyper("lr").back() == 0.25);
  CHECK_THROWS_WITH_AS(learn.fit_scheduled(1, {{"rate", sched_constant(1)}}),
                       "hyper: SGD has lr, momentum, dampening, weight_decay: got rate", IndexError);
  CHECK_THROWS_WITH_AS(learn.fit_scheduled(1, {{"lr", std::vector{sched_constant(1), sched_constant(2)}}}),
                       "ParamScheduler: lr needs one schedule, or one for each of 1 parameter groups: got 2",
                       UsageError);
  CHECK_THROWS_WITH_AS(learn.recorder().hyper("beta1"),
                       "recorder: group 0 has recorded lr, momentum, dampening, weight_decay: got beta1", IndexError);
}

TEST_CASE("a scheduler is a callback too") {
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}, ParamScheduler{{"lr", sched_cosine(0.5, 0.1)}}};
  learn.quiet();
  learn.fit(1);
  CHECK(learn.recorder().hyper("lr")[0] == 0.5);
  CHECK(learn.recorder().hyper("lr")[2] == Approx(sched_cosine(0.5, 0.1)(2.0 / 3)));
}

TEST_CASE("one-cycle moves the learning rate and the momentum that there is") {
  auto data = toy::loaders();
  Deep model;
  SUBCASE("a rate for each group, its momentum whatever it is called") {
    Learner learn{data, model, CrossEntropy{}, in_two_groups(model)};
    learn.quiet();
    learn.fit_one_cycle(4, {0.1, 0.01});
    const Recorder& seen = learn.recorder();
    for (std::size_t i = 0; i < 12; ++i) {
      const double p = static_cast<double>(i) / 12;
      CHECK(seen.hyper("lr", 0)[i] == one_cycle(0.1)(p));
      CHECK(seen.hyper("lr", 1)[i] == one_cycle(0.01)(p));
    }
    CHECK(seen.hyper("lr", 0)[3] == Approx(0.1));
  }
  SUBCASE("Adam's beta1") {
    Learner learn{data, model, CrossEntropy{}, Adam{}};
    learn.quiet();
    learn.fit_one_cycle(4, 0.01, {.div = 10, .pct_start = 0.5});
    CHECK(learn.recorder().hyper("lr")[0] == Approx(0.001));
    CHECK(learn.recorder().hyper("beta1")[0] == 0.95);
    CHECK(learn.recorder().hyper("beta1")[6] == 0.85);
    // Afterwards they are as before.
    CHECK(learn.optimizer().hyper(0, "lr") == 1e-3);
    CHECK(learn.optimizer().hyper(0, "beta1") == 0.9);
    struct Stop {
      void on(AfterBatch, Fit& fit) { fit.cancel(Scope::fit); }
    };
    learn.fit_one_cycle(4, 0.01, Stop{});
    CHECK(learn.optimizer().hyper(0, "lr") == 1e-3);
  }
  SUBCASE("no momentum stays none") {
    Learner learn{data, model, CrossEntropy{}, SGD{}};
    learn.quiet();
    learn.fit_one_cycle(1, 0.1);
    CHECK(learn.recorder().hyper("momentum").back() == 0);
  }
}

TEST_CASE("flat-cosine and warm restarts") {
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  learn.quiet();
  learn.fit_flat_cos(2, 0.3, {.pct_start = 0.5});
  const std::vector<double> flat = learn.recorder().hyper("lr");
  for (std::size_t i = 0; i < 4; ++i) CHECK(flat[i] == Approx(0.3));
  CHECK(flat[5] < 0.1);
  learn.fit_sgdr({.cycles = 2, .cycle_length = 1, .cycle_multiplier = 2}, 0.2);
  const std::vector<double>& all = learn.recorder().hyper("lr");
  REQUIRE(all.size() == 6 + 9);
  CHECK(all[6] == Approx(0.2));
  CHECK(all[8] < all[7]);
  CHECK(all[9] == Approx(0.2));
  CHECK(learn.recorder().epochs.size() == 5);
}

TEST_CASE("learning rates: one, one for each group, or a range") {
  CHECK(LearningRates(0.1).for_groups("fit", 3) == std::vector{0.1, 0.1, 0.1});
  CHECK(LearningRates{0.1, 0.2}.for_groups("fit", 2) == std::vector{0.1, 0.2});
  const auto range = lr_range(1e-4, 1e-2).for_groups("fit", 3);
  CHECK(range[0] == 1e-4);
  CHECK(range[1] == Approx(1e-3));
  CHECK(range[2] == 1e-2);
  CHECK(lr_range(1e-4, 1e-2).for_groups("fit", 1) == std::vector{1e-2});
  CHECK_THROWS_WITH_AS((LearningRates{0.1, 0.2}.for_groups("fit", 3)),
                       "fit: one learning rate is needed, or one for each of the optimizer's 3 parameter groups: got 2",
                       UsageError);
  CHECK_THROWS_WITH_AS(LearningRates(-1.0).for_groups("fit", 1),
                       "fit: a learning rate must be finite and not negative: got -1", UsageError);
  CHECK_THROWS_WITH_AS(lr_range(0, 1), "lr_range: both ends must be positive: got 0 and 1", UsageError);
}

TEST_CASE("freezing by groups, and fine-tuning") {
  auto data = toy::loaders();
  Deep model;
  Learner learn{data, model, CrossEntropy{}, in_two_groups(model)};
  learn.quiet();
  const auto first = model.first.weight.value.clone();
  const auto out = model.out.weight.value.clone();
  learn.freeze();
  CHECK_FALSE(model.first.weight.trainable);
  learn.fit(1, 0.1);
  CHECK(all_equal(model.first.weight.value, first));
  CHECK_FALSE(all_equal(model.out.weight.value, out));
  learn.unfreeze();
  CHECK(model.first.weight.trainable);
  CHECK_THROWS_WITH_AS(learn.freeze_to(2), "freeze_to: the optimizer has 2 groups, counted from 0: got 2", IndexError);

  const std::size_t before = learn.recorder().losses.size();
  learn.fine_tune(2, 1e-2, {.freeze_epochs = 1, .lr_mult = 10});
  CHECK(learn.recorder().losses.size() == before + 9);
  CHECK(model.first.weight.trainable);
  CHECK_FALSE(all_equal(model.first.weight.value, first));
  const std::size_t unfrozen = before + 3;
  CHECK(learn.recorder().hyper("lr", 0)[unfrozen] == Approx(1e-2 / 2 / 10 / 5));
  CHECK(learn.recorder().hyper("lr", 1)[unfrozen] == Approx(1e-2 / 2 / 5));

  toy::Mlp single;
  Learner one_group{data, single, CrossEntropy{}, SGD{}};
  CHECK_THROWS_WITH_AS(one_group.freeze(),
                       "freeze: all parameter groups but the last are frozen, so the optimizer needs two or more, as "
                       "param_groups(Adam{}, parameters(model), {\"body\", \"head\"}) makes them: it has 1",
                       UsageError);
}

TEST_CASE("a frozen body keeps its batch norm trainable unless told otherwise") {
  auto data = toy::loaders();
  Deep model;
  Learner learn{data, model, CrossEntropy{}, param_groups(SGD{}, parameters(model), {"first", "norm", "out"})};
  learn.quiet();
  auto trained = [&] {
    std::string names;
    for (const ParamRef& param : parameters(model)) {
      if (param.trainable()) names += (names.empty() ? "" : " ") + param.name;
    }
    return names;
  };
  learn.freeze();
  CHECK(trained() == "norm.weight norm.bias out.weight out.bias");
  const auto first = model.first.weight.value.clone();
  learn.fit(1, 0.1);
  CHECK(all_equal(model.first.weight.value, first));
  CHECK_FALSE(all_equal(model.norm.weight->value, ones({8})));

  // Frozen too, it still follows the data: running statistics are no parameters.
  learn.freeze({.train_norms = false});
  CHECK(trained() == "out.weight out.bias");
  const auto weight = model.norm.weight->value.clone();
  const auto running_mean = model.norm.running_mean.value.clone();
  learn.fit(1, 0.1);
  CHECK(all_equal(model.norm.weight->value, weight));
  CHECK_FALSE(all_equal(model.norm.running_mean.value, running_mean));
  model.norm.momentum = 0;
  const auto kept = model.norm.running_mean.value.clone();
  learn.fit(1, 0.1);
  CHECK(all_equal(model.norm.running_mean.value, kept));

  learn.freeze_to(1, {.train_norms = false});
  CHECK(trained() == "norm.weight norm.bias out.weight out.bias");
  learn.freeze_to(2);
  CHECK(trained() == "norm.weight norm.bias out.weight out.bias");
  learn.unfreeze();
  CHECK(trained() == "first.weight first.bias norm.weight norm.bias out.weight out.bias");

  struct Watch {
    std::vector<bool> norm, first;
    Deep* model;
    void on(AfterBatch, Fit& fit) {
      if (!fit.training) return;
      norm.push_back(model->norm.weight->trainable);
      first.push_back(model->first.weight.trainable);
    }
  };
  Watch watch{{}, {}, &model};
  learn.fine_tune(1, 1e-2, FineTune{}, watch);
  CHECK(watch.first == std::vector{false, false, false, true, true, true});
  CHECK(watch.norm == std::vector{true, true, true, true, true, true});
  Watch without{{}, {}, &model};
  learn.fine_tune(1, 1e-2, {.train_norms = false}, without);
  CHECK(without.norm == std::vector{false, false, false, true, true, true});
}

TEST_CASE("a fit on a schedule that is interrupted and resumed ends with the same bits") {
  struct Take {
    std::optional<LearnerState>* state;
    NoState no_state;
    Trainer** trainer;
    void on(AfterBatch, Fit& fit) {
      if (fit.training && fit.position.step == 5) *state = (*trainer)->state();
    }
  };
  manual_seed(5);
  auto data = toy::loaders();
  Deep model;
  std::optional<LearnerState> state;
  Trainer* trainer = nullptr;
  Learner learn{data, model, CrossEntropy{}, Adam{}, Take{&state, {}, &trainer}};
  trainer = &learn;
  learn.quiet();
  learn.fit_one_cycle(3, 0.01);
  const auto end = bits(model);
  const std::vector<double> losses = learn.recorder().losses;
  REQUIRE(state.has_value());
  learn.fit(1);  // something else meanwhile
  learn.restore(*state);
  learn.resume();
  CHECK(bits(model) == end);
  CHECK(learn.optimizer().hyper(0, "lr") == 1e-3);
  CHECK(learn.recorder().losses == losses);
  CHECK(learn.recorder().hyper("beta1").size() == 9);
}

TEST_CASE("the learning-rate finder leaves everything as it was, bit for bit") {
  struct Count {  // a callback with a state
    Index batches = 0;
    void on(AfterBatch, Fit&) { ++batches; }
  } count;
  Writes writes;
  auto run = [&](bool search) {
    manual_seed(3);
    auto data = toy::loaders();
    Deep model;
    count = {};
    writes = {};
    Learner learn{data, model, CrossEntropy{}, in_two_groups(model), count, writes};
    learn.quiet();
    learn.fit(2);
    const auto before = bits(model);
    const OptimizerState optimizer = learn.optimizer().state();
    if (search) {
      const LrFound found = learn.lr_find({.start = 1e-5, .end = 1, .iterations = 30});
      CHECK(found.rates.size() == 30);
      CHECK(found.losses.size() == 30);
      CHECK(found.rates[15] == Approx(std::sqrt(1e-5)));
      CHECK(found.stopped == "the range is done");
      CHECK(bits(model) == before);
      CHECK(learn.optimizer().state() == optimizer);
      CHECK(count.batches == 10);
      CHECK(writes.epochs == 2);
      CHECK(learn.recorder().losses.size() == 6);
      CHECK(learn.position().epoch == 2);
      CHECK(model.first.weight.has_grad() == false);
    }
    learn.fit_one_cycle(2, 0.1);
    CHECK(count.batches == 20);
    CHECK(writes.epochs == 4);
    (void)learn.predict(ones({2, 3}));
    return std::pair(bits(model), learn.recorder().losses);
  };
  CHECK(run(true) == run(false));
}

TEST_CASE("the search stops when the loss diverges, and says what it found") {
  manual_seed(1);
  auto data = toy::loaders();
  auto model = Sequential{Linear{3, 2}};
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  learn.quiet();
  const LrFound found = learn.lr_find({.start = 1e-3, .end = 1e6, .iterations = 200});
  CHECK(found.rates.size() < 200);
  CHECK(found.stopped == "the loss rose above four times its lowest value");
  CHECK_FALSE(found.unusable());
  CHECK(found.text().find("valley   ") != std::string::npos);
  CHECK(found.valley > 1e-3);
  const auto path = (std::filesystem::temp_directory_path() / "kiln_lr_finder_test.svg").string();
  found.plot(path);
  CHECK(std::filesystem::file_size(path) > 1000);
  std::filesystem::remove(path);
  learn.fit_one_cycle(1, found.valley);
  CHECK(learn.recorder().hyper("lr")[0] == Approx(found.valley / 25));

  // A curve that shows nothing: everything has diverged at once.
  std::get<0>(model.layers).weight.value = full({2, 3}, std::numeric_limits<float>::quiet_NaN());
  const LrFound none = learn.lr_find();
  CHECK(none.stopped == "the loss became nan");
  CHECK(none.unusable());
  CHECK(none.text().find("The curve is unusable") != std::string::npos);
  CHECK_THROWS_AS(learn.fit_one_cycle(1, none.valley), UsageError);
}

TEST_CASE("a search that cannot be made changes nothing") {
  auto data = toy::loaders();
  toy::Mlp model;
  struct Throw {
    bool armed = false;
    NoState no_state;
    void on(AfterBackward, Fit& fit) {
      if (armed && fit.position.step == 5) throw std::runtime_error("mine");
    }
  } thrower;
  Learner learn{data, model, CrossEntropy{}, SGD{.lr = 0.5}, thrower};
  learn.quiet();
  learn.fit(1);
  const auto before = bits(model);
  thrower.armed = true;
  CHECK_THROWS_WITH(learn.lr_find(), "mine");
  thrower.armed = false;
  CHECK(bits(model) == before);
  CHECK(learn.optimizer().hyper(0, "lr") == 0.5);
  CHECK(learn.position().step == 3);
  CHECK_THROWS_WITH_AS(learn.lr_find({.start = 1, .end = 0.1}),
                       "lr_find: the rates must grow from a positive start to a finite end: got 1 and 0.1", UsageError);
  CHECK_THROWS_WITH_AS(learn.lr_find({.iterations = 1}), "lr_find: at least 2 iterations are needed: got 1",
                       UsageError);
  learn.fit(1);
}

TEST_CASE("callbacks act in a validation outside of a fit too") {
  auto data = toy::loaders();
  toy::Mlp model;
  struct Zero {  // what a transform of inputs would do
    void on(BeforeBatch, Fit& fit) { fit.x = zeros(fit.x.as<2>().shape()); }
  };
  Learner learn{data, model, CrossEntropy{}, SGD{}, Zero{}};
  learn.quiet();
  const double outside = learn.validate().loss;
  learn.fit(1, 0.0);
  CHECK(learn.recorder().epochs[0].valid_loss == Approx(outside));
}

TEST_CASE("the training loop as text says who acts where") {
  struct GradClip {
    void on(AfterBackward, Fit&) {}
  };
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}, GradClip{}};
  const std::string expected =
      "after_create\n"
      "before_fit                    ParamScheduler, Recorder, Progress\n"
      "  for each epoch:\n"
      "  before_epoch                Recorder\n"
      "    before_train\n"
      "      for each batch:\n"
      "      before_batch            ParamScheduler\n"
      "        after_pred\n"
      "        after_loss\n"
      "        before_backward\n"
      "        after_cancel_backward\n"
      "        after_backward        GradClip\n"
      "        before_step\n"
      "        after_cancel_step\n"
      "        after_step\n"
      "      after_cancel_batch\n"
      "      after_batch             Recorder, Progress\n"
      "    after_cancel_train\n"
      "    after_train               Recorder\n"
      "    before_validate\n"
      "      for each batch: before_batch, after_pred, after_loss, after_batch\n"
      "    after_cancel_validate\n"
      "    after_validate\n"
      "  after_cancel_epoch\n"
      "  after_epoch                 Recorder, Progress\n"
      "after_cancel_fit              Progress\n"
      "after_fit                     ParamScheduler\n";
  CHECK(learn.training_loop() == expected);
}

TEST_CASE("the recorder knows when epochs ended and how long they took") {
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  learn.quiet();
  learn.fit(2, 0.1);
  const auto& epochs = learn.recorder().epochs;
  REQUIRE(epochs.size() == 2);
  CHECK(epochs[0].batches == 3);
  CHECK(epochs[1].batches == 6);
  CHECK(epochs[1].train_seconds >= 0);
  CHECK(epochs[1].seconds >= epochs[1].train_seconds);
}

TEST_SUITE_END();
