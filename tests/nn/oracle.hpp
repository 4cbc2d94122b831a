// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Comparison with what PyTorch computed; see tests/oracles/nn_numbers.py.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include <kiln/autograd/record.hpp>

/// Results of PyTorch by name.
struct Oracle {
  const char* name;
  std::vector<double> values;
};

/// Multiples of 1/16 in [-2, 2], exact in float.
template <class T, int R>
kiln::Tensor<R, T> numbers(const kiln::Shape<R>& shape, std::uint32_t seed) {
  auto result = kiln::detail::uninitialised<T>(shape);
  for (T& x : result) {
    seed = 1664525 * seed + 1013904223;
    x = static_cast<T>(static_cast<int>((seed >> 16) % 65) - 32) / 16;
  }
  return result;
}
template <class T, int R>
kiln::Tensor<R, T> numbers(const kiln::Extent (&sizes)[R], std::uint32_t seed) {
  return numbers<T>(kiln::Shape<R>(sizes), seed);
}

/// Equal to 1e-10 in double and to 1e-6 in float, relative to the largest value where that is above 1.
template <int R, class T, class Table>
void check_oracle(const Table& table, const std::string& name, const kiln::Tensor<R, T>& got, double tolerance = 0) {
  CAPTURE(name);
  const Oracle* found = nullptr;
  for (const Oracle& entry : table) {
    if (entry.name == name) found = &entry;
  }
  REQUIRE_MESSAGE(found != nullptr, "no such oracle");
  const std::vector<double>& expected = found->values;
  REQUIRE(static_cast<std::size_t>(got.numel()) == expected.size());
  if (tolerance == 0) tolerance = sizeof(T) == sizeof(double) ? 1e-10 : 1e-6;
  double scale = 1;
  for (double value : expected) scale = (std::max)(scale, std::isnan(value) ? 0 : std::abs(value));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto value = static_cast<double>(got.data()[i]);
    CAPTURE(i);
    CAPTURE(value);
    CAPTURE(expected[i]);
    CHECK((std::isnan(expected[i]) ? std::isnan(value) : std::abs(value - expected[i]) <= tolerance * scale));
  }
}

/// The gradients of the sum of y times numbers, which then can be read from y's tape.
template <int R, class T>
void differentiate_weighted(kiln::Tape& tape, const kiln::Var<R, T>& y) {
  auto weights = numbers<T>(y.shape(), 99);
  kiln::Tensor<0, T> total(0);
  for (kiln::Index i = 0; i < y.numel(); ++i) total.data()[0] += y.value().data()[i] * weights.data()[i];
  auto pull_back = [weights](const auto& dz, auto& dy) { dy += weights * dz.item(); };
  tape.differentiate(kiln::record("weighted_sum", total, pull_back, y));
}

/// The text of the error that f throws.
template <class E, class F>
std::string message_of(F f) {
  try {
    f();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing was thrown";
}
