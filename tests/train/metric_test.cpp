// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/metric.hpp>

#include <doctest/doctest.h>

#include <cmath>

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

TEST_SUITE_END();
