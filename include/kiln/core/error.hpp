// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Every exception that Kiln throws, and the one function that throws them.
/// A message reads `op: what was expected: what came`, preceded by the layer's path where there is one.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include <kiln/core/text.hpp>

namespace kiln {

/// Base of every exception thrown by Kiln.
class Error : public std::exception {
 public:
  explicit Error(std::string message) : message_(std::move(message)) {}

  const char* what() const noexcept override { return message_.c_str(); }

  /// Puts the place in front of the message: `Mlp.hidden: linear: ...`. Only the first, innermost place is kept.
  void at(std::string_view place) {
    if (has_place_ || place.empty()) return;
    message_.insert(0, concat(place, ": "));
    has_place_ = true;
  }

 private:
  std::string message_;
  bool has_place_ = false;
};

/// Sizes that do not fit together.
class ShapeError : public Error {
  using Error::Error;
};

/// An element, axis, name or label that does not exist.
class IndexError : public Error {
  using Error::Error;
};

/// A file or its content is not what it should be.
class DataError : public Error {
  using Error::Error;
};

/// The library was asked for something that makes no sense in its present state.
class UsageError : public Error {
  using Error::Error;
};

/// Throws `E` with the message `op: expected: got ...`.
template <class E = Error>
[[noreturn, gnu::noinline, gnu::cold]] void fail(std::string_view op, std::string_view expected, std::string_view got) {
  throw E(got.empty() ? concat(op, ": ", expected) : concat(op, ": ", expected, ": ", got));
}

}  // namespace kiln
