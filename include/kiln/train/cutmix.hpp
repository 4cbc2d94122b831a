// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `CutMix`: trains on images with a part of another in them.
#pragma once

#include <cmath>

#include <kiln/train/mixup.hpp>

namespace kiln {

/// In training, a rectangle of every image is replaced by that of another sample of the batch, in random order, and the
/// loss becomes lambda loss(pred, y) + (1 - lambda) loss(pred, y'), where lambda is the share of the image that is
/// left. There is one rectangle for each batch: its middle is any pixel, its area 1 - Beta(alpha, alpha) of the
/// image's, less what lies outside. Random numbers are keyed by epoch and batch, as dropout's are. Source: Yun et al.
/// 2019, https://arxiv.org/abs/1905.04899, and its code.
struct CutMix {
  double alpha = 1;
  double p = 1;  ///< the probability that a batch is changed at all; the paper has 1 for ImageNet, 0.5 for CIFAR

  double lambda = 1;       ///< of the last batch: what is left of the samples themselves
  AnyTensor other_y = {};  ///< the other samples' targets, until the loss is computed

  /// Throws: UsageError for impossible settings.
  void on(BeforeFit, Fit&) const {
    detail::check_mixing_alpha("CutMix", alpha);
    if (!(p >= 0 && p <= 1)) fail<UsageError>("CutMix", "p must lie in [0, 1]", concat("got ", p));
  }

  /// Throws: UsageError for inputs that are no images.
  void on(BeforeBatch, Fit& fit) {
    if (!fit.training) return;
    if (fit.x.rank() != 4)
      fail<UsageError>("CutMix", "inputs must be images (N, C, H, W)", concat("got a ", fit.x.type()));
    RandomStream stream = detail::mixing_stream(fit);
    lambda = 1;
    other_y.reset();
    if (stream.uniform() >= p) return;
    const double side = std::sqrt(1 - detail::beta_variate(alpha, stream));
    const Span rows = draw_span(fit.x.dims()[2], side, stream), columns = draw_span(fit.x.dims()[3], side, stream);
    const auto others = detail::random_partners(fit.batch_size, stream);
    paste(fit.x, others, rows, columns);
    other_y = detail::take_rows(fit.y, others);
    const auto area = static_cast<double>(rows.size() * columns.size());
    lambda = 1 - area / static_cast<double>(fit.x.dims()[2] * fit.x.dims()[3]);
  }

  void on(AfterPred, Fit& fit) {
    if (fit.training && !other_y.empty()) detail::mix_losses("CutMix", fit, lambda, std::exchange(other_y, {}));
  }

 private:
  struct Span {
    Index begin, end;
    Index size() const { return end - begin; }
  };

  /// About a pixel in [0, size), a share of the size long, less what lies outside.
  static Span draw_span(Index size, double share, RandomStream& stream) {
    const auto length = static_cast<Index>(static_cast<double>(size) * share);
    const Index begin = static_cast<Index>(stream.below(static_cast<std::uint64_t>(size))) - length / 2;
    return {(std::max)(begin, Index{0}), (std::min)(begin + length, size)};
  }

  /// Copies the rectangle of image others[n] into image n, whatever the element type.
  static void paste(AnyTensor& x, const std::vector<Index>& others, Span rows, Span columns) {
    const AnyTensor from = x;
    const Dims dims = x.dims();
    const Index channels = dims[1], height = dims[2], width = dims[3];
    const std::size_t element = x.bytes().size() / static_cast<std::size_t>(checked_numel(dims));
    const std::size_t length = static_cast<std::size_t>(columns.size()) * element;
    for (std::size_t n = 0; n < others.size(); ++n) {
      for (Index c = 0; c < channels; ++c) {
        for (Index row = rows.begin; row < rows.end; ++row) {
          auto at = [&](Index image) {
            return static_cast<std::size_t>(((image * channels + c) * height + row) * width + columns.begin) * element;
          };
          std::memcpy(x.bytes().data() + at(static_cast<Index>(n)), from.bytes().data() + at(others[n]), length);
        }
      }
    }
  }
};

}  // namespace kiln
