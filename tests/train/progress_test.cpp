// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/progress.hpp>

#include <doctest/doctest.h>

#include <cstdio>
#include <limits>
#include <string>

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
                            " 1/3  loss 0.5000  \r\033[Kepoch  train_loss  valid_loss     time\n"
                            "    0    0.500000           -  00:01.0\n");
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
