// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Tta`: test-time augmentation, by which a trained model is asked about several versions of an image.
///
///     auto plain = learn.validate(data.test);
///     auto better = learn.validate(data.test, Tta{});  // each image, and the same in the mirror
#pragma once

#include <utility>

#include <kiln/data/random_flip.hpp>
#include <kiln/train/batch_transform.hpp>

namespace kiln {

/// In validation, the prediction is the mean of the model's outputs for the inputs as they are and for `versions` of
/// them that `transform` makes; the loss and all metrics follow from it. Outputs are averaged as the model gives them:
/// of a classifier logits, whose mean stands for the geometric mean of the probabilities, normalised. What is drawn
/// depends on the seed and on a sample's place in the validation set: it is the same in every epoch.
/// Source: fast.ai's course, part 2 of 2022, 14_augment, which averages logits as well; fastai's Learner.tta averages
/// probabilities.
template <class F = HorizontalFlip>
struct Tta {
  F transform = {};
  Index versions = 1;

  Index seen = 0;  ///< samples of the validation in progress

  void on(BeforeValidate, Fit&) { seen = 0; }

  /// Throws: UsageError for fewer than one version, or a transform that is not for the batch's inputs.
  void on(BeforeBatch, Fit& fit) {
    if (fit.training) return;
    if (versions < 1) fail<UsageError>("Tta", "there must be at least one version", concat("got ", versions));
    const auto streams = detail::callback_streams(fit, 1, 0, static_cast<std::uint64_t>(seen));
    seen += fit.batch_size;
    const AnyVar own = fit.run_model(fit.x);
    AnyTensor mean = own.value();
    for (Index i = 0; i < versions; ++i) {
      AnyTensor version = fit.x;
      detail::transform_any("Tta", transform, version, streams);
      const AnyVar pred = fit.run_model(version);
      if (!add<float>(mean, pred.value())) add<double>(mean, pred.value());
    }
    if (!divide<float>(mean, versions + 1)) divide<double>(mean, versions + 1);
    fit.pred = own.with_value(std::move(mean));
  }

 private:
  template <class T>
  static bool add(AnyTensor& sum, const AnyTensor& x) {
    if (!sum.holds<T>()) return false;
    const std::span<const T> from = x.elements<T>();
    T* to = sum.elements<T>().data();
    for (T value : from) *to++ += value;
    return true;
  }
  template <class T>
  static bool divide(AnyTensor& x, Index divisor) {
    if (!x.holds<T>()) return false;
    for (T& value : x.elements<T>()) value /= static_cast<T>(divisor);
    return true;
  }
};
Tta() -> Tta<>;
template <class F>
Tta(F, Index = 1) -> Tta<F>;

}  // namespace kiln
