// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/tta.hpp>

#include <doctest/doctest.h>

#include <vector>

#include "images.hpp"

TEST_SUITE_BEGIN("train");

using namespace kiln;

namespace {

/// Keeps the predictions of a validation.
template <class T>
struct Outputs {
  NoState no_state = {};
  std::vector<Tensor<2, T>> preds = {};
  void on(BeforeValidate, Fit&) { preds.clear(); }
  void on(AfterPred, Fit& fit) {
    if (!fit.training) preds.push_back(fit.pred.as<2, T>().value());
  }
  Tensor<2, T> all() const { return concat_rows(std::span<const Tensor<2, T>>(preds)); }
};

}  // namespace

TEST_CASE_TEMPLATE("predictions are the mean over an image and its mirror image, metrics and loss follow", T, float,
                   double) {
  manual_seed(1);
  auto data = toy::image_loaders<T>();
  toy::ImageNet<T> model;
  Outputs<T> outputs;
  Learner learn{data, model, CrossEntropy{}, SGD{.lr = 0.1}, Accuracy{}, outputs};
  learn.quiet();
  learn.fit(2);
  const auto points = toy::images<T>(10);
  const auto plain = learn.predict(points.x()), flipped = learn.predict(HorizontalFlip{}(points.x()));
  const Tensor<2, T> expected = (plain + flipped) / T(2);
  CHECK_FALSE(all_close(plain, expected));

  const Validation found = learn.validate(data.valid, Tta{});
  CHECK(all_close(outputs.all(), expected, 1e-5, 1e-6));
  CHECK(found.loss == doctest::Approx(static_cast<double>(cross_entropy(expected, points.y()).item())));
  Accuracy accuracy;
  accuracy.update(expected, points.y());
  CHECK(found.metrics.at(0).value == doctest::Approx(accuracy.value()));

  const auto [preds, targets] = tta_preds(learn, data.valid);
  CHECK(all_close(preds, expected, 1e-5, 1e-6));
  CHECK(all_equal(targets, points.y()));
  CHECK(all_close(tta_preds(learn, data.valid, Tta{VerticalFlip{}}).preds,
                  (plain + learn.predict(VerticalFlip{}(points.x()))) / T(2), 1e-5, 1e-6));

  learn.validate(data.valid);
  CHECK(all_close(outputs.all(), plain, 1e-5, 1e-6));  // the callback acted in that one validation only
  learn.validate(data.valid, Tta{VerticalFlip{}, 3});
  const auto upside_down = learn.predict(VerticalFlip{}(points.x()));
  CHECK(all_close(outputs.all(), (plain + upside_down * T(3)) / T(4), 1e-5, 1e-6));
}

TEST_CASE("random versions are the same in every epoch and for any batch size, and differ from each other") {
  manual_seed(1);
  toy::ImageNet<> model;
  const auto preds = [&](Index valid_batch, Index epochs, auto tta) {
    manual_seed(1);
    auto data = toy::image_loaders(0, valid_batch);
    Outputs<float> outputs;
    Learner learn{data, model, CrossEntropy{}, SGD{.lr = 0}, outputs};
    learn.quiet();
    learn.fit(epochs);
    learn.validate(data.valid, tta);
    const auto first = outputs.all();
    learn.validate(data.valid, tta);
    CHECK(all_equal(outputs.all(), first));
    return first;
  };
  const Tta crops{RandomCrop{.padding = 2}, 4};
  const auto expected = preds(8, 0, crops);
  CHECK(all_close(preds(3, 0, crops), expected, 1e-5, 1e-6));
  CHECK(all_equal(preds(8, 2, crops), expected));
  CHECK_FALSE(all_close(preds(8, 0, Tta{RandomCrop{.padding = 2}, 1}), expected, 1e-3, 1e-3));

  // In training it does nothing.
  auto weights = [&](auto... callbacks) {
    manual_seed(1);
    auto data = toy::image_loaders();
    toy::ImageNet<> trained;
    Learner learn{data, trained, CrossEntropy{}, SGD{.lr = 0.1}};
    learn.quiet();
    learn.fit(2, callbacks...);
    return toy::bits(trained);
  };
  CHECK(weights(crops) == weights());
}

TEST_CASE("test-time augmentation that makes no sense is refused") {
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  CHECK_THROWS_WITH_AS(learn.validate(data.valid, Tta{}),
                       "Tta: the transform must be one of the batch's inputs: they are a Tensor<2, float>", UsageError);
  CHECK_THROWS_WITH_AS(learn.validate(data.valid, Tta{HorizontalFlip{}, 0}),
                       "Tta: there must be at least one version: got 0", UsageError);
  DataLoader none{toy::points(0)};
  CHECK_THROWS_WITH_AS(tta_preds(learn, none), "tta_preds: the loader must have at least one batch: it has none",
                       UsageError);
}

TEST_SUITE_END();
