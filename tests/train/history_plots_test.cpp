// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/history_plots.hpp>

#include <kiln/optim/adam.hpp>

#include "../viz/folder.hpp"
#include "../viz/xml.hpp"
#include "toy.hpp"

TEST_SUITE_BEGIN("train");

using namespace kiln;

namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();

History two_epochs() {
  History history;
  history.losses = {4, 2, none, 1};
  history.hypers = {{0, "lr", {.1, .2, .3, .4}}, {0, "momentum", {.9, .9, .9, .9}}, {1, "lr", {1, 2, 3, 4}}};
  history.epochs = {{.epoch = 0, .batches = 2, .valid_loss = 3, .metrics = {{"accuracy", .5}, {"f1 <macro>", .25}}},
                    {.epoch = 0, .batches = 4, .valid_loss = 2, .metrics = {{"accuracy", .75}, {"f1 <macro>", .5}}}};
  return history;
}

}  // namespace

TEST_CASE("the loss is smoothed over batches, with the validation loss where epochs ended") {
  const LinePlot plot = loss_plot(two_epochs(), 0.5);
  REQUIRE(plot.series.size() == 2);
  CHECK(plot.series[0].name == "training, smoothed");
  CHECK(plot.series[0].x == std::vector<double>{1, 2, 3, 4});
  const std::vector<double>& y = plot.series[0].y;
  CHECK(y[0] == doctest::Approx(4));
  CHECK(y[1] == doctest::Approx(8.0 / 3));  // (2 + 4 / 2) / (1 + 1 / 2)
  CHECK(std::isnan(y[2]));
  CHECK(y[3] == doctest::Approx(12.0 / 7));  // (1 + 2 / 2 + 4 / 4) / (1 + 1 / 2 + 1 / 4): the gap is forgotten
  CHECK(plot.series[1].name == "validation");
  CHECK(plot.series[1].x == std::vector<double>{2, 4});
  CHECK(plot.series[1].y == std::vector<double>{3, 2});

  CHECK(loss_plot(two_epochs(), 0).series[0].name == "training");
  CHECK(loss_plot(two_epochs(), 0).series[0].y[1] == 2);
  CHECK_THROWS_WITH_AS(loss_plot(two_epochs(), 1), "SmoothedLoss.beta: must lie in [0, 1): got 1", UsageError);
}

TEST_CASE("without validations or batches the loss plot has none") {
  History history = two_epochs();
  for (EpochRow& row : history.epochs) row.valid_loss = none;
  CHECK(loss_plot(history).series.size() == 1);
  CHECK(XmlReader(loss_plot(History{}).svg()).has_text("no data"));
}

TEST_CASE("a hyper-parameter is drawn for every group that has it") {
  const LinePlot rates = hyper_plot(two_epochs(), "lr");
  CHECK(rates.title == "Learning rate");
  REQUIRE(rates.series.size() == 2);
  CHECK(rates.series[0].name == "group 0");
  CHECK(rates.series[1].name == "group 1");
  CHECK(rates.series[1].x == std::vector<double>{1, 2, 3, 4});
  CHECK(rates.series[1].y == std::vector<double>{1, 2, 3, 4});

  const LinePlot momentum = hyper_plot(two_epochs(), "momentum");
  REQUIRE(momentum.series.size() == 1);
  CHECK(momentum.series[0].name.empty());
  CHECK(momentum.title == "Momentum");

  CHECK_THROWS_WITH_AS(hyper_plot(two_epochs(), "beta"), "recorder: group 0 has recorded lr, momentum: got beta",
                       IndexError);
  CHECK_THROWS_WITH_AS(hyper_plot(History{}, "lr"), "recorder: group 0 has recorded nothing: got lr", IndexError);
}

TEST_CASE("metrics are drawn over the epochs of all fits") {
  const LinePlot plot = metrics_plot(two_epochs());
  REQUIRE(plot.series.size() == 2);
  CHECK(plot.series[1].name == "f1 <macro>");
  CHECK(plot.series[1].x == std::vector<double>{1, 2});
  CHECK(plot.series[1].y == std::vector<double>{.25, .5});
}

TEST_CASE("a learner's recorder draws itself") {
  const Folder folder;
  toy::Mlp model;
  Learner learn{toy::loaders(), model, CrossEntropy{}, Adam{}, Accuracy{}};
  learn.quiet();
  learn.fit_one_cycle(2, 0.1);
  const Recorder& recorder = learn.recorder();
  recorder.plot_loss(folder / "loss.svg");
  recorder.plot_lr(folder / "lr.svg");
  recorder.plot_hyper("beta1", folder / "beta1.svg");
  recorder.plot_metrics(folder / "metrics.svg");
  CHECK(folder.read("loss.svg") == loss_plot(recorder).svg());
  CHECK(folder.read("lr.svg") == hyper_plot(recorder, "lr").svg());
  CHECK(folder.read("beta1.svg") == hyper_plot(recorder, "beta1").svg());
  CHECK(folder.read("metrics.svg") == metrics_plot(recorder).svg());
  CHECK(hyper_plot(recorder, "lr").series[0].y.size() == 6);
  CHECK_THROWS_WITH_AS(recorder.plot_loss(folder / "none" + "/loss.svg"), doctest::Contains("its folder must exist"),
                       DataError);
}

TEST_SUITE_END();
