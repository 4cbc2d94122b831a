// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `TerminateOnNaN`: ends a fit that has diverged, before it spoils the weights, and says where.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <span>
#include <string>
#include <type_traits>

#include <kiln/autograd/layer_scope.hpp>
#include <kiln/train/callback.hpp>
#include <kiln/train/loop.hpp>

namespace kiln {

namespace detail {

/// Whether there is neither NaN nor infinity, whose exponents are all ones. In blocks of a size that is known, so that
/// compilers make vector instructions of it.
template <class T>
bool all_finite(std::span<const T> x) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr Bits ones = std::bit_cast<Bits>(std::numeric_limits<T>::infinity());
  constexpr std::size_t block = 64;
  auto infinite = [](T value) { return (std::bit_cast<Bits>(value) & ones) == ones ? Bits{1} : Bits{0}; };
  std::size_t i = 0;
  for (; i + block <= x.size(); i += block) {
    Bits found = 0;
    for (std::size_t k = 0; k < block; ++k) found |= infinite(x[i + k]);
    if (found) return false;
  }
  for (; i < x.size(); ++i) {
    if (infinite(x[i])) return false;
  }
  return true;
}

/// True for integers too.
inline bool all_finite(const AnyTensor& x) {
  if (x.holds<float>()) return all_finite(x.elements<float>());
  if (x.holds<double>()) return all_finite(x.elements<double>());
  return true;
}

/// Notes the first layer to end whose output is not finite.
struct FirstNotFinite : LayerObserver {
  const LayerNames* names;
  std::string found = {};

  explicit FirstNotFinite(const LayerNames& layer_names) : names(&layer_names) {
    left = [](LayerObserver& self, const LayerCall& call, AnyVar& output) {
      auto& mine = static_cast<FirstNotFinite&>(self);
      if (!mine.found.empty() || all_finite(output.value())) return;
      mine.found = concat(layer_place(mine.names, call.key, call.type), " (", call.type, ")");
    };
  }
};

}  // namespace detail

/// When the loss or a gradient of a training batch is not finite, the batch is not stepped, nothing is written to the
/// model, and the fit ends by cancellation: the batch's loss is recorded, and its epoch, without a validation. Where it
/// began is said on stderr and in `message`: the first layer whose output is not finite, found by running the batch
/// once more with the same random numbers, or the first parameter whose gradient is not.
///
/// Units: looking at the gradients reads each once per batch, a small part of what the optimizer's step does.
/// Source: fastai's TerminateOnNaNCallback, which looks after the step.
struct TerminateOnNaN {
  static constexpr int order = 60;
  static constexpr bool trials = false;

  bool gradients = true;  ///< whether to look at them, or at the loss alone
  bool print = true;      ///< on stderr

  std::string message = {};  ///< empty as long as all is well

  void on(BeforeFit, Fit&) { message.clear(); }

  void on(BeforeBackward, Fit& fit) {
    if (!std::isfinite(fit.loss.scalar())) end(fit, concat("the loss is ", fit.loss.scalar(), ": ", origin(fit)));
  }

  void on(AfterBackward, Fit& fit) {
    if (!gradients) return;
    for (const ParamRef& param : fit.parameters()) {
      bool finite = true;
      if (param.has_grad())
        param.visit_type([&]<class T>(T) { finite = detail::all_finite(std::span<const T>(param.grad<T>())); });
      if (!finite)
        end(fit, concat("the loss is ", fit.loss_value, ", but the gradient of ", param.name, " is not finite"));
    }
  }

  // The batch is cancelled first and the fit last, so that batch and epoch are recorded.
  void on(AfterBatch, Fit& fit) {
    if (!message.empty()) fit.cancel(Scope::epoch);
  }
  void on(AfterEpoch, Fit& fit) {
    if (!message.empty()) fit.cancel(Scope::fit);
  }

 private:
  void end(Fit& fit, const std::string& what) {
    message =
        concat("TerminateOnNaN: step ", fit.position.step, " (epoch ", fit.epoch(), ", batch ", fit.batch, "): ", what);
    if (print) std::fputs((message + "\n").c_str(), stderr);
    fit.zero_grad();
    fit.cancel(Scope::batch);
  }

  static std::string origin(Fit& fit) {
    if (!detail::all_finite(fit.x)) return "the batch's input is not finite";
    RandomStream stream = fit.context().random();
    stream.position = 0;  // dropout draws what it drew
    fit.context().set_random(stream);
    while (!fit.context().observers().empty()) fit.context().unobserve(fit.context().observers().back());
    detail::FirstNotFinite search(fit.layer_names());
    fit.context().observe(&search);
    detail::AtEnd stop{[&] { fit.context().unobserve(&search); }};
    fit.run_model(fit.x);  // what it defers is never written, since the batch is cancelled
    if (search.found.empty()) return "the outputs of all layers are finite, so it is the loss function's";
    return concat("the first output that is not finite is that of ", search.found);
  }
};

}  // namespace kiln
