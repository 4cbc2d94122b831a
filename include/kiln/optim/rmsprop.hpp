// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `RMSProp`: steps scaled by a running mean of the gradient's square.
#pragma once

#include <kiln/kernels/update_each.hpp>
#include <kiln/kernels/vector_sqrt.hpp>
#include <kiln/optim/rule.hpp>

namespace kiln {
namespace detail {

/// Its slots: the running mean of g^2, that of g if centered, the momentum's buffer if accelerated. take = 1 - alpha.
template <class T, bool centered, bool accelerated>
struct RmsPropFormula {
  T lr, alpha, take, eps, weight_decay, momentum;

  template <class V, class... More>
  [[gnu::always_inline]] void operator()(V& p, V& g, V& square, More&... more) const {
    V* const slot[] = {&more..., nullptr};
    if (weight_decay != 0) g += weight_decay * p;
    square = alpha * square + take * g * g;
    V scale = square;
    if constexpr (centered) {
      V& mean = *slot[0];
      mean = alpha * mean + take * g;
      scale -= mean * mean;
      scale = scale < 0 ? V{} : scale;  // a variance, negative only by rounding
    }
    take_sqrt<T>(scale);
    g /= scale + eps;
    if constexpr (accelerated) {
      V& buffer = *slot[centered];
      buffer = momentum * buffer + g;
      g = buffer;
    }
    p -= lr * g;
  }
};

}  // namespace detail

/// RMSProp (Hinton, Coursera lecture 6e, 2012): s = alpha s + (1 - alpha) g^2, p -= lr g / (sqrt(s) + eps).
/// `centered` takes the square of the running mean of g from s (Graves 2013); momentum adds up the scaled gradients.
/// Weight decay adds weight_decay p to the gradient. Source: torch.optim.RMSprop, which yields NaN where rounding makes
/// the centered s negative; here it counts as 0.
struct RMSProp {
  double lr = 1e-2;
  double alpha = 0.99;
  double eps = 1e-8;
  double weight_decay = 0;
  double momentum = 0;
  bool centered = false;

  template <class T>
  void update(ParamUpdate<T> u) const {
    T* square = u.slot("square_avg").data();
    T* mean = centered ? u.slot("grad_avg").data() : nullptr;
    T* buffer = momentum > 0 ? u.slot("momentum_buffer").data() : nullptr;
    if (mean && buffer) run<true, true>(u, square, mean, buffer);
    else if (mean) run<true, false>(u, square, mean);
    else if (buffer) run<false, true>(u, square, buffer);
    else run<false, false>(u, square);
  }

  void check() const {
    detail::require_range("RMSProp",
                          {{"lr", lr}, {"eps", eps}, {"weight_decay", weight_decay}, {"momentum", momentum}});
    detail::require_range("RMSProp", {{"alpha", alpha}}, 1);
  }

 private:
  template <bool with_mean, bool with_buffer, class T, class... Slot>
  void run(const ParamUpdate<T>& u, Slot*... slots) const {
    using Formula = detail::RmsPropFormula<T, with_mean, with_buffer>;
    detail::update_each(Formula{T(lr), T(alpha), T(1 - alpha), T(eps), T(weight_decay), T(momentum)}, u.size(),
                        u.param.data(), u.grad.data(), slots...);
  }
};

}  // namespace kiln
