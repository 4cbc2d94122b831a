// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/csv_logger.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <sstream>

#include "../viz/folder.hpp"
#include "script.hpp"

TEST_SUITE_BEGIN("train");

using namespace kiln;

namespace {

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, at);) parts.push_back(part);
  return parts;
}

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

struct Skip {
  void on(BeforeValidate, Fit& fit) {
    if (fit.epoch() == 1) fit.cancel(Scope::validate);
  }
};

}  // namespace

TEST_CASE("a row for every epoch, in full precision, after all fits of one logger") {
  Folder folder;
  auto data = toy::loaders();
  toy::Mlp model;
  auto odd = Metric{"a \"b\", c\nd", [](const Tensor<2>&, const Tensor<1, int>&) { return 1.0 / 3; }};
  Learner learn{data, model, CrossEntropy{}, SGD{}, Accuracy{}, odd, CsvLogger{.path = folder / "log.csv"}, Skip{}};
  learn.quiet();
  learn.fit(2, 0.1);
  learn.fit(1, 0.1 / 3);
  const auto lines = split(folder.read("log.csv"), '\n');
  REQUIRE(lines.size() == 4);
  CHECK(lines[0] == "epoch,train_loss,valid_loss,accuracy,\"a \"\"b\"\", c d\",lr,time");
  for (std::size_t i = 0; i < 3; ++i) {
    const auto row = split(lines[i + 1], ',');
    const EpochRow& expected = learn.recorder().epochs[i];
    REQUIRE(row.size() == 7);
    CHECK(row[0] == std::to_string(expected.epoch));
    CHECK(std::stod(row[1]) == expected.train_loss);
    if (i == 1) CHECK((row[2] == "nan" && row[3] == "nan" && row[4] == "nan"));
    else CHECK((std::stod(row[2]) == expected.valid_loss && std::stod(row[4]) == expected.metrics[1].value));
    CHECK(std::stod(row[5]) == (i < 2 ? 0.1 : 0.1 / 3));
    CHECK(std::stod(row[6]) >= 0);
  }
  learn.fit(1, 0.1, CsvLogger{.path = folder / "log.csv"});  // another logger begins anew
  CHECK(split(folder.read("log.csv"), '\n').size() == 2);
}

TEST_CASE("every parameter group has its learning rate") {
  Folder folder;
  auto data = toy::loaders();
  toy::Mlp model;
  Optimizer optimizer{SGD{.lr = 0.5}, parameters(model.hidden)};
  optimizer.add_group(SGD{.lr = 0.25}, parameters(model.out));
  Learner learn{data, model, CrossEntropy{}, optimizer, CsvLogger{.path = folder / "log.csv"}};
  learn.quiet();
  learn.fit(1);
  CHECK(folder.read("log.csv").starts_with("epoch,train_loss,valid_loss,lr_0,lr_1,time\n"));
  CHECK(folder.read("log.csv").find(",0.5,0.25,") != std::string::npos);
}

TEST_CASE("rows are appended to a file with the same columns, and to no other") {
  Folder folder;
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  learn.quiet();
  const CsvLogger log{.path = folder / "log.csv", .append = true};
  for (int i = 0; i < 2; ++i) learn.fit(1, 0.1, CsvLogger(log));
  CHECK(split(folder.read("log.csv"), '\n').size() == 3);

  const std::string unended = "epoch,train_loss,valid_loss,lr,time\n0,1,1,1,1";
  write(log.path, unended);
  learn.fit(1, 0.1, CsvLogger(log));
  CHECK(folder.read("log.csv").starts_with(unended + "\n0,"));

  write(log.path, "epoch,loss\n0,1\n");
  const Index before = learn.position().step;
  CHECK_THROWS_WITH_AS(
      learn.fit(1, 0.1, CsvLogger(log)),
      ("CsvLogger: " + log.path + " must have the columns epoch,train_loss,valid_loss,lr,time: it has epoch,loss")
          .c_str(),
      DataError);
  CHECK(folder.read("log.csv") == "epoch,loss\n0,1\n");
  CHECK_THROWS_WITH_AS(learn.fit(1, 0.1, CsvLogger{.path = "/nowhere/log.csv"}),
                       doctest::Contains("must be possible to open: No such file or directory"), DataError);
  CHECK(learn.position().step == before);
}

TEST_CASE("the rows of epochs that ended are there when the fit is cancelled or fails") {
  struct End {
    bool fails;
    void on(BeforeStep, Fit& fit) {
      if (fit.epoch() < 2) return;
      if (fails) throw std::runtime_error("mine");
      fit.cancel(Scope::fit);
    }
  };
  for (bool fails : {false, true}) {
    Folder folder;
    auto data = toy::loaders();
    toy::Mlp model;
    Learner learn{data, model, CrossEntropy{}, SGD{}, CsvLogger{.path = folder / "log.csv"}};
    learn.quiet();
    if (fails) CHECK_THROWS_WITH(learn.fit(4, 0.1, End{fails}), "mine");
    else learn.fit(4, 0.1, End{fails});
    CHECK(split(folder.read("log.csv"), '\n').size() == 3);
  }
}

TEST_CASE("a fit that is resumed rewrites the rows since its state was taken") {
  Folder folder;
  auto data = toy::loaders();
  toy::Mlp model;
  CsvLogger log{.path = folder / "log.csv"};
  Learner learn{data, model, CrossEntropy{}, SGD{.lr = 0.1}, log};
  learn.quiet();
  struct Take {
    NoState no_state;
    decltype(learn)& learner;
    LearnerState state = {};
    int order = 1000;
    void on(AfterBatch, Fit& fit) {
      if (fit.training && fit.position.step == 4) state = learner.state();
    }
  } take{.no_state = {}, .learner = learn};
  learn.fit(3, take);
  auto without_time = [&] {
    std::string text;
    for (const std::string& line : split(folder.read("log.csv"), '\n')) text += line.substr(0, line.rfind(',')) + "\n";
    return text;
  };
  const std::string once = without_time();
  learn.fit(2);
  CHECK(without_time() != once);
  learn.restore(take.state);
  learn.resume();
  CHECK(without_time() == once);
  CHECK(split(once, '\n').size() == 4);
}

TEST_SUITE_END();
