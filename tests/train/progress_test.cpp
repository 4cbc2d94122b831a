// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/progress.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstdio>
#include <limits>
#include <string>
#include <thread>
#include <vector>

TEST_SUITE_BEGIN("train");

using namespace kiln;

namespace {

std::string content(std::FILE* file) {
  std::rewind(file);
  std::string text;
  for (int c; (c = std::fgetc(file)) != EOF;) text += static_cast<char>(c);
  return text;
}

}  // namespace

TEST_CASE("a file gets plain rows and no bar") {
  std::FILE* out = std::tmpfile();
  REQUIRE(out);
  Recorder recorder;
  Progress progress(recorder, out);
  Fit fit;
  progress.on(BeforeFit{}, fit);
  progress.on(AfterBatch{}, fit);
  recorder.epochs.push_back(
      {.epoch = 0, .train_loss = 0.5, .valid_loss = 0.25, .metrics = {{"accuracy", 0.9375}}, .seconds = 4.25});
  progress.on(AfterEpoch{}, fit);
  recorder.epochs.push_back(
      {.epoch = 1, .train_loss = 0.125, .valid_loss = 1, .metrics = {{"accuracy", 1}}, .seconds = 75.5});
  progress.on(AfterEpoch{}, fit);
  CHECK(content(out) ==
        "epoch  train_loss  valid_loss  accuracy     time\n"
        "    0    0.500000    0.250000  0.937500  00:04.2\n"
        "    1    0.125000    1.000000  1.000000  01:15.5\n");
  std::fclose(out);
}

TEST_CASE("a terminal gets a bar, which the row replaces; what was not computed is a dash") {
  std::FILE* out = std::tmpfile();
  REQUIRE(out);
  Recorder recorder;
  Progress progress(recorder, out, true);
  Fit fit;
  fit.training = true;
  fit.batches = 3;
  fit.batch = 0;
  fit.position.last_epoch = 2;
  fit.train_loss = 0.5;
  progress.on(BeforeFit{}, fit);
  progress.on(AfterBatch{}, fit);
  const double none = std::numeric_limits<double>::quiet_NaN();
  recorder.epochs.push_back({.epoch = 0, .train_loss = 0.5, .valid_loss = none, .metrics = {}, .seconds = 1});
  progress.on(AfterEpoch{}, fit);
  std::string bar = "\repoch 1/2  train ";
  for (int i = 0; i < 30; ++i) bar += i < 10 ? "█" : "░";
  CHECK(content(out) == bar +
                            " 1/3  loss 0.5000\033[K\r\033[Kepoch  train_loss  valid_loss     time\n"
                            "    0    0.500000           -  00:01.0\n");
  std::fclose(out);
}

namespace {

/// The last line that a terminal of some width shows in the middle of an epoch.
std::string bar(Index columns, Index batches, double loss, Index curve = 0) {
  std::FILE* out = std::tmpfile();
  REQUIRE(out);
  Recorder recorder;
  Progress progress(recorder, out, true, columns);
  Fit fit;
  fit.training = fit.counted = true;
  fit.batches = batches;
  fit.position.last_epoch = 1;
  fit.train_loss = loss;
  progress.on(BeforeFit{}, fit);
  fit.batch = -1;
  for (Index i = 0; i < curve; ++i) {
    fit.loss_value = static_cast<double>(curve - i);
    if (i == 1) std::rewind(out);  // only the first is drawn, within a tenth of a second
    progress.on(AfterBatch{}, fit);
  }
  if (curve > 0) std::this_thread::sleep_for(std::chrono::milliseconds(120));
  std::rewind(out);
  fit.batch = batches / 2 - 1;
  progress.on(AfterBatch{}, fit);
  const std::string text = content(out);
  std::fclose(out);
  const std::size_t end = text.find("\033[K");
  REQUIRE(end != text.npos);
  return text.substr(1, end - 1);
}

std::size_t characters(std::string_view text) {
  std::size_t count = 0;
  for (char c : text) count += (c & 0xc0) != 0x80;
  return count;
}

}  // namespace

TEST_CASE("the bar is never wider than the terminal") {
  for (Index columns : {1, 5, 20, 40, 44, 60, 80, 200}) {
    CAPTURE(columns);
    CHECK(characters(bar(columns, 10, 0.5)) <= static_cast<std::size_t>(columns - 1));
    CHECK(characters(bar(columns, 2'000'000'000, 1e30)) <= static_cast<std::size_t>(columns - 1));
  }
  CHECK(bar(46, 10, 0.5) == "epoch 1/1  train █████░░░░░ 5/10  loss 0.5000");
  CHECK(bar(20, 10, 0.5) == "epoch 1/1  train  5");
  CHECK(bar(80, 4, std::numeric_limits<double>::quiet_NaN()).ends_with(" 2/4  loss nan"));
}

TEST_CASE("beside the bar is the course of the loss, where there is room") {
  CHECK(bar(80, 100, 0.5, 20).find("  █") != std::string::npos);
  CHECK(bar(80, 100, 0.5, 20).ends_with("▁"));
  CHECK(characters(bar(80, 100, 0.5, 1000)) <= 79);
  CHECK(bar(60, 100, 0.5, 20).ends_with("0.5000"));
  CHECK(bar(80, 100, 0.5, 3).ends_with("0.5000"));  // too little to see anything
}

TEST_CASE("a table of many metrics, long names, all sizes of numbers and long times stays in its columns") {
  std::FILE* out = std::tmpfile();
  REQUIRE(out);
  Recorder recorder;
  Progress progress(recorder, out, false);
  Fit fit;
  fit.counted = true;
  fit.batches = 1;  // the validation was completed
  progress.on(BeforeFit{}, fit);
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  std::vector<MetricValue> metrics{{"a", 0}, {"précision", 1.0 / 3}};
  for (double value : {123456.0, 99999.0, 1234.5678, 45.6789, 1e-5, -1e-20, inf, -inf, nan, 1e300})
    metrics.push_back({"m", value});
  recorder.epochs.push_back({.epoch = 0, .train_loss = nan, .valid_loss = 1e20, .metrics = metrics, .seconds = 59.96});
  progress.on(AfterEpoch{}, fit);
  recorder.epochs.push_back(
      {.epoch = 12345, .train_loss = 2.5, .valid_loss = nan, .metrics = metrics, .seconds = 3599.94});
  fit.batches = 2;  // it was not
  progress.on(AfterEpoch{}, fit);
  recorder.epochs.back().seconds = 360000;
  progress.on(AfterEpoch{}, fit);
  const std::string text = content(out);
  CHECK(text ==
        "epoch  train_loss  valid_loss         a  précision         m         m         m         m"
        "         m         m         m         m         m         m     time\n"
        "    0         nan    1.00e+20  0.000000   0.333333  1.23e+05  99999.00  1234.568  45.67890"
        "  1.00e-05 -1.00e-20       inf      -inf       nan 1.00e+300  01:00.0\n"
        "12345    2.500000           -  0.000000   0.333333  1.23e+05  99999.00  1234.568  45.67890"
        "  1.00e-05 -1.00e-20       inf      -inf         - 1.00e+300  59:59.9\n"
        "12345    2.500000           -  0.000000   0.333333  1.23e+05  99999.00  1234.568  45.67890"
        "  1.00e-05 -1.00e-20       inf      -inf         - 1.00e+300 100:00:00\n");
  std::fclose(out);
}

TEST_CASE("the bar is gone when the fit ends by an exception") {
  std::FILE* out = std::tmpfile();
  REQUIRE(out);
  Recorder recorder;
  Progress progress(recorder, out, true, 80);
  Fit fit;
  fit.training = fit.counted = true;
  fit.batches = 3;
  progress.on(BeforeFit{}, fit);
  progress.on(AfterBatch{}, fit);
  CHECK_FALSE(content(out).ends_with("\r\033[K"));
  Fit::Access::end(fit);
  CHECK(content(out).ends_with("\r\033[K"));
  std::fclose(out);
}

TEST_CASE("silenced, it prints nothing") {
  std::FILE* out = std::tmpfile();
  REQUIRE(out);
  Recorder recorder;
  recorder.epochs.push_back({});
  Progress progress(recorder, out);
  progress.set_enabled(false);
  Fit fit;
  progress.on(AfterEpoch{}, fit);
  CHECK(content(out).empty());
  std::fclose(out);
}

TEST_SUITE_END();
