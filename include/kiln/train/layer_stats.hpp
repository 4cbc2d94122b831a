// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// What ActivationStats records of each layer: means, deviations, dead units and histograms, batch by batch.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include <kiln/nn/moments.hpp>
#include <kiln/viz/figure.hpp>
#include <kiln/viz/heat_map.hpp>
#include <kiln/viz/line_plot.hpp>

namespace kiln {

/// What a histogram counts, and what is near zero. The defaults are those of fast.ai's colour-dimension pictures.
struct StatsRange {
  Index bins = 40;
  double low = 0;  ///< the bins divide [low, high]; what lies outside is in none
  double high = 10;
  bool absolute = true;     ///< counts |x|
  double near_zero = 0.25;  ///< elements with |x| below this, and those equal to 0, count as dead
};

/// The records of one layer; each stands for a training batch. All vectors but `counts` are equally long.
struct LayerStats {
  std::string path;                ///< empty for the model itself
  std::string type;                ///< `Linear`
  std::vector<Index> step = {};    ///< which training batch it was, of all fits
  std::vector<double> mean = {};   ///< over all elements of the layer's outputs in that batch
  std::vector<double> std = {};    ///< divided by their number
  std::vector<double> dead = {};   ///< the share of elements near zero, of all there are
  std::vector<Index> counts = {};  ///< the histogram of every record, one after the other
  Index bins = 0;                  ///< of a histogram

  std::string name() const { return path.empty() ? type : concat(path, " ", type); }

  /// The histograms as columns: (bins, records).
  Tensor<2, double> histograms() const {
    const Index records = static_cast<Index>(step.size());
    auto matrix = detail::uninitialised<double>(Shape<2>(bins, records));
    for (Index record = 0; record < records; ++record) {
      for (Index bin = 0; bin < bins; ++bin)
        matrix.unchecked(bin, record) = static_cast<double>(counts[static_cast<std::size_t>(record * bins + bin)]);
    }
    return matrix;
  }
};

namespace detail {

/// What has been seen of one layer in the batch in progress.
struct StatsSums {
  Moments moments{};
  Index near_zero = 0;
  std::vector<Index> counts{};

  template <class T>
  void add(std::span<const T> x, const StatsRange& range) {
    counts.resize(static_cast<std::size_t>(range.bins));
    const double scale = static_cast<double>(range.bins) / (range.high - range.low);
    constexpr std::size_t piece = 2048;  // of which the second look finds everything in the cache
    for (; !x.empty(); x = x.subspan((std::min)(piece, x.size()))) {
      const auto part = x.first((std::min)(piece, x.size()));
      moments.add(part);
      for (T element : part) {
        const double size = std::abs(static_cast<double>(element));
        near_zero += size < range.near_zero || size == 0;
        const double value = range.absolute ? size : static_cast<double>(element);
        if (!(value >= range.low && value <= range.high)) continue;
        const auto bin = static_cast<Index>((value - range.low) * scale);
        ++counts[static_cast<std::size_t>((std::min)(bin, range.bins - 1))];  // the last one includes its upper bound
      }
    }
  }

  void write(LayerStats& stats, Index step) const {
    stats.bins = static_cast<Index>(counts.size());
    stats.step.push_back(step);
    stats.mean.push_back(moments.mean());
    stats.std.push_back(moments.deviation());
    stats.dead.push_back(static_cast<double>(near_zero) / static_cast<double>(moments.count));
    stats.counts.insert(stats.counts.end(), counts.begin(), counts.end());
  }
};

/// Keeps the records of steps that are multiples of `every`.
inline void thin_out(LayerStats& stats, Index every) {
  std::size_t kept = 0;
  const auto bins = static_cast<std::size_t>(stats.bins);
  for (std::size_t i = 0; i < stats.step.size(); ++i) {
    if (stats.step[i] % every != 0) continue;
    stats.step[kept] = stats.step[i];
    stats.mean[kept] = stats.mean[i];
    stats.std[kept] = stats.std[i];
    stats.dead[kept] = stats.dead[i];
    std::copy_n(stats.counts.begin() + static_cast<std::ptrdiff_t>(i * bins), bins,
                stats.counts.begin() + static_cast<std::ptrdiff_t>(kept * bins));
    ++kept;
  }
  stats.step.resize(kept);
  stats.mean.resize(kept);
  stats.std.resize(kept);
  stats.dead.resize(kept);
  stats.counts.resize(kept * bins);
}

/// One curve for each layer, in the colour that it has among `order`.
inline LinePlot stats_plot(const std::vector<LayerStats>& order, const std::vector<LayerStats>& layers,
                           std::vector<double> LayerStats::*values, std::string title) {
  LinePlot plot{.title = std::move(title), .x_label = "training batch"};
  for (const LayerStats& place : order) {
    const auto layer = std::ranges::find(layers, place.path, &LayerStats::path);
    if (layer == layers.end()) plot.add("", Numbers{}, Numbers{});
    else plot.add(layer->name(), layer->step, (*layer).*values);
  }
  return plot;
}

/// The histograms of each layer over time, in colours of log(1 + count).
inline Figure stats_histograms(const std::vector<LayerStats>& layers, const StatsRange& range, std::string title) {
  Figure figure{.title = std::move(title), .columns = layers.size() > 1 ? 2 : 1};
  for (const LayerStats& layer : layers) {
    HeatMap map{.title = layer.name(),
                .x_label = "training batch",
                .y_label = range.absolute ? "|x|" : "x",
                .value_label = "elements",
                .log1p = true,
                .y_low = range.low,
                .y_high = range.high,
                .width = 520,
                .height = 260};
    if (!layer.step.empty()) {
      map.x_low = static_cast<double>(layer.step.front());
      map.x_high = static_cast<double>(layer.step.back() + 1);
    }
    figure.add(map.set(layer.histograms()));
  }
  return figure;
}

}  // namespace detail

}  // namespace kiln
