// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `JsonLines`: an object for every epoch, one in a line, in a file.
#pragma once

#include <cmath>
#include <string>

#include <kiln/io/safetensors_header.hpp>
#include <kiln/train/epoch_log.hpp>

namespace kiln {

/// `{"epoch":0,"train_loss":0.5,...}` with the figures of CsvLogger, and null for NaN and infinity, which JSON lacks.
/// Files, fits and `append` as there, but that lines may differ in what they have.
/// Source: https://jsonlines.org
struct JsonLines {
  static constexpr int order = 20;
  static constexpr bool trials = false;

  std::string path = "history.jsonl";
  bool append = false;

  detail::LogFile file = {};
  detail::Stopwatch watch = {};

  /// Throws: DataError if the file cannot be written.
  void on(BeforeFit, Fit&) {
    if (append && file.empty()) file.read("JsonLines", path);
    file.write("JsonLines", path);
  }
  void on(BeforeEpoch, Fit&) { watch.start(); }
  void on(AfterEpoch, Fit& fit) {
    std::string line = concat("{\"epoch\":", fit.epoch());
    for (const MetricValue& figure : detail::epoch_figures(fit, watch.seconds())) {
      line += concat(",", detail::json_string(figure.name), ":");
      line += std::isfinite(figure.value) ? concat(figure.value) : "null";
    }
    file.add_line("JsonLines", path, line + "}");
  }
};

}  // namespace kiln
