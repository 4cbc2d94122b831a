// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Curves of a training: `loss_plot(learn.recorder()).save("loss.svg");`
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kiln/train/history.hpp>
#include <kiln/train/smoothed_loss.hpp>
#include <kiln/viz/line_plot.hpp>

namespace kiln {

/// The training loss over the batches, as a running mean in which a loss that is not finite is a gap, and the loss over
/// the validation set where epochs ended. A `smoothing` of 0 shows every batch's loss as it was.
/// Throws: UsageError unless smoothing lies in [0, 1).
inline LinePlot loss_plot(const History& history, double smoothing = 0.98) {
  LinePlot plot{.title = "Loss", .x_label = "training batch", .y_label = "loss"};
  SmoothedLoss mean{.beta = smoothing};
  std::vector<double> batches, losses, ends, valid_losses;
  for (double loss : history.losses) {
    if (std::isfinite(loss)) mean.add(loss);
    batches.push_back(static_cast<double>(batches.size() + 1));
    losses.push_back(std::isfinite(loss) ? mean.value() : std::numeric_limits<double>::quiet_NaN());
  }
  bool validated = false;
  for (const EpochRow& row : history.epochs) {
    ends.push_back(static_cast<double>(row.batches));
    valid_losses.push_back(row.valid_loss);
    validated = validated || std::isfinite(row.valid_loss);
  }
  plot.add(smoothing > 0 ? "training, smoothed" : "training", std::move(batches), std::move(losses));
  if (validated) plot.add("validation", std::move(ends), std::move(valid_losses));
  return plot;
}

/// A hyper-parameter over the training batches, a curve for each parameter group that has it.
/// Throws: IndexError if none has.
inline LinePlot hyper_plot(const History& history, std::string_view name) {
  const std::string label = name == "lr" ? "learning rate" : std::string(name);
  LinePlot plot{.title = label, .x_label = "training batch", .y_label = label};
  if (plot.title[0] >= 'a' && plot.title[0] <= 'z') plot.title[0] = static_cast<char>(plot.title[0] - 'a' + 'A');
  const auto count = std::count_if(history.hypers.begin(), history.hypers.end(),
                                   [&](const HyperHistory& hyper) { return hyper.name == name; });
  if (count == 0) history.hyper(name);
  for (const HyperHistory& hyper : history.hypers) {
    if (hyper.name != name) continue;
    std::vector<double> batches;
    for (std::size_t i = 1; i <= hyper.values.size(); ++i) batches.push_back(static_cast<double>(i));
    plot.add(count > 1 ? concat("group ", hyper.group) : "", std::move(batches), hyper.values);
  }
  return plot;
}

/// A curve for each metric over the epochs of all fits, counted from 1.
inline LinePlot metrics_plot(const History& history) {
  LinePlot plot{.title = "Metrics", .x_label = "epoch", .y_label = "over the validation set"};
  for (std::size_t epoch = 0; epoch < history.epochs.size(); ++epoch) {
    for (const MetricValue& metric : history.epochs[epoch].metrics) {
      auto found = std::find_if(plot.series.begin(), plot.series.end(),
                                [&](const LinePlot::Series& series) { return series.name == metric.name; });
      if (found == plot.series.end()) found = plot.series.insert(found, {metric.name, {}, {}});
      found->x.push_back(static_cast<double>(epoch + 1));
      found->y.push_back(metric.value);
    }
  }
  return plot;
}

}  // namespace kiln
