// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Profiler`: prints where the time goes, layer by layer, forward and backward, with GFLOP/s; and what data, loss,
/// optimizer and callbacks take.
///
///     learn.fit(1, 0.1, Profiler{.batches = 100});
///     learn.validate(data.valid, Profiler{});
///
/// Among the callbacks of a Learner it acts in every fit, and in `learn.report` it has a section. For programs:
/// `Profiler profiler{.out = nullptr}; learn.fit(1, 0.1, profiler);`, then profiler.train.rows.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kiln/core/file.hpp>
#include <kiln/kernels/fma_peak.hpp>
#include <kiln/train/loop.hpp>
#include <kiln/train/profile.hpp>
#include <kiln/train/profiler_run.hpp>
#include <kiln/train/progress.hpp>
#include <kiln/viz/theme.hpp>

namespace kiln {

namespace detail {

inline std::int64_t steady_nanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace detail

/// A callback that measures a fit, or a validation, and prints a table when it ends, unless by an exception. Times are
/// wall times on the thread that trains. Results have the same bits with it.
///
/// A layer that does not announce itself is part of the one around it. Neighbours that run as one layer, as a Linear
/// and the ReLU behind it, are shown as one, unless a hook keeps them apart. Only complete batches count; what lies
/// between epochs does not. A second model, or one that a callback runs, has its own rows.
struct Profiler {
  static constexpr int order = 70;
  static constexpr bool trials = false;

  Index batches = 0;        ///< so many of training, and of validation, are measured; 0: all of the fit
  Index warm_up = 1;        ///< batches before those
  Index layers = 30;        ///< that the table shows; those that take least are added up
  bool peak = true;         ///< measures, for 20 ms, what the threads reach at most
  std::FILE* out = stdout;  ///< null to print nothing
  std::string path = {};    ///< of a .json file that is written as well
  std::int64_t (*clock)() = detail::steady_nanoseconds;

  Profile train = {};  ///< of the last fit; empty without a complete batch after `warm_up`
  Profile valid = {};

  /// The layers of the training batches, or where there were none, of validation.
  const std::vector<ProfileRow>& rows() const { return train.empty() ? valid.rows : train.rows; }

  /// What is printed.
  std::string text(Index columns = 100) const {
    if (train.empty() && valid.empty()) {
      return concat("Profiler: nothing was measured: there was no complete batch after ", warm_up,
                    " to warm up (Profiler{.warm_up = 0} leaves out none)\n");
    }
    if (train.empty()) return valid.text("Validation", columns, layers);
    std::string all = train.text("Training", columns, layers);
    if (valid.empty()) return all;
    double model = 0;
    for (const ProfileRow& row : valid.rows) model += row.depth == 0 ? row.seconds() : 0;
    const auto share = [&](double part) { return detail::spoken_share(part, valid.seconds); };
    return concat(all, "\nValidation: ", detail::spoken_time(valid.seconds), " a batch of ", valid.batch_size, ", ",
                  detail::spoken_rate(valid.samples_per_second()), " samples/s; layers ", share(model), ", loss ",
                  share(valid.loss), ",\nmetrics ", share(valid.metrics), ", waiting for data ", share(valid.data),
                  ", callbacks and loop ", share(valid.rest), "\n");
  }

  // A fit that is resumed begins with any of these.
  void on(BeforeFit, Fit& fit) { start(fit); }
  void on(BeforeEpoch, Fit& fit) { start(fit); }
  void on(BeforeTrain, Fit& fit) { start(fit); }
  void on(BeforeValidate, Fit& fit) { start(fit); }
  void on(BeforeBatch, Fit& fit) { start(fit); }

  void on(AfterValidate, Fit& fit) {
    if (!fit.in_progress(Scope::fit)) show();
  }
  /// Throws: DataError if the file cannot be written.
  void on(AfterFit, Fit&) { show(); }

  // What follows is for the fit in progress.

  NoState no_state = {};
  std::shared_ptr<detail::ProfilerRun> run = {};
  bool measured = false;  ///< whether train and valid are there

  /// Throws: UsageError for settings that make no sense, DataError if there is no such folder.
  void start(Fit& fit) {
    if (run) return;
    const auto check = [](std::string_view name, Index value, Index least) {
      if (value < least) fail<UsageError>("Profiler", concat(name, " must be at least ", least), concat("got ", value));
    };
    check("batches", batches, 0);
    check("warm_up", warm_up, 0);
    check("layers", layers, 1);
    if (!path.empty()) {
      if (!path.ends_with(".json")) fail<UsageError>("Profiler", "the file must end in .json", concat("got ", path));
      detail::check_folder("Profiler", path);
    }
    train = valid = {};
    run = std::make_shared<detail::ProfilerRun>(fit, warm_up, batches, clock);
    measured = false;
    fit.at_end([this] {
      finish();
      run->stop();  // what began after this one has ended before
      run.reset();
    });
  }

 private:
  void finish() {
    if (std::exchange(measured, true)) return;
    for (auto [result, book] : {std::pair(&train, &run->train), std::pair(&valid, &run->valid)}) {
      *result = book->result();
      result->threads = num_threads();
    }
    const bool doubles = run->train.doubles || run->valid.doubles;
    if (!peak || train.flops() + valid.flops() <= 0) return;
    train.peak = valid.peak = fma_peak() / (doubles ? 2 : 1);
  }

  void show() {
    finish();
    if (out) {
      const std::string all = concat("\n", text(detail::terminal_columns(out, 100)));
      std::fwrite(all.data(), 1, all.size(), out);
      std::fflush(out);
    }
    if (path.empty()) return;
    const std::string all = concat("{\"train\":", train.json(), ",\n\"valid\":", valid.json(), "}\n");
    detail::replace_file("Profiler", path, [&](const detail::File& file) { file.write(all.data(), all.size()); });
  }
};

}  // namespace kiln
