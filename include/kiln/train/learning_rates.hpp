// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `LearningRates`: one for all parameter groups, or one for each: `learn.fit(5, 1e-3)`, `learn.fit(5, {1e-5, 1e-3})`,
/// `learn.fit_one_cycle(5, lr_range(1e-5, 1e-3))`.
#pragma once

#include <cmath>
#include <concepts>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include <kiln/core/error.hpp>

namespace kiln {

/// One learning rate for all groups, one for each, or a range of them.
class LearningRates {
 public:
  /// Anything that is a number, such as what the learning rate finder suggests.
  template <class Rate>
    requires std::convertible_to<const Rate&, double>
  LearningRates(const Rate& rate) : rates_{static_cast<double>(rate)} {}
  LearningRates(std::initializer_list<double> by_group) : rates_(by_group) {}
  LearningRates(std::vector<double> by_group) : rates_(std::move(by_group)) {}

  /// One rate for each of so many groups. Throws: UsageError, naming `op`, if there are more or fewer, or if one is
  /// negative or not finite.
  std::vector<double> for_groups(std::string_view op, std::size_t groups) const {
    for (double rate : rates_) {
      if (!(std::isfinite(rate) && rate >= 0))
        fail<UsageError>(op, "a learning rate must be finite and not negative", concat("got ", rate));
    }
    if (is_range_) return between(groups);
    if (rates_.size() == 1) return std::vector<double>(groups, rates_[0]);
    if (rates_.size() != groups) {
      fail<UsageError>(
          op, concat("one learning rate is needed, or one for each of the optimizer's ", groups, " parameter groups"),
          concat("got ", rates_.size()));
    }
    return rates_;
  }

  friend LearningRates lr_range(double first, double last);

 private:
  std::vector<double> between(std::size_t groups) const {
    std::vector<double> rates(groups, rates_[1]);
    for (std::size_t g = 0; g + 1 < groups; ++g) {
      const double part = static_cast<double>(g) / static_cast<double>(groups - 1);
      rates[g] = rates_[0] * std::pow(rates_[1] / rates_[0], part);
    }
    return rates;
  }

  std::vector<double> rates_;
  bool is_range_ = false;
};

/// From `first` for the first group to `last` for the last one, each the same multiple of the one before.
/// Throws: UsageError unless both are positive. Source: fastai's `slice(first, last)` and `even_mults`.
inline LearningRates lr_range(double first, double last) {
  if (!(first > 0 && last > 0))
    fail<UsageError>("lr_range", "both ends must be positive", concat("got ", first, " and ", last));
  LearningRates rates{first, last};
  rates.is_range_ = true;
  return rates;
}

}  // namespace kiln
