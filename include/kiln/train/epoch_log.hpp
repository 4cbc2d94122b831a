// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// What CsvLogger and JsonLines share: the figures of an epoch, and a file that always holds whole lines.
#pragma once

#include <unistd.h>

#include <string>
#include <vector>

#include <kiln/core/clock.hpp>
#include <kiln/core/file.hpp>
#include <kiln/train/callback.hpp>

namespace kiln::detail {

/// Measures time since it was made, started or copied: a callback that is put back into a fit begins again.
class Stopwatch {
 public:
  Stopwatch() = default;
  Stopwatch(const Stopwatch&) {}
  Stopwatch& operator=(const Stopwatch&) {
    start();
    return *this;
  }
  void start() { began_ = clock_seconds(); }
  double seconds() const { return clock_seconds() - began_; }

 private:
  double began_ = clock_seconds();
};

/// train_loss, valid_loss, the metrics, lr (or lr_0, lr_1, ... of several parameter groups), time in seconds.
inline std::vector<MetricValue> epoch_figures(Fit& fit, double seconds) {
  std::vector<MetricValue> figures{{"train_loss", fit.train_loss}, {"valid_loss", fit.valid_loss}};
  figures.insert(figures.end(), fit.metrics.begin(), fit.metrics.end());
  const std::size_t groups = fit.optimizer().group_count();
  for (std::size_t g = 0; g < groups; ++g) {
    if (const double* lr = fit.optimizer().find_hyper(g, "lr"))
      figures.push_back({groups == 1 ? "lr" : concat("lr_", g), *lr});
  }
  figures.push_back({"time", seconds});
  return figures;
}

/// A text file that is replaced as a whole when lines are added, so that whoever reads it, and whenever the process is
/// killed, finds whole lines. All of it is kept, so that a copy of this, put back, goes on from where it was taken.
class LogFile {
 public:
  bool empty() const { return text_.empty(); }

  /// Begins with what the file holds, if there is one. A last line without an end is given one.
  void read(std::string_view op, const std::string& path) {
    if (::access(path.c_str(), F_OK) != 0) return;
    const File file(op, path, O_RDONLY);
    text_.resize(file.size());
    file.read(text_.data(), text_.size());
    if (!text_.empty() && text_.back() != '\n') text_ += '\n';
  }

  std::string_view first_line() const { return std::string_view(text_).substr(0, text_.find('\n')); }

  void add_line(std::string_view op, const std::string& path, std::string_view line) {
    text_ += line;
    text_ += '\n';
    write(op, path);
  }

  void write(std::string_view op, const std::string& path) const {
    replace_file(op, path, [&](const File& file) { file.write(text_.data(), text_.size()); });
  }

 private:
  std::string text_;
};

}  // namespace kiln::detail
