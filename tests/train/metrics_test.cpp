// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/metrics.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "toy.hpp"

using namespace kiln;

namespace {

#include "metrics.inc"

template <int R, class T>
Tensor<R, T> rows_of(const Tensor<R, T>& x, Index first, Index last) {
  Shape<R> shape = x.shape();
  shape[0] = last - first;
  auto result = detail::uninitialised<T>(shape);
  const Index width = x.numel() / x.size(0);
  std::copy(x.data() + first * width, x.data() + last * width, result.data());
  return result;
}

/// The metric over batches of 10, 12 and 1, by way of the Learner's sum.
template <class M, class P, class Y>
double over_batches(M& metric, const P& pred, const Y& y) {
  detail::MetricSum sum(metric);
  sum.reset();
  const std::vector<Index> ends{0, 10, 22, 23};
  REQUIRE(y.size(0) == ends.back());
  for (std::size_t i = 0; i + 1 < ends.size(); ++i) {
    sum.update(rows_of(pred, ends[i], ends[i + 1]), rows_of(y, ends[i], ends[i + 1]), ends[i + 1] - ends[i]);
  }
  return sum.value();
}

/// The mean of the batches' values, weighted by their sizes: what a metric that is no mean must not be.
template <class M, class P, class Y>
double mean_of_batches(const M& metric, const P& pred, const Y& y) {
  auto function = [&](const P& p, const Y& t) {
    M one = metric;
    one.reset();
    one.update(p, t);
    return one.value();
  };
  return over_batches(function, pred, y);
}

template <class M, class P, class Y>
void agrees(M metric, const P& pred, const Y& y, const std::string& also = "", double tolerance = 1e-12) {
  const std::string name = detail::MetricSum<M>::name(metric) + also;
  INFO(name);
  REQUIRE(expected.count(name) == 1);
  for (int pass = 0; pass < 2; ++pass)  // the second one after a reset
    CHECK(over_batches(metric, pred, y) == doctest::Approx(expected.at(name)).epsilon(tolerance));
  metric.reset();
  CHECK(std::isnan(metric.value()));
}

template <class Score>
void agrees_everywhere() {
  for (Average average : {Average::macro, Average::micro, Average::weighted})
    agrees(Score{.average = average}, scores, truth);
  for (Average average : {Average::macro, Average::weighted}) {
    agrees(Score{.average = average, .zero_division = 1}, scores, truth, " one");
    agrees(Score{.average = average, .zero_division = NAN}, scores, truth, " nan");
  }
  agrees(Score{}, binary_scores, binary_truth);
  agrees(Score{.positive = 0}, binary_scores, binary_truth, " of 0");
}

}  // namespace

TEST_SUITE_BEGIN("train");

TEST_CASE("precision, recall and F1 are scikit-learn's") {
  agrees_everywhere<Precision>();
  agrees_everywhere<Recall>();
  agrees_everywhere<F1>();
}

TEST_CASE("metrics that are no means are computed over the whole set") {
  auto differ = [](const auto& metric, const auto& pred, const auto& y) {
    auto copy = metric;
    CHECK(std::abs(over_batches(copy, pred, y) - mean_of_batches(metric, pred, y)) > 1e-3);
  };
  differ(F1{.average = Average::macro}, scores, truth);
  differ(Precision{.average = Average::macro}, scores, truth);
  differ(Recall{.average = Average::macro}, scores, truth);
  differ(Perplexity{}, scores, truth);
  auto r2 = [](Index last) {
    R2Score metric;
    metric.update(rows_of(predicted, 0, last), rows_of(measured, 0, last));
    return metric.value();
  };
  CHECK(std::isnan(r2(1)));  // so that a mean over batches, the last one of a single row, would be NaN
  CHECK(r2(23) == doctest::Approx(expected.at("r2_score")).epsilon(1e-12));
}

TEST_CASE("scores of classes, by hand") {
  // truth 0 0 0 1 1, prediction 0 1 0 1 0
  const Tensor<2> pred{{1, 0}, {0, 1}, {1, 0}, {0, 1}, {1, 0}};
  const Tensor<1, int> y{0, 0, 0, 1, 1};
  Precision precision;
  precision.update(pred, y);
  CHECK(precision.value() == 0.5);
  CHECK(precision.per_class() == std::vector<double>{2.0 / 3, 0.5});
  Recall recall;
  recall.update(pred, y);
  CHECK(recall.value() == 0.5);
  CHECK(recall.per_class() == std::vector<double>{2.0 / 3, 0.5});
  F1 f1{.average = Average::weighted};
  f1.update(pred, y);
  CHECK(f1.value() == doctest::Approx((3 * 2.0 / 3 + 2 * 0.5) / 5));
  CHECK(f1.name() == "weighted_f1");
  CHECK(recall.name() == "recall");

  // nothing is positive, neither in truth nor in prediction
  for (double zero : {0.0, 1.0}) {
    F1 none{.zero_division = zero};
    none.update(Tensor<2>{{1, 0}}, Tensor<1, int>{0});
    CHECK(none.value() == zero);
  }
  // the only class with a precision is never the truth: no weights are left
  Precision unweighted{.average = Average::weighted, .zero_division = NAN};
  unweighted.update(Tensor<2>{{0, 1}}, Tensor<1, int>{0});
  CHECK(unweighted.value() == 0);
}

TEST_CASE("a confusion matrix has the truth in its rows") {
  CHECK(all_equal(confusion_matrix(scores, truth), expected_counts));
  ConfusionMatrix matrix;
  matrix.update(rows_of(scores, 0, 20), rows_of(truth, 0, 20));
  matrix.update(rows_of(scores, 20, 23), rows_of(truth, 20, 23));
  CHECK(all_equal(matrix.counts, expected_counts));
  CHECK(all_equal(confusion_matrix(Tensor<2>{{0, 1}}, Tensor<1, long>{0}), Tensor<2, Index>{{0, 1}, {0, 0}}));
  CHECK(all_equal(confusion_matrix(zeros({0, 2}), Tensor<1, int>{}), Tensor<2, Index>{{0, 0}, {0, 0}}));
  matrix.reset();
  CHECK(matrix.counts.numel() == 0);
}

TEST_CASE("top-k accuracy") {
  for (Index k = 1; k <= 5; ++k) agrees(TopKAccuracy{.k = k}, scores, truth);
  Accuracy accuracy;
  TopKAccuracy first{.k = 1}, second{.k = 2};
  const float nan = NAN;
  const Tensor<2> hard{{1, 1}, {1, 1}, {nan, 1}, {nan, 1}, {1, nan}, {nan, nan}, {nan, nan}};
  const Tensor<1, int> y{0, 1, 0, 1, 1, 0, 1};
  accuracy.update(hard, y);
  first.update(hard, y);
  second.update(hard, y);
  CHECK(accuracy.right == 4);
  CHECK(first.right == 4);
  CHECK(second.right == 7);
}

TEST_CASE("metrics of numbers") {
  agrees(MeanSquaredError{}, predicted, measured);
  agrees(MeanAbsoluteError{}, predicted, measured);
  agrees(R2Score{}, predicted, measured);
  auto column = [](const Tensor<2>& x) {
    auto result = detail::uninitialised<float>(Shape<1>(x.size(0)));
    for (Index i = 0; i < x.size(0); ++i) result(i) = x(i, 0);
    return result;
  };
  agrees(R2Score{}, column(predicted), column(measured), " of column 0");

  auto r2 = [](const Tensor<1, double>& pred, const Tensor<1, double>& y) {
    R2Score metric;
    metric.update(pred, y);
    return metric.value();
  };
  CHECK(r2({1, 2, 4}, {1, 2, 3}) == 0.5);
  CHECK(r2({2, 2, 2}, {1, 2, 3}) == 0);
  CHECK(r2({5, 5}, {5, 5}) == 1);  // constant targets
  CHECK(r2({5, 6}, {5, 5}) == 0);
  CHECK(std::isnan(r2({5, NAN}, {5, 5})));
  CHECK(std::isnan(r2({5}, {6})));
  CHECK(r2({1e9 + 1, 1e9 + 2, 1e9 + 4}, {1e9 + 1, 1e9 + 2, 1e9 + 3}) == 0.5);  // far from 0
  MeanSquaredError of_integers;
  of_integers.update(Tensor<1>{0.5f, 2}, Tensor<1, int>{1, 1});
  CHECK(of_integers.value() == 0.625);
}

TEST_CASE("perplexity is exp of the mean over all labels") {
  agrees(Perplexity{}, scores, truth, "", 1e-6);  // each loss is a float
  agrees(Perplexity{.ignore_index = 2}, scores, truth, " without 2", 1e-6);
  Perplexity even;  // (N, C, T) and (N, T)
  even.update(zeros({2, 3, 4}), zeros<int>({2, 4}));
  CHECK(even.count == 8);
  CHECK(even.value() == doctest::Approx(3));
}

TEST_CASE("a Learner collects all of them") {
  auto data = toy::loaders();
  ConfusionMatrix confusion;
  Learner learn{data,        toy::Mlp{},           CrossEntropy{}, SGD{.lr = 0.1},
                confusion,   TopKAccuracy{.k = 2}, F1{},           F1{.average = Average::macro},
                Perplexity{}};
  learn.quiet();
  learn.fit(1);
  CHECK(sum(confusion.counts).item() == 10);
  std::vector<std::string> names;
  for (const MetricValue& metric : learn.recorder().epochs[0].metrics) names.push_back(metric.name);
  CHECK(names == std::vector<std::string>{"top_2_accuracy", "f1", "macro_f1", "perplexity"});
  CHECK(learn.recorder().epochs[0].metrics[3].value ==
        doctest::Approx(std::exp(learn.recorder().epochs[0].valid_loss)).epsilon(1e-6));
}

TEST_CASE("metrics say what does not fit") {
  const Tensor<2> pred{{1, 2, 3}, {3, 2, 1}};
  const Tensor<1, int> y{0, 1};
  auto refused = [&]<class M>(M metric, const auto& p, const auto& t) {
    try {
      metric.update(p, t);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("nothing was thrown");
  };
  CHECK(refused(ConfusionMatrix{}, pred, Tensor<1, int>{0}) ==
        "confusion matrix: prediction and label must have as many rows: got shapes (2, 3) and (1,)");
  CHECK(refused(ConfusionMatrix{}, pred, Tensor<1, int>{0, 3}) ==
        "confusion matrix: labels of 3 classes must lie in [0, 3): got 3 in row 1");
  CHECK(refused(ConfusionMatrix{}, pred, Tensor<1, int>{-1, 0}) ==
        "confusion matrix: labels of 3 classes must lie in [0, 3): got -1 in row 0");
  ConfusionMatrix begun;
  begun.update(pred, y);
  CHECK(refused(begun, Tensor<2>{{1, 2}, {1, 2}}, y) ==
        "confusion matrix: all batches must have scores of 3 classes: got shape (2, 2)");
  CHECK(refused(Precision{}, pred, y) ==
        "precision: Average::binary needs scores of two classes; take macro, micro or weighted: got shape (2, 3)");
  CHECK(refused(F1{.positive = 2}, Tensor<2>{{1, 2}, {1, 2}}, y) == "f1: the positive class must be 0 or 1: got 2");
  CHECK(refused(TopKAccuracy{}, pred, y) == "top-k accuracy: k must lie in [1, 3], for so many classes: got 5");
  CHECK(refused(TopKAccuracy{.k = 0}, pred, y) == "top-k accuracy: k must lie in [1, 3], for so many classes: got 0");
  CHECK(refused(TopKAccuracy{.k = 1}, pred, Tensor<1, int>{0, 3}) ==
        "top-k accuracy: labels of 3 classes must lie in [0, 3): got 3 in row 1");
  CHECK(refused(MeanSquaredError{}, pred, zeros({3, 2})) ==
        "mean squared error: prediction and target must have one shape: got (2, 3) and (3, 2)");
  CHECK(refused(MeanAbsoluteError{}, pred, zeros({2, 2})) ==
        "mean absolute error: prediction and target must have one shape: got (2, 3) and (2, 2)");
  CHECK(refused(R2Score{}, pred, zeros({2, 2})) ==
        "r2 score: prediction and target must have one shape: got (2, 3) and (2, 2)");
  R2Score columns;
  columns.update(pred, pred);
  CHECK(refused(columns, zeros({2, 2}), zeros({2, 2})) ==
        "r2 score: all batches must have 3 columns: got shape (2, 2)");
  CHECK(refused(Perplexity{}, pred, Tensor<1, int>{0, 3}) ==
        "cross_entropy: labels of 3 classes must lie in [0, 3): got 3 in row 1");
}

TEST_SUITE_END();
