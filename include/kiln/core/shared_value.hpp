// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `share(value)`: a value of any type behind a pointer of one type, `std::shared_ptr<const void>`.
#pragma once

#include <memory>
#include <utility>

namespace kiln::detail {

/// The value, owned by all copies of the pointer. Costs the compiler a fraction of std::make_shared, which makes
/// classes of its own for each type.
template <class T>
std::shared_ptr<const void> share(T value) {
  void (*destroy)(const void*) = [](const void* object) { delete static_cast<const T*>(object); };
  return {static_cast<const void*>(new T(std::move(value))), destroy};
}

}  // namespace kiln::detail
