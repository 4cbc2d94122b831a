// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Figures of an epoch by name, and which of two is better: what EarlyStopping, SaveBest and ReduceLROnPlateau share.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>

#include <kiln/train/fit.hpp>

namespace kiln {

/// Whether a monitored figure should fall (min) or rise (max). `automatic` knows losses, errors and common metrics by
/// their names.
enum class MonitorMode { automatic, min, max };

namespace detail {

/// `train_loss`, `valid_loss` or a metric. Throws: UsageError for another name.
inline double monitored(std::string_view op, const Fit& fit, std::string_view name) {
  if (name == "train_loss") return fit.train_loss;
  if (name == "valid_loss") return fit.valid_loss;
  std::string known = "train_loss, valid_loss";
  for (const MetricValue& metric : fit.metrics) {
    if (metric.name == name) return metric.value;
    known += concat(", ", metric.name);
  }
  fail<UsageError>(op, concat("what is monitored must be one of ", known), concat("got ", name));
}

/// Whether a larger value is a better one. Throws: UsageError for a name that says nothing.
inline bool rises(std::string_view op, std::string_view name, MonitorMode mode) {
  if (mode != MonitorMode::automatic) return mode == MonitorMode::max;
  constexpr std::array falling{"loss", "error", "mse", "rmse", "mae", "msle", "perplexity", "nll", "entropy"};
  constexpr std::array rising{"accuracy", "acc",   "top", "precision", "recall",  "f1",    "fbeta", "r2",
                              "auc",      "score", "iou", "dice",      "jaccard", "kappa", "map",   "bleu"};
  auto has_word = [&](const auto& words) {
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    return std::ranges::any_of(words, [&](std::string_view word) {
      for (std::size_t at = name.find(word); at != name.npos; at = name.find(word, at + 1)) {
        const std::size_t end = at + word.size();
        if ((at == 0 || !is_letter(name[at - 1])) && (end == name.size() || !is_letter(name[end]))) return true;
      }
      return false;
    });
  };
  if (has_word(falling)) return false;
  if (has_word(rising)) return true;
  fail<UsageError>(op, concat("say whether ", name, " should fall or rise, by .mode = MonitorMode::min or max"),
                   "its name does not tell");
}

}  // namespace detail

/// The best value so far of what is monitored.
struct BestValue {
  double value = std::nan("");
  Index epoch = -1;  ///< within its fit, from 0; -1 before there is one

  /// Takes a value that is better by more than min_delta, and says whether it is. NaN never is.
  bool improve(double next, bool rising, double min_delta, Index at_epoch) {
    const double gain = rising ? next - value : value - next;
    if (std::isnan(next) || !(epoch < 0 || gain > min_delta)) return false;
    value = next;
    epoch = at_epoch;
    return true;
  }
  friend bool operator==(const BestValue&, const BestValue&) = default;
};

}  // namespace kiln
