// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Mean and standard deviation of many elements in one pass, in double.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>

#include <kiln/tensor/any.hpp>

namespace kiln::detail {

/// Sums about the first element seen, so that no large squares are subtracted from each other.
struct Moments {
  double shift = 0;
  double sum = 0;
  double squares = 0;
  Index count = 0;

  template <class T>
  void add(std::span<const T> x) {
    if (x.empty()) return;
    if (count == 0) shift = static_cast<double>(x[0]);
    std::array<double, 4> sums{}, sums_of_squares{};
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double distance = static_cast<double>(x[i]) - shift;
      sums[i % 4] += distance;
      sums_of_squares[i % 4] += distance * distance;
    }
    sum += (sums[0] + sums[2]) + (sums[1] + sums[3]);
    squares += (sums_of_squares[0] + sums_of_squares[2]) + (sums_of_squares[1] + sums_of_squares[3]);
    count += static_cast<Index>(x.size());
  }

  /// NaN over no elements.
  double mean() const { return shift + sum / static_cast<double>(count); }
  /// Divided by the number of elements, not one less.
  double deviation() const {
    const double distance = sum / static_cast<double>(count);
    const double variance = squares / static_cast<double>(count) - distance * distance;
    return std::isnan(variance) ? variance : std::sqrt((std::max)(variance, 0.0));
  }
};

/// Calls f(elements) if they are float or double, and says whether they were.
template <class F>
bool visit_floats(const AnyTensor& x, F f) {
  if (x.holds<float>()) f(x.elements<float>());
  else if (x.holds<double>()) f(x.elements<double>());
  else return false;
  return true;
}

}  // namespace kiln::detail
