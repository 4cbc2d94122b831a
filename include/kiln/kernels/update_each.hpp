// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `update_each`: an optimizer's formula applied to every element of a parameter, in one pass over the parameter, its
/// gradient and the slots that the optimizer keeps for it. The formula is written once, for one element as for a
/// vector:
///
///     template <class T>
///     struct Momentum {
///       T lr, beta;
///       template <class V>
///       [[gnu::always_inline]] void operator()(V& p, V& g, V& m) const {
///         m = beta * m + g;
///         p -= lr * m;
///       }
///     };
///     update_each(Momentum<T>{lr, beta}, n, param, grad, velocity);
///
/// It may change `g`, which is a copy. What is said in simd.hpp about a `run` holds for it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <utility>

#include <kiln/core/parallel.hpp>
#include <kiln/kernels/simd.hpp>

namespace kiln::detail {

template <class Formula>
struct UpdateLoop {
  template <int Bytes, class T, class... Slot>
  [[gnu::always_inline]] static inline void run(Formula formula, Index n, T* param, const T* grad, Slot*... slot) {
    constexpr Index L = lanes<T, Bytes>;
    constexpr auto slots = std::index_sequence_for<Slot...>{};
    Index i = 0;
    for (; i + L <= n; i += L) apply<Bytes>(formula, slots, param + i, grad + i, slot + i...);
    if (i < n) finish<Bytes>(formula, slots, n - i, param + i, grad + i, slot + i...);
  }

 private:
  template <int Bytes, std::size_t... K, class T, class... Slot>
  [[gnu::always_inline]] static inline void apply(const Formula& formula, std::index_sequence<K...>, T* param,
                                                  const T* grad, Slot*... slot) {
    Vec<T, Bytes> p, g, s[sizeof...(K) + 1];  // one more, because an array cannot be empty
    load(p, param);
    load(g, grad);
    (load(s[K], slot), ...);
    formula(p, g, s[K]...);
    store(param, p);
    (store(slot, s[K]), ...);
  }

  /// The last elements, fewer than a vector, by the same operations: an element's bits do not depend on its place.
  template <int Bytes, std::size_t... K, class T, class... Slot>
  [[gnu::always_inline]] static inline void finish(const Formula& formula, std::index_sequence<K...> slots, Index n,
                                                   T* param, const T* grad, Slot*... slot) {
    T p[lanes<T, Bytes>] = {}, g[lanes<T, Bytes>] = {}, s[sizeof...(K) + 1][lanes<T, Bytes>] = {};
    for (Index i = 0; i < n; ++i) {
      p[i] = param[i];
      g[i] = grad[i];
      ((s[K][i] = slot[i]), ...);
    }
    apply<Bytes>(formula, slots, p, g, s[K]...);
    for (Index i = 0; i < n; ++i) {
      param[i] = p[i];
      ((slot[i] = s[K][i]), ...);
    }
  }
};

/// formula(param[i], grad[i], slot[i]...) for all i < n, on several threads where that is worth it.
template <class Formula, class T, class... Slot>
void update_each(const Formula& formula, Index n, T* param, const T* grad, Slot*... slot) {
  constexpr Index block = 1024;  // whole cache lines for each thread
  using Loop = UpdateLoop<Formula>;
  constexpr Index cost = 2 + static_cast<Index>(sizeof...(Slot));
  parallel_ranges((n + block - 1) / block, block * cost, [&](Index first, Index last) {
    const Index i = first * block;
    const Index count = (std::min)(n, last * block) - i;
    // Parameters of double are rare: their loops are compiled once, for the baseline.
    if constexpr (std::is_same_v<T, float>) run_for_isa<Loop>(formula, count, param + i, grad + i, slot + i...);
    else run_baseline<Loop>(formula, count, param + i, grad + i, slot + i...);
  });
}

}  // namespace kiln::detail
