// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Schedules: how a hyper-parameter changes with the progress of training, from 0 at its start to 1 at its end.
///
///     Schedule lr = combine_schedules({0.3, 0.7}, {sched_cosine(0.3, 0.6), sched_cosine(0.6, 0.2)});
///     Schedule mine = [](double progress) { return 0.1 * (1 - progress); };
///     lr(0.3);  // 0.6
///
/// Source: https://docs.fast.ai/callback.schedule.html
#pragma once

#include <cmath>
#include <memory>
#include <numbers>
#include <type_traits>
#include <utility>
#include <vector>

#include <kiln/core/error.hpp>
#include <kiln/core/shape.hpp>
#include <kiln/core/shared_value.hpp>

namespace kiln {
namespace detail {

struct AnyPureFunction {};

/// A function of any type that changes nothing when it is called; copies share it. One of an epoch is no function of
/// progress, though numbers convert.
template <class Argument>
class PureFunction : AnyPureFunction {
 public:
  template <class F>
  static constexpr bool takes =
      !std::is_base_of_v<AnyPureFunction, F> && std::is_invocable_r_v<double, const F&, Argument>;

  template <class F>
    requires(takes<F>)
  PureFunction(F f)
      : function_(share(std::move(f))),
        call_([](const void* function, Argument x) -> double { return (*static_cast<const F*>(function))(x); }) {}

 protected:
  double call(Argument x) const { return call_(function_.get(), x); }

 private:
  std::shared_ptr<const void> function_;
  double (*call_)(const void*, Argument);
};

/// The way from start to end, both of them exact; NaN stays NaN, as it does not in std::lerp.
inline double between(double start, double end, double share) {
  return share == 1 ? end : start + (end - start) * share;
}

/// How far a progress may be off a joint, by rounding, and still be on it.
inline constexpr double joint_tolerance = 1e-12;

}  // namespace detail

/// A pure function of progress: anything that can be called, while const, as `double(double)`.
class Schedule : detail::PureFunction<double> {
 public:
  template <class F>
    requires(takes<F>)
  Schedule(F f) : PureFunction(std::move(f)) {}

  /// The value at a progress in [0, 1]; what lies outside counts as the nearer end.
  double operator()(double progress) const { return call(progress < 0 ? 0 : progress > 1 ? 1 : progress); }
};

/// Always `value`.
inline Schedule sched_constant(double value) {
  return [value](double) { return value; };
}

/// start + (end - start) p.
inline Schedule sched_linear(double start, double end) {
  return [=](double p) { return detail::between(start, end, p); };
}

/// start + (end - start) (1 - cos(pi p)) / 2.
inline Schedule sched_cosine(double start, double end) {
  return [=](double p) { return detail::between(start, end, (1 - std::cos(std::numbers::pi * p)) / 2); };
}

/// start (end / start)^p: equal steps multiply by the same factor. Throws: UsageError unless both are positive.
inline Schedule sched_exponential(double start, double end) {
  if (!(start > 0 && end > 0)) {
    fail<UsageError>("sched_exponential", "start and end must be positive", concat("got ", start, " and ", end));
  }
  return [=](double p) { return std::pow(start, 1 - p) * std::pow(end, p); };
}

/// start + (end - start) p^power. Throws: UsageError unless power is positive.
inline Schedule sched_polynomial(double start, double end, double power) {
  if (!(power > 0)) fail<UsageError>("sched_polynomial", "power must be positive", concat("got ", power));
  return [=](double p) { return detail::between(start, end, std::pow(p, power)); };
}

/// One schedule after the other, each over its fraction of the progress. At a joint the next one begins; a fraction of
/// 0 is left out. Throws: UsageError unless there is a schedule for each fraction and the fractions add up to 1.
inline Schedule combine_schedules(const std::vector<double>& fractions, std::vector<Schedule> schedules) {
  constexpr std::string_view op = "combine_schedules";
  if (fractions.size() != schedules.size()) {
    fail<UsageError>(op, "there must be as many schedules as fractions",
                     concat("got ", schedules.size(), " and ", fractions.size()));
  }
  struct Phase {
    double begin, length;
    Schedule schedule;
  };
  std::vector<Phase> phases;
  double sum = 0;
  for (std::size_t i = 0; i < fractions.size(); ++i) {
    if (!(fractions[i] >= 0)) fail<UsageError>(op, "a fraction must not be negative", concat("got ", fractions[i]));
    if (fractions[i] > 0) phases.push_back({sum, fractions[i], std::move(schedules[i])});
    sum += fractions[i];
  }
  if (!(std::abs(sum - 1) <= 1e-6)) fail<UsageError>(op, "the fractions must add up to 1", concat("got ", sum));
  phases.back().length = 1 - phases.back().begin;
  return [phases = std::move(phases)](double p) {
    auto phase = phases.end() - 1;
    while (phase != phases.begin() && p < phase->begin - detail::joint_tolerance) --phase;
    return phase->schedule((p - phase->begin) / phase->length);
  };
}

namespace detail {

/// Cosine from start to middle over the first fraction, then on to end.
inline Schedule two_cosines(std::string_view op, double fraction, double start, double middle, double end) {
  if (!(fraction >= 0 && fraction <= 1)) {
    fail<UsageError>(op, "pct_start must lie in [0, 1]", concat("got ", fraction));
  }
  return combine_schedules({fraction, 1 - fraction}, {sched_cosine(start, middle), sched_cosine(middle, end)});
}

inline void require_divisor(std::string_view op, std::string_view name, double value) {
  if (!(value > 0)) fail<UsageError>(op, concat(name, " must be positive"), concat("got ", value));
}

}  // namespace detail

struct OneCycle {
  double div = 25;          ///< the first learning rate is lr_max / div
  double div_final = 1e5;   ///< the last one is lr_max / div_final
  double pct_start = 0.25;  ///< the share of training that warms up
};

/// The 1cycle policy for a learning rate: cosine from lr_max / div to lr_max, then to lr_max / div_final.
/// Source: Smith 2018, arXiv:1803.09820; cosines, defaults and names as in fastai's fit_one_cycle.
inline Schedule one_cycle(double lr_max, OneCycle options = {}) {
  detail::require_divisor("one_cycle", "div", options.div);
  detail::require_divisor("one_cycle", "div_final", options.div_final);
  return detail::two_cosines("one_cycle", options.pct_start, lr_max / options.div, lr_max, lr_max / options.div_final);
}

struct OneCycleMomentum {
  double start = 0.95;
  double middle = 0.85;
  double end = 0.95;
  double pct_start = 0.25;  ///< that of the learning rate
};

/// The 1cycle policy for a momentum, which falls while the learning rate rises: of SGD, or Adam's first beta.
/// Source: as `one_cycle`.
inline Schedule one_cycle_momentum(OneCycleMomentum options = {}) {
  return detail::two_cosines("one_cycle_momentum", options.pct_start, options.start, options.middle, options.end);
}

struct FlatCosine {
  double div_final = 1e5;   ///< the last learning rate is lr / div_final
  double pct_start = 0.75;  ///< the share of training before the learning rate falls
};

/// Constant at lr, then cosine to lr / div_final. Source: fastai's fit_flat_cos.
inline Schedule flat_cosine(double lr, FlatCosine options = {}) {
  detail::require_divisor("flat_cosine", "div_final", options.div_final);
  return detail::two_cosines("flat_cosine", options.pct_start, lr, lr, lr / options.div_final);
}

/// Cycles of cycle_length, cycle_length x cycle_multiplier, ... epochs.
struct WarmRestarts {
  Index cycles = 3;
  Index cycle_length = 1;
  Index cycle_multiplier = 2;

  /// Of all cycles together. Throws: UsageError if a number is not positive, or they are beyond a million.
  Index epochs() const {
    constexpr std::string_view op = "warm_restarts";
    constexpr Index most = 1'000'000;
    if (cycles < 1 || cycle_length < 1 || cycle_multiplier < 1) {
      fail<UsageError>(op, "cycles, cycle_length and cycle_multiplier must be positive",
                       concat("got ", cycles, ", ", cycle_length, " and ", cycle_multiplier));
    }
    Index total = 0;
    for (Index cycle = 0, length = cycle_length; cycle < cycles; ++cycle, length *= cycle_multiplier) {
      if (length > most || cycle_multiplier > most || total > most - length) {
        fail<UsageError>(op, concat("there may be ", with_separators(most), " epochs"),
                         concat("got more with ", cycles, " cycles"));
      }
      total += length;
    }
    return total;
  }
};

/// Cosine from lr to 0, again and again, each time over a longer cycle, for `restarts.epochs()` epochs.
/// Source: SGDR, Loshchilov and Hutter 2017, arXiv:1608.03983, equation 5 with a minimum of 0; fastai's fit_sgdr.
inline Schedule warm_restarts(double lr, WarmRestarts restarts = {}) {
  const auto total = static_cast<double>(restarts.epochs());
  std::vector<double> fractions;
  for (Index cycle = 0, length = restarts.cycle_length; cycle < restarts.cycles; ++cycle) {
    fractions.push_back(static_cast<double>(length) / total);
    length *= restarts.cycle_multiplier;
  }
  return combine_schedules(fractions, std::vector(fractions.size(), sched_cosine(lr, 0)));
}

}  // namespace kiln
