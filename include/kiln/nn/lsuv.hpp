// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `lsuv(model, x)`: layer-sequential unit-variance initialisation. One layer after the other, in the order in which
/// they run, is scaled and shifted so that its output on a batch has mean 0 and standard deviation 1.
///
///     std::cout << lsuv(model, batch.x);
///
/// Source: Mishkin & Matas 2015, https://arxiv.org/abs/1511.06422, algorithm 1, and lesson 11 of fast.ai's Deep
/// Learning from the Foundations, from which the bias comes. The paper starts from orthogonal weights:
/// nn/orthogonal.hpp.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include <kiln/nn/layer_path.hpp>
#include <kiln/nn/module.hpp>
#include <kiln/nn/moments.hpp>

namespace kiln {

struct LsuvOptions {
  double tolerance = 1e-3;  ///< how far from 0 and 1 the mean and the deviation may stay
  int max_iterations = 10;  ///< for each layer; a layer that is linear in its parameters needs one
  bool shift = true;        ///< whether the bias is set too; without, only the deviation is looked after
};

/// What was done to one layer.
struct LsuvLayer {
  std::string path;
  std::string type;
  double mean_before = 0;
  double std_before = 0;
  double mean = 0;
  double std = 0;
  int iterations = 0;
};

/// The layers, in the order in which they run.
struct LsuvReport {
  std::vector<LsuvLayer> layers;

  std::string text() const {
    std::vector<std::array<std::string, 6>> lines{{"layer", "mean before", "std before", "mean", "std", "iterations"}};
    for (const LsuvLayer& layer : layers) {
      auto number = [](double x) { return fixed(std::abs(x) < 5e-5 ? 0.0 : x, 4); };  // no -0.0000
      lines.push_back({layer.path.empty() ? layer.type : concat(layer.path, "  ", layer.type),
                       number(layer.mean_before), number(layer.std_before), number(layer.mean), number(layer.std),
                       concat(layer.iterations)});
    }
    std::string out;
    for (const auto& line : lines) {
      for (std::size_t column = 0; column < line.size(); ++column) {
        std::size_t width = 0;
        for (const auto& other : lines) width = (std::max)(width, other[column].size());
        const std::string gap(width - line[column].size(), ' ');
        out += column == 0 ? line[column] + gap : concat("   ", gap, line[column]);
      }
      out += "\n";
    }
    return out;
  }
};

template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out, const LsuvReport& report) {
  return out << report.text();
}

namespace detail {

/// A layer to be initialised.
struct LsuvTarget {
  const LayerNames::Entry* layer;
  const ParamRef* weight;
  const ParamRef* bias = nullptr;  // none, or frozen
  Moments moments{};               // of its first output in the last run
  bool ran = false;
};

/// Measures the outputs of the targets, and in which order they come.
struct LsuvObserver : LayerObserver {
  std::vector<LsuvTarget>& targets;
  std::vector<std::size_t> order;

  explicit LsuvObserver(std::vector<LsuvTarget>& all) : targets(all) {
    for (LsuvTarget& target : targets) target.ran = false;
    left = [](LayerObserver& self, const LayerCall& call, AnyVar& output) {
      auto& me = static_cast<LsuvObserver&>(self);
      for (std::size_t i = 0; i < me.targets.size(); ++i) {
        LsuvTarget& target = me.targets[i];
        if (target.layer->key != call.key || target.ran) continue;
        target.moments = {};
        target.ran = visit_floats(output.value(), [&](auto elements) { target.moments.add(elements); });
        if (target.ran) me.order.push_back(i);
      }
    };
  }
};

/// x <- (x - shift) * scale
inline void shift_and_scale(const ParamRef& param, double shift, double scale) {
  param.visit_type([&]<class T>(T) {
    for (T& x : param.value<T>()) x = static_cast<T>((static_cast<double>(x) - shift) * scale);
  });
}

inline LsuvReport run_lsuv(const LayerNames& names, const std::vector<ParamRef>& params,
                           const std::function<void(Context&)>& run_model, const LsuvOptions& options) {
  std::vector<LsuvTarget> targets;
  for (const ParamRef& weight : params) {
    const std::size_t dot = weight.name.rfind('.');
    const std::size_t begin = dot == std::string::npos ? 0 : dot + 1;
    if (weight.name.substr(begin) != "weight" || weight.dims().size() < 2 || !weight.trainable()) continue;
    LsuvTarget target{&require_layer(names, "lsuv", weight.name.substr(0, begin ? begin - 1 : 0)), &weight};
    for (const ParamRef& bias : params) {
      if (bias.name == weight.name.substr(0, begin) + "bias" && bias.trainable() && options.shift) target.bias = &bias;
    }
    targets.push_back(target);
  }
  if (targets.empty()) {
    fail<UsageError>("lsuv", "the model must have a layer with a trainable Param called weight, of rank 2 or more",
                     "it has none");
  }
  auto measure = [&] {
    LsuvObserver observer(targets);
    Context context{Mode::eval};
    context.name_layers(&names);
    context.observe(&observer);
    run_model(context);
    return observer.order;
  };

  LsuvReport report;
  const std::vector<std::size_t> order = measure();
  for (const LsuvTarget& target : targets) {
    if (!target.ran) fail_silent_layer("lsuv", target.layer->path);
  }
  for (std::size_t i : order) {
    LsuvTarget& target = targets[i];
    LsuvLayer done{.path = target.layer->path, .type = std::string(target.layer->type)};
    for (;; ++done.iterations) {
      measure();
      done.mean = target.moments.mean();
      done.std = target.moments.deviation();
      if (done.iterations == 0) {
        done.mean_before = done.mean;
        done.std_before = done.std;
      }
      const std::string name = spoken_path(done.path);
      if (!(done.std > 0) || !std::isfinite(done.std)) {
        fail<UsageError>("lsuv", concat("the output of ", name, " must vary and be finite, so that it can be scaled"),
                         target.moments.count == 0 ? "it has no elements"
                         : done.std == 0           ? concat("all of it is ", done.mean)
                                                   : "it is not finite");
      }
      if (std::abs(done.std - 1) <= options.tolerance && (!target.bias || std::abs(done.mean) <= options.tolerance))
        break;
      if (done.iterations >= options.max_iterations) {
        fail<UsageError>("lsuv",
                         concat("the output of ", name, " must come within ", options.tolerance,
                                " of mean 0 and standard deviation 1 in ", options.max_iterations, " iterations"),
                         concat("they are ", done.mean, " and ", done.std));
      }
      // y = W x + b becomes (y - mean) / std
      shift_and_scale(*target.weight, 0, 1 / done.std);
      if (target.bias) shift_and_scale(*target.bias, done.mean, 1 / done.std);
    }
    report.layers.push_back(std::move(done));
  }
  return report;
}

}  // namespace detail

/// Initialises every layer with a trainable Param called `weight`, of rank 2 or more, for a batch that is typical of
/// the data: its weight, and its `bias` if it has one, are changed until the layer's own output, not that of an
/// activation behind it, has mean 0 and standard deviation 1 (over all its elements). The model runs in eval mode; of a
/// layer that runs several times the first run counts. The result depends on the parameters and the batch alone.
/// Throws: UsageError if there is no such layer, or one does not announce that it runs, or its output does not vary or
/// cannot be brought there; the model is as before then.
template <class Model, int R, class T>
LsuvReport lsuv(Model& model, const Tensor<R, T>& x, const LsuvOptions& options = {}) {
  const std::vector<ParamRef> params = parameters(model);
  std::vector<std::pair<AnyTensor, AnyTensor>> before;
  before.reserve(params.size());
  for (const ParamRef& param : params) before.emplace_back(param.copy_value(), param.copy_grad());
  try {
    return detail::run_lsuv(
        layer_names(std::as_const(model)), params,
        [&](Context& context) { call_layer(std::as_const(model), context(x)); }, options);
  } catch (...) {
    for (std::size_t i = 0; i < params.size(); ++i) params[i].restore(before[i].first, before[i].second);
    throw;
  }
}

}  // namespace kiln
