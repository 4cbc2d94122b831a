// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `CsvLogger`: a table of all epochs in a file.
#pragma once

#include <string>
#include <string_view>

#include <kiln/train/epoch_log.hpp>

namespace kiln {

/// A row for every epoch: epoch, train_loss, valid_loss, metrics, lr, time, in full precision, `nan` where there is no
/// figure. The file is replaced as a whole, so it has whole rows whenever the process is killed. All fits of one
/// CsvLogger go into one file, which begins anew, or with what it holds if `append` is set.
/// Source: fastai's CSVLogger; quoting as in RFC 4180.
struct CsvLogger {
  static constexpr int order = 20;
  static constexpr bool trials = false;

  std::string path = "history.csv";
  bool append = false;

  detail::LogFile file = {};
  detail::Stopwatch watch = {};

  /// Throws: DataError if the file cannot be written, or has other columns.
  void on(BeforeFit, Fit& fit) {
    std::string header = "epoch";
    for (const MetricValue& figure : detail::epoch_figures(fit, 0)) header += concat(",", quoted(figure.name));
    if (append && file.empty()) file.read("CsvLogger", path);
    if (file.empty()) {
      file.add_line("CsvLogger", path, header);
    } else if (file.first_line() != header) {
      fail<DataError>("CsvLogger", concat(path, " must have the columns ", header),
                      concat("it has ", file.first_line()));
    }
  }
  void on(BeforeEpoch, Fit&) { watch.start(); }
  void on(AfterEpoch, Fit& fit) {
    std::string row = concat(fit.epoch());
    for (const MetricValue& figure : detail::epoch_figures(fit, watch.seconds()))
      row += figure.value == figure.value ? concat(",", figure.value) : ",nan";  // not -nan
    file.add_line("CsvLogger", path, row);
  }

 private:
  static std::string quoted(std::string_view text) {
    if (text.find_first_of(",\"\r\n") == text.npos) return std::string(text);
    std::string result = "\"";
    for (char c : text) result += c == '"' ? std::string("\"\"") : c == '\n' || c == '\r' ? " " : std::string(1, c);
    return result += '"';
  }
};

}  // namespace kiln
