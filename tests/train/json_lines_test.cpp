// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/json_lines.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "../viz/folder.hpp"
#include "script.hpp"

TEST_SUITE_BEGIN("train");

using namespace kiln;

TEST_CASE("a JSON object for every epoch") {
  Folder folder;
  auto data = toy::loaders();
  toy::Mlp model;
  auto odd = Metric{"a \"b\"\n\\", [](const Tensor<2>&, const Tensor<1, int>&) { return 1.0 / 3; }};
  Learner learn{data,  model, CrossEntropy{},
                SGD{}, odd,   toy::Script{{0.5, std::numeric_limits<double>::infinity(), std::nan("")}}};
  learn.quiet();
  learn.fit(3, 0.1, JsonLines{.path = folder / "log.jsonl"});
  const std::string text = folder.read("log.jsonl");
  std::size_t at = 0;
  for (const char* valid : {"0.5", "null", "null"}) {
    const std::size_t end = text.find('\n', at);
    REQUIRE(end != text.npos);
    const std::string line = text.substr(at, end - at);
    const EpochRow& row = learn.recorder().epochs[static_cast<std::size_t>(
        std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'))];
    CHECK(line.starts_with(concat("{\"epoch\":", row.epoch, ",\"train_loss\":", row.train_loss, ",\"valid_loss\":",
                                  valid, ",\"a \\\"b\\\"\\u000a\\\\\":0.3333333333333333,\"lr\":0.1,\"time\":")));
    CHECK(line.ends_with("}"));
    at = end + 1;
  }
  CHECK(at == text.size());
}

TEST_CASE("lines are appended if asked for") {
  Folder folder;
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  learn.quiet();
  auto lines = [&] {
    const std::string text = folder.read("log.jsonl");
    return std::count(text.begin(), text.end(), '\n');
  };
  learn.fit(2, 0.1, JsonLines{.path = folder / "log.jsonl"});
  CHECK(lines() == 2);
  learn.fit(1, 0.1, JsonLines{.path = folder / "log.jsonl", .append = true});
  CHECK(lines() == 3);
  learn.fit(0, 0.1, JsonLines{.path = folder / "log.jsonl"});
  CHECK(lines() == 0);
  CHECK_THROWS_WITH_AS(learn.fit(1, 0.1, JsonLines{.path = "/nowhere/log.jsonl"}),
                       doctest::Contains("must be possible to open: No such file or directory"), DataError);
}

TEST_SUITE_END();
