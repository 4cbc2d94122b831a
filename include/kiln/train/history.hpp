// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `History`: the figures of a training, as the Recorder collects them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <kiln/train/fit.hpp>

namespace kiln {

/// One epoch, as in the table that training prints. What was not computed, because it was cancelled, is NaN.
struct EpochRow {
  Index epoch = 0;    ///< within its fit, from 0
  Index batches = 0;  ///< how many losses of training batches the recorder had when the epoch ended
  double train_loss = 0;
  double valid_loss = 0;
  std::vector<MetricValue> metrics;
  double seconds = 0;        ///< training and validation
  double train_seconds = 0;  ///< training alone
};

/// A hyper-parameter of one parameter group, for every training batch.
struct HyperHistory {
  std::size_t group = 0;
  std::string name;
  std::vector<double> values;
};

/// What happened during training: the loss and the hyper-parameters of every batch, and a row for every epoch.
struct History {
  std::vector<double> losses;        ///< of every training batch that was not cancelled before its loss was known
  std::vector<HyperHistory> hypers;  ///< of every group's rule, with as many values as there are losses
  std::vector<EpochRow> epochs;

  /// A hyper-parameter's values, such as `recorder.hyper("lr")`. Throws: IndexError if there is none of that name.
  const std::vector<double>& hyper(std::string_view name, std::size_t group = 0) const {
    std::string known;
    for (const HyperHistory& history : hypers) {
      if (history.group != group) continue;
      if (history.name == name) return history.values;
      known += concat(known.empty() ? "" : ", ", history.name);
    }
    fail<IndexError>("recorder", concat("group ", group, " has recorded ", known.empty() ? "nothing" : known),
                     concat("got ", name));
  }
};

}  // namespace kiln
