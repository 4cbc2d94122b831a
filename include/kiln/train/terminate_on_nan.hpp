// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `TerminateOnNaN`: ends a fit that has diverged, before it spoils the weights, and says where.
#pragma once

#include <cmath>
#include <cstdio>
#include <span>
#include <string>

#include <kiln/autograd/layer_scope.hpp>
#include <kiln/kernels/simd.hpp>
#include <kiln/train/callback.hpp>
#include <kiln/train/loop.hpp>

namespace kiln {

namespace detail {

/// 0 x is 0 of a number and NaN of everything else, so the sum of these is NaN as soon as one is.
struct ZeroSumLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(const T* x, Index n, T* sum) {
    constexpr Index L = lanes<T, Bytes>;
    Vec<T, Bytes> sums[4] = {}, v;  // several, so that an addition need not wait for the one before
    Index i = 0;
    for (; i + 4 * L <= n; i += 4 * L) {
      for (Index k = 0; k < 4; ++k) {
        load(v, x + i + k * L);
        sums[k] += v * T{0};
      }
    }
    sums[0] = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    *sum = sum_lanes<T, Bytes>(sums[0]);
    for (; i < n; ++i) *sum += x[i] * T{0};
  }
};

/// Whether there is neither NaN nor infinity.
template <class T>
bool all_finite(std::span<const T> x) {
  T sum = 0;
  run_for_isa<ZeroSumLoop>(x.data(), static_cast<Index>(x.size()), &sum);
  return sum == 0;
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
