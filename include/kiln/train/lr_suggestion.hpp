// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Learning rates read off the curve of a learning-rate search, the smoothed loss at growing rates:
///
///     LrSuggestions found = suggest_rates(rates, losses);
///     learn.fit_one_cycle(5, found.valley);
///
/// Source: the four suggestions of https://docs.fast.ai/callback.schedule.html, from the same curve the same numbers;
/// where fastai's definition has no meaningful answer, there is none.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <kiln/core/error.hpp>
#include <kiln/core/shape.hpp>

namespace kiln {

/// A learning rate, or why there is none. It can be used as a number.
struct LrSuggestion {
  double rate = std::numeric_limits<double>::quiet_NaN();        ///< the suggestion
  double curve_rate = std::numeric_limits<double>::quiet_NaN();  ///< the point of the curve that it was read from,
  double curve_loss = std::numeric_limits<double>::quiet_NaN();  ///< to be marked in a picture
  std::string problem;                                           ///< empty if there is a suggestion

  explicit operator bool() const { return problem.empty(); }

  /// Throws: UsageError, with the problem, if there is none.
  double value() const {
    if (!problem.empty()) fail<UsageError>("lr suggestion", "the curve must show one", problem);
    return rate;
  }
  operator double() const { return value(); }
};

namespace detail {

/// The curve up to the first loss that is not finite.
struct LrCurve {
  std::span<const double> rates, losses;

  LrCurve(std::string_view op, std::span<const double> all_rates, std::span<const double> all_losses) {
    if (all_rates.size() != all_losses.size()) {
      fail<UsageError>(op, "there must be as many losses as rates",
                       concat("got ", all_losses.size(), " and ", all_rates.size()));
    }
    for (std::size_t i = 0; i < all_rates.size(); ++i) {
      if (all_rates[i] > (i == 0 ? 0 : all_rates[i - 1]) && std::isfinite(all_rates[i])) continue;
      fail<UsageError>(op, "the rates must be positive and growing", concat("got ", all_rates[i], " at position ", i));
    }
    auto bad = std::find_if(all_losses.begin(), all_losses.end(), [](double loss) { return !std::isfinite(loss); });
    const auto usable = static_cast<std::size_t>(bad - all_losses.begin());
    rates = all_rates.first(usable);
    losses = all_losses.first(usable);
  }

  std::size_t size() const { return losses.size(); }

  /// Why nothing can be read off the curve; empty if something can.
  std::string problem(std::size_t least_points) const {
    if (size() < least_points) {
      return concat("it has ", size(), " points with a finite loss, fewer than ", least_points);
    }
    auto [low, high] = std::minmax_element(losses.begin(), losses.end());
    if (*low == *high) return "it is flat";
    if (std::is_sorted(losses.begin(), losses.end())) return "it never falls";
    return {};
  }

  LrSuggestion at(std::size_t i) const { return {rates[i], rates[i], losses[i], {}}; }
};

/// A stretch of a curve that ends at `end` and has so many points.
struct FallingRun {
  std::size_t end = 0;
  std::size_t points = 0;
};

/// The longest sequence of falling losses, each later than the last, with any others between them; of several, the one
/// that ends first. In O(n log n): `lasts[k]` is the largest loss in which a sequence of k + 1 points can end.
inline FallingRun longest_fall(std::span<const double> losses) {
  FallingRun longest;
  std::vector<double> lasts;  // falls with k
  for (std::size_t i = 0; i < losses.size(); ++i) {
    auto place = std::lower_bound(lasts.begin(), lasts.end(), losses[i], [](double a, double b) { return a > b; });
    if (place != lasts.end()) {
      *place = losses[i];
      continue;
    }
    lasts.push_back(losses[i]);
    longest = {i, lasts.size()};
  }
  return longest;
}

}  // namespace detail

/// Near the middle of the longest valley, fastai's default. The valley ends where the longest falling subsequence ends,
/// and takes up as many points as that has.
inline LrSuggestion suggest_valley(std::span<const double> rates, std::span<const double> losses) {
  const detail::LrCurve curve("suggest_valley", rates, losses);
  if (std::string problem = curve.problem(3); !problem.empty()) return {.problem = std::move(problem)};
  const auto [end, points] = detail::longest_fall(curve.losses);
  // A third of the valley and half a third more, rounded down, behind the point before it: fastai's own arithmetic. A
  // valley of two points at the left end of the curve would begin off it.
  const std::size_t into = points / 3 + points / 6;
  return curve.at(end + into < points ? 0 : end + into - points);
}

/// How `suggest_slide` slides.
struct LrSlide {
  Index interval = 15;       ///< the distance, in points, between the two slopes that are compared
  double threshold = 0.005;  ///< slopes that differ less are equal
  double adjust = 1;         ///< multiplies the suggestion
};

/// Slides an interval from the right end of the curve to the left until the loss changes as fast at both its ends, and
/// takes its left end. Slopes are differences per point, as of numpy.gradient.
inline LrSuggestion suggest_slide(std::span<const double> rates, std::span<const double> losses, LrSlide options = {}) {
  constexpr std::string_view op = "suggest_slide";
  if (options.interval < 1) fail<UsageError>(op, "interval must be positive", concat("got ", options.interval));
  if (!(options.adjust > 0)) fail<UsageError>(op, "adjust must be positive", concat("got ", options.adjust));
  const detail::LrCurve curve(op, rates, losses);
  const auto interval = static_cast<std::size_t>(options.interval);
  if (std::string problem = curve.problem(interval + 1); !problem.empty()) return {.problem = std::move(problem)};
  auto slope = [&](std::size_t i) {
    if (i == 0) return curve.losses[1] - curve.losses[0];
    if (i + 1 == curve.size()) return curve.losses[i] - curve.losses[i - 1];
    return (curve.losses[i + 1] - curve.losses[i - 1]) / 2;
  };
  std::size_t found = curve.size() - 1 - interval;
  for (std::size_t left = found + 1; left-- > 0;) {
    if (!(std::abs(slope(left + interval) - slope(left)) > options.threshold)) break;
    found = left;
  }
  LrSuggestion suggestion = curve.at(found);
  if (options.adjust != 1) {  // the loss there: between two points, straight over the logarithm of the rate
    suggestion.rate = suggestion.curve_rate = suggestion.rate * options.adjust;
    const auto right = static_cast<std::size_t>(
        std::upper_bound(curve.rates.begin(), curve.rates.end(), suggestion.rate) - curve.rates.begin());
    if (right == 0) {
      suggestion.curve_loss = curve.losses.front();
    } else if (right == curve.size()) {
      suggestion.curve_loss = curve.losses.back();
    } else {
      const double share =
          std::log(suggestion.rate / curve.rates[right - 1]) / std::log(curve.rates[right] / curve.rates[right - 1]);
      suggestion.curve_loss = std::lerp(curve.losses[right - 1], curve.losses[right], share);
    }
  }
  return suggestion;
}

/// A tenth of the rate with the lowest loss.
inline LrSuggestion suggest_minimum(std::span<const double> rates, std::span<const double> losses) {
  const detail::LrCurve curve("suggest_minimum", rates, losses);
  if (std::string problem = curve.problem(2); !problem.empty()) return {.problem = std::move(problem)};
  const auto lowest = std::min_element(curve.losses.begin(), curve.losses.end()) - curve.losses.begin();
  if (lowest == 0) return {.problem = "it is lowest where it begins"};
  LrSuggestion suggestion = curve.at(static_cast<std::size_t>(lowest));
  suggestion.rate /= 10;
  return suggestion;
}

/// Where the loss falls fastest over the logarithm of the rate.
inline LrSuggestion suggest_steep(std::span<const double> rates, std::span<const double> losses) {
  const detail::LrCurve curve("suggest_steep", rates, losses);
  if (std::string problem = curve.problem(2); !problem.empty()) return {.problem = std::move(problem)};
  std::size_t steepest = 0;
  double least = HUGE_VAL;
  for (std::size_t i = 0; i + 1 < curve.size(); ++i) {
    const double slope =
        (curve.losses[i + 1] - curve.losses[i]) / (std::log(curve.rates[i + 1]) - std::log(curve.rates[i]));
    if (slope < least) {
      least = slope;
      steepest = i;
    }
  }
  return curve.at(steepest);
}

/// All four.
struct LrSuggestions {
  LrSuggestion valley;
  LrSuggestion slide;
  LrSuggestion minimum;
  LrSuggestion steep;
};

/// All four, from rates that grow and the smoothed loss at each; what follows a loss that is not finite is left out.
/// (fastai also leaves out the first tenth and the last five points of a search.) Throws: UsageError for rates that do
/// not grow, or for another number of losses. A curve that shows nothing is no exception, but a `problem`.
inline LrSuggestions suggest_rates(std::span<const double> rates, std::span<const double> losses) {
  return {suggest_valley(rates, losses), suggest_slide(rates, losses), suggest_minimum(rates, losses),
          suggest_steep(rates, losses)};
}

}  // namespace kiln
