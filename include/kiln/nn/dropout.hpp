// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Dropout`: in training, each element is zero with probability p and scaled by 1 / (1 - p) otherwise.
#pragma once

#include <kiln/autograd/record.hpp>
#include <kiln/nn/module.hpp>

namespace kiln {

/// In training, the elements of x that survive, scaled so that the expectation stays; x itself in eval mode, which is
/// also that of an input without context. Random numbers come from the context: whether element i survives depends on
/// its stream and on i alone. Throws: UsageError unless p lies in [0, 1].
/// Source: Srivastava et al. 2014; torch.nn.functional.dropout.
template <int R, class T>
Var<R, T> dropout(const Var<R, T>& x, double p) {
  if (!(p >= 0 && p <= 1)) fail<UsageError>("dropout", "p must lie in [0, 1]", concat("got ", p));
  if (x.mode() == Mode::eval) return x;
  auto mask = detail::uninitialised<T>(x.shape());
  x.context()->random().fill_uniform(mask.span(), 0, 1);
  const T scale = p < 1 ? static_cast<T>(1 / (1 - p)) : T{};
  for (T& m : mask) m = static_cast<double>(m) < p ? T{} : scale;
  auto value = x.value() * mask;
  auto pull_back = [mask = std::move(mask)](const auto& dy, auto& dx) { dx += dy * mask; };
  return record("dropout", std::move(value), std::move(pull_back), x);
}

/// See dropout.
struct Dropout {
  static constexpr std::string_view layer_name = "Dropout";

  double p = 0.5;

  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const auto& x) { return dropout(x, p); });
  }
};

}  // namespace kiln
