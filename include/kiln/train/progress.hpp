// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Progress`: a row for every finished epoch, and on a terminal a bar for the one in progress.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>

#include <kiln/train/recorder.hpp>

namespace kiln {

/// A callback that every Learner has; `learn.quiet()` silences it.
class Progress {
 public:
  static constexpr int order = -40;  // right behind the recorder, before a callback may end the fit

  explicit Progress(const Recorder& recorder, std::FILE* out = stdout)
      : Progress(recorder, out, ::isatty(::fileno(out)) != 0) {}
  Progress(const Recorder& recorder, std::FILE* out, bool terminal)
      : recorder_(&recorder), out_(out), terminal_(terminal) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void set_enabled(bool enabled) { enabled_ = enabled; }

  void on(BeforeFit, Fit&) { header_due_ = true; }

  void on(AfterBatch, Fit& fit) {
    if (!enabled_ || !terminal_) return;
    const auto now = std::chrono::steady_clock::now();
    if (now - last_drawn_ < std::chrono::milliseconds(100)) return;
    last_drawn_ = now;
    constexpr Index width = 30;
    const Index done = fit.batches ? width * (fit.batch + 1) / fit.batches : width;
    std::string bar =
        concat("\r", "epoch ", fit.epoch() + 1, "/", fit.epochs(), fit.training ? "  train " : "  valid ");
    for (Index i = 0; i < width; ++i) bar += i < done ? "█" : "░";
    bar += concat(" ", fit.batch + 1, "/", fit.batches, "  loss ",
                  fixed(fit.training ? fit.train_loss : fit.valid_loss, 4), "  ");
    write(bar);
    drawn_ = true;
  }

  void on(AfterEpoch, Fit& fit) {
    if (!enabled_) return;
    clear();
    const EpochRow& row = recorder_->epochs.back();
    if (header_due_) {
      std::string header = cell("epoch", 5) + cell("train_loss", 12) + cell("valid_loss", 12);
      for (const MetricValue& metric : row.metrics) header += cell(metric.name, column(metric));
      write(header + cell("time", 9) + "\n");
      header_due_ = false;
    }
    std::string line = cell(concat(row.epoch), 5) + cell(number(row.train_loss), 12) + cell(number(row.valid_loss), 12);
    for (const MetricValue& metric : row.metrics) line += cell(number(metric.value), column(metric));
    write(line + cell(clock(row.seconds), 9) + "\n");
    (void)fit;
  }

  void on(AfterCancelFit, Fit&) { clear(); }

 private:
  static std::size_t column(const MetricValue& metric) { return (std::max)(metric.name.size(), std::size_t{8}) + 2; }

  /// What was not computed is a dash.
  static std::string number(double value) { return value == value ? fixed(value, 6) : "-"; }

  static std::string cell(std::string_view text, std::size_t width) {
    std::string padded(text.size() < width ? width - text.size() : 0, ' ');
    return padded += text;
  }

  /// `00:04.2`: minutes and seconds.
  static std::string clock(double seconds) {
    const auto minutes = static_cast<long>(seconds / 60);
    const std::string rest = fixed(seconds - 60.0 * static_cast<double>(minutes), 1);
    return concat(minutes < 10 ? "0" : "", minutes, ":", rest.size() < 4 ? "0" : "", rest);
  }

  void clear() {
    if (!drawn_) return;
    write("\r\033[K");
    drawn_ = false;
  }

  void write(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), out_);
    std::fflush(out_);
  }

  const Recorder* recorder_;
  std::FILE* out_;
  bool terminal_;
  bool enabled_ = true;
  bool header_due_ = true;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point last_drawn_{};
};

}  // namespace kiln
