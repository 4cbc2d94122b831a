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

/// Converts to classes with constructors that are no containers. Braces around it ask such a class for a move.
struct AnyWrapper {
  virtual ~AnyWrapper() = 0;
  template <class U>
    requires(std::is_class_v<U> && !std::is_aggregate_v<U> && !requires { typename U::value_type; })
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

/// Whether `T{x, x, special, x}` compiles with `Before` and `After` of x.
template <class T, class Special, class Before, class After>
inline constexpr bool takes_at_indexed = false;
template <class T, class Special, std::size_t... B, std::size_t... A>
inline constexpr bool takes_at_indexed<T, Special, std::index_sequence<B...>, std::index_sequence<A...>> = requires {
  T{repeated<Anything, B>()..., repeated<Special, 0>(), repeated<Anything, A>()...};
};

template <class T, class Special, std::size_t Before, std::size_t After>
inline constexpr bool takes_at =
    takes_at_indexed<T, Special, std::make_index_sequence<Before>, std::make_index_sequence<After>>;

/// Whether `T{x, x, {y, y}, x}` compiles with `Before`, `Inside` and `After` of them.
template <class T, class Y, class Before, class Inside, class After>
inline constexpr bool takes_nested_indexed = false;
template <class T, class Y, std::size_t... B, std::size_t... I, std::size_t... A>
inline constexpr bool
    takes_nested_indexed<T, Y, std::index_sequence<B...>, std::index_sequence<I...>, std::index_sequence<A...>> =
        requires {
          T{repeated<Anything, B>()..., {repeated<Y, I>()...}, repeated<Anything, A>()...};
        };

template <class T, std::size_t Before, std::size_t Inside, std::size_t After, class Y = Anything>
inline constexpr bool takes_nested =
    takes_nested_indexed<T, Y, std::make_index_sequence<Before>, std::make_index_sequence<Inside>,
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

/// Whether clang should not see `{}` for field `I`: it would compile the constexpr default constructor of, say, a tuple
/// of layers, down to default member values that use fields without value, and warn of those.
template <class T, std::size_t Count, std::size_t I>
consteval bool wrapper_at() {
  if constexpr (takes_at<T, AnyWrapper, I, Count - I - 1>) {
    return takes_nested<T, I, 1, Count - I - 1, AnyWrapper>;
  } else {
    return false;
  }
}

template <class T, std::size_t Count, std::size_t I>
consteval bool array_at() {
  // Most fields can be initialised by `{}`; an array of more than one element would leave too many initialisers over.
  if constexpr (wrapper_at<T, Count, I>()) {
    return false;
  } else if constexpr (takes_nested<T, I, 0, Count - I - 1>) {
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
    } else if constexpr (takes_at<T, AnyBaseOf<T>, 0, count - 1> && !takes_at<T, Alien, 0, count - 1>) {
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
