// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// How many fields a struct has, found out by brace initialisation: `T{x, x, x}` compiles as long as there are no more
/// initialisers than fields, when `x` converts to anything. What would make the count wrong is recognised.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

namespace kiln {

/// The most fields that a reflected struct may have.
inline constexpr std::size_t max_fields = 64;

namespace detail {

/// Converts to every value. Abstract, so that a constructor template that takes its argument by value does not compete
/// with the conversion; `const&&`, so that one that takes a reference does not either.
struct Anything {
  virtual ~Anything() = 0;
  template <class U>
  operator U() const&& {
    __builtin_unreachable();
  }
};

/// Converts to every lvalue reference as well; `const` makes that the second choice.
struct AnythingOrReference {
  virtual ~AnythingOrReference() = 0;
  template <class U>
  operator U() && {
    __builtin_unreachable();
  }
  template <class U>
  operator U&() const&& {
    __builtin_unreachable();
  }
};

/// Converts to the base classes of `Derived` only.
template <class Derived>
struct AnyBaseOf {
  virtual ~AnyBaseOf() = 0;
  template <class U>
    requires(std::is_base_of_v<U, Derived> && !std::is_same_v<U, Derived>)
  operator U() const&& {
    __builtin_unreachable();
  }
};

/// Converts to nothing; only a constructor that takes anything accepts it.
struct Alien {
  virtual ~Alien() = 0;
};

template <class X, std::size_t>
X&& repeated();

/// Whether `T{x, x, ...}` compiles with `N` of them.
template <class T, class X, class Indices>
inline constexpr bool takes_indexed = false;
template <class T, class X, std::size_t... I>
inline constexpr bool takes_indexed<T, X, std::index_sequence<I...>> = requires { T{repeated<X, I>()...}; };

template <class T, std::size_t N, class X = Anything>
inline constexpr bool takes = takes_indexed<T, X, std::make_index_sequence<N>>;

/// Whether `T{head, x, x, ...}` compiles with `N` of x.
template <class T, class Head, class Indices>
inline constexpr bool takes_head_indexed = false;
template <class T, class Head, std::size_t... I>
inline constexpr bool takes_head_indexed<T, Head, std::index_sequence<I...>> = requires {
  T{repeated<Head, 0>(), repeated<Anything, I>()...};
};

template <class T, class Head, std::size_t N>
inline constexpr bool takes_head = takes_head_indexed<T, Head, std::make_index_sequence<N>>;

/// Whether `T{x, x, {x, x}, x}` compiles with `Before`, `Inside` and `After` of them.
template <class T, class Before, class Inside, class After>
inline constexpr bool takes_nested_indexed = false;
template <class T, std::size_t... B, std::size_t... I, std::size_t... A>
inline constexpr bool
    takes_nested_indexed<T, std::index_sequence<B...>, std::index_sequence<I...>, std::index_sequence<A...>> =
        requires {
          T{repeated<Anything, B>()..., {repeated<Anything, I>()...}, repeated<Anything, A>()...};
        };

template <class T, std::size_t Before, std::size_t Inside, std::size_t After>
inline constexpr bool takes_nested =
    takes_nested_indexed<T, std::make_index_sequence<Before>, std::make_index_sequence<Inside>,
                         std::make_index_sequence<After>>;

inline constexpr std::size_t no_count = static_cast<std::size_t>(-1);

/// The largest number of initialisers that T takes. A field without default has to be given, so the numbers that T
/// takes begin at the last such field; from there on they are contiguous.
template <class T, class X = Anything, std::size_t N = 0>
consteval std::size_t count_initialisers() {
  if constexpr (takes<T, N, X>) {
    if constexpr (N > max_fields || !takes<T, N + 1, X>) {
      return N;
    } else {
      return count_initialisers<T, X, N + 1>();
    }
  } else if constexpr (N <= max_fields) {
    return count_initialisers<T, X, N + 1>();
  } else {
    return no_count;
  }
}

/// Whether the initialisers from number `I` on go into a C array: braces around several of them then count as one
/// initialiser less each, while those of a class type never do.
template <class T, std::size_t Count, std::size_t I, std::size_t Length = 2>
consteval bool array_of_length_at() {
  if constexpr (I + Length > Count) {
    return false;
  } else if constexpr (!takes_nested<T, I, Length, Count - I - Length>) {
    return array_of_length_at<T, Count, I, Length + 1>();
  } else {
    return !takes_nested<T, I, Length, Count - I - Length + 1>;
  }
}

template <class T, std::size_t Count, std::size_t I>
consteval bool array_at() {
  // Most fields can be initialised by `{}`; an array of more than one element would leave too many initialisers over.
  if constexpr (takes_nested<T, I, 0, Count - I - 1>) {
    return false;
  } else {
    return array_of_length_at<T, Count, I>();
  }
}

template <class T, std::size_t Count>
consteval bool has_array() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    return (array_at<T, Count, I>() || ...);
  }(std::make_index_sequence<Count>{});
}

/// Why the fields of a type cannot be found.
enum class FieldProblem { none, not_aggregate, base_class, array, reference, too_many, uncountable };

struct FieldCount {
  std::size_t count = 0;
  FieldProblem problem = FieldProblem::none;
};

template <class T>
consteval FieldCount count_fields() {
  if constexpr (!std::is_class_v<T> || !std::is_aggregate_v<T>) {
    return {0, FieldProblem::not_aggregate};
  } else {
    constexpr std::size_t count = count_initialisers<T>();
    if constexpr (count == no_count) {
      constexpr bool reference = count_initialisers<T, AnythingOrReference>() != no_count;
      return {0, reference ? FieldProblem::reference : FieldProblem::uncountable};
    } else if constexpr (count > max_fields) {
      return {0, FieldProblem::too_many};
    } else if constexpr (takes_nested<T, count, 0, 0>) {  // there is one more field, which refuses Anything
      return {0, FieldProblem::uncountable};
    } else if constexpr (count == 0) {
      return {};
    } else if constexpr (takes_head<T, AnyBaseOf<T>, count - 1> && !takes_head<T, Alien, count - 1>) {
      return {0, FieldProblem::base_class};
    } else if constexpr (has_array<T, count>()) {
      return {0, FieldProblem::array};
    } else {
      return {count, FieldProblem::none};
    }
  }
}

template <class T>
inline constexpr FieldCount counted_fields = count_fields<T>();

}  // namespace detail
}  // namespace kiln
