// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/mixup.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "script.hpp"

TEST_SUITE_BEGIN("train");

using namespace kiln;

TEST_CASE("beta variates have the moments and the quantiles of the distribution") {
  struct Case {
    double alpha;
    std::array<double, 3> quantiles;  // at 0.1, 0.25, 0.4; the distribution is symmetric. tests/oracles/callbacks.py
  };
  for (const Case& c : {Case{0.4, {0.011691, 0.110503, 0.320945}}, Case{1, {0.1, 0.25, 0.4}},
                        Case{3, {0.246636, 0.359436, 0.446254}}}) {
    CAPTURE(c.alpha);
    RandomStream stream{.seed = 5};
    std::vector<double> values(20000);
    double sum = 0, squares = 0;
    for (double& v : values) {
      v = detail::beta_variate(c.alpha, stream);
      REQUIRE(v >= 0);
      REQUIRE(v <= 1);
      sum += v, squares += (v - 0.5) * (v - 0.5);
    }
    CHECK(sum / 20000 == doctest::Approx(0.5).epsilon(0.02));
    CHECK(squares / 20000 == doctest::Approx(1 / (4 * (2 * c.alpha + 1))).epsilon(0.03));
    for (std::size_t i = 0; i < 3; ++i) {
      const auto below = std::count_if(values.begin(), values.end(), [&](double v) { return v <= c.quantiles[i]; });
      CHECK(static_cast<double>(below) / 20000 == doctest::Approx(std::array{0.1, 0.25, 0.4}[i]).epsilon(0.05));
    }
  }
  RandomStream stream{.seed = 5};
  for (int i = 0; i < 1000; ++i) {  // as good as 0 or 1, but a number
    const double v = detail::beta_variate(1e-4, stream);
    CHECK((v >= 0 && v <= 1));
  }
}

namespace {

/// Checks one batch against its unmixed self.
template <class T>
struct Check {
  MixUp& mixup;
  NoState no_state = {};
  int order = 1;
  Tensor<2, T> x = {};
  Tensor<1, int> y = {};
  std::vector<double> lambdas = {};

  void on(BeforeBatch, Fit& fit) {
    if (!fit.training) {
      CHECK(mixup.other_y.empty());
      return;
    }
    lambdas.push_back(mixup.lambda);
    const auto& mixed = fit.x.as<2, T>();
    const auto& other = mixup.other_y.as<1, int>();
    CHECK(all_equal(fit.y.as<1, int>(), y));
    std::vector<Index> taken;
    for (Index n = 0; n < x.size(0); ++n) {
      // The other sample is the row m that explains the mixture, with its label.
      Index found = -1;
      for (Index m = 0; m < x.size(0); ++m) {
        bool fits = other(n) == y(m);
        for (Index c = 0; c < 3; ++c) {
          const double expected =
              mixup.lambda * static_cast<double>(x(n, c)) + (1 - mixup.lambda) * static_cast<double>(x(m, c));
          fits = fits && std::abs(expected - static_cast<double>(mixed(n, c))) < (sizeof(T) == 4 ? 1e-6 : 1e-14);
        }
        if (fits) found = m;
      }
      taken.push_back(found);
    }
    std::sort(taken.begin(), taken.end());
    for (Index n = 0; n < x.size(0); ++n) CHECK(taken[static_cast<std::size_t>(n)] == n);  // each row once
  }
  void on(AfterLoss, Fit& fit) {
    if (!fit.training) return;
    const double own = fit.compute_loss(fit.pred, fit.y).scalar();
    CHECK(mixup.other_y.empty());
    if (mixup.lambda > 0.99) CHECK(fit.loss_value == doctest::Approx(own).epsilon(0.1));
  }
};

template <class T>
struct Before {
  Check<T>& check;
  NoState no_state = {};
  int order = -1;
  void on(BeforeBatch, Fit& fit) {
    check.x = fit.x.as<2, T>();
    check.y = fit.y.as<1, int>();
  }
};

}  // namespace

TEST_CASE_TEMPLATE("inputs are mixed with those of other samples in training, and only there", T, float, double) {
  manual_seed(1);
  auto data = toy::loaders<T>();
  auto model = Sequential{BasicLinear<T>{3, 2}};
  MixUp mixup{.alpha = 0.8};
  Check<T> check{mixup};
  Learner learn{data, model, CrossEntropy{}, SGD{.lr = 0.1}, mixup, check, Before<T>{check}};
  learn.quiet();
  learn.fit(3);
  REQUIRE(check.lambdas.size() == 9);
  std::sort(check.lambdas.begin(), check.lambdas.end());
  CHECK(std::unique(check.lambdas.begin(), check.lambdas.end()) == check.lambdas.end());
}

TEST_CASE("the loss is the mixture of the losses of both labels, and is what is differentiated") {
  struct Both {
    MixUp& mixup;
    NoState no_state = {};
    int order = -1;  // before MixUp's own turn
    double expected = 0;
    Index batches = 0;
    void on(AfterPred, Fit& fit) {
      if (!fit.training) return;
      expected = mixup.lambda * fit.compute_loss(fit.pred, fit.y).scalar() +
                 (1 - mixup.lambda) * fit.compute_loss(fit.pred, mixup.other_y).scalar();
    }
    void on(AfterLoss, Fit& fit) {
      if (!fit.training) return;
      CHECK(fit.loss_value == doctest::Approx(expected).epsilon(1e-5));
      CHECK(fit.loss.wants_grad());
      ++batches;
    }
  };
  manual_seed(1);
  auto data = toy::loaders();
  toy::Mlp model;
  MixUp mixup;
  Both both{mixup};
  Learner learn{data, model, CrossEntropy{}, SGD{.lr = 0.1}, mixup, both};
  learn.quiet();
  learn.fit(2);
  CHECK(both.batches == 6);
}

TEST_CASE("what MixUp draws depends on seed, epoch and batch alone") {
  auto lambdas = [](std::uint64_t seed, bool disturb) {
    struct Note {
      MixUp& mixup;
      NoState no_state = {};
      bool disturb = false;
      int order = -1;  // before MixUp
      std::vector<double> seen = {};
      void on(BeforeBatch, Fit& fit) {
        if (fit.training && disturb) fit.context().random()(), next_stream(Purpose::mixup);
      }
      void on(AfterPred, Fit& fit) {
        if (fit.training) seen.push_back(mixup.lambda);
      }
    };
    manual_seed(seed);
    auto data = toy::loaders();
    toy::Mlp model;
    MixUp mixup;
    Note note{mixup};
    note.disturb = disturb;
    Learner learn{data, model, CrossEntropy{}, SGD{.lr = 0.1}, mixup, note};
    learn.quiet();
    learn.fit(2);
    return note.seen;
  };
  CHECK(lambdas(1, false) == lambdas(1, true));
  CHECK(lambdas(1, false) != lambdas(2, false));
}

TEST_CASE("what cannot be mixed is refused") {
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  learn.quiet();
  CHECK_THROWS_WITH_AS(learn.fit(1, 0.1, MixUp{.alpha = 0}), "MixUp: alpha must be positive and finite: got 0",
                       UsageError);
  CHECK_THROWS_WITH_AS(learn.fit(1, 0.1, MixUp{.alpha = HUGE_VAL}), "MixUp: alpha must be positive and finite: got inf",
                       UsageError);
  struct Integers {
    int order = -1;
    void on(BeforeBatch, Fit& fit) { fit.x = full<int>({8, 3}, 1); }
  };
  CHECK_THROWS_WITH_AS(learn.fit(1, 0.1, MixUp{}, Integers{}),
                       "MixUp: inputs must be float or double: got a Tensor<2, int>", UsageError);
  learn.fit(1, 0.1, MixUp{});
}

TEST_SUITE_END();
