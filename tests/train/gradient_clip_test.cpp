// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/gradient_clip.hpp>

#include <doctest/doctest.h>

#include <algorithm>

#include "script.hpp"

TEST_SUITE_BEGIN("train");

using namespace kiln;

namespace {

/// Looks at the gradients right before the step.
struct Look {
  static constexpr int order = 20;
  std::vector<double> norms = {};
  double largest = 0;
  void on(BeforeStep, Fit& fit) {
    norms.push_back(grad_norm(fit.parameters()));
    for (const ParamRef& param : fit.parameters()) {
      for (float g : param.grad<float>()) largest = (std::max)(largest, std::abs(static_cast<double>(g)));
    }
  }
};

}  // namespace

TEST_CASE("gradients are clipped to a norm or a value before the step") {
  auto norms = [](GradientClip clip) {
    manual_seed(1);
    auto data = toy::loaders();
    toy::Mlp model;
    Look look;
    Learner learn{data, model, CrossEntropy{}, SGD{.lr = 0.1}, clip, look};
    learn.quiet();
    learn.fit(1);
    return std::pair(look, clip.norm);
  };
  const Look free = norms({.max_norm = 1e9}).first;
  const double limit = free.norms[0] / 2;
  const auto [by_norm, norm] = norms({.max_norm = limit});
  CHECK(by_norm.norms[0] == doctest::Approx(limit).epsilon(1e-4));
  CHECK(norm > limit);
  const auto [by_value, none] = norms({.max_value = free.largest / 2});
  CHECK(by_value.largest == doctest::Approx(free.largest / 2));
  CHECK(none == 0);
  const auto [both, after_value] = norms({.max_norm = 1e9, .max_value = 0});
  CHECK(both.largest == 0);
  CHECK(after_value == 0);  // the value comes first
}

TEST_CASE("impossible settings of GradientClip are refused before anything is trained") {
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  learn.quiet();
  auto refused = [&](GradientClip clip, const char* message) {
    CHECK_THROWS_WITH_AS(learn.fit(1, 0.1, clip), message, UsageError);
    CHECK(learn.position().step == 0);
  };
  refused({}, "GradientClip: it needs max_norm or max_value: got neither");
  refused({.max_norm = -1}, "GradientClip: max_norm must not be negative: got -1");
  refused({.max_value = -2}, "GradientClip: max_value must not be negative: got -2");
}

TEST_SUITE_END();
