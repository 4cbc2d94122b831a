// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Adam` and `AdamW`: steps scaled by running means of the gradient and of its square.
#pragma once

#include <cmath>

#include <kiln/kernels/update_each.hpp>
#include <kiln/kernels/vector_sqrt.hpp>
#include <kiln/optim/rule.hpp>

namespace kiln {
namespace detail {

/// m and v are the running means; take = 1 - beta. `step_size` and `root_scale` hold the corrections of their bias
/// towards the zeros they began with.
template <class T>
struct AdamFormula {
  T beta1, take1, beta2, take2, step_size, root_scale, eps, l2, keep;

  template <class V>
  [[gnu::always_inline]] void operator()(V& p, V& g, V& m, V& v) const {
    average(p, g, m, v);
    move(p, m, v);
  }

  template <class V>
  [[gnu::always_inline]] void operator()(V& p, V& g, V& m, V& v, V& largest) const {
    average(p, g, m, v);
    largest = largest >= v ? largest : v;  // so that a NaN in v is kept
    move(p, m, largest);
  }

 private:
  template <class V>
  [[gnu::always_inline]] void average(const V& p, V& g, V& m, V& v) const {
    if (l2 != 0) g += l2 * p;
    m = beta1 * m + take1 * g;
    v = beta2 * v + take2 * g * g;
  }

  template <class V>
  [[gnu::always_inline]] void move(V& p, const V& m, const V& v) const {
    V root = v;
    take_sqrt<T>(root);
    p = keep * p - step_size * m / (root_scale * root + eps);
  }
};

/// `l2` is added to the gradient as l2 p, `decay` shrinks p by itself.
template <class Rule, class T>
void adam_update(const Rule& rule, ParamUpdate<T> u, double l2, double decay) {
  const auto count = static_cast<double>(u.count);
  const double step_size = rule.lr / (1 - std::pow(rule.beta1, count));
  const double root_scale = 1 / std::sqrt(1 - std::pow(rule.beta2, count));
  const AdamFormula<T> formula{T(rule.beta1), T(1 - rule.beta1), T(rule.beta2), T(1 - rule.beta2),     T(step_size),
                               T(root_scale), T(rule.eps),       T(l2),         T(1 - rule.lr * decay)};
  T* m = u.slot("exp_avg").data();
  T* v = u.slot("exp_avg_sq").data();
  if (rule.amsgrad) {
    update_each(formula, u.size(), u.param.data(), u.grad.data(), m, v, u.slot("max_exp_avg_sq").data());
  } else {
    update_each(formula, u.size(), u.param.data(), u.grad.data(), m, v);
  }
}

template <class Rule>
void check_adam(const Rule& rule, std::string_view name) {
  require_range(name, {{"lr", rule.lr}, {"eps", rule.eps}, {"weight_decay", rule.weight_decay}});
  require_range(name, {{"beta1", rule.beta1}, {"beta2", rule.beta2}}, 1);
}

}  // namespace detail

/// Adam (Kingma & Ba 2015, algorithm 1): m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2,
/// p -= lr m' / (sqrt(v') + eps) with m' = m / (1 - beta1^t) and v' = v / (1 - beta2^t), t counting the updates of this
/// parameter. Weight decay adds weight_decay p to the gradient; `amsgrad` divides by the largest v so far (Reddi et al.
/// 2018). Source: torch.optim.Adam, where beta1 and beta2 are a pair, `betas`.
struct Adam {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  bool amsgrad = false;

  template <class T>
  void update(ParamUpdate<T> u) const {
    detail::adam_update(*this, u, weight_decay, 0);
  }
  void check() const { detail::check_adam(*this, "Adam"); }
};

/// Adam whose weight decay does not pass through the running means (Loshchilov & Hutter 2019): first p -= lr
/// weight_decay p. Source: torch.optim.AdamW, where the decay is scaled by lr, as it is not in the paper.
struct AdamW {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 1e-2;
  bool amsgrad = false;

  template <class T>
  void update(ParamUpdate<T> u) const {
    detail::adam_update(*this, u, 0, weight_decay);
  }
  void check() const { detail::check_adam(*this, "AdamW"); }
};

}  // namespace kiln
