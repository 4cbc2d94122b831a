// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Sequential`: layers called one after the other. Its fields are named 0, 1, 2, ... as in PyTorch.
#pragma once

#include <tuple>

#include <kiln/nn/module.hpp>

namespace kiln {

/// Layers, lambdas or functions, one after the other: `Sequential{Flatten{}, Linear{784, 10}}`, or as a member
/// `Sequential<Linear, ReLU, Linear> body{{784, 50}, {}, {50, 10}};`. Braces construct the layers in order.
/// A layer that has a name of its own is copied: the Sequential trains its copy.
template <class... Layers>
struct Sequential {
  static_assert(sizeof...(Layers) > 0, "kiln: a Sequential needs at least one layer");
  static constexpr std::string_view layer_name = "Sequential";

  std::tuple<Layers...> layers;

  Sequential()
    requires(std::is_default_constructible_v<Layers> && ...)
  = default;
  Sequential(Layers... in_order) : layers(std::move(in_order)...) {}

  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const auto& x) { return output<sizeof...(Layers) - 1>(x); });
  }

  static void fields(auto& self, auto&& f) {
    std::apply(
        [&](auto&... layer) {
          std::size_t i = 0;
          (f(concat(i++), layer), ...);
        },
        self.layers);
  }

 private:
  template <std::size_t I>
  using Layer = std::tuple_element_t<I, std::tuple<Layers...>>;

  /// What comes out of layer I; what went into it is given up then, unless the tape keeps it. Neighbours that can run
  /// as one do.
  template <std::size_t I>
  auto output(const auto& input) const {
    if constexpr (I == 0) return call(std::get<I>(layers), input);
    else if constexpr (!Fusible<Layer<I - 1>, Layer<I>>) return call(std::get<I>(layers), output<I - 1>(input));
    else if constexpr (I == 1) return call_layers(std::get<0>(layers), std::get<1>(layers), input);
    else return call_layers(std::get<I - 1>(layers), std::get<I>(layers), output<I - 2>(input));
  }

  static auto call(const auto& layer, const auto& x) {
    static_assert(
        std::invocable<decltype(layer), decltype(x)>,
        "kiln: a layer of this Sequential cannot be called with what the layer before it returns: its operator() "
        "must be const and take a Var of that rank");
    return call_layer(layer, x);
  }
};

template <class... Layers>
Sequential(Layers...) -> Sequential<Layers...>;

}  // namespace kiln
