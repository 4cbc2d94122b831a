// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `FieldBinder<N>::visit(object, f)` calls `f(field...)` with references to all N fields of a struct. C++20 has
/// structured bindings but no pack of them, so every N from 1 to 64 is spelt out, by macros that end with this file.
#pragma once

#include <cstddef>

namespace kiln::detail {

template <std::size_t N>
struct FieldBinder;

template <>
struct FieldBinder<0> {
  template <class T, class F>
  static constexpr decltype(auto) visit(T&, F&& f) {
    return f();
  }
};

#define KILN_BIND(count, ...)                            \
  template <>                                            \
  struct FieldBinder<(count)> {                          \
    template <class T, class F>                          \
    static constexpr decltype(auto) visit(T& o, F&& f) { \
      auto& [__VA_ARGS__] = o;                           \
      return f(__VA_ARGS__);                             \
    }                                                    \
  };

#define KILN_8(p) p##1, p##2, p##3, p##4, p##5, p##6, p##7, p##8

// For the eight counts after `base`; the names of the first `base` fields, with a comma at the end, come last.
#define KILN_BIND_8(base, p, ...)                                           \
  KILN_BIND(base + 1, __VA_ARGS__ p##1)                                     \
  KILN_BIND(base + 2, __VA_ARGS__ p##1, p##2)                               \
  KILN_BIND(base + 3, __VA_ARGS__ p##1, p##2, p##3)                         \
  KILN_BIND(base + 4, __VA_ARGS__ p##1, p##2, p##3, p##4)                   \
  KILN_BIND(base + 5, __VA_ARGS__ p##1, p##2, p##3, p##4, p##5)             \
  KILN_BIND(base + 6, __VA_ARGS__ p##1, p##2, p##3, p##4, p##5, p##6)       \
  KILN_BIND(base + 7, __VA_ARGS__ p##1, p##2, p##3, p##4, p##5, p##6, p##7) \
  KILN_BIND(base + 8, __VA_ARGS__ p##1, p##2, p##3, p##4, p##5, p##6, p##7, p##8)

// clang-format off
KILN_BIND_8(0, a, )
KILN_BIND_8(8, b, KILN_8(a), )
KILN_BIND_8(16, c, KILN_8(a), KILN_8(b), )
KILN_BIND_8(24, d, KILN_8(a), KILN_8(b), KILN_8(c), )
KILN_BIND_8(32, e, KILN_8(a), KILN_8(b), KILN_8(c), KILN_8(d), )
KILN_BIND_8(40, g, KILN_8(a), KILN_8(b), KILN_8(c), KILN_8(d), KILN_8(e), )
KILN_BIND_8(48, h, KILN_8(a), KILN_8(b), KILN_8(c), KILN_8(d), KILN_8(e), KILN_8(g), )
KILN_BIND_8(56, i, KILN_8(a), KILN_8(b), KILN_8(c), KILN_8(d), KILN_8(e), KILN_8(g), KILN_8(h), )
// clang-format on

#undef KILN_BIND_8
#undef KILN_8
#undef KILN_BIND

}  // namespace kiln::detail
