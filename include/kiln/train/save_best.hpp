// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `SaveBest`: keeps the weights of the best epoch, in a file, in memory, or both.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include <kiln/io/safetensors.hpp>
#include <kiln/train/callback.hpp>
#include <kiln/train/monitor.hpp>

namespace kiln {

/// After every validation that improved what is monitored, saves the weights that were validated (of an Ema, the
/// averaged ones) as `save(model, path)` does: `path` always holds a whole file, and the best. NaN is never the best.
/// Source: fastai's SaveModelCallback, which puts the best weights back unless told not to; here it is told to.
struct SaveBest {
  static constexpr int order = 50;
  static constexpr bool trials = false;

  std::string path = {};               ///< no file if empty
  std::string monitor = "valid_loss";  ///< or train_loss, or a metric's name
  double min_delta = 0;
  MonitorMode mode = MonitorMode::automatic;
  bool put_back = false;     ///< the model has the best weights after the fit, unless an exception ended it
  bool reset_on_fit = true;  ///< a new fit knows nothing of the last one, and replaces its file

  BestValue best = {};
  std::vector<AnyTensor> weights = {};  ///< the best, if they are to be put back

  /// Throws: UsageError for impossible settings and unknown names, DataError for a folder that is not there.
  void on(BeforeFit, Fit& fit) {
    if (path.empty() && !put_back) fail<UsageError>("SaveBest", "it needs a path, or .put_back = true", "got neither");
    if (!(min_delta >= 0)) fail<UsageError>("SaveBest", "min_delta must not be negative", concat("got ", min_delta));
    detail::monitored("SaveBest", fit, monitor);
    detail::rises("SaveBest", monitor, mode);
    const std::string folder = path.find('/') == path.npos ? "." : path.substr(0, path.rfind('/') + 1);
    if (!path.empty() && ::access(folder.c_str(), W_OK) != 0)
      fail<DataError>("SaveBest", concat("there must be a folder that can be written to: ", folder),
                      std::strerror(errno));
    if (!reset_on_fit) return;
    best = {};
    weights.clear();
  }

  void on(AfterValidate, Fit& fit) {
    const double value = detail::monitored("SaveBest", fit, monitor);
    if (!best.improve(value, detail::rises("SaveBest", monitor, mode), min_delta, fit.epoch())) return;
    if (!path.empty()) detail::save_tensors({fit.state_tensors().begin(), fit.state_tensors().end()}, path);
    if (!put_back) return;
    weights.clear();
    for (const ParamRef& tensor : fit.state_tensors()) weights.push_back(tensor.copy_value());
  }

  /// The last of all, behind what other callbacks do to the weights in after_fit.
  void on(AfterFit, Fit& fit) {
    if (!put_back || weights.empty()) return;
    fit.at_end([this, tensors = fit.state_tensors()] {
      for (std::size_t i = 0; i < tensors.size(); ++i)
        std::ranges::copy(weights[i].bytes(), tensors[i].bytes().begin());
    });
  }
};

}  // namespace kiln
