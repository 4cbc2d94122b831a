// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// A readable name and a unique identity for every type, without RTTI.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace kiln {
namespace detail {

template <class T>
consteval auto signature_of_type() {
  return std::string_view(__PRETTY_FUNCTION__);
}

/// `T` as the compiler spells it: whatever stands where the signature for `double` says `double`.
template <class T>
consteval std::string_view spelled_type() {
  constexpr std::string_view probe = signature_of_type<double>();
  constexpr std::size_t before = probe.find("double");
  constexpr std::size_t after = probe.size() - before - std::string_view("double").size();
  std::string_view signature = signature_of_type<T>();
  return signature.substr(before, signature.size() - before - after);
}

/// The position of the bracket that `text[close]` closes.
constexpr std::size_t opening_bracket(std::string_view text, std::size_t close) {
  int depth = 0;
  for (std::size_t i = close + 1; i-- > 0;) {
    if (std::string_view(")>}]").find(text[i]) != std::string_view::npos) ++depth;
    if (std::string_view("(<{[").find(text[i]) != std::string_view::npos && --depth == 0) return i;
  }
  return 0;
}

/// The position after the bracket that `text[open]` opens.
constexpr std::size_t after_bracket(std::string_view text, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < text.size(); ++i) {
    if (std::string_view("(<{[").find(text[i]) != std::string_view::npos) ++depth;
    if (std::string_view(")>}]").find(text[i]) != std::string_view::npos && --depth == 0) return i + 1;
  }
  return text.size();
}

template <std::size_t Capacity>
struct ShortName {
  std::array<char, Capacity> text{};
  std::size_t size = 0;

  constexpr std::string_view view() const { return {text.data(), size}; }
  constexpr void add(std::string_view more) {
    for (char c : more) text[size++] = c;
  }

  /// Takes back the scope before a `::`: a name, a name with arguments, `(anonymous namespace)`, `main()`.
  constexpr void drop_scope() {
    while (size > 0 && std::string_view("<,( &*").find(text[size - 1]) == std::string_view::npos) {
      bool bracketed = std::string_view(")>}]").find(text[size - 1]) != std::string_view::npos;
      size = bracketed ? opening_bracket(view(), size - 1) : size - 1;
    }
  }
};

/// Leaves out all namespaces and enclosing functions; both compilers' ways to write a closure type become `lambda`.
template <std::size_t Capacity>
consteval ShortName<Capacity> shorten(std::string_view spelled) {
  ShortName<Capacity> name;
  for (std::size_t i = 0; i < spelled.size();) {
    std::string_view rest = spelled.substr(i);
    if (rest.starts_with("::")) {
      name.drop_scope();
      i += 2;
    } else if (rest.starts_with("<lambda(") || rest.starts_with("(lambda at ")) {
      name.add("lambda");
      i = after_bracket(spelled, i);
    } else if (rest.starts_with(" >") || rest.starts_with(" *") || rest.starts_with(" &")) {
      ++i;
    } else {
      name.add(rest.substr(0, 1));
      ++i;
    }
  }
  return name;
}

template <class T>
inline constexpr auto short_name = shorten<spelled_type<T>().size() + 8>(spelled_type<T>());

/// Its address identifies T. Not const, because a linker may give equal constants one address.
template <class T>
inline char type_tag = 0;

}  // namespace detail

/// What identifies a type: comparable and hashable as a pointer, the same in all translation units.
using TypeId = const void*;

template <class T>
constexpr TypeId type_id() {
  return &detail::type_tag<T>;
}

/// A type's name as a user would say it, without namespaces: `Mlp`, `BasicLinear<float>`.
template <class T>
constexpr std::string_view type_name() {
  return detail::short_name<T>.view();
}

}  // namespace kiln
