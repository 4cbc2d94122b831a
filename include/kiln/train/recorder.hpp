// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Recorder`: keeps and draws what happened during training: `learn.recorder().plot_loss("loss.svg");`
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kiln/core/clock.hpp>
#include <kiln/train/callback.hpp>
#include <kiln/train/history_plots.hpp>

namespace kiln {

/// A callback that every Learner has.
struct Recorder : History {
  static constexpr int order = -50;

  /// Draws the loss, smoothed over the training batches and at the end of each epoch over the validation set; see
  /// loss_plot. Throws, as all that draw: UsageError for a name that does not end in .svg, DataError.
  void plot_loss(const std::string& path) const { loss_plot(*this).save(path); }
  /// Draws the learning rate of every training batch.
  void plot_lr(const std::string& path) const { plot_hyper("lr", path); }
  /// Draws any hyper-parameter, such as momentum. Throws: IndexError if no group has one of that name.
  void plot_hyper(std::string_view name, const std::string& path) const { hyper_plot(*this, name).save(path); }
  /// Draws the metrics of every epoch.
  void plot_metrics(const std::string& path) const { metrics_plot(*this).save(path); }

  void on(BeforeFit, Fit& fit) {
    const Optimizer& optimizer = fit.optimizer();
    if (hypers.empty()) {
      for (std::size_t group = 0; group < optimizer.group_count(); ++group) {
        for (std::string_view name : optimizer.hyper_names(group)) hypers.push_back({group, std::string(name), {}});
      }
    }
    const auto more = static_cast<std::size_t>(fit.epochs() * fit.train_batches);
    losses.reserve(losses.size() + more);
    for (HyperHistory& history : hypers) history.values.reserve(losses.size() + more);
    epochs.reserve(epochs.size() + static_cast<std::size_t>(fit.epochs()));
    prepared.clear();
    prepared.reserve(static_cast<std::size_t>(fit.epochs()));
    for (Index i = 0; i < fit.epochs(); ++i) {
      prepared.push_back({});
      prepared.back().metrics = fit.metrics;
    }
  }

  void on(BeforeEpoch, Fit&) { epoch_began = train_ended = detail::clock_seconds(); }

  void on(AfterBatch, Fit& fit) {
    if (!fit.training || !fit.counted) return;
    losses.push_back(fit.loss_value);
    for (HyperHistory& history : hypers) history.values.push_back(fit.optimizer().hyper(history.group, history.name));
  }

  void on(AfterTrain, Fit&) { train_ended = detail::clock_seconds(); }

  void on(AfterEpoch, Fit& fit) {
    EpochRow row;
    if (!prepared.empty()) {
      row = std::move(prepared.back());
      prepared.pop_back();
    }
    row.epoch = fit.epoch();
    row.batches = std::ssize(losses);
    row.train_loss = fit.train_loss;
    row.valid_loss = fit.valid_loss;
    row.metrics = fit.metrics;
    row.seconds = detail::clock_seconds() - epoch_began;
    row.train_seconds = train_ended - epoch_began;
    epochs.push_back(std::move(row));
  }

  /// As if the epoch in progress had begun now: for a fit that is resumed.
  void restart_clock() { epoch_began = train_ended = detail::clock_seconds(); }

 private:
  double epoch_began = 0;
  double train_ended = 0;
  std::vector<EpochRow> prepared;  // memory for the metrics of the epochs to come
};

}  // namespace kiln
