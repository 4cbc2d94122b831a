// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `MixUp`: trains on sums of two samples.
#pragma once

#include <cmath>
#include <cstring>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/train/callback.hpp>

namespace kiln {

namespace detail {

/// The logarithm of a gamma variate of this shape. Source: Marsaglia & Tsang 2000, "A simple method for generating
/// gamma variables", section 6 for shapes below 1; as a logarithm, since those of tiny shapes are below all numbers.
inline double log_gamma_variate(double shape, RandomStream& stream) {
  const double boost = shape < 1 ? std::log(1 - stream.uniform()) / shape : 0;
  const double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3;
  for (;;) {
    const double x = stream.normal();
    const double root = 1 + x / std::sqrt(9 * d);
    const double v = root * root * root;
    if (root > 0 && std::log(1 - stream.uniform()) < x * x / 2 + d - d * v + d * std::log(v))
      return std::log(d * v) + boost;
  }
}

/// A Beta(alpha, alpha) variate.
inline double beta_variate(double alpha, RandomStream& stream) {
  const double a = log_gamma_variate(alpha, stream), b = log_gamma_variate(alpha, stream);
  return 1 / (1 + std::exp(b - a));
}

/// Rows `rows` of a tensor of any type.
inline AnyTensor take_rows(const AnyTensor& from, const std::vector<Index>& rows) {
  AnyTensor to = from;
  const std::size_t size = rows.empty() ? 0 : from.bytes().size() / rows.size();
  for (std::size_t i = 0; i < rows.size() && size > 0; ++i)
    std::memcpy(to.bytes().data() + i * size, from.bytes().data() + static_cast<std::size_t>(rows[i]) * size, size);
  return to;
}

/// share own + (1 - share) other, where `own` becomes the result.
template <class T>
void mix(std::span<T> own, std::span<const T> other, double share) {
  const T keep = static_cast<T>(share), add = static_cast<T>(1 - share);
  for (std::size_t i = 0; i < own.size(); ++i) own[i] = keep * own[i] + add * other[i];
}

inline void check_mixing_alpha(std::string_view op, double alpha) {
  if (!(alpha > 0) || std::isinf(alpha))
    fail<UsageError>(op, "alpha must be positive and finite", concat("got ", alpha));
}

/// What decides how the batch in progress is mixed.
inline RandomStream mixing_stream(Fit& fit) {
  RandomStream stream = fit.context().random();
  stream.purpose = Purpose::mixup;
  stream.position = 0;
  return stream;
}

/// For each sample of a batch the one that is mixed into it.
inline std::vector<Index> random_partners(Index count, RandomStream& stream) {
  std::vector<Index> others(static_cast<std::size_t>(count));
  std::iota(others.begin(), others.end(), Index{0});
  shuffle(std::span(others), stream);
  return others;
}

/// The batch's loss becomes share loss(pred, y) + (1 - share) loss(pred, other_y).
/// Throws: UsageError if there is a loss already, which would be lost.
inline void mix_losses(std::string_view op, Fit& fit, double share, const AnyTensor& other_y) {
  if (!fit.loss.empty()) {
    fail<UsageError>(op, "only one callback can make the loss of a batch",
                     "another one has (MixUp and CutMix do not go together)");
  }
  const AnyVar own = fit.compute_loss(fit.pred, fit.y), other = fit.compute_loss(fit.pred, other_y);
  if (own.is<0, double>()) fit.loss = own.as<0, double>() * share + other.as<0, double>() * (1 - share);
  else fit.loss = own.as<0>() * share + other.as<0>() * (1 - share);
}

}  // namespace detail

/// In training, every input becomes lambda x + (1 - lambda) x', with x' another sample of the batch in random order,
/// and the loss lambda loss(pred, y) + (1 - lambda) loss(pred, y'). There is one lambda from Beta(alpha, alpha) for
/// each batch. Random numbers are keyed by epoch and batch, as dropout's are. Source: Zhang et al. 2017,
/// https://arxiv.org/abs/1710.09412, and its code; fastai's MixUp draws a lambda for each sample.
struct MixUp {
  double alpha = 0.4;

  double lambda = 1;       ///< of the last batch: what is left of the samples themselves
  AnyTensor other_y = {};  ///< the other samples' targets, until the loss is computed

  /// Throws: UsageError for impossible settings.
  void on(BeforeFit, Fit&) const { detail::check_mixing_alpha("MixUp", alpha); }

  /// Throws: UsageError for inputs that are no numbers with a fraction.
  void on(BeforeBatch, Fit& fit) {
    if (!fit.training) return;
    RandomStream stream = detail::mixing_stream(fit);
    lambda = detail::beta_variate(alpha, stream);
    const auto others = detail::random_partners(fit.batch_size, stream);
    const AnyTensor other_x = detail::take_rows(fit.x, others);
    other_y = detail::take_rows(fit.y, others);
    if (fit.x.holds<float>()) detail::mix(fit.x.elements<float>(), other_x.elements<float>(), lambda);
    else if (fit.x.holds<double>()) detail::mix(fit.x.elements<double>(), other_x.elements<double>(), lambda);
    else fail<UsageError>("MixUp", "inputs must be float or double", concat("got a ", fit.x.type()));
  }

  void on(AfterPred, Fit& fit) {
    if (fit.training) detail::mix_losses("MixUp", fit, lambda, std::exchange(other_y, {}));
  }
};

}  // namespace kiln
