// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `kaiming_init(model)`: new weights, by Kaiming's rule, for all linear layers and convolutions of a model.
#pragma once

#include <kiln/nn/init.hpp>
#include <kiln/nn/module.hpp>

namespace kiln {

/// Gives a `kaiming_normal` weight to each layer that has `in`, `out` and a `weight` of rank 2 or more: Linear, the
/// convolutions, and a user's own that look like them. Biases, norms and embeddings stay as they are. For the course's
/// leaky activation: `kaiming_init(model, {.negative_slope = 0.1})`.
/// Source: the init_weights of fast.ai's course, part 2 of 2022, notebook 11_initializing.
template <class Model>
void kaiming_init(Model& model, const KaimingOptions& options = {}) {
  for_each_part(model, [&]<class Part>(const std::string&, Part& part) {
    if constexpr (requires { part.in, part.out, part.weight.value; }) {
      using Weight = decltype(part.weight);
      if constexpr (is_param<Weight>) {
        if constexpr (Weight::rank >= 2)
          part.weight.value = kaiming_normal<typename Weight::value_type>(part.weight.shape(), options);
      }
    }
  });
}

}  // namespace kiln
