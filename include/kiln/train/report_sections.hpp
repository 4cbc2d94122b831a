// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The sections of a report that do not depend on the types of a Learner.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kiln/train/class_study.hpp>
#include <kiln/train/history_plots.hpp>
#include <kiln/train/report_options.hpp>
#include <kiln/train/report_page.hpp>
#include <kiln/train/summary.hpp>
#include <kiln/viz/confusion_plot.hpp>
#include <kiln/viz/image_grid.hpp>

namespace kiln::detail {

/// A number, or a dash for what was not computed.
inline std::string report_number(double value, int significant = 4) {
  return std::isnan(value) ? "–" : short_number(value, significant);
}
/// The same with four decimals where these say enough, so that points stand below each other.
inline std::string report_cell(double value) {
  const double size = std::abs(value);
  return size == 0 || (size >= 1e-3 && size < 1e4) ? fixed(value, 4) : report_number(value);
}
inline std::string report_percent(double share, int digits = 1) {
  return std::isnan(share) ? "–" : concat(fixed(100 * share, digits), " %");
}
inline std::string report_seconds(double seconds) {
  if (seconds < 100) return concat(report_number(seconds, 3), " s");
  const auto whole = static_cast<Index>(std::lround(seconds));
  const std::string minutes = concat(whole / 60 % 60, " min");
  return whole < 3600 ? concat(minutes, " ", whole % 60, " s") : concat(whole / 3600, " h ", minutes);
}

/// The epoch with the lowest validation loss; npos without validations.
inline std::size_t best_epoch(const std::vector<EpochRow>& epochs) {
  std::size_t best = std::string::npos;
  for (std::size_t i = 0; i < epochs.size(); ++i) {
    if (std::isnan(epochs[i].valid_loss)) continue;
    if (best == std::string::npos || epochs[i].valid_loss < epochs[best].valid_loss) best = i;
  }
  return best;
}

inline void report_figures(ReportPage& page, const History& history) {
  if (history.epochs.empty()) return;
  const EpochRow& last = history.epochs.back();
  ReportFacts figures{{"training loss", report_number(last.train_loss)},
                      {"validation loss", report_number(last.valid_loss)}};
  for (std::size_t i = 0; i < last.metrics.size() && i < 4; ++i)
    figures.push_back({last.metrics[i].name, report_number(last.metrics[i].value)});
  double seconds = 0;
  for (const EpochRow& row : history.epochs) seconds += row.seconds;
  figures.push_back({"epochs", with_separators(std::ssize(history.epochs))});
  figures.push_back({"training and validation", report_seconds(seconds)});
  page.figures(figures);
}

inline void report_summary(ReportPage& page, const Summary& summary) {
  page.section("Model");
  std::vector<std::vector<std::string>> rows{{"input", "", concat(Dims(summary.input)), "", "", "", ""}};
  const auto add = [&](std::string path, std::string layer, std::string output, Index parameters, double flops,
                       std::size_t bytes, double seconds) {
    rows.push_back({std::move(path), std::move(layer), std::move(output), parameters ? with_separators(parameters) : "",
                    spoken_mega(flops), bytes ? spoken_bytes(bytes) : "", spoken_seconds(seconds)});
  };
  for (const SummaryRow& row : summary.rows) {
    std::string path;
    for (int i = 0; i < row.depth; ++i) path += "\u00a0\u00a0";
    add(path + (row.path.empty() ? "the model" : row.path), row.layer, concat(Dims(row.output)), row.parameters,
        row.flops, row.bytes, row.seconds);
  }
  add("total", "", "", summary.trainable + summary.frozen, summary.flops, summary.bytes, summary.seconds);
  page.table({"layer", "type", "output shape", "parameters", "MFLOPs", "memory", "time"}, rows, 3, rows.size() - 1);
  std::string text = concat(with_separators(summary.trainable), " trainable parameters");
  if (summary.frozen) text += concat(", ", with_separators(summary.frozen), " frozen");
  page.note(concat(text,
                   ". FLOPs, memory and time are those of a forward pass of one batch, without those of layers "
                   "within a layer."));
  for (const std::string& path : summary.silent)
    page.note(concat(path.empty() ? "The model" : path, " holds parameters but was not seen to run."));
}

inline void report_curves(ReportPage& page, const History& history) {
  page.section("Curves");
  if (history.losses.empty()) {
    page.note("There are none: nothing has been trained yet.");
    return;
  }
  page.begin_plots();
  const auto draw = [&](LinePlot plot) {
    plot.width = 500;
    plot.height = 310;
    page.plot(plot);
  };
  draw(loss_plot(history));
  for (std::string_view name : {"lr", "momentum", "beta1"}) {
    const auto has = [&](const HyperHistory& hyper) { return hyper.name == name; };
    if (std::any_of(history.hypers.begin(), history.hypers.end(), has)) draw(hyper_plot(history, name));
  }
  const LinePlot metrics = metrics_plot(history);
  for (const LinePlot::Series& one : metrics.series) {  // apart, since they may differ in scale
    LinePlot plot{.title = one.name, .x_label = metrics.x_label, .y_label = metrics.y_label};
    plot.add("", one.x, one.y);
    draw(std::move(plot));
  }
  page.end_plots();
}

inline void report_epochs(ReportPage& page, const History& history) {
  page.section("Epochs");
  if (history.epochs.empty()) {
    page.note("No epoch has ended yet.");
    return;
  }
  const std::vector<EpochRow>& epochs = history.epochs;
  const bool fits = std::count_if(epochs.begin(), epochs.end(), [](const EpochRow& row) { return row.epoch == 0; }) > 1;
  std::vector<std::string> head{"epoch"};
  if (fits) head.emplace_back("of its fit");
  head.insert(head.end(), {"training loss", "validation loss"});
  for (const MetricValue& metric : epochs.front().metrics) head.push_back(metric.name);
  head.emplace_back("time");
  std::vector<std::vector<std::string>> rows;
  for (const EpochRow& epoch : epochs) {
    std::vector<std::string> row{concat(rows.size() + 1)};
    if (fits) row.push_back(concat(epoch.epoch + 1));
    row.push_back(report_cell(epoch.train_loss));
    row.push_back(report_cell(epoch.valid_loss));
    for (const MetricValue& metric : epoch.metrics) row.push_back(report_cell(metric.value));
    row.push_back(report_seconds(epoch.seconds));
    rows.push_back(std::move(row));
  }
  page.table(head, rows, 0, best_epoch(epochs));
  if (best_epoch(epochs) != std::string::npos) page.note("Bold: the epoch with the lowest validation loss.");
}

inline std::string class_label(const ReportOptions& options, Index one) {
  return options.classes.empty() ? concat(one) : options.classes[static_cast<std::size_t>(one)];
}

inline void report_scores(ReportPage& page, const ClassStudy& study, const ReportOptions& options) {
  constexpr Index readable = 40;
  if (study.counts.empty()) {
    page.note(
        concat("There are ", with_separators(study.classes), " classes, too many to count which was taken for which."));
    return;
  }
  page.begin_beside();
  if (study.classes <= readable) {
    page.begin_block(true);
    ConfusionPlot plot{.title = "Confusion matrix", .classes = options.classes};
    plot.size = study.classes;
    plot.counts = study.counts;
    page.plot(plot);
    page.end_block();
  } else {
    page.note(concat("The confusion matrix is left out: with ", study.classes, " classes nobody could read it."));
  }
  page.begin_block();
  if (const std::vector<MixUpCount> mixed = study.mix_ups(10); !mixed.empty()) {
    page.heading("Most frequent mix-ups");
    std::vector<std::vector<std::string>> rows;
    rows.reserve(mixed.size());
    for (const MixUpCount& one : mixed)
      rows.push_back(
          {class_label(options, one.truth), class_label(options, one.prediction), with_separators(one.count),
           report_percent(static_cast<double>(one.count) / static_cast<double>(study.scores(one.truth).count))});
    page.table({"truth", "taken for", "times", "of the class"}, rows, 2);
  }
  page.heading("Classes");
  std::vector<std::vector<std::string>> rows;
  for (Index one = 0; one < study.classes; ++one) {
    const ClassScores scores = study.scores(one);
    rows.push_back({class_label(options, one), with_separators(scores.count), report_percent(scores.precision),
                    report_percent(scores.recall), report_percent(scores.f1)});
  }
  page.table({"class", "samples", "precision", "recall", "F1"}, rows, 1);
  page.end_block();
  page.end_beside();
}

inline void report_worst_images(ReportPage& page, const ClassStudy& study, const ReportOptions& options) {
  page.section("Worst-predicted images");
  if (!study.has_images()) {
    page.note("Left out: the inputs are not images of 1 or 3 channels, (N, C, H, W).");
    return;
  }
  const std::vector<StudiedSample> worst = study.worst();
  if (worst.empty()) {
    page.note("None are shown.");
    return;
  }
  page.note("Those with the highest loss first: what each was taken for, with which probability, and what it is.");
  page.begin_images();
  for (const StudiedSample& sample : worst) {
    auto image = uninitialised<double>(Shape<4>(1, study.image[0], study.image[1], study.image[2]));
    std::copy(sample.pixels.begin(), sample.pixels.end(), image.data());
    ImageGrid grid;
    grid.add(image);
    page.image(grid.items[0].image,
               concat(class_label(options, sample.prediction), ": ", report_percent(sample.probability)),
               sample.prediction == sample.truth,
               {concat("is ", class_label(options, sample.truth), ": ", report_percent(sample.truth_probability)),
                concat("loss ", report_number(sample.loss, 3)), concat("no. ", with_separators(sample.number))});
  }
  page.end_images();
}

inline void report_classes(ReportPage& page, const ClassStudy& study, const ReportOptions& options) {
  page.section("Predictions");
  if (study.classes < 2 || study.rows == study.left_out) {
    page.note("Left out: there are no labels of two or more classes.");
    return;
  }
  page.paragraph(concat(with_separators(study.right), " of ", with_separators(study.rows - study.left_out),
                        " samples are predicted right, ", report_percent(study.accuracy(), 2), "."));
  std::string note = "Probabilities and losses here are by the softmax of the model's outputs.";
  if (study.left_out)
    note += concat(" ", with_separators(study.left_out), " samples whose label is no class are left out.");
  page.note(note);
  report_scores(page, study, options);
  report_worst_images(page, study, options);
}

/// Throws: UsageError, DataError before anything is computed.
inline void check_report(const std::string& path, const ReportOptions& options) {
  const std::string place = concat("report: ", path);
  if (!path.ends_with(".html") && !path.ends_with(".htm"))
    fail<UsageError>(place, "the name of a report must end in .html", "it does not");
  if (options.images < 0)
    fail<UsageError>("report", "the number of images must not be negative", concat("got ", options.images));
  check_folder("report", path);
}

}  // namespace kiln::detail
