// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The search for a learning rate: it is raised exponentially from batch to batch, until the loss diverges.
///
///     auto found = learn.lr_find();
///     found.plot("lr.svg");
///     learn.fit_one_cycle(5, found.valley);
///
/// Source: Smith 2017, https://arxiv.org/abs/1506.01186; fastai's LRFinder, https://docs.fast.ai/callback.schedule.html
#pragma once

#include <cmath>
#include <span>
#include <string>
#include <vector>

#include <kiln/core/text.hpp>
#include <kiln/train/callback.hpp>
#include <kiln/train/lr_suggestion.hpp>
#include <kiln/train/smoothed_loss.hpp>
#include <kiln/viz/axis.hpp>
#include <kiln/viz/line_plot.hpp>

namespace kiln {

/// How a search goes about it.
struct LrFindOptions {
  double start = 1e-7;
  double end = 10;
  Index iterations = 100;     ///< training batches, if the loss does not diverge before
  bool stop_diverged = true;  ///< end as soon as the smoothed loss is above four times its lowest value
};

/// The curve of a search, and the learning rates that it suggests, each of which can be used as a number.
struct LrFound : LrSuggestions {
  std::vector<double> rates;
  std::vector<double> losses;  ///< smoothed; the last may be NaN or infinite
  std::string stopped;         ///< why the search ended
  std::size_t first = 0;       ///< the suggestions are read off the points [first, last)
  std::size_t last = 0;

  /// Whether no suggestion can be made from the curve.
  bool unusable() const { return !valley && !slide && !minimum && !steep; }

  /// A line for each suggestion, or why there is none.
  std::string text() const {
    std::string lines = concat("learning rates up to ", rates.empty() ? "none" : detail::short_number(rates.back()),
                               ": ", stopped, "\n");
    auto line = [&](std::string_view name, const LrSuggestion& found) {
      lines += concat(name, std::string(9 - name.size(), ' '));
      lines += found ? concat(detail::short_number(found.rate), "\n") : concat("none: ", found.problem, "\n");
    };
    line("valley", valley);
    line("slide", slide);
    line("minimum", minimum);
    line("steep", steep);
    if (unusable()) lines += "The curve is unusable: try another range of rates, more iterations or larger batches.\n";
    return lines;
  }

  /// Draws that part of the curve, or all of it if there is none, with the suggestions.
  void plot(const std::string& path) const {
    LinePlot plot{
        .title = "Learning rate finder", .x_label = "learning rate", .y_label = "smoothed loss", .log_x = true};
    const bool all = first == last;
    auto part = [&](const std::vector<double>& values) {
      return std::span(values).subspan(all ? 0 : first, all ? values.size() : last - first);
    };
    plot.add("", part(rates), part(losses));
    auto mark = [&](std::string_view name, const LrSuggestion& found) {
      if (!found) return;
      plot.markers.push_back(
          {concat(name, ": ", detail::short_number(found.rate)), found.curve_rate, found.curve_loss});
    };
    mark("valley", valley);
    mark("slide", slide);
    mark("minimum / 10", minimum);
    mark("steep", steep);
    plot.save(path);
  }
};

/// The callback behind `learn.lr_find()`. By itself it leaves the model as the search has made it.
class LrFinder {
 public:
  static constexpr int order = -60;  // as ParamScheduler

  NoState no_state;

  /// Throws: UsageError for an impossible range or number of iterations.
  explicit LrFinder(const LrFindOptions& options) : options_(options) {
    constexpr std::string_view op = "lr_find";
    if (!(options.start > 0 && options.start < options.end && std::isfinite(options.end))) {
      fail<UsageError>(op, "the rates must grow from a positive start to a finite end",
                       concat("got ", options.start, " and ", options.end));
    }
    if (options.iterations < 2) {
      fail<UsageError>(op, "at least 2 iterations are needed", concat("got ", options.iterations));
    }
  }

  /// How many epochs of so many batches the search takes at most.
  Index epochs(Index batches) const {
    if (batches < 1) fail<UsageError>("lr_find", "the training data must have at least one batch", "it has none");
    return (options_.iterations + batches - 1) / batches;
  }

  void on(BeforeBatch, Fit& fit) {
    const double progress = static_cast<double>(std::ssize(found_.rates)) / static_cast<double>(options_.iterations);
    const double rate = options_.start * std::pow(options_.end / options_.start, progress);
    found_.rates.push_back(rate);
    for (std::size_t group = 0; group < fit.optimizer().group_count(); ++group)
      fit.optimizer().hyper(group, "lr") = rate;
  }

  void on(AfterBatch, Fit& fit) {
    if (!fit.counted) {  // another callback has cancelled the batch
      found_.rates.pop_back();
      return;
    }
    smoothed_.add(fit.loss_value);
    const double loss = smoothed_.value();
    found_.losses.push_back(loss);
    if (!(loss >= lowest_)) lowest_ = loss;
    if (!std::isfinite(fit.loss_value)) stop(fit, concat("the loss became ", fit.loss_value));
    if (options_.stop_diverged && loss > 4 * lowest_) stop(fit, "the loss rose above four times its lowest value");
    if (std::ssize(found_.rates) == options_.iterations) stop(fit, "the range is done");
  }

  void on(BeforeValidate, Fit& fit) { fit.cancel(Scope::validate); }

  /// The curve with its suggestions. As in fastai they leave out the first tenth of the search and its last five
  /// points.
  LrFound result() const {
    LrFound found = found_;
    if (const std::size_t begin = static_cast<std::size_t>(options_.iterations / 10); found.losses.size() > begin + 5) {
      found.first = begin;
      found.last = found.losses.size() - 5;
    }
    auto part = [&](const std::vector<double>& all) {
      return std::span(all).subspan(found.first, found.last - found.first);
    };
    static_cast<LrSuggestions&>(found) = suggest_rates(part(found.rates), part(found.losses));
    return found;
  }

 private:
  void stop(Fit& fit, std::string why) {
    found_.stopped = std::move(why);
    fit.cancel(Scope::fit);
  }

  LrFindOptions options_;
  SmoothedLoss smoothed_;
  double lowest_ = HUGE_VAL;
  LrFound found_;
};

}  // namespace kiln
