// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Progress`: a row for every finished epoch, and on a terminal a bar for the one in progress.
#pragma once

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kiln/core/clock.hpp>
#include <kiln/train/recorder.hpp>
#include <kiln/train/smoothed_loss.hpp>
#include <kiln/viz/terminal.hpp>

namespace kiln {

namespace detail {

/// The width of a terminal, or `otherwise` of what is none.
inline Index terminal_columns(std::FILE* out, Index otherwise) {
  struct winsize size = {};
  return ::ioctl(::fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : otherwise;
}

}  // namespace detail

/// A callback that every Learner has; `learn.quiet()` silences it. On a terminal the epoch in progress has a bar, with
/// the course of the smoothed loss beside it.
class Progress {
 public:
  static constexpr int order = -40;  // right behind the recorder, before a callback may end the fit

  explicit Progress(const Recorder& recorder, std::FILE* out = stdout)
      : Progress(recorder, out, ::isatty(::fileno(out)) != 0) {}
  /// `columns`: the terminal's width; 0 to ask it.
  Progress(const Recorder& recorder, std::FILE* out, bool terminal, Index columns = 0)
      : recorder_(&recorder), out_(out), terminal_(terminal), columns_(columns) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void set_enabled(bool enabled) { enabled_ = enabled; }

  void on(BeforeFit, Fit& fit) {
    header_due_ = true;
    smoothed_.reset();
    curve_.clear();
    if (!enabled_ || !terminal_) return;
    curve_.reserve(static_cast<std::size_t>(fit.epochs() * fit.train_batches));
    line_.reserve(512);  // more than a bar takes
  }

  void on(AfterBatch, Fit& fit) {
    if (!enabled_ || !terminal_) return;
    if (fit.training && fit.counted && std::isfinite(fit.loss_value)) {
      smoothed_.add(fit.loss_value);
      curve_.push_back(smoothed_.value());
    }
    const double now = detail::clock_seconds();
    if (now - last_drawn_ < .1) return;
    last_drawn_ = now;
    if (!std::exchange(clears_at_end_, true)) {
      fit.at_end([this] {  // also in front of the message of an exception
        clear();
        clears_at_end_ = false;
      });
    }
    drawn_ = true;
    draw_bar(fit);
  }

  void on(AfterEpoch, Fit& fit) {
    if (!enabled_) return;
    clear();
    const EpochRow& row = recorder_->epochs.back();
    if (header_due_) {
      line_ = cell("epoch", 5);
      line_ += cell("train_loss", 12);
      line_ += cell("valid_loss", 12);
      for (const MetricValue& metric : row.metrics) line_ += cell(metric.name, column(metric));
      line_ += cell("time", 9);
      write(line_ += '\n');
      header_due_ = false;
    }
    // What was not computed is a dash; NaN is a result.
    const bool trained = std::isfinite(row.train_loss) || (fit.counted && fit.training);
    const bool validated = !fit.training && fit.counted && fit.batch + 1 == fit.batches;
    auto text = [](double value, bool computed) { return std::isnan(value) && !computed ? "-" : number(value, 8); };
    line_ = cell(concat(row.epoch), 5);
    line_ += cell(text(row.train_loss, trained || validated), 12);
    line_ += cell(text(row.valid_loss, validated), 12);
    for (const MetricValue& metric : row.metrics) line_ += cell(text(metric.value, validated), column(metric));
    line_ += ' ';
    line_ += cell(clock(row.seconds), 8);
    write(line_ += '\n');
  }

  void on(AfterCancelFit, Fit&) { clear(); }

 private:
  std::size_t column(const MetricValue& metric) const { return (std::max)(length(metric.name), std::size_t{8}) + 2; }

  /// Writes the line for the epoch in progress, no wider than the terminal: the bar becomes shorter, then the rest is
  /// cut.
  void draw_bar(const Fit& fit) {
    const auto room = static_cast<std::size_t>((std::max)(columns() - 1, Index{0}));
    const auto add = [this](const auto&... parts) { (append_text(line_, parts), ...); };
    line_ = '\r';
    add("epoch ", fit.epoch() + 1, "/", fit.epochs(), fit.training ? "  train " : "  valid ");
    const std::size_t before = line_.size();
    add(" ", fit.batch + 1, "/", fit.batches, "  loss ", number(fit.training ? fit.train_loss : fit.valid_loss, 6));
    const std::size_t text = line_.size() - 1;
    if (text >= room) {
      line_.resize(1 + room);
    } else {
      const auto width = static_cast<Index>((std::min)(room - text, std::size_t{30}));
      const Index done = fit.batches > 0 ? width * (fit.batch + 1) / fit.batches : width;
      for (Index i = width; i-- > 0;) line_.insert(before, i < done ? "█" : "░");
      const std::size_t left = room - text - static_cast<std::size_t>(width);
      constexpr std::size_t gap = 2, least = 8, most = 30;
      if (left >= gap + least && curve_.size() >= least) {
        line_ += "  ";
        detail::append_sparkline(line_, curve_, static_cast<Index>((std::min)(left - gap, most)));
      }
    }
    write(line_ += "\033[K");
  }

  Index columns() const { return columns_ > 0 ? columns_ : detail::terminal_columns(out_, 80); }

  /// In at most so many characters, a sign not counted: with `characters` - 2 digits behind the point if that is
  /// possible and says enough.
  static std::string number(double value, int characters) {
    const double size = std::abs(value);
    if (!std::isfinite(value)) return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
    if (size != 0 && (size < 1e-4 || size >= 1e5)) {
      char text[32];
      return {text, std::to_chars(text, text + sizeof text, value, std::chars_format::scientific, characters - 6).ptr};
    }
    int digits = characters - 2;
    for (double limit = 10; size >= limit && digits > 0; limit *= 10) --digits;
    return fixed(value, digits);
  }

  /// In characters, of UTF-8.
  static std::size_t length(std::string_view text) {
    std::size_t count = 0;
    for (std::size_t at = 0; at < text.size(); ++count) detail::next_code_point(text, at);
    return count;
  }

  static std::string cell(std::string_view text, std::size_t width) {
    const std::size_t own = length(text);
    return std::string(own < width ? width - own : 0, ' ').append(text);
  }

  /// `00:04.2`: minutes and seconds; `1:02:03` with hours.
  static std::string clock(double seconds) {
    const auto two = [](long value) { return concat(value < 10 ? "0" : "", value); };
    const auto tenths = std::lrint(seconds * 10);  // rounded first: 59.96 s are a minute
    const long minutes = tenths / 600;
    if (minutes < 60) return concat(two(minutes), ":", two(tenths % 600 / 10), ".", tenths % 10);
    return concat(minutes / 60, ":", two(minutes % 60), ":", two(tenths % 600 / 10));
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
  Index columns_;
  bool enabled_ = true;
  bool header_due_ = true;
  bool drawn_ = false;
  bool clears_at_end_ = false;
  std::string line_;  // kept, as its memory is used again in the next epoch
  SmoothedLoss smoothed_;
  std::vector<double> curve_;  // of the fit, if it is drawn
  double last_drawn_ = 0;
};

}  // namespace kiln
