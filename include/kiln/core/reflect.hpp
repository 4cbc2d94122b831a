// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Fields of plain structs, found by the compiler: no base class, no registration, no macro.
///
///     struct Mlp { Linear hidden{784, 50}; Linear out{50, 10}; };
///     for_each_field(mlp, [](std::string_view name, auto& field) { ... });  // "hidden", then "out"
///
/// A type that is no plain struct, or that wants other names, says itself what its fields are:
///
///     static void fields(auto& self, auto&& f) { f("first", self.a_); f("second", self.b_); }
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>

#include <kiln/core/reflect_bind.hpp>
#include <kiln/core/reflect_count.hpp>
#include <kiln/core/type_name.hpp>

namespace kiln {
namespace detail {

/// Stands for any visitor of fields.
struct AnyVisitor {
  template <class Field>
  constexpr void operator()(std::string_view, Field&) const {}
};

template <class T>
concept ListsItsFields =
    requires(T& object, const AnyVisitor& visit) { std::remove_const_t<T>::fields(object, visit); };

struct FieldAddress {
  const volatile void* at;
};

#ifdef __clang__  // the object is only ever named in unevaluated and constant expressions
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wundefined-internal"
#pragma clang diagnostic ignored "-Wundefined-var-template"
#endif

/// An object of any type without a constructor call: its fields have addresses, and these have names. (Wrapped, because
/// g++ wants a variable of a local type to be defined.)
template <class T>
struct NoObject {
  T object;
};
template <class T>
extern const NoObject<T> no_object;

template <class T>
consteval auto field_addresses() {
  constexpr std::size_t count = counted_fields<T>.count;
  return FieldBinder<count>::visit(no_object<T>.object, [](auto&... field) {
    return std::array<FieldAddress, count>{FieldAddress{__builtin_addressof(field)}...};
  });
}

#ifdef __clang__
#pragma clang diagnostic pop
#endif

template <FieldAddress... addresses>
consteval auto signature_of_addresses() {
  return std::string_view(__PRETTY_FUNCTION__);
}

template <bool>
inline constexpr bool is_constant = true;

/// A reference member refers to an object that does not exist: its address is no constant.
template <class T>
concept ConstantAddresses = requires { is_constant<(field_addresses<T>(), true)>; };

template <class T>
consteval bool has_array_of_one() {
  return decltype(FieldBinder<counted_fields<T>.count>::visit(no_object<T>.object, [](auto&... field) {
    return std::bool_constant<(std::is_array_v<std::remove_reference_t<decltype(field)>> || ...)>{};
  }))::value;
}

template <class T>
consteval FieldProblem find_problem() {
  if constexpr (constexpr FieldProblem problem = counted_fields<T>.problem; problem != FieldProblem::none) {
    return problem;
  } else if constexpr (counted_fields<T>.count == 0) {
    return FieldProblem::none;
  } else if constexpr (!ConstantAddresses<T>) {
    return FieldProblem::reference;
  } else {
    return has_array_of_one<T>() ? FieldProblem::array : FieldProblem::none;
  }
}

template <class T>
inline constexpr FieldProblem field_problem = find_problem<T>();

/// Names stand at the ends of the addresses in the signature: g++ writes `FieldAddress{((const void*)(& ...::name))}`,
/// clang `{&no_object.object.name}`. Read from the last to the first: the types' names in between may hold anything.
/// Character by character, because the compiler interprets this for every struct.
template <std::size_t N>
consteval std::array<std::string_view, N> names_in(std::string_view signature) {
  std::array<std::string_view, N> names;
  const char* c = signature.data() + signature.size() - 3;
  for (std::size_t i = N; i-- > 0;) {
#ifdef __clang__
    while (*c != '}') --c;
#else
    while (*c != ')' || c[1] != ')' || c[2] != '}') --c;
#endif
    const char* end = c;
    while (c[-1] != '.' && c[-1] != ':') --c;
    names[i] = {c, static_cast<std::size_t>(end - c)};
  }
  return names;
}

template <class T>
consteval auto find_field_names(std::index_sequence<>) {
  return std::array<std::string_view, 0>{};
}
template <class T, std::size_t... I>
consteval auto find_field_names(std::index_sequence<I...>) {
  constexpr auto addresses = field_addresses<T>();
  return names_in<sizeof...(I)>(signature_of_addresses<addresses[I]...>());
}

template <class T>
inline constexpr auto found_field_names = find_field_names<T>(std::make_index_sequence<counted_fields<T>.count>{});

struct NameProbe {
  int first;
  int second;
};
static_assert(found_field_names<NameProbe>[0] == "first" && found_field_names<NameProbe>[1] == "second",
              "kiln: this compiler writes addresses in function signatures in a way that Kiln does not know yet.");

/// Says, in full sentences, what keeps T from being reflected.
template <class T>
consteval bool checked_reflectable() {
  constexpr FieldProblem problem = field_problem<T>;
  static_assert(
      problem != FieldProblem::not_aggregate,
      "kiln: only a plain struct has fields to reflect, and this type has a constructor, a private member or a "
      "virtual function (or is no class): use public members with default values instead, or write "
      "`static void fields(auto& self, auto&& f)` that calls f(name, field) for each field.");
  static_assert(problem != FieldProblem::base_class,
                "kiln: a reflected struct must not have a base class: make the base a member, or write "
                "`static void fields(auto& self, auto&& f)` that calls f(name, field) for each field.");
  static_assert(problem != FieldProblem::array,
                "kiln: a reflected struct must not have a C array as a member: write `std::array<T, 3> x` instead of "
                "`T x[3]`.");
  static_assert(
      problem != FieldProblem::reference,
      "kiln: a reflected struct must not have a reference as a member: hold the object itself, a pointer or a "
      "std::reference_wrapper.");
  static_assert(problem != FieldProblem::too_many,
                "kiln: a reflected struct must not have more than 64 fields (each element of a C array counts): group "
                "some of them into a struct of their own, and write `std::array<T, 3> x` instead of `T x[3]`.");
  static_assert(
      problem != FieldProblem::uncountable,
      "kiln: a field of this struct has a constructor that takes anything or nothing at all, so its fields "
      "cannot be counted: constrain that constructor, or write `static void fields(auto& self, auto&& f)` that "
      "calls f(name, field) for each field.");
  return problem == FieldProblem::none;
}

}  // namespace detail

/// A type with fields that `for_each_field` visits: a plain struct, or one with its own function `fields`.
template <class T>
concept Reflectable =
    detail::ListsItsFields<T> || detail::field_problem<std::remove_cv_t<T>> == detail::FieldProblem::none;

/// The number of fields of a plain struct; a struct as a field counts as one.
template <class T>
consteval std::size_t field_count() {
  using Struct = std::remove_cv_t<T>;
  if constexpr (detail::checked_reflectable<Struct>()) return detail::counted_fields<Struct>.count;
  return 0;
}

/// The names of a plain struct's fields, in order.
template <class T>
consteval auto field_names() {
  using Struct = std::remove_cv_t<T>;
  if constexpr (detail::checked_reflectable<Struct>()) {
    return detail::found_field_names<Struct>;
  } else {
    return std::array<std::string_view, 0>{};
  }
}

/// Calls `f(name, field)` for each field, in order of declaration. Fields of a const object are const.
template <class T, class F>
constexpr void for_each_field(T& object, F&& f) {
  using Struct = std::remove_cv_t<T>;
  if constexpr (detail::ListsItsFields<T>) {
    Struct::fields(object, f);
  } else if constexpr (detail::checked_reflectable<Struct>()) {
    detail::FieldBinder<detail::counted_fields<Struct>.count>::visit(object, [&f](auto&... field) {
      [[maybe_unused]] const std::string_view* name = detail::found_field_names<Struct>.data();
      (f(*name++, field), ...);
    });
  }
}

}  // namespace kiln
