// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Dropout` and `Dropout2d`: in training, each element or channel is zero with probability p and scaled by 1 / (1 - p)
/// otherwise.
#pragma once

#include <kiln/autograd/record.hpp>
#include <kiln/nn/module.hpp>

namespace kiln {

namespace detail {

/// Zeros with probability p, else 1 / (1 - p).
template <class T, int R>
Tensor<R, T> drop_mask(RandomStream& random, const Shape<R>& shape, double p) {
  auto mask = uninitialised<T>(shape);
  random.fill_uniform(mask.span(), 0, 1);
  const T scale = p < 1 ? static_cast<T>(1 / (1 - p)) : T{};
  for (T& m : mask) m = static_cast<double>(m) < p ? T{} : scale;
  return mask;
}

/// x times a mask of a shape that may be broadcast. Backward draws the mask again: kept, it might be as large as x.
template <int R, class T>
Var<R, T> drop(std::string_view op, const Var<R, T>& x, const Shape<R>& mask_shape, double p) {
  if (!(p >= 0 && p <= 1)) fail<UsageError>(op, "p must lie in [0, 1]", concat("got ", p));
  if (x.mode() == Mode::eval) return x;
  auto pull_back = [random = x.context()->random(), mask_shape, p](const auto& dy, auto& dx) {
    RandomStream again = random;
    dx += dy * drop_mask<T>(again, mask_shape, p);
  };
  auto value = x.value() * drop_mask<T>(x.context()->random(), mask_shape, p);
  return record(op, std::move(value), pull_back, x);
}

}  // namespace detail

/// In training, the elements of x that survive, scaled so that the expectation stays; x itself in eval mode, which is
/// also that of an input without context. Random numbers come from the context: whether element i survives depends on
/// its stream and on i alone. Throws: UsageError unless p lies in [0, 1].
/// Source: Srivastava et al. 2014; torch.nn.functional.dropout.
template <int R, class T>
Var<R, T> dropout(const Var<R, T>& x, double p) {
  return detail::drop("dropout", x, x.shape(), p);
}

/// The same for whole channels of x (N, C, ...): a channel of a sample survives, or is zero. Neighbouring pixels are so
/// alike that dropping single ones hides little.
/// Source: Tompson et al. 2015, https://arxiv.org/abs/1411.4280; torch.nn.functional.dropout2d.
template <int R, class T>
Var<R, T> dropout_channels(const Var<R, T>& x, double p) {
  static_assert(R >= 3, "kiln: whole channels are dropped in (N, C, ...)");
  Shape<R> planes = x.shape();
  for (int axis = 2; axis < R; ++axis) planes[axis] = 1;
  return detail::drop("dropout2d", x, planes, p);
}

/// See dropout.
struct Dropout {
  static constexpr std::string_view layer_name = "Dropout";

  double p = 0.5;

  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const auto& x) { return dropout(x, p); });
  }
};

/// Drops whole channels of (N, C, H, W). See dropout_channels.
struct Dropout2d {
  static constexpr std::string_view layer_name = "Dropout2d";

  double p = 0.5;

  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const auto& x) {
      static_assert(std::remove_cvref_t<decltype(x)>::rank == 4, "kiln: Dropout2d takes (N, C, H, W)");
      return dropout_channels(x, p);
    });
  }
};

}  // namespace kiln
