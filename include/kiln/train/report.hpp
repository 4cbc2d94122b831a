// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `learn.report("report.html")`: a training on one page: configuration, model, curves, epochs, and for a classifier
/// what it mixes up and which images it gets most wrong. The file needs no network and no scripts.
///
///     learn.report("report.html");
///     learn.report("test.html", data.test, {.title = "Digits", .classes = names, .images = 12});
#pragma once

#include <ctime>

#include <array>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include <kiln/core/cpu.hpp>
#include <kiln/core/parallel.hpp>
#include <kiln/train/learner.hpp>
#include <kiln/train/report_sections.hpp>

namespace kiln::detail {

/// The local time, to the minute.
inline std::string report_date() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  std::array<char, 64> text;
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M %Z", &local)};
}

/// Such as `50,000 samples in 782 batches of 64`.
template <class Loader>
std::string describe_loader(const Loader& loader) {
  std::string text;
  if constexpr (requires { concat(loader.size()); }) text = concat(with_separators(loader.size()), " samples in ");
  text += concat(with_separators(loader.batches()), loader.batches() == 1 ? " batch" : " batches");
  if constexpr (requires { concat(loader.batch_size()); }) text += concat(" of ", loader.batch_size());
  return text;
}

inline void report_optimizer(ReportFacts& facts, const Optimizer& optimizer) {
  const std::size_t groups = optimizer.group_count();
  for (std::size_t group = 0; group < groups; ++group) {
    std::string text = concat(optimizer.rule_name(group));
    for (std::string_view name : optimizer.hyper_names(group))
      text += concat(", ", name, " ", short_number(optimizer.hyper(group, name), 4));
    Index elements = 0, frozen = 0;
    for (const ParamRef& param : optimizer.parameters(group)) {
      const Index count = param.numel();
      elements += count;
      if (!param.trainable()) frozen += count;
    }
    text += concat("; ", with_separators(elements), " parameters");
    if (frozen) text += concat(", ", with_separators(frozen), " of them frozen");
    facts.push_back({groups > 1 ? concat("Optimizer now, group ", group) : "Optimizer now", std::move(text)});
  }
}

/// A type's name, with the settings that can be said in a word: `CrossEntropy: label_smoothing 0.1`.
template <class Setting>
std::string describe_setting(const Setting& setting) {
  std::string text(type_name<Setting>());
  if constexpr (std::is_aggregate_v<Setting> && !std::is_empty_v<Setting>) {
    if (std::string fields = describe_fields(setting); !fields.empty()) text += concat(": ", fields);
  }
  return text;
}

/// A callback that has recorded activations, as ActivationStats.
template <class Extra>
concept ActivationRecord = requires(const Extra& extra) {
  extra.outputs.empty();
  extra.output_gradients.empty();
  extra.figure().svg();
  extra.histogram_figure().svg();
  extra.gradient_histogram_figure().svg();
  extra.dead_plot().svg();
};

template <ActivationRecord Stats>
void report_activations(ReportPage& page, const Stats& stats) {
  if (stats.outputs.empty()) {
    page.note("Nothing has been recorded yet.");
    return;
  }
  page.begin_block(true);
  page.plot(stats.figure());
  page.plot(stats.histogram_figure());
  if (!stats.output_gradients.empty()) page.plot(stats.gradient_histogram_figure());
  page.plot(stats.dead_plot());
  page.end_block();
}

/// A callback that has measured where the time goes, as Profiler.
template <class Extra>
concept ProfileRecord = requires(const Extra& extra) {
  extra.train.rows;
  extra.valid.rows;
};

template <ProfileRecord Record>
void report_profile(ReportPage& page, const Record& record) {
  if (record.train.empty() && record.valid.empty()) page.note("Nothing has been measured yet.");
  for (const auto* profile : {&record.train, &record.valid}) {
    if (profile->empty()) continue;
    page.heading(profile == &record.train ? "A batch of training" : "A batch of validation");
    std::vector<std::vector<std::string>> rows;
    const auto add = [&](std::string layer, std::string type, double forward, double backward, double flops) {
      const double seconds = forward + backward;
      rows.push_back({std::move(layer), std::move(type), forward > 0 ? spoken_seconds(forward) : "",
                      backward > 0 ? spoken_seconds(backward) : "",
                      flops > 0 && seconds > 0 ? report_number(flops / seconds * 1e-9, 3) : "",
                      report_percent(seconds / profile->seconds)});
    };
    for (const auto& row : profile->rows) {
      std::string path;
      for (int i = 0; i < row.depth; ++i) path += "\u00a0\u00a0";
      add(path + (row.path.empty() ? "the model" : row.path), row.layer, row.forward, row.backward,
          row.flops + row.backward_flops);
    }
    add("loss", "", profile->loss, profile->loss_backward, 0);
    if (profile->optimizer > 0) add("optimizer", "", profile->optimizer, 0, 0);
    if (profile->metrics > 0) add("metrics", "", profile->metrics, 0, 0);
    add("waiting for data", "", profile->data, 0, 0);
    add("callbacks and loop", "", profile->rest, 0, 0);
    add("whole batch", "", profile->seconds, 0, profile->flops());
    page.table({"layer", "type", "forward", "backward", "GFLOP/s", "share"}, rows, 2, rows.size() - 1);
    page.note(concat("Means of ", with_separators(profile->batches), " batches, on ", profile->threads,
                     profile->threads == 1 ? " thread" : " threads",
                     ". A layer's figures include those of layers within it."));
  }
}

/// What has access to a Learner to report on it.
template <class Learner>
struct LearnerReport {
  Learner& learn;

  template <class Loader>
  void write(const std::string& path, const Loader& loader, const ReportOptions& options) {
    check_report(path, options);
    const std::string page = html(loader, options);
    replace_file("report", path, [&](const File& file) { file.write(page.data(), page.size()); });
  }

  template <class Loader>
  std::string html(const Loader& loader, const ReportOptions& options) {
    const Recorder& history = learn.recorder_;
    ReportPage page(options.title, concat(report_date(), ", Kiln ", KILN_VERSION_MAJOR, ".", KILN_VERSION_MINOR, ".",
                                          KILN_VERSION_PATCH));
    report_figures(page, history);
    configuration(page, loader);
    if (loader.batches() == 0) {
      page.section("Model");
      page.note("Left out, as all that runs the model: the loader has no batches.");
      report_curves(page, history);
      report_epochs(page, history);
      activations(page);
      return std::move(page).finish();
    }
    {
      auto epoch = loader.epoch(0);
      report_summary(page, summary(std::as_const(learn.model_), epoch.next()->x));
    }
    report_curves(page, history);
    report_epochs(page, history);
    profiles(page);
    activations(page);
    predictions(page, loader, options);
    return std::move(page).finish();
  }

 private:
  using Pred = typename Learner::PredTensor;

  template <class Loader>
  void configuration(ReportPage& page, const Loader& loader) {
    ReportFacts facts{{"Model", std::string(type_name<typename Learner::Net>())},
                      {"Training data", describe_loader(learn.data_.train)},
                      {"Validation data", describe_loader(learn.data_.valid)}};
    if (static_cast<const void*>(&loader) != &learn.data_.valid)
      facts.push_back({"Data of this report", describe_loader(loader)});
    facts.push_back({"Loss", describe_setting(learn.loss_)});
    report_optimizer(facts, learn.optimizer_);
    if (std::string names = metrics(); !names.empty()) facts.push_back({"Metrics", std::move(names)});
    std::string callbacks;
    for (const CallbackRef& callback : learn.callbacks_.own())
      callbacks += concat(callbacks.empty() ? "" : ", ", callback.name());
    if (!callbacks.empty()) facts.push_back({"Callbacks", std::move(callbacks)});
    facts.push_back({"Trained", concat(with_separators(std::ssize(learn.recorder_.epochs)), " epochs, ",
                                       with_separators(learn.optimizer_.steps()), " optimizer steps")});
    facts.push_back({"Seed", concat(learn.seed_)});
    facts.push_back({"Threads", concat(num_threads())});
    facts.push_back({"CPU level", std::string(isa_name(isa()))});
    page.section("Configuration");
    page.facts(facts);
  }

  std::string metrics() {
    std::string names;
    for (const MetricValue& metric : learn.fit_.metrics) names += concat(names.empty() ? "" : ", ", metric.name);
    return names;
  }

  void profiles(ReportPage& page) {
    auto report = [&]<class Extra>(const Extra& extra) {
      if constexpr (ProfileRecord<Extra>) {
        page.section("Where the time goes");
        report_profile(page, extra);
      }
    };
    std::apply([&](const auto&... extra) { (report(extra), ...); }, learn.extras_);
  }

  void activations(ReportPage& page) {
    page.section("Activations");
    bool any = false;
    auto report = [&]<class Extra>(const Extra& extra) {
      if constexpr (ActivationRecord<Extra>) {
        report_activations(page, extra);
        any = true;
      }
    };
    std::apply([&](const auto&... extra) { (report(extra), ...); }, learn.extras_);
    if (!any) page.note("Left out: no ActivationStats is among the Learner's callbacks.");
  }

  template <class Loader>
  void predictions(ReportPage& page, const Loader& loader, const ReportOptions& options) {
    using Y = std::remove_cvref_t<decltype(std::declval<typename Loader::Batch&>().y)>;
    if constexpr (Pred::rank == 2 && is_label_tensor<Y>()) {
      ClassStudy study(options.images);
      for (auto& batch : loader.epoch(0)) {
        const Pred pred = learn.predict(batch.x);
        if (!options.classes.empty() && static_cast<Index>(options.classes.size()) != pred.size(1))
          fail<UsageError>("report", concat("there must be none or ", pred.size(1), " names of classes"),
                           concat("got ", options.classes.size()));
        if (batch.y.numel() != pred.size(0))
          fail<ShapeError>("report", "prediction and label must have as many rows",
                           concat("got shapes ", pred.shape(), " and ", batch.y.shape()));
        study.add(pred, batch.y, batch.x);
      }
      report_classes(page, study, options);
    } else {
      page.section("Predictions");
      page.note("Left out: this model does not predict scores (N, C) of classes for integer labels (N).");
    }
  }

  template <class Y>
  static consteval bool is_label_tensor() {
    if constexpr (is_tensor<Y>)
      return Y::rank == 1 && std::is_integral_v<typename Y::value_type> &&
             !std::is_same_v<typename Y::value_type, bool>;
    return false;
  }
};

}  // namespace kiln::detail
