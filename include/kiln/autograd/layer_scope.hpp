// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `announce`: how a layer says that it runs. Hooks, summaries, profilers, NaN search and the paths in error messages
/// all live from this one mechanism. A user's layer opts in with one line:
///
///     auto operator()(const auto& input) const {
///       return announce(*this, input, [&](const auto& x) { return x * gain; });
///     }
#pragma once

#include <string>
#include <vector>

#include <kiln/autograd/any_var.hpp>
#include <kiln/core/type_name.hpp>

namespace kiln {

template <class Layer>
LayerKey layer_key(const Layer& layer) {
  return {&layer, type_id<Layer>()};
}

/// How a layer type is called in tables and messages: its `layer_name` if it has one, else the name of the type.
template <class Layer>
constexpr std::string_view layer_type_name() {
  if constexpr (requires { Layer::layer_name; }) return Layer::layer_name;
  else return type_name<Layer>();
}

/// The paths of a model's layers: `hidden`, `2`, `body.0`; the model itself has the empty path.
class LayerNames {
 public:
  struct Entry {
    LayerKey key;
    std::string path;
    std::string_view type;
  };

  std::string root;  ///< what stands before every path in messages: the model's type
  std::vector<Entry> entries;

  const Entry* find(LayerKey key) const {
    for (const Entry& entry : entries) {
      if (entry.key == key) return &entry;
    }
    return nullptr;
  }
};

/// One run of a layer, as observers see it.
struct LayerCall {
  LayerKey key;
  std::string_view type;
  std::string_view path;  ///< empty for the model itself and where the context knows no names
  bool named;             ///< whether the context knows this layer
  const AnyVar& input;
};

/// What messages advise where a layer was not seen to run.
inline constexpr std::string_view how_to_announce =
    "it can announce itself by `return kiln::announce(*this, input, [&](const auto& x) { ... });`";

/// Is told about every layer that runs in a context (Context::observe). Those that belong together may form a list, of
/// which the first is given to the context: `next` is told after this one.
struct LayerObserver {
  LayerObserver* next = nullptr;
  /// Whether it needs to see what goes from one layer to the next. If no observer does, neighbours may run as one
  /// layer.
  bool apart = true;
  void (*entered)(LayerObserver& self, const LayerCall& call) = nullptr;
  /// May replace the output by a var of the same rank and element type.
  void (*left)(LayerObserver& self, const LayerCall& call, AnyVar& output) = nullptr;
};

namespace detail {

/// The layer's place for an error message: `Mlp.hidden`, or its type where the context knows no names.
inline std::string layer_place(const LayerNames* names, LayerKey key, std::string_view type) {
  const LayerNames::Entry* entry = names ? names->find(key) : nullptr;
  if (!entry) return std::string(type);
  return entry->path.empty() ? names->root : concat(names->root, ".", entry->path);
}

template <class X>
decltype(auto) as_var(const X& x) {
  static_assert(VarOperand<X>, "kiln: a layer takes a Var or a Tensor");
  if constexpr (is_var<X>) return (x);
  else return to_var(nullptr, x);
}

/// Whether an observer needs layers to run one by one, rather than some of them fused.
inline bool layers_run_apart(const Context& context) {
  for (const LayerObserver* first : context.observers()) {
    for (const LayerObserver* o = first; o; o = o->next) {
      if (o->apart) return true;
    }
  }
  return false;
}

/// Marks a layer as the one that runs, until the end of the scope.
struct RunningLayer {
  Context& context;
  LayerKey outer;
  RunningLayer(Context& where, LayerKey key) : context(where), outer(std::exchange(where.running_layer(), key)) {}
  RunningLayer(const RunningLayer&) = delete;
  RunningLayer& operator=(const RunningLayer&) = delete;
  ~RunningLayer() { context.running_layer() = outer; }
};

/// One run of a layer, told to the observers.
class ObservedRun {
 public:
  ObservedRun(Context& context, LayerKey key, std::string_view type, AnyVar input)
      : running_(context, key), input_(std::move(input)), call_{key, type, "", false, input_} {
    const LayerNames* names = context.layer_names();
    if (const LayerNames::Entry* entry = names ? names->find(key) : nullptr) {
      call_.path = entry->path;
      call_.named = true;
    }
    tell([&](LayerObserver& o) {
      if (o.entered) o.entered(o, call_);
    });
  }

  void end(AnyVar& output) const {
    tell([&](LayerObserver& o) {
      if (o.left) o.left(o, call_, output);
    });
  }

 private:
  template <class F>
  void tell(F what) const {
    // By position, since an observer may add one or take itself out.
    for (std::size_t i = 0; i < running_.context.observers().size(); ++i) {
      for (LayerObserver* o = running_.context.observers()[i]; o; o = o->next) what(*o);
    }
  }

  RunningLayer running_;
  AnyVar input_;
  LayerCall call_;
};

template <class V, class F>
auto run_observed(Context& context, LayerKey key, std::string_view type, const V& x, F& forward) {
  const ObservedRun run(context, key, type, x);
  using Result = std::remove_cvref_t<decltype(forward(x))>;
  if constexpr (is_var<Result>) {
    AnyVar output(forward(x));
    run.end(output);
    return output.as<Result::rank, typename Result::value_type>();
  } else {
    auto result = forward(x);  // a tuple or struct of vars: seen from outside only as having run
    AnyVar none;
    run.end(none);
    return result;
  }
}

}  // namespace detail

/// Runs `forward(x)` as the layer, where x is the input as a Var: observers hear of it, and errors name the layer.
/// `type` is what observers are told that it is.
template <class Layer, class X, class F>
auto announce(const Layer& layer, const X& input, F&& forward, std::string_view type = layer_type_name<Layer>()) {
  const auto& x = detail::as_var(input);
  Context* context = x.context();
  try {
    // One that announces itself and is called by call_layer runs once.
    if (!context || context->observers().empty() || context->running_layer() == layer_key(layer)) return forward(x);
    return detail::run_observed(*context, layer_key(layer), type, x, forward);
  } catch (Error& error) {
    error.at(
        detail::layer_place(context ? context->layer_names() : nullptr, layer_key(layer), layer_type_name<Layer>()));
    throw;
  }
}

/// Calls a layer. Library layers announce themselves; any other is announced here.
template <class Layer, class X>
auto call_layer(const Layer& layer, const X& x) {
  if constexpr (requires { Layer::layer_name; }) return layer(x);
  else return announce(layer, x, layer);
}

/// Whether A can do the work of a layer B behind it too: it says `using FusesWith = B;` and has a function
/// `fused(b, x)`, which announces A alone.
template <class A, class B>
concept Fusible = requires { requires std::same_as<typename A::FusesWith, B>; };

/// second(first(x)), at once if the layers can do that and no observer needs to see each of them.
template <class A, class B, class X>
auto call_layers(const A& first, const B& second, const X& input) {
  if constexpr (Fusible<A, B>) {
    const auto& x = detail::as_var(input);
    Context* context = x.context();
    if (!context || !detail::layers_run_apart(*context)) return first.fused(second, x);
  }
  return call_layer(second, call_layer(first, input));
}

}  // namespace kiln
