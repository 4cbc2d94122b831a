// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// A model is a plain struct, and this is how its parts are found: `for_each_part(model, f)` walks its fields and
/// theirs. Params are trained, Buffers saved; numbers, enums, strings, shapes, lambdas and function pointers are
/// configuration; anything else must have fields itself, or it does not compile, so that no parameter is silently left
/// untrained.
#pragma once

#include <array>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include <kiln/autograd/layer_scope.hpp>
#include <kiln/autograd/param_ref.hpp>
#include <kiln/core/reflect.hpp>
#include <kiln/core/sides2.hpp>
#include <kiln/core/size2.hpp>

namespace kiln {

namespace detail {

template <class X>
inline constexpr bool is_list = false;  // elements are named by their position
template <class X, class A>
inline constexpr bool is_list<std::vector<X, A>> = true;
template <class X, std::size_t N>
inline constexpr bool is_list<std::array<X, N>> = true;

template <class X>
inline constexpr bool is_tuple = false;
template <class... X>
inline constexpr bool is_tuple<std::tuple<X...>> = true;
template <class A, class B>
inline constexpr bool is_tuple<std::pair<A, B>> = true;

template <class X>
inline constexpr bool is_optional = false;
template <class X>
inline constexpr bool is_optional<std::optional<X>> = true;

template <class X>
inline constexpr bool is_shape = false;
template <int R>
inline constexpr bool is_shape<Shape<R>> = true;

/// A lambda: a layer or a setting, without fields. (A class with private members that can be called is no lambda, and
/// may hide a parameter; nor is a template such as Sequential one because a lambda is among its arguments.)
template <class X>
consteval bool is_lambda() {
  if constexpr (!std::is_class_v<X> || std::is_aggregate_v<X>) return false;
  else return type_name<X>() == "lambda" && !spelled_type<X>().ends_with("lambda");
}

template <class X>
inline constexpr bool is_function_object = false;
template <class Signature, template <class> class Wrapper>
inline constexpr bool is_function_object<Wrapper<Signature>> = std::is_function_v<Signature>;  // such as std::function

template <class X>
consteval bool is_configuration() {
  return std::is_arithmetic_v<X> || std::is_enum_v<X> || std::is_convertible_v<X, std::string_view> || is_shape<X> ||
         std::is_same_v<X, Size2> || std::is_same_v<X, Sides2> || std::is_same_v<X, RandomStream> ||
         std::is_function_v<std::remove_pointer_t<X>> || std::is_member_pointer_v<X> || is_lambda<X>();
}

/// Whether a layer normalises. Library layers and a user's say so: `static constexpr bool is_norm = true;`.
template <class Layer>
consteval bool is_norm() {
  if constexpr (requires { Layer::is_norm; }) return Layer::is_norm;
  else return false;
}

template <class M, class F>
void walk_parts(std::string& path, M& part, F& f);

template <class M, class F>
void walk_named(std::string& path, std::string_view name, M& part, F& f) {
  const std::size_t before = path.size();
  if (before) path += '.';
  path += name;
  walk_parts(path, part, f);
  path.resize(before);
}

template <class M, class F>
void walk_parts(std::string& path, M& part, F& f) {
  using X = std::remove_const_t<M>;
  if constexpr (is_param<X> || is_buffer<X>) {
    f(std::as_const(path), part);
  } else if constexpr (is_configuration<X>()) {
    static_assert(
        !is_lambda<X>() || std::is_trivially_destructible_v<X>,
        "kiln: this lambda owns more than numbers, and a parameter inside a lambda would silently stay untrained: "
        "write a struct with these members and operator() instead");
  } else if constexpr (is_list<X>) {
    if constexpr (!is_configuration<typename X::value_type>()) {
      std::size_t i = 0;
      for (auto& element : part) walk_named(path, concat(i++), element, f);
    }
  } else if constexpr (is_tuple<X>) {
    std::apply(
        [&](auto&... element) {
          std::size_t i = 0;
          (walk_named(path, concat(i++), element, f), ...);
        },
        part);
  } else if constexpr (is_optional<X>) {
    if (part) walk_parts(path, *part, f);
  } else {
    static_assert(
        !is_tensor<X>,
        "kiln: a model holds tensors as Param<R> (trained) or Buffer<R> (saved, not trained), not as a bare Tensor");
    static_assert(
        !is_function_object<X>,
        "kiln: a parameter inside a std::function would silently stay untrained: a model holds a layer as itself, and "
        "a function without parameters as a plain function pointer");
    static_assert(
        !std::is_pointer_v<X>,
        "kiln: a model holds its layers by value, in std::vector or in std::optional, not by pointer: what is "
        "behind a pointer would silently stay untrained");
    f(std::as_const(path), part);
    for_each_field(part, [&](std::string_view name, auto& field) { walk_named(path, name, field, f); });
  }
}

}  // namespace detail

/// Calls f(path, part) for the model itself (with the empty path), every layer, Param and Buffer in it, outermost
/// first.
template <class Model, class F>
void for_each_part(Model& model, F f) {
  std::string path;
  detail::walk_parts(path, model, f);
}

namespace detail {

/// Finds parameters, buffers and layers, whichever are asked for: one function object, so that the walk through a model
/// is compiled once.
struct PartFinder {
  std::vector<ParamRef>* params = nullptr;
  std::vector<ParamRef>* buffers = nullptr;
  std::vector<LayerNames::Entry>* layers = nullptr;
  std::optional<std::string> norm{};  // what the names of the last normalisation layer's parameters begin with

  template <class Part>
  void operator()(const std::string& path, Part& part) {
    if constexpr (is_param<Part>) {
      if (params) add(*params, {path, part});
    } else if constexpr (is_buffer<Part>) {
      if (buffers) add(*buffers, {path, part});
    } else {
      add_layer({layer_key(part), path, layer_type_name<Part>()}, is_norm<Part>());
    }
  }

 private:
  void add(std::vector<ParamRef>& found, ParamRef ref) const {
    ref.in_norm = norm && ref.name.starts_with(*norm);
    found.push_back(std::move(ref));
  }
  void add_layer(LayerNames::Entry layer, bool normalises) {
    if (normalises) norm = layer.path.empty() ? "" : layer.path + ".";
    if (layers) layers->push_back(std::move(layer));
  }
};

}  // namespace detail

/// All parameters, trainable or not, in order of declaration: `hidden.weight`, `hidden.bias`, ...
template <class Model>
std::vector<ParamRef> parameters(Model& model) {
  static_assert(!std::is_const_v<Model>, "kiln: the parameters of a const model cannot be handed out for training");
  std::vector<ParamRef> found;
  for_each_part(model, detail::PartFinder{.params = &found});
  return found;
}

/// Everything that is saved: parameters and buffers, under the names that PyTorch would give them.
template <class Model>
std::vector<ParamRef> state_tensors(Model& model) {
  std::vector<ParamRef> found;
  for_each_part(model, detail::PartFinder{.params = &found, .buffers = &found});
  return found;
}

/// The number of trainable elements.
template <class Model>
Index parameter_count(const Model& model) {
  Index count = 0;
  for_each_part(model, [&]<class Part>(const std::string&, Part& part) {
    if constexpr (is_param<std::remove_const_t<Part>>) count += part.trainable ? part.value.numel() : 0;
  });
  return count;
}

/// The paths of all layers, for messages and hooks. Valid as long as the model stays where it is.
template <class Model>
LayerNames layer_names(const Model& model) {
  LayerNames names{.root = std::string(layer_type_name<Model>()), .entries = {}};
  // Nothing is written, so the walk can be the one that finds the parameters.
  for_each_part(const_cast<Model&>(model), detail::PartFinder{.layers = &names.entries});
  return names;
}

/// Excludes all parameters of a model or layer from training, or includes them again.
template <class Model>
void set_trainable(Model& model, bool trainable) {
  for (const ParamRef& param : parameters(model)) param.set_trainable(trainable);
}
template <class Model>
void freeze(Model& model) {
  set_trainable(model, false);
}
template <class Model>
void unfreeze(Model& model) {
  set_trainable(model, true);
}

/// What freezing a part of a model spares.
struct FreezeOptions {
  /// Whether weights and biases of normalisation layers (those with `static constexpr bool is_norm = true;`, as all of
  /// the library's) stay trainable. They are few, and adapt a frozen body to new data.
  ///
  /// The running statistics of batch norm are no parameters, and freezing does not touch them: in training, a frozen
  /// batch norm normalises by the batch too, and its running statistics follow the new data, as in PyTorch. A
  /// `momentum` of 0 makes them stay.
  bool train_norms = true;
};

/// Excludes all parameters of a model or layer from training but those that are spared:
/// `freeze(model.body, {.train_norms = true})`.
template <class Model>
void freeze(Model& model, const FreezeOptions& options) {
  for (const ParamRef& param : parameters(model)) param.set_trainable(options.train_norms && param.in_norm);
}

/// Forgets all gradients.
template <class Model>
void zero_grad(Model& model) {
  for (const ParamRef& param : parameters(model)) param.zero_grad();
}

}  // namespace kiln
