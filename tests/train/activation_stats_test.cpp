// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/activation_stats.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include <kiln/tensor/reduce.hpp>

#include "toy.hpp"

TEST_SUITE_BEGIN("train");

using namespace kiln;

namespace {

struct QuietScale {
  Param<1> gain = ones({2});
  auto operator()(const Var<2>& x) const { return x * gain; }
};

struct Twice {
  Linear first{3, 3};
  Sequential<Linear, ReLU> head{{3, 2}, {}};
  QuietScale scale;
  auto operator()(const Var<2>& x) const { return scale(head(first(first(x)))); }
};

std::vector<std::string> paths(const std::vector<LayerStats>& all) {
  std::vector<std::string> found;
  for (const LayerStats& stats : all) found.push_back(stats.path);
  return found;
}

bool same(const std::vector<LayerStats>& a, const std::vector<LayerStats>& b) {
  return std::ranges::equal(a, b, [](const LayerStats& x, const LayerStats& y) {
    return x.path == y.path && x.step == y.step && x.mean == y.mean && x.std == y.std && x.dead == y.dead &&
           x.counts == y.counts;
  });
}

struct StopAt {
  Index step;
  void on(AfterBatch, Fit& fit) const {
    if (fit.training && fit.position.step == step) fit.cancel(Scope::fit);
  }
};

}  // namespace

TEST_CASE_TEMPLATE("the statistics of many numbers are PyTorch's, in whatever pieces they come", T, float, double) {
  std::vector<T> x;
  for (int k = 0; k < 200; ++k) x.push_back(static_cast<T>(std::sin(k * 1.7) * 6 + 1));
  const std::span<const T> all(x);
  for (unsigned first : {0u, 1u, 77u, 200u}) {
    detail::StatsSums sums;
    const StatsRange range{.bins = 8, .low = 0, .high = 5};
    sums.add(all.first(first), range);
    sums.add(all.subspan(first), range);
    LayerStats stats;
    sums.write(stats, 3);
    CHECK(stats.mean[0] == doctest::Approx(0.99341222965630072).epsilon(1e-6));
    CHECK(stats.std[0] == doctest::Approx(4.2388290895383651).epsilon(1e-6));
    CHECK(stats.counts == std::vector<Index>{15, 13, 15, 13, 16, 18, 19, 38});
    CHECK(stats.dead[0] == 5. / 200);
    CHECK(stats.step == std::vector<Index>{3});
  }
  detail::StatsSums sums;
  sums.add(all, {.bins = 10, .low = -7, .high = 7, .absolute = false});
  CHECK(sums.counts == std::vector<Index>{0, 33, 23, 17, 16, 16, 15, 16, 20, 44});

  detail::StatsSums edges;
  const std::vector<T> special{
      0, 1, 2, 10, T(10.5), -10, std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity()};
  edges.add(std::span<const T>(special), {.bins = 10, .near_zero = 0});
  CHECK(edges.counts == std::vector<Index>{1, 1, 1, 0, 0, 0, 0, 0, 0, 2});
  CHECK(edges.near_zero == 1);

  detail::StatsSums far;  // a large mean does not eat the deviation
  const std::vector<double> close{1e9, 1e9 + 1, 1e9 + 2};
  far.add(std::span<const double>(close), {});
  CHECK(far.moments.deviation() == doctest::Approx(std::sqrt(2. / 3)));

  detail::StatsSums many;  // more than one piece
  const std::vector<T> ones(5000, T{1});
  many.add(std::span<const T>(ones), {});
  CHECK(many.moments.count == 5000);
  CHECK(many.moments.mean() == 1);
  CHECK(many.counts[4] == 5000);
}

TEST_CASE("outputs and gradients of leaves are recorded for each training batch") {
  manual_seed(1);
  auto data = toy::loaders();
  toy::Mlp model;
  ActivationStats stats{.gradients = true};
  Learner learn{data, model, CrossEntropy{}, SGD{}, stats};
  learn.quiet();
  std::vector<double> means, deviations, gradients;
  auto out = learn.on_forward("hidden", [&](const LayerCall&, AnyVar& y) {
    if (!y.wants_grad()) return;
    means.push_back(mean(y.as<2>().value().to<double>()).item());
    deviations.push_back(std::sqrt(population_var(y.as<2>().value().to<double>()).item()));
  });
  auto back = learn.on_backward("hidden", [&](const HookedLayer&, AnyTensor& dy) {
    gradients.push_back(std::sqrt(population_var(dy.as<2>().to<double>()).item()));
  });
  learn.fit(2, 0.1);
  CHECK(paths(stats.outputs) == std::vector<std::string>{"hidden", "out"});
  CHECK(paths(stats.output_gradients) == std::vector<std::string>{"hidden", "out"});
  const LayerStats& hidden = stats.outputs[0];
  CHECK(hidden.type == "Linear");
  CHECK(hidden.step == std::vector<Index>{0, 1, 2, 3, 4, 5});
  REQUIRE(hidden.mean.size() == means.size());
  for (std::size_t i = 0; i < means.size(); ++i) {
    CHECK(hidden.mean[i] == doctest::Approx(means[i]));
    CHECK(hidden.std[i] == doctest::Approx(deviations[i]));
    CHECK(stats.output_gradients[0].std[i] == doctest::Approx(gradients[i]));
  }
  const Tensor<2, double> histograms = hidden.histograms();
  CHECK(concat(histograms.shape()) == "(40, 6)");
  CHECK(all_equal(sum(histograms, 0), Tensor<1, double>{64, 64, 32, 64, 64, 32}));  // batches of 8, 8, 4
}

TEST_CASE("watching changes nothing") {
  auto train = [](auto... callbacks) {
    manual_seed(1);
    auto data = toy::loaders();
    toy::Mlp model;
    Learner learn{data, model, CrossEntropy{}, SGD{}, callbacks...};
    learn.quiet();
    learn.fit(2, 0.1);
    return model.hidden.weight.value;
  };
  CHECK(all_equal(train(), train(ActivationStats{.gradients = true})));
}

TEST_CASE("layers are chosen by path or by type, and a layer's runs in a batch make one record") {
  auto record = [](ActivationStats stats) {
    auto data = toy::loaders();
    Learner learn{data, Twice{}, CrossEntropy{}, SGD{}, stats};
    learn.quiet();
    learn.fit(1, 0.1);
    return stats;
  };
  CHECK(paths(record({}).outputs) == std::vector<std::string>{"first", "head.0", "head.1"});
  CHECK(paths(record({.layers = {"head", ""}}).outputs) == std::vector<std::string>{"head", ""});
  CHECK(paths(record({.types = {"ReLU"}}).outputs) == std::vector<std::string>{"head.1"});
  CHECK(paths(record({.layers = {"first"}, .types = {"ReLU"}}).outputs) == std::vector<std::string>{"first", "head.1"});
  const ActivationStats twice = record({.layers = {"first"}, .gradients = true, .range = {.high = 1e9}});
  CHECK(all_equal(sum(twice.outputs[0].histograms(), 0), Tensor<1, double>{48, 48, 24}));  // two runs of 8 x 3
  CHECK(twice.output_gradients[0].step.size() == 3);
  CHECK(record({}).output_gradients.empty());
}

TEST_CASE("every n-th batch is looked at, and a long run is thinned out") {
  auto record = [](ActivationStats stats) {
    auto data = toy::loaders();
    manual_seed(3);
    Learner learn{data, toy::Mlp{}, CrossEntropy{}, SGD{}, stats};
    learn.quiet();
    learn.fit(4, 0.1);
    return stats;
  };
  CHECK(record({.every = 5}).outputs[0].step == std::vector<Index>{0, 5, 10});
  const ActivationStats all = record({});
  const ActivationStats few = record({.gradients = true, .max_records = 3});
  CHECK(few.outputs[1].step == std::vector<Index>{0, 4, 8});
  CHECK(few.output_gradients[1].step == few.outputs[1].step);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto at = static_cast<std::size_t>(few.outputs[1].step[i]);
    CHECK(few.outputs[1].mean[i] == all.outputs[1].mean[at]);
    CHECK(few.outputs[1].std[i] == all.outputs[1].std[at]);
    CHECK(few.outputs[1].dead[i] == all.outputs[1].dead[at]);
    for (Index bin = 0; bin < 40; ++bin)
      CHECK(few.outputs[1].histograms()(bin, static_cast<Index>(i)) ==
            all.outputs[1].histograms()(bin, static_cast<Index>(at)));
  }
}

TEST_CASE("a resumed run has the records of one that was not interrupted") {
  auto data = toy::loaders();
  const ActivationStats fresh{.gradients = true, .max_records = 4};
  manual_seed(5);
  ActivationStats whole = fresh;
  toy::Mlp model;
  const toy::Mlp start = model;
  Learner learn{data, model, CrossEntropy{}, SGD{}, whole};
  learn.quiet();
  struct Keep {
    NoState no_state;
    Learner<decltype(data)&, toy::Mlp&, CrossEntropy, SGD, ActivationStats&>* learner = nullptr;
    LearnerState* state = nullptr;
    void on(AfterBatch, Fit& fit) const {
      if (fit.training && fit.position.step == 4) *state = learner->state();
    }
  };
  LearnerState state;
  learn.fit(2, 0.1, Keep{.no_state = {}, .learner = &learn, .state = &state});

  ActivationStats resumed = fresh;
  toy::Mlp other = start;
  Learner again{data, other, CrossEntropy{}, SGD{}, resumed};
  again.quiet();
  again.restore(state);
  CHECK(resumed.outputs[0].step.size() == 4);
  again.resume();
  CHECK(same(resumed.outputs, whole.outputs));
  CHECK(same(resumed.output_gradients, whole.output_gradients));
  CHECK(whole.outputs[0].step == std::vector<Index>{0, 2, 4});
}

TEST_CASE("a batch that was cancelled leaves no record, and an error leaves no trace") {
  struct CancelOne {
    Scope scope;
    void on(AfterPred, Fit& fit) const {
      if (fit.training && fit.position.step == 1) fit.cancel(scope);
    }
  };
  auto data = toy::loaders();
  ActivationStats stats;
  Learner learn{data, toy::Mlp{}, CrossEntropy{}, SGD{}, stats};
  learn.quiet();
  learn.fit(1, 0.1, CancelOne{Scope::batch});
  CHECK(stats.outputs[0].step == std::vector<Index>{0, 2});
  struct Stop {};
  struct Throw {
    void on(AfterPred, Fit&) const { throw Stop{}; }
  };
  CHECK_THROWS_AS(learn.fit(1, 0.1, Throw{}), Stop);
  learn.fit(1, 0.1, CancelOne{Scope::epoch});
  CHECK(stats.outputs[0].step.size() == 5);
  learn.fit(1, 0.1);
  CHECK(stats.outputs[0].step.size() == 8);
}

TEST_CASE("what cannot be recorded is said") {
  auto data = toy::loaders();
  auto fails = [&](ActivationStats stats, const char* message) {
    Learner learn{data, Twice{}, CrossEntropy{}, SGD{}, stats};
    learn.quiet();
    CHECK_THROWS_WITH_AS(learn.fit(1, 0.1), message, Error);
  };
  fails({.layers = {"frist"}},
        "ActivationStats: the layers of Twice are first, head, scale, head.0, head.1, and \"\", the model itself: got "
        "\"frist\"");
  fails({.layers = {"scale"}},
        "ActivationStats: scale must run and be seen to; it can announce itself by "
        "`return kiln::announce(*this, input, [&](const auto& x) { ... });`: it was not seen");
  fails({.types = {"Conv2d"}}, "ActivationStats: a layer of the type Conv2d must run: none was seen to");
  fails({.every = 0}, "ActivationStats: every must be at least 1 and max_records at least 2: got 0 and 2000");
  fails({.max_records = 1}, "ActivationStats: every must be at least 1 and max_records at least 2: got 1 and 1");
  fails({.range = {.bins = 0}},
        "ActivationStats: a histogram needs at least one bin, and low below high: got 0 in [0, 10]");
  fails({.gradient_range = {.low = 2, .high = 2}},
        "ActivationStats: a histogram needs at least one bin, and low below high: got 40 in [2, 2]");
}

TEST_CASE("the records are drawn") {
  auto data = toy::loaders();
  ActivationStats stats{.gradients = true};
  CHECK(stats.figure().svg().find("<svg") != std::string::npos);  // also when there are none
  CHECK(stats.histogram_figure().svg().find("<svg") != std::string::npos);
  Learner learn{data, Twice{}, CrossEntropy{}, SGD{}, stats};
  learn.quiet();
  learn.fit(2, 0.1);
  const std::string curves = stats.figure().svg();
  for (const char* text : {"Mean of outputs", "Standard deviation of gradients", "head.1", "training batch"})
    CHECK(curves.find(text) != std::string::npos);
  CHECK(stats.figure().panels.size() == 4);
  CHECK(stats.histogram_figure().panels.size() == 3);
  CHECK(stats.histogram_figure().svg().find("head.1 ReLU") != std::string::npos);
  CHECK(stats.gradient_histogram_figure().svg().find("Gradients of outputs") != std::string::npos);
  std::erase_if(stats.output_gradients, [](const LayerStats& one) { return one.path == "first"; });
  const std::string without = stats.figure().svg();  // what is left keeps its colours
  CHECK(without.find("first Linear") < without.find("Mean of gradients"));
  CHECK(without.rfind("first Linear") < without.find("Mean of gradients"));
  CHECK(without.rfind("head.1 ReLU") > without.find("Standard deviation of gradients"));
  const LinePlot dead = stats.dead_plot();
  CHECK(dead.series.size() == 3);
  CHECK(dead.series[2].y == stats.outputs[2].dead);
  CHECK(dead.series[2].x.size() == 6);
  CHECK_THROWS_AS(stats.plot_dead("stats.txt"), UsageError);
}

TEST_SUITE_END();
