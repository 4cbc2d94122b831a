// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Tta`: test-time augmentation, by which a trained model is asked about several versions of an image.
///
///     auto plain = learn.validate(data.test);
///     auto better = learn.validate(data.test, Tta{});        // each image, and the same in the mirror
///     auto [preds, targets] = tta_preds(learn, data.test);  // the predictions themselves
#pragma once

#include <span>
#include <utility>
#include <vector>

#include <kiln/data/random_flip.hpp>
#include <kiln/tensor/create.hpp>
#include <kiln/train/batch_transform.hpp>
#include <kiln/train/learner.hpp>

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

namespace detail {

/// Keeps the predictions and targets of a validation.
template <class Pred, class Y>
struct KeepPreds {
  std::vector<Pred> preds = {};
  std::vector<Y> targets = {};
  NoState no_state = {};

  void on(AfterPred, Fit& fit) {
    preds.push_back(fit.pred.value().as<Pred::rank, typename Pred::value_type>());
    targets.push_back(fit.y.as<Y::rank, typename Y::value_type>());
  }
};

}  // namespace detail

/// The mean outputs for a loader like the Learner's validation set, and the targets, row by row; get_preds gives the
/// plain ones. Throws: as Tta; UsageError for a loader without batches.
template <class L, class Loader, class F = HorizontalFlip>
auto tta_preds(L& learn, const Loader& loader, Tta<F> tta = {}) {
  using Y = std::remove_cvref_t<decltype(std::declval<typename Loader::Batch&>().y)>;
  if (loader.batches() == 0) fail<UsageError>("tta_preds", "the loader must have at least one batch", "it has none");
  detail::KeepPreds<typename L::PredTensor, Y> kept;
  learn.validate(loader, tta, kept);
  return Predictions<typename L::PredTensor, Y>{concat_rows(std::span<const typename L::PredTensor>(kept.preds)),
                                                concat_rows(std::span<const Y>(kept.targets))};
}

}  // namespace kiln
