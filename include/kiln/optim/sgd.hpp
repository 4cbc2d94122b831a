// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `SGD`: gradient descent, with momentum if wanted.
#pragma once

#include <kiln/kernels/update_each.hpp>
#include <kiln/optim/rule.hpp>

namespace kiln {
namespace detail {

template <class T>
struct SgdFormula {
  T lr, weight_decay;

  template <class V>
  [[gnu::always_inline]] void operator()(V& p, V& g) const {
    if (weight_decay != 0) g += weight_decay * p;
    p -= lr * g;
  }
};

template <class T>
struct SgdMomentumFormula {
  T lr, momentum, take, weight_decay;
  bool nesterov;

  template <class V>
  [[gnu::always_inline]] void operator()(V& p, V& g, V& m) const {
    if (weight_decay != 0) g += weight_decay * p;
    m = momentum * m + take * g;
    if (nesterov) g += momentum * m;
    else g = m;
    p -= lr * g;
  }
};

}  // namespace detail

/// Stochastic gradient descent: m = momentum m + (1 - dampening) g, p -= lr m; at first m = g.
/// With `nesterov` p -= lr (g + momentum m). Weight decay adds weight_decay p to the gradient.
/// Source: torch.optim.SGD, whose momentum has no factor of lr, unlike Sutskever et al. 2013; lr as in PyTorch 2.
struct SGD {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;

  template <class T>
  void update(ParamUpdate<T> u) const {
    if (momentum == 0) {
      detail::update_each(detail::SgdFormula<T>{T(lr), T(weight_decay)}, u.size(), u.param.data(), u.grad.data());
      return;
    }
    double take = u.has_slot("momentum_buffer") ? 1 - dampening : 1;
    detail::update_each(detail::SgdMomentumFormula<T>{T(lr), T(momentum), T(take), T(weight_decay), nesterov}, u.size(),
                        u.param.data(), u.grad.data(), u.slot("momentum_buffer").data());
  }

  void check() const {
    detail::require_range("SGD", {{"lr", lr}, {"momentum", momentum}, {"weight_decay", weight_decay}});
    if (nesterov && (momentum == 0 || dampening != 0)) {
      fail<UsageError>("SGD.nesterov", "needs a momentum and no dampening",
                       concat("got momentum ", momentum, " and dampening ", dampening));
    }
  }
};

}  // namespace kiln
