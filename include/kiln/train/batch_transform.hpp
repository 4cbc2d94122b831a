// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `BatchTransform`: transforms as a callback. A loader's `transform` does the same earlier, in its workers, and is the
/// better choice for training; a callback can act in a single fit, or in validation.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include <kiln/data/transform.hpp>
#include <kiln/train/callback.hpp>

namespace kiln {

namespace detail {

/// Streams for the samples of the batch in progress, `first` and so on. Their highest bits keep them apart from each
/// other's (`kind` 1 to 3) and from those of loaders.
inline StreamArray callback_streams(Fit& fit, std::uint64_t kind, std::uint32_t epoch, std::uint64_t first) {
  const std::uint64_t seed = fit.context().random().seed;
  return {static_cast<std::size_t>(fit.batch_size), [&](std::size_t i) {
            return RandomStream{
                .seed = seed, .purpose = Purpose::augment, .epoch = epoch, .sample = kind << 46 | (first + i)};
          }};
}

template <int R, class T, class F>
bool transform_if(const F& transform, AnyTensor& x, SampleStreams random) {
  if constexpr (Transform<F, Tensor<R, T>>) {
    if (x.is<R, T>()) {
      x = apply_transform(transform, std::move(x.as<R, T>()), random);
      return true;
    }
  }
  return false;
}

/// Throws: UsageError if the transform is not for tensors like x.
template <class F>
void transform_any(std::string_view op, const F& transform, AnyTensor& x, SampleStreams random) {
  const bool done = transform_if<4, float>(transform, x, random) || transform_if<4, double>(transform, x, random) ||
                    transform_if<2, float>(transform, x, random) || transform_if<2, double>(transform, x, random) ||
                    transform_if<3, float>(transform, x, random) || transform_if<3, double>(transform, x, random) ||
                    transform_if<5, float>(transform, x, random) || transform_if<5, double>(transform, x, random);
  if (!done) fail<UsageError>(op, "the transform must be one of the batch's inputs", concat("they are a ", x.type()));
}

}  // namespace detail

/// Changes the inputs of batches before the model sees them: `learn.fit(5, lr, BatchTransform{RandomErase{}})`, or
/// `BatchTransform{Transforms{RandomCrop{.padding = 1}, RandomHorizontalFlip{}}}`. Random numbers are keyed by epoch,
/// batch, and the sample's place in it.
template <class F>
struct BatchTransform {
  F transform;
  bool on_train = true;
  bool on_valid = false;

  /// Throws: UsageError if the transform is not for the batch's inputs.
  void on(BeforeBatch, Fit& fit) const {
    if (!(fit.training ? on_train : on_valid)) return;
    const auto epoch = static_cast<std::uint32_t>(fit.position.epoch);
    const auto streams =
        detail::callback_streams(fit, fit.training ? 2 : 3, epoch, static_cast<std::uint64_t>(fit.batch) << 24);
    detail::transform_any("BatchTransform", transform, fit.x, streams);
  }
};
template <class F>
BatchTransform(F, bool = true, bool = false) -> BatchTransform<F>;

}  // namespace kiln
