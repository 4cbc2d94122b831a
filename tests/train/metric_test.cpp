// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/metric.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include <kiln/tensor/create.hpp>

#include "toy.hpp"

TEST_SUITE_BEGIN("train");

using namespace kiln;

TEST_CASE("accuracy counts over all batches") {
  Accuracy accuracy;
  accuracy.update(Tensor<2>{{1, 2}, {3, 0}}, Tensor<1, int>{1, 1});
  accuracy.update(Tensor<2>{{0, 5}}, Tensor<1, int>{1});
  CHECK(accuracy.value() == doctest::Approx(2.0 / 3));
  accuracy.reset();
  CHECK(std::isnan(accuracy.value()));  // over nothing
  CHECK_THROWS_WITH_AS(accuracy.update(Tensor<2>{{1, 2}}, Tensor<1, int>{1, 1}),
                       "accuracy: prediction and label must have as many rows: got shapes (1, 2) and (2,)", ShapeError);
}

TEST_CASE("a function of a batch is averaged over samples") {
  auto share = Metric{"share", [](const Tensor<1>& pred, const Tensor<1>&) { return pred(0); }};
  detail::MetricSum sum(share);
  sum.update(Tensor<1>{1}, Tensor<1>{0}, 3);
  sum.update(Tensor<1>{5}, Tensor<1>{0}, 1);
  CHECK(sum.value() == 2);
  CHECK(sum.name(share) == "share");
  sum.reset();
  CHECK(std::isnan(sum.value()));
}

TEST_CASE("names follow the type") {
  CHECK(detail::snake_case("Accuracy") == "accuracy");
  CHECK(detail::snake_case("TopK") == "top_k");
  Accuracy accuracy;
  CHECK(detail::MetricSum<Accuracy>::name(accuracy) == "accuracy");
}

namespace {

struct Seen {
  Index rows = 0;
  void reset() { rows = 0; }
  void update(const Tensor<2>& pred, const Tensor<1, int>&) { rows += pred.size(0); }
};

struct Named {
  int k = 3;
  std::string name() const { return concat("best of ", k); }
  void reset() {}
  void update(const Tensor<2>&, const Tensor<1, int>&) {}
  int value() const { return 7; }
};

}  // namespace

TEST_CASE("a metric may name itself, and may have no value") {
  std::vector<std::pair<std::string, double>> columns;
  Named named;
  detail::MetricSum(named).append_to(columns);
  Seen seen;
  detail::MetricSum collecting(seen);
  collecting.update(zeros({4, 2}), Tensor<1, int>{0, 0, 0, 0}, 4);
  collecting.append_to(columns);
  CHECK(seen.rows == 4);
  auto function = Metric{"f", [](const Tensor<1>&, const Tensor<1>&) { return 0.5; }};
  detail::MetricSum sum(function);
  sum.update(Tensor<1>{}, Tensor<1>{}, 1);
  sum.append_to(columns);
  CHECK(columns == std::vector<std::pair<std::string, double>>{{"best of 3", 7}, {"f", 0.5}});
}

TEST_CASE("a metric without a value is collected by fit and has no column") {
  Seen seen;
  auto data = toy::loaders();
  Learner learn{data, toy::Mlp{}, CrossEntropy{}, SGD{.lr = 0.1}, Accuracy{}, seen};
  learn.quiet();
  learn.fit(2);
  CHECK(seen.rows == 10);  // of the last validation
  REQUIRE(learn.recorder().epochs.size() == 2);
  REQUIRE(learn.recorder().epochs[1].metrics.size() == 1);
  CHECK(learn.recorder().epochs[1].metrics[0].name == "accuracy");
}

TEST_SUITE_END();
