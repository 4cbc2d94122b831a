// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `ActivationStats`: watches what comes out of layers while they are trained.
///
///     ActivationStats stats{.gradients = true};
///     Learner learn{data, model, CrossEntropy{}, SGD{}, stats};
///     learn.fit(1, 0.1);
///     stats.plot("stats.svg");
///     stats.plot_histograms("colour_dim.svg");
///
/// Source: fast.ai's Deep Learning from the Foundations, notebook 06_cuda_cnn_hooks_init.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <kiln/nn/layer_path.hpp>
#include <kiln/train/callback.hpp>
#include <kiln/train/layer_stats.hpp>

namespace kiln {

struct ActivationStats;

namespace detail {

/// Tells ActivationStats about layers; a copy of it belongs to nobody until the next batch.
struct StatsObserver : LayerObserver {
  ActivationStats* stats = nullptr;
  std::vector<bool> leaves{};  // for each layer that is running, whether no other one ran in it

  StatsObserver();
};

}  // namespace detail

/// A callback that records mean, standard deviation, share of dead units and histogram of layers' outputs in training
/// batches, and of the gradients with respect to them. Everything is counted once, in double; nothing is changed.
struct ActivationStats {
  static constexpr int order = -45;
  static constexpr bool trials = false;

  std::vector<std::string> layers = {};  ///< paths; without these and types, all layers in which no other one runs
  std::vector<std::string> types = {};   ///< and layers of these types, as `Linear`
  bool gradients = false;                ///< records dLoss/d(output) too
  Index every = 1;                       ///< looks at each batch whose number is a multiple of this
  Index max_records = 2000;              ///< of a layer: beyond, every second one is dropped, and half as often looked
  StatsRange range = {};
  StatsRange gradient_range = {.high = 0.01, .near_zero = 0.00025};

  std::vector<LayerStats> outputs = {};           ///< in the order in which layers first ran
  std::vector<LayerStats> output_gradients = {};  ///< of those through which a gradient came

  /// Means and deviations of outputs, and of gradients where recorded.
  Figure figure() const {
    Figure all{.columns = 2};
    all.add(detail::stats_plot(outputs, outputs, &LayerStats::mean, "Mean of outputs"))
        .add(detail::stats_plot(outputs, outputs, &LayerStats::std, "Standard deviation of outputs"));
    if (gradients) {
      all.add(detail::stats_plot(outputs, output_gradients, &LayerStats::mean, "Mean of gradients"))
          .add(detail::stats_plot(outputs, output_gradients, &LayerStats::std, "Standard deviation of gradients"));
    }
    return all;
  }
  /// fast.ai's colour dimension: each column the histogram of a batch, in colours of log(1 + count).
  Figure histogram_figure() const { return detail::stats_histograms(outputs, range, "Outputs"); }
  Figure gradient_histogram_figure() const {
    return detail::stats_histograms(output_gradients, gradient_range, "Gradients of outputs");
  }
  /// The share of elements near zero.
  LinePlot dead_plot() const {
    LinePlot plot = detail::stats_plot(outputs, outputs, &LayerStats::dead, "Outputs near zero");
    plot.y_label = "share";
    plot.y_low = 0;
    plot.y_high = 1;
    return plot;
  }

  /// The same as .svg files. Throws: UsageError for another name, DataError if it cannot be written.
  void plot(const std::string& path) const { figure().save(path); }
  void plot_histograms(const std::string& path) const { histogram_figure().save(path); }
  void plot_gradient_histograms(const std::string& path) const { gradient_histogram_figure().save(path); }
  void plot_dead(const std::string& path) const { dead_plot().save(path); }

  /// Throws: UsageError for impossible settings, IndexError for a path that does not exist.
  void on(BeforeBatch, Fit& fit) {
    watching = false;
    if (!fit.training) return;
    check(fit.layer_names());
    if (fit.position.step % (every * stride) != 0) return;
    watching = true;
    seen.clear();
    observer.stats = this;
    observer.leaves.clear();
    fit.observe(observer);
  }

  /// Throws: UsageError if one of the layers asked for was not seen to run.
  void on(AfterLoss, Fit&) {
    if (!watching) return;
    for (const std::string& path : layers) {
      if (std::ranges::none_of(seen, [&](const Seen& one) { return one.path == path; }))
        detail::fail_silent_layer("ActivationStats", path);
    }
    for (const std::string& type : types) {
      if (std::ranges::any_of(seen, [&](const Seen& one) { return one.type == type; })) continue;
      fail<UsageError>("ActivationStats", concat("a layer of the type ", type, " must run"), "none was seen to");
    }
  }

  void on(AfterBatch, Fit& fit) {
    if (!std::exchange(watching, false)) return;
    fit.unobserve(observer);
    if (!fit.counted) return;
    const Index step = fit.position.step - 1;  // it has gone on to the next
    for (const Seen& one : seen) {
      one.output.write(stats_of(outputs, one), step);
      if (one.gradient.moments.count > 0) one.gradient.write(stats_of(output_gradients, one), step);
    }
    seen.clear();
    const auto too_many = [&](const LayerStats& stats) { return std::ssize(stats.step) > max_records; };
    if (std::ranges::none_of(outputs, too_many)) return;
    stride *= 2;
    for (auto* all : {&outputs, &output_gradients}) {
      for (LayerStats& stats : *all) detail::thin_out(stats, every * stride);
    }
  }

  // What follows is for the batch in progress.

  struct Seen {
    std::string path;
    std::string type;
    detail::StatsSums output{};
    detail::StatsSums gradient{};
  };
  Index stride = 1;  ///< how many times `every` lies between two batches that are looked at
  bool watching = false;
  std::vector<Seen> seen = {};
  detail::StatsObserver observer = {};

  void see(const LayerCall& call, AnyVar& output, bool leaf) {
    if (!call.named || output.value().bytes().empty()) return;
    const bool chosen = layers.empty() && types.empty() ? leaf
                                                        : std::ranges::find(layers, call.path) != layers.end() ||
                                                              std::ranges::find(types, call.type) != types.end();
    if (!chosen) return;
    auto found = std::ranges::find_if(seen, [&](const Seen& one) { return one.path == call.path; });
    if (found == seen.end())
      found = seen.insert(seen.end(), Seen{.path = std::string(call.path), .type = std::string(call.type)});
    const bool floats =
        detail::visit_floats(output.value(), [&](auto elements) { found->output.add(elements, range); });
    if (!floats) return void(seen.erase(found));
    if (!gradients) return;
    output = output.on_grad("ActivationStats", [this,
                                                i = static_cast<std::size_t>(found - seen.begin())](AnyTensor& dy) {
      if (i >= seen.size()) return;
      detail::visit_floats(std::as_const(dy), [&](auto elements) { seen[i].gradient.add(elements, gradient_range); });
    });
  }

 private:
  void check(const LayerNames& names) const {
    for (const std::string& path : layers) detail::require_layer(names, "ActivationStats", path);
    if (every < 1 || max_records < 2) {
      fail<UsageError>("ActivationStats", "every must be at least 1 and max_records at least 2",
                       concat("got ", every, " and ", max_records));
    }
    for (const StatsRange& one : {range, gradient_range}) {
      if (one.bins < 1 || !(one.low < one.high)) {
        fail<UsageError>("ActivationStats", "a histogram needs at least one bin, and low below high",
                         concat("got ", one.bins, " in [", one.low, ", ", one.high, "]"));
      }
    }
  }

  static LayerStats& stats_of(std::vector<LayerStats>& all, const Seen& one) {
    const auto found = std::ranges::find_if(all, [&](const LayerStats& stats) { return stats.path == one.path; });
    if (found != all.end()) return *found;
    return all.emplace_back(LayerStats{.path = one.path, .type = one.type});
  }
};

inline detail::StatsObserver::StatsObserver() {
  entered = [](LayerObserver& self, const LayerCall&) {
    auto& running = static_cast<StatsObserver&>(self).leaves;
    if (!running.empty()) running.back() = false;
    running.push_back(true);
  };
  left = [](LayerObserver& self, const LayerCall& call, AnyVar& output) {
    auto& me = static_cast<StatsObserver&>(self);
    if (me.leaves.empty()) return;
    const bool leaf = me.leaves.back();
    me.leaves.pop_back();
    me.stats->see(call, output, leaf);
  };
}

}  // namespace kiln
