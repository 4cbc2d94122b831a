// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Residual`: what layers make of x, added to x: `Residual{Sequential{Linear{64, 64}, ReLU{}, Linear{64, 64}}}`.
#pragma once

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/nn/module.hpp>

namespace kiln {

/// x itself.
struct Identity {
  static constexpr std::string_view layer_name = "Identity";
  auto operator()(const auto& input) const {
    return announce(*this, input, [](const auto& x) { return x; });
  }
};

/// body(x) + shortcut(x), where the shortcut may bring x to the body's shape. Throws: ShapeError unless both agree.
/// Source: He et al. 2015, https://arxiv.org/abs/1512.03385.
template <class Body, class Shortcut = Identity>
struct Residual {
  static constexpr std::string_view layer_name = "Residual";

  Body body;
  Shortcut shortcut{};

  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const auto& x) {
      const auto change = call_layer(body, x);
      const auto kept = call_layer(shortcut, x);
      using A = std::remove_const_t<decltype(change)>;
      using B = std::remove_const_t<decltype(kept)>;
      static_assert(std::is_same_v<A, B>,
                    "kiln: a Residual's body and shortcut must return vars of one rank and element type");
      if (change.shape() != kept.shape()) {
        fail<ShapeError>("residual", "body and shortcut must return one shape, to be added",
                         concat("body returned ", change.shape(), ", shortcut ", kept.shape()));
      }
      return change + kept;
    });
  }
};

template <class Body>
Residual(Body) -> Residual<Body>;
template <class Body, class Shortcut>
Residual(Body, Shortcut) -> Residual<Body, Shortcut>;

}  // namespace kiln
