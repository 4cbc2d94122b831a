// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// What the tests of callbacks share.
#pragma once

#include <cstddef>
#include <vector>

#include <kiln/nn/batch_norm.hpp>
#include <kiln/nn/dropout.hpp>

#include "toy.hpp"

namespace toy {

/// Replaces the validation loss, epoch by epoch.
struct Script {
  static constexpr int order = -100;
  std::vector<double> losses;
  void on(kiln::AfterValidate, kiln::Fit& fit) { fit.valid_loss = losses.at(static_cast<std::size_t>(fit.epoch())); }
};

/// Everything that depends on mode, streams and buffers.
struct Deep {
  kiln::Linear first{3, 8};
  kiln::BatchNorm1d norm{8};
  kiln::Dropout dropout{.p = 0.3};
  kiln::Linear out{8, 2};
  auto operator()(const kiln::Var<2>& x) const { return out(dropout(relu(norm(first(x))))); }
};

template <class Model>
std::vector<std::byte> bits(Model& model) {
  std::vector<std::byte> all;
  for (const kiln::ParamRef& tensor : kiln::state_tensors(model))
    all.insert(all.end(), tensor.bytes().begin(), tensor.bytes().end());
  return all;
}

}  // namespace toy
