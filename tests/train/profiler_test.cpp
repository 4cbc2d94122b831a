// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/profiler.hpp>

#include <doctest/doctest.h>

#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <kiln/nn/batch_norm.hpp>
#include <kiln/nn/dropout.hpp>
#include <kiln/nn/residual.hpp>
#include <kiln/train/gradient_accumulation.hpp>
#include <kiln/train/metrics.hpp>

#include "toy.hpp"

TEST_SUITE_BEGIN("train");

using namespace kiln;

namespace {

std::int64_t clock_now = 0;
std::int64_t fake_clock() { return clock_now; }
void spend(int microseconds) { clock_now += 1000 * microseconds; }

/// The identity, which takes its time.
Var<2> tick(const Var<2>& x, int forward, int backward) {
  spend(forward);
  return record(
      "tick", Tensor<2>(x.value()),
      [backward](const Tensor<2>& dy, auto& dx) {
        spend(backward);
        dx += dy;
      },
      x);
}

struct Tick {
  int forward, backward;
  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const Var<2>& x) { return tick(x, forward, backward); });
  }
};

struct Silent {
  int forward, backward;
  auto operator()(const Var<2>& x) const { return tick(x, forward, backward); }
};

struct Block {  // shares its address with its first field
  Tick first{10, 20};
  Silent silent{3, 4};
  Tick second{100, 200};
  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const Var<2>& x) { return tick(second(first(silent(first(x)))), 1, 2); });
  }
};

struct TickData {
  TensorDataset<Tensor<2>, Tensor<1, int>> points;
  int time;
  Index size() const { return points.size(); }
  auto gather(std::span<const Index> rows) const {
    spend(time);
    return points.gather(rows);
  }
};

/// Training batches of 8, 8 and 4; validation batches of 8 and 2.
auto tick_loaders() {
  return DataLoaders{DataLoader{TickData{toy::points(20), 30}, LoaderOptions{.batch_size = 8, .workers = 0}},
                     DataLoader{TickData{toy::points(10), 40}, LoaderOptions{.batch_size = 8, .workers = 0}}};
}

struct TickLoss {
  auto operator()(const Var<2>& pred, const Tensor<1, int>& y) const { return cross_entropy(tick(pred, 5, 6), y); }
};

struct TickRule {
  double lr = 0.1;
  template <class T>
  void update(ParamUpdate<T> u) const {
    spend(8);  // for each of two parameters
    for (Index i = 0; i < u.size(); ++i) u.param.data()[i] -= T(lr) * u.grad.data()[i];
  }
};

struct TickCallback {
  NoState no_state = {};
  void on(BeforeBatch, Fit&) { spend(1); }
  void on(AfterLoss, Fit&) { spend(1); }
  void on(AfterBatch, Fit&) { spend(1); }
  void on(AfterEpoch, Fit&) { spend(1000); }
};

double tick_metric(const Tensor<2>&, const Tensor<1, int>&) {
  spend(9);
  return 0;
}

auto tick_model() { return Sequential{Linear{3, 2}, Block{}, Tick{7, 70}}; }

Profiler silent_profiler() { return {.peak = false, .out = nullptr, .clock = fake_clock}; }

std::string content(std::FILE* file) {
  std::string text;
  std::rewind(file);
  for (int c; (c = std::fgetc(file)) != EOF;) text += static_cast<char>(c);
  std::fclose(file);
  return text;
}

/// `2 * path type [runs] forward/backward own`, by line, in microseconds.
std::string lines(const std::vector<ProfileRow>& rows) {
  const auto us = [](double seconds) { return fixed(seconds * 1e6, 0); };
  std::string text;
  for (const ProfileRow& row : rows)
    text +=
        concat(std::string(static_cast<std::size_t>(2 * row.depth), ' '), row.path, " ", row.layer, " ", row.runs, "x ",
               us(row.forward), "+", us(row.backward), " own ", us(row.own_forward), "+", us(row.own_backward), "\n");
  return text;
}

template <class Model>
std::vector<Tensor<1>> weights(const Model& model) {
  std::vector<Tensor<1>> all;
  for_each_part(model, [&]<class Part>(const std::string&, Part& part) {
    if constexpr (is_param<std::remove_const_t<Part>>) {
      all.push_back(zeros({part.value.numel()}));
      std::copy_n(part.value.data(), part.value.numel(), all.back().data());
    }
  });
  return all;
}

}  // namespace

TEST_CASE("every moment of a batch is counted once") {
  auto data = tick_loaders();
  Learner learn{data, tick_model(), TickLoss{}, TickRule{}, tick_metric, TickCallback{}};
  learn.quiet();
  Profiler profiler = silent_profiler();
  learn.fit(2, 0.1, profiler);

  const Profile& train = profiler.train;
  CHECK(train.batches == 5);
  CHECK(train.left_out == 1);
  CHECK(train.samples == 32);
  CHECK(train.batch_size == 8);
  CHECK(train.threads == num_threads());
  CHECK(train.peak == 0);
  CHECK(lines(train.rows) ==
        " Sequential 1x 131+316 own 0+0\n"
        "  0 Linear 1x 0+0 own 0+0\n"
        "  1 Block 1x 124+246 own 4+6\n"
        "    1.first Tick 2x 20+40 own 20+40\n"
        "    1.second Tick 1x 100+200 own 100+200\n"
        "  2 Tick 1x 7+70 own 7+70\n");
  CHECK(train.data == doctest::Approx(30e-6));
  CHECK(train.loss == doctest::Approx(5e-6));
  CHECK(train.loss_backward == doctest::Approx(6e-6));
  CHECK(train.optimizer == doctest::Approx(16e-6));
  CHECK(train.metrics == 0);
  CHECK(train.rest == doctest::Approx(3e-6));
  CHECK(train.seconds == doctest::Approx((131 + 316 + 30 + 5 + 6 + 16 + 3) * 1e-6));
  CHECK(train.samples_per_second() == doctest::Approx(6.4 / train.seconds));

  // Products: 2 for each multiplication with its addition, and as many for the weight's gradient.
  CHECK(train.rows[1].flops == doctest::Approx(6.4 * 2 * 3 * 2));
  CHECK(train.rows[1].backward_flops == doctest::Approx(6.4 * 2 * 3 * 2));
  CHECK(train.rows[2].flops == 0);
  CHECK(train.flops() == doctest::Approx(2 * 6.4 * 2 * 3 * 2));
  CHECK(train.rows[3].output.empty() == false);
  CHECK(train.rows[3].output == std::vector<Index>{8, 2});

  const Profile& valid = profiler.valid;
  CHECK(valid.batches == 3);
  CHECK(valid.samples == 12);
  CHECK(lines(valid.rows) ==
        " Sequential 1x 131+0 own 0+0\n"
        "  0 Linear 1x 0+0 own 0+0\n"
        "  1 Block 1x 124+0 own 4+0\n"
        "    1.first Tick 2x 20+0 own 20+0\n"
        "    1.second Tick 1x 100+0 own 100+0\n"
        "  2 Tick 1x 7+0 own 7+0\n");
  CHECK(valid.data == doctest::Approx(40e-6));
  CHECK(valid.metrics == doctest::Approx(9e-6));
  CHECK(valid.optimizer + valid.loss_backward == 0);
  CHECK(valid.seconds == doctest::Approx((131 + 40 + 5 + 9 + 3) * 1e-6));
  CHECK(valid.rows[1].backward_flops == 0);
  CHECK(&profiler.rows() == &train.rows);
}

TEST_CASE("results have the same bits with profilers") {
  const auto train = [](auto... profilers) {
    manual_seed(3);
    auto data = toy::loaders(1);
    Sequential model{Linear{3, 8}, BatchNorm1d{8}, ReLU{}, Dropout{0.5}, Residual{Linear{8, 8}}, Linear{8, 2}};
    Learner learn{data, model, CrossEntropy{}, SGD{.momentum = 0.9}, Accuracy{}};
    learn.quiet();
    learn.fit(3, 0.1, profilers...);
    learn.validate(data.valid, profilers...);
    std::pair result{weights(model), learn.recorder().losses};
    result.second.push_back(learn.recorder().epochs.back().valid_loss);
    return result;
  };
  const Profiler profiler{.peak = false, .out = nullptr};
  const auto [plain, plain_losses] = train();
  const auto [profiled, profiled_losses] = train(profiler, profiler);
  CHECK(plain_losses == profiled_losses);
  REQUIRE(plain.size() == profiled.size());
  for (std::size_t i = 0; i < plain.size(); ++i) CHECK(std::ranges::equal(plain[i].span(), profiled[i].span()));
}

TEST_CASE("frozen layers have no backward pass, and steps that are skipped cost none") {
  auto data = tick_loaders();
  auto model = tick_model();
  freeze(std::get<0>(model.layers));
  Sequential all{model, Linear{2, 2}, Tick{1, 2}};
  Learner learn{data, all, TickLoss{}, TickRule{}, GradientAccumulation{.samples = 16}};
  learn.quiet();
  Profiler profiler = silent_profiler();
  profiler.warm_up = 0;
  learn.fit(1, 0.1, profiler);
  CHECK(lines(profiler.train.rows)
            .starts_with(" Sequential 1x 132+2 own 0+0\n"
                         "  0 Sequential 1x 131+0 own 0+0\n"
                         "    0.0 Linear 1x 0+0 own 0+0\n"));
  CHECK(profiler.train.rows[1].backward_flops == 0);
  CHECK(profiler.train.batches == 3);
  CHECK(profiler.train.optimizer == doctest::Approx(2 * 16e-6 / 3));  // after 16 samples, and at the end
}

TEST_CASE("a validation by itself") {
  auto data = tick_loaders();
  Learner learn{data, tick_model(), TickLoss{}, TickRule{}};
  std::FILE* out = std::tmpfile();
  Profiler profiler{.peak = false, .out = out, .clock = fake_clock};
  learn.validate(data.valid, profiler);
  CHECK(profiler.train.empty());
  CHECK(profiler.valid.batches == 1);
  CHECK(profiler.valid.samples == 2);
  CHECK(&profiler.rows() == &profiler.valid.rows);
  const std::string text = content(out);
  CHECK(text.starts_with("\nValidation: 1 batch of 2 after 1 to warm up, "));
  CHECK(text.find("optimizer") == text.npos);
}

TEST_CASE("a number of batches, and what is left out before them") {
  const auto batches = [](Profiler profiler, Index epochs) {
    auto data = tick_loaders();
    Learner learn{data, tick_model(), TickLoss{}, TickRule{}, TickCallback{}};
    learn.quiet();
    learn.fit(epochs, 0.1, profiler);
    if (!profiler.train.empty()) CHECK(profiler.train.seconds == doctest::Approx(507e-6));
    if (!profiler.valid.empty()) CHECK(profiler.valid.seconds == doctest::Approx(179e-6));
    return std::vector{profiler.train.left_out, profiler.train.batches, profiler.valid.left_out,
                       profiler.valid.batches};
  };
  Profiler profiler = silent_profiler();
  CHECK(batches(profiler, 1) == std::vector<Index>{1, 2, 1, 1});
  profiler.batches = 2;
  profiler.warm_up = 0;
  CHECK(batches(profiler, 3) == std::vector<Index>{0, 2, 0, 2});
  profiler.warm_up = 4;
  CHECK(batches(profiler, 3) == std::vector<Index>{4, 2, 4, 2});
  profiler.warm_up = 100;
  CHECK(batches(profiler, 3) == std::vector<Index>{9, 0, 6, 0});
  CHECK(batches(profiler, 0) == std::vector<Index>{0, 0, 0, 0});
}

TEST_CASE("without a batch there is no table") {
  auto data = tick_loaders();
  Learner learn{data, tick_model(), TickLoss{}, TickRule{}};
  learn.quiet();
  std::FILE* out = std::tmpfile();
  learn.fit(0, 0.1, Profiler{.out = out, .clock = fake_clock});
  CHECK(content(out) ==
        "\nProfiler: nothing was measured: there was no complete batch after 1 to warm up (Profiler{.warm_up = 0} "
        "leaves out none)\n");
}

namespace {

/// Cancels or throws in a batch.
struct Interrupt {
  Index step;
  std::optional<Scope> scope;
  NoState no_state = {};
  void on(AfterLoss, Fit& fit) {
    if (!fit.training || fit.position.step != step) return;
    spend(5000);
    if (!scope) throw std::runtime_error("stop");
    fit.cancel(*scope);
  }
};

}  // namespace

TEST_CASE("only complete batches count") {
  auto data = tick_loaders();
  Learner learn{data, tick_model(), TickLoss{}, TickRule{}};
  learn.quiet();
  std::FILE* out = std::tmpfile();
  Profiler profiler{.warm_up = 0, .peak = false, .out = out, .clock = fake_clock};
  const auto check = [&](Index batches) {
    CHECK(profiler.train.batches == batches);
    CHECK(profiler.train.seconds == doctest::Approx(504e-6));
    CHECK(profiler.run == nullptr);
  };
  SUBCASE("without one that is cancelled") {
    learn.fit(1, 0.1, profiler, Interrupt{1, Scope::batch});
    check(2);
    CHECK(profiler.valid.batches == 2);
    CHECK(content(out).starts_with("\nTraining: 2 batches of 8, "));
  }
  SUBCASE("before the fit is cancelled") {
    learn.fit(2, 0.1, profiler, Interrupt{2, Scope::fit});
    check(2);
    CHECK(profiler.valid.empty());
    CHECK(content(out).starts_with("\nTraining: 2 batches of 8, "));
  }
  SUBCASE("and an exception leaves nothing but them") {
    CHECK_THROWS_AS(learn.fit(2, 0.1, profiler, Interrupt{4, std::nullopt}), std::runtime_error);
    check(4);
    CHECK(content(out).empty());
    learn.fit(1, 0.1);
    learn.validate();
    CHECK(profiler.train.batches == 4);
  }
}

namespace {

struct Throwing {
  int* left;
  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const Var<2>& x) {
      if (--*left == 0) throw std::runtime_error("in a layer");
      return tick(x, 1, 1);
    });
  }
  static void fields(auto&, auto&&) {}
};

/// Runs the model once more, as test-time augmentation does.
struct Again {
  bool fails = false;
  NoState no_state = {};
  void on(AfterPred, Fit& fit) {
    try {
      fit.run_model(fit.x);
    } catch (const std::runtime_error&) {
      spend(50);
    }
  }
};

}  // namespace

TEST_CASE("a model that a callback runs takes its own time, also if a layer throws") {
  for (const bool fails : {false, true}) {
    auto data = tick_loaders();
    int left = fails ? 6 : 100;  // 1 and 2 in the batch to warm up, 6 in the third one
    Learner learn{data, Sequential{Linear{3, 2}, Throwing{&left}, Tick{10, 20}}, TickLoss{}, TickRule{}, Again{}};
    learn.quiet();
    Profiler profiler = silent_profiler();
    learn.fit(1, 0.1, profiler);
    CHECK(profiler.train.batches == 2);
    CHECK(profiler.train.rest == doctest::Approx(0));
    CHECK(profiler.train.seconds == doctest::Approx((fails ? 120.5e-6 : 101e-6)));
  }
}

TEST_CASE("a fit that is resumed in the middle of an epoch") {
  auto data = tick_loaders();
  struct Keep {
    std::optional<LearnerState> state = {};
    std::function<LearnerState()> take = {};
    NoState no_state = {};
    void on(AfterBatch, Fit& fit) {
      if (fit.training && fit.batch == 0) state = take();
      if (state) fit.cancel(Scope::fit);
    }
  };
  Keep keep;
  Learner learn{data, tick_model(), TickLoss{}, TickRule{}, keep};
  keep.take = [&] { return learn.state(); };
  learn.quiet();
  learn.fit(1, 0.1);
  learn.restore(*keep.state);
  keep.state.reset();
  Profiler profiler = silent_profiler();
  profiler.warm_up = 0;
  learn.resume(profiler);
  CHECK(profiler.train.batches == 1);  // the third: the second was not seen to begin
  CHECK(profiler.train.seconds == doctest::Approx(504e-6));
  CHECK(profiler.valid.batches == 2);
}

TEST_CASE("settings that make no sense are refused") {
  auto data = toy::loaders();
  Learner learn{data, toy::Mlp{}, CrossEntropy{}, SGD{}};
  learn.quiet();
  CHECK_THROWS_WITH_AS(learn.fit(1, 0.1, Profiler{.batches = -1}), "Profiler: batches must be at least 0: got -1",
                       UsageError);
  CHECK_THROWS_WITH_AS(learn.fit(1, 0.1, Profiler{.warm_up = -1}), "Profiler: warm_up must be at least 0: got -1",
                       UsageError);
  CHECK_THROWS_WITH_AS(learn.fit(1, 0.1, Profiler{.layers = 0}), "Profiler: layers must be at least 1: got 0",
                       UsageError);
  CHECK_THROWS_WITH_AS(learn.fit(1, 0.1, Profiler{.path = "profile.csv"}),
                       "Profiler: the file must end in .json: got profile.csv", UsageError);
  CHECK_THROWS_WITH_AS(learn.fit(1, 0.1, Profiler{.path = "no/such/profile.json"}),
                       "Profiler: no/such/profile.json: its folder must exist: there is no folder no/such", DataError);
}

TEST_CASE("the table of a profile") {
  Profile profile{.data = 10e-6,
                  .loss = 20e-6,
                  .loss_backward = 30e-6,
                  .optimizer = 40e-6,
                  .rest = 1e-6,
                  .seconds = 1001e-6,
                  .batches = 1234,
                  .samples = 1234 * 64,
                  .batch_size = 64,
                  .left_out = 1,
                  .threads = 2,
                  .peak = 200e9};
  const auto row = [&](std::string path, std::string layer, std::vector<Index> output, int depth, double forward,
                       double backward, double flops = 0) {
    profile.rows.push_back({.path = std::move(path),
                            .layer = std::move(layer),
                            .output = std::move(output),
                            .depth = depth,
                            .runs = 1,
                            .forward = forward * 1e-6,
                            .backward = backward * 1e-6,
                            .own_forward = forward * 1e-6,
                            .own_backward = backward * 1e-6,
                            .flops = flops,
                            .backward_flops = 2 * flops,
                            .own_flops = flops,
                            .own_backward_flops = 2 * flops});
  };
  row("", "Net", {64, 10}, 0, 300, 600, 20e6);
  row("body.0", "Block", {64, 512}, 1, 250, 500, 20e6);
  row("body.0.conv", "Conv2d", {64, 512}, 2, 200, 400, 20e6);
  row("body.0.act", "ReLU", {64, 512}, 2, 5, 6);
  row("body.0.act2", "ReLU", {64, 512}, 2, 4, 3);
  row("head", "Linear", {64, 10}, 1, 50, 100);
  profile.rows[5].runs = 2;
  for (std::size_t i : {0u, 1u}) {
    ProfileRow& outer = profile.rows[i];
    outer.own_flops = outer.own_backward_flops = outer.own_forward = outer.own_backward = 0;
  }
  profile.rows[1].own_forward = 41e-6;
  profile.rows[1].own_backward = 91e-6;
  CHECK(profile.text("Training") ==
        "Training: 1,234 batches of 64 after 1 to warm up, 2 threads\n"
        "1.00 ms each, 63.9 k samples/s\n"
        "\n"
        "                               forward        backward          both\n"
        "layer               output          us  GF/s        us  GF/s      us  share\n"
        "───────────────────────────────────────────────────────────────────────────\n"
        "Net                 (64, 10)     300.0    67     600.0    67   900.0   90 %\n"
        "  body.0  Block     (64, 512)    250.0    80     500.0    80   750.0   75 %\n"
        "    conv  Conv2d    (64, 512)    200.0   100     400.0   100   600.0   60 %\n"
        "    act  ReLU       (64, 512)      5.0             6.0          11.0  1.1 %\n"
        "    act2  ReLU      (64, 512)      4.0             3.0           7.0  0.7 %\n"
        "    itself                        41.0            91.0         132.0   13 %\n"
        "  head  Linear ×2   (64, 10)      50.0           100.0         150.0   15 %\n"
        "───────────────────────────────────────────────────────────────────────────\n"
        "loss                              20.0            30.0          50.0  5.0 %\n"
        "optimizer                                                       40.0  4.0 %\n"
        "waiting for data                                                10.0  1.0 %\n"
        "callbacks and loop                                               1.0  0.1 %\n"
        "───────────────────────────────────────────────────────────────────────────\n"
        "whole batch                                                   1001.0  100 %\n"
        "GF/s: GFLOP/s of products and convolutions; 59.9 in the whole batch,\n"
        "30 % of the 200 that 2 threads reach at most\n");

  // The output goes first where there is little room, then the ends of names; of the layers, those that take least.
  const std::string narrow = profile.text("Training", 64, 4);
  CHECK(narrow.find("output") == narrow.npos);
  CHECK(narrow.find("    conv  Conv2d      200.0   100     400.0   100   600.0   60 %\n"
                    "    2 others            9.0             9.0          18.0  1.8 %\n"
                    "    itself             41.0            91.0         132.0   13 %\n") != narrow.npos);
  const std::string narrowest = profile.text("Training", 58, 1);
  CHECK(narrowest.find("\nNet             300.0    67     600.0    67   900.0   90 %\n"
                       "  2 others      300.0    67     600.0    67   900.0   90 %\n") != narrowest.npos);
  CHECK(narrowest.find("\ncallbacks a…                                    1.0  0.1 %\n") != narrowest.npos);

  CHECK(narrow.find("by type") == narrow.npos);
  for (int i = 0; i < 4; ++i) row("more", "ReLU", {64, 10}, 1, 1, 2);
  CHECK(profile.text("Training").find("100 %\nby type: Conv2d 60 %, Linear 15 %, Block 13 %, ReLU 3.0 %\nGF/s") !=
        std::string::npos);
  CHECK(profile.text("Training", 40).find("\nby type: Conv2d 60 %, Linear 15 %,\n  Block 13 %, ReLU 3.0 %\n") !=
        std::string::npos);

  profile.seconds = 2;
  CHECK(profile.text().starts_with("A batch: 1,234 batches of 64 after 1 to warm up, 2 threads\n2.00 s each, 32.0 "));
}

TEST_CASE("a profile as JSON") {
  Profile profile{.data = 0.5, .seconds = 2, .batches = 3, .samples = 24, .batch_size = 8, .threads = 2};
  CHECK(profile.json() ==
        "{\"batches\":3,\"samples\":24,\"batch_size\":8,\"left_out\":0,\"threads\":2,\"peak\":0,\"seconds\":2,"
        "\"data\":0.5,\"loss\":0,\"loss_backward\":0,\"optimizer\":0,\"metrics\":0,\"rest\":0,\"layers\":[]}");
  profile.rows.push_back({.path = "a", .layer = "Net<\"x\">", .output = {8, 2}, .runs = 1.5, .forward = 0.25});
  profile.rows.push_back({.depth = 1, .backward_flops = 1e9});
  const std::string json = profile.json();
  CHECK(json.ends_with(
      "\"layers\":[\n{\"path\":\"a\",\"layer\":\"Net<\\\"x\\\">\",\"output\":[8,2],\"depth\":0,\"runs\":1.5,"
      "\"forward\":0.25,\"backward\":0,\"own_forward\":0,\"own_backward\":0,\"flops\":0,\"backward_flops\":0,"
      "\"own_flops\":0,\"own_backward_flops\":0},\n"
      "{\"path\":\"\",\"layer\":\"\",\"output\":[],\"depth\":1,\"runs\":0,\"forward\":0,\"backward\":0,"
      "\"own_forward\":0,\"own_backward\":0,\"flops\":0,\"backward_flops\":1e+09,\"own_flops\":0,"
      "\"own_backward_flops\":0}]}"));

  const std::string path = "kiln_profiler_test.json";
  auto data = tick_loaders();
  Learner learn{data, tick_model(), TickLoss{}, TickRule{}};
  learn.quiet();
  Profiler profiler = silent_profiler();
  profiler.path = path;
  learn.fit(1, 0.1, profiler);
  CHECK(content(std::fopen(path.c_str(), "r")) ==
        concat("{\"train\":", profiler.train.json(), ",\n\"valid\":", profiler.valid.json(), "}\n"));
  std::remove(path.c_str());
}

namespace {

struct SeesDoubles {
  const Profiler* profiler;
  bool seen = false;
  NoState no_state = {};
  void on(AfterBatch, Fit&) { seen = profiler->run->train.doubles; }
};

template <class T>
void check_peak(bool doubles) {
  auto data = toy::loaders<T>();
  Profiler profiler{.out = nullptr};
  SeesDoubles sees{&profiler};
  Learner learn{data, Sequential{BasicLinear<T>{3, 2}}, CrossEntropy{}, SGD{}};
  learn.quiet();
  learn.fit(1, 0.1, profiler, sees);
  CHECK(sees.seen == doubles);
  CHECK(profiler.train.peak > 1e8);
  CHECK(profiler.valid.peak == profiler.train.peak);
}

}  // namespace

TEST_CASE("the peak is that of the element type") {
  check_peak<float>(false);
  check_peak<double>(true);  // of which a vector has half as many
}
