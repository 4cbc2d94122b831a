// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/lr_suggestion.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstdint>

#include <kiln/train/smoothed_loss.hpp>

using namespace kiln;

namespace {

struct Curve {
  std::string name;
  std::vector<double> rates, losses;
  std::array<double, 3> valley, slide, minimum, steep, adjusted_slide;
};

#include "lr_suggestion.inc"

void same(const LrSuggestion& found, const std::array<double, 3>& expected) {
  REQUIRE(found.problem == "");
  CHECK(found.rate == doctest::Approx(expected[0]).epsilon(1e-12).scale(0));
  CHECK(found.curve_rate == doctest::Approx(expected[1]).epsilon(1e-12).scale(0));
  CHECK(found.curve_loss == doctest::Approx(expected[2]).epsilon(1e-12));
}

std::vector<double> rates_for(std::size_t points) {
  std::vector<double> rates(points);
  for (std::size_t i = 0; i < points; ++i) rates[i] = static_cast<double>(i + 1) / 1000;
  return rates;
}

std::vector<std::string> problems(const std::vector<double>& losses) {
  const auto found = suggest_rates(rates_for(losses.size()), losses);
  return {found.valley.problem, found.slide.problem, found.minimum.problem, found.steep.problem};
}

/// The longest falling subsequence up to each point, from all earlier points.
detail::FallingRun plain_longest_fall(const std::vector<double>& losses) {
  detail::FallingRun longest;
  std::vector<std::size_t> points(losses.size(), 1);
  for (std::size_t i = 0; i < losses.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (losses[j] > losses[i]) points[i] = (std::max)(points[i], points[j] + 1);
    }
    if (points[i] > longest.points) longest = {i, points[i]};
  }
  return longest;
}

}  // namespace

TEST_SUITE_BEGIN("train");

TEST_CASE("suggestions are fastai's") {
  for (const Curve& curve : curves) {
    INFO(curve.name);
    const LrSuggestions found = suggest_rates(curve.rates, curve.losses);
    same(found.valley, curve.valley);
    same(found.slide, curve.slide);
    same(found.minimum, curve.minimum);
    same(found.steep, curve.steep);
    same(suggest_slide(curve.rates, curve.losses, {.interval = 10, .threshold = 0.02, .adjust = 0.5}),
         curve.adjusted_slide);
  }
}

TEST_CASE("the longest fall is that of the plain definition") {
  std::uint64_t state = 1;
  auto next = [&state](std::uint64_t end) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % end;
  };
  for (int trial = 0; trial < 2000; ++trial) {
    std::vector<double> losses(next(60));
    const auto levels = 1 + next(40);  // few levels give many ties
    for (double& loss : losses) loss = static_cast<double>(next(levels));
    const auto fast = detail::longest_fall(losses), plain = plain_longest_fall(losses);
    REQUIRE(fast.end == plain.end);
    REQUIRE(fast.points == plain.points);
  }
}

TEST_CASE("a hundred thousand points are no problem") {
  const std::size_t n = 100'000;
  std::vector<double> losses(n);
  for (std::size_t i = 0; i < n; ++i) losses[i] = -static_cast<double>(i);
  CHECK(suggest_valley(rates_for(n), losses).rate == rates_for(n)[n / 3 + n / 6 - 1]);
}

TEST_CASE("what follows a loss that is not finite is left out") {
  Curve curve = curves[0];
  const LrSuggestions clean = suggest_rates(curve.rates, curve.losses);
  for (double bad : {std::nan(""), HUGE_VAL}) {
    curve = curves[0];
    curve.rates.insert(curve.rates.end(), {20, 30, 40});
    curve.losses.insert(curve.losses.end(), {bad, 1, -7});
    const LrSuggestions found = suggest_rates(curve.rates, curve.losses);
    CHECK(found.valley.value() == clean.valley.value());
    CHECK(found.slide.value() == clean.slide.value());
    CHECK(found.minimum.value() == clean.minimum.value());
    CHECK(found.steep.value() == clean.steep.value());
  }
}

TEST_CASE("a suggestion is a number, or says why there is none") {
  const LrSuggestion good = suggest_minimum(std::vector{0.1, 0.2, 0.3}, std::vector{3.0, 1.0, 2.0});
  CHECK(bool(good));
  const double rate = good;
  CHECK(rate == 0.2 / 10);
  CHECK(good.curve_rate == 0.2);
  CHECK(good.curve_loss == 1);

  const LrSuggestion none = suggest_minimum(std::vector{0.1, 0.2, 0.3}, std::vector{2.0, 2.0, 2.0});
  CHECK_FALSE(bool(none));
  CHECK(std::isnan(none.rate));
  CHECK_THROWS_WITH_AS(none.value(), "lr suggestion: the curve must show one: it is flat", UsageError);
}

TEST_CASE("no suggestion is read off a curve that shows none") {
  auto all = [](const char* problem) { return std::vector<std::string>(4, problem); };
  const std::vector<double> level(20, 1.5);
  CHECK(problems(level) == all("it is flat"));
  std::vector<double> up(20);
  for (std::size_t i = 0; i < 20; ++i) up[i] = static_cast<double>(i / 2);
  CHECK(problems(up) == all("it never falls"));
  up[10] = 2;
  CHECK(problems(up) == std::vector<std::string>{"", "", "it is lowest where it begins", ""});
  CHECK(problems({}) == std::vector<std::string>{"it has 0 points with a finite loss, fewer than 3",
                                                 "it has 0 points with a finite loss, fewer than 16",
                                                 "it has 0 points with a finite loss, fewer than 2",
                                                 "it has 0 points with a finite loss, fewer than 2"});
  CHECK(problems({NAN, 2, 1, 0})[0] == "it has 0 points with a finite loss, fewer than 3");
  CHECK(problems({2, 1}) == std::vector<std::string>{"it has 2 points with a finite loss, fewer than 3",
                                                     "it has 2 points with a finite loss, fewer than 16", "", ""});
  // a valley of two points that begins before the curve does
  CHECK(suggest_valley(rates_for(3), std::vector{2.0, 1.0, 3.0}).rate == 0.001);
}

TEST_CASE("curves are checked") {
  CHECK_THROWS_WITH_AS(suggest_rates(rates_for(3), std::vector{1.0, 2.0}),
                       "suggest_valley: there must be as many losses as rates: got 2 and 3", UsageError);
  const std::vector<double> losses{3, 2, 1};
  CHECK_THROWS_WITH_AS(suggest_steep(std::vector{0.1, 0.1, 0.2}, losses),
                       "suggest_steep: the rates must be positive and growing: got 0.1 at position 1", UsageError);
  CHECK_THROWS_WITH_AS(suggest_minimum(std::vector{0.0, 0.1, 0.2}, losses),
                       "suggest_minimum: the rates must be positive and growing: got 0 at position 0", UsageError);
  CHECK_THROWS_WITH_AS(suggest_slide(std::vector{0.1, std::nan(""), 0.2}, losses),
                       "suggest_slide: the rates must be positive and growing: got nan at position 1", UsageError);
  CHECK_THROWS_WITH_AS(suggest_slide(rates_for(3), losses, {.interval = 0}),
                       "suggest_slide: interval must be positive: got 0", UsageError);
  CHECK_THROWS_WITH_AS(suggest_slide(rates_for(3), losses, {.adjust = 0}),
                       "suggest_slide: adjust must be positive: got 0", UsageError);
}

TEST_CASE("a smoothed loss is a weighted mean of those so far") {
  std::size_t row = 0;
  for (double beta : {0.98, 0.5, 0.0}) {
    SmoothedLoss smoothed{.beta = beta};
    CHECK(std::isnan(smoothed.value()));
    for (double loss : raw_losses) {
      smoothed.add(loss);
      CHECK(smoothed.value() == doctest::Approx(smoothed_losses.at(row++)).epsilon(1e-13));
    }
    CHECK_FALSE(smoothed == SmoothedLoss{.beta = beta});
    smoothed.reset();
    CHECK(smoothed == SmoothedLoss{.beta = beta});
  }
  SmoothedLoss wrong{.beta = 1};
  CHECK_THROWS_WITH_AS(wrong.add(1), "SmoothedLoss.beta: must lie in [0, 1): got 1", UsageError);
}

TEST_SUITE_END();
