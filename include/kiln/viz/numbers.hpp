// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Numbers`: what plots take as data.
#pragma once

#include <initializer_list>
#include <type_traits>
#include <utility>
#include <vector>

namespace kiln {

namespace detail {

template <class R>
concept NumberRange = requires(const R& range) {
  range.begin();
  range.end();
  requires std::is_arithmetic_v<std::remove_cvref_t<decltype(*range.begin())>>;
};

}  // namespace detail

/// Numbers of any type, converted to `double`: a vector, span, array, `Tensor`, or a list in braces.
struct Numbers {
  std::vector<double> values;

  Numbers(std::initializer_list<double> list) : values(list) {}
  Numbers(std::vector<double> numbers) : values(std::move(numbers)) {}
  template <detail::NumberRange R>
  Numbers(const R& range) {
    for (const auto& value : range) values.push_back(static_cast<double>(value));
  }
};

}  // namespace kiln
