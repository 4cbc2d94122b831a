// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The generic contraction engine behind einsum: any number of labels, each a loop with its own stride in every
/// operand.
///
/// ik,kj->ij of a (M, K) and b (K, N), all contiguous:
///
///     ContractionLoop loops[] = {{.size = M, .a = K, .out = N},
///                                {.size = N, .b = 1, .out = 1},
///                                {.size = K, .a = 1, .b = N, .summed = true}};
///     contract(loops, a, b, out);
///
/// A label that an operand has twice (`ii->i`) has the sum of both strides there.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>

#include <kiln/core/error.hpp>
#include <kiln/core/parallel.hpp>
#include <kiln/core/shape.hpp>
#include <kiln/kernels/vector_ops.hpp>

namespace kiln {

/// One label: its size, and the distance of neighbours in each operand, 0 where the operand does not have the label.
struct ContractionLoop {
  Index size = 1;
  Index a = 0;
  Index b = 0;
  Index out = 0;
  bool summed = false;  ///< the output does not have it
};

/// As many labels as there are letters.
inline constexpr std::size_t max_contraction_loops = 52;

namespace detail {

/// The loops in the order in which they run: output elements outside, the sum of each inside, and innermost either a
/// row of the output or a dot product, whichever has its elements side by side.
class ContractionPlan {
 public:
  explicit ContractionPlan(std::span<const ContractionLoop> loops) {
    if (loops.size() > max_contraction_loops) {
      fail<UsageError>("contract", concat("takes at most ", max_contraction_loops, " labels"),
                       concat("got ", loops.size()));
    }
    for (bool summed : {false, true}) {
      for (const ContractionLoop& loop : loops) {
        if (loop.summed == summed) (summed ? empty_sum_ : empty_) |= loop.size == 0;
        if (loop.summed == summed && loop.size != 1) insert(loop);
      }
      merge(summed ? kept_ : 0);
      if (!summed) kept_ = count_;
    }
    choose_inner();
  }

  bool empty() const { return empty_; }
  bool empty_sum() const { return empty_sum_; }
  std::span<const ContractionLoop> kept() const { return {loops_.data(), kept_}; }
  std::span<const ContractionLoop> sums() const { return {loops_.data() + kept_, count_ - kept_}; }
  const ContractionLoop& inner() const { return inner_; }

 private:
  static Index reach(const ContractionLoop& loop) {
    return loop.summed ? (std::max)(std::abs(loop.a), std::abs(loop.b)) : std::abs(loop.out);
  }

  /// Long strides outside, among the loops of the same kind.
  void insert(const ContractionLoop& loop) {
    std::size_t at = count_++;
    for (; at > kept_ && reach(loops_[at - 1]) < reach(loop); --at) loops_[at] = loops_[at - 1];
    loops_[at] = loop;
  }

  /// Two loops that together walk evenly through every operand become one.
  void merge(std::size_t first) {
    std::size_t last = first;
    for (std::size_t i = first + 1; i < count_; ++i) {
      ContractionLoop& outer = loops_[last];
      const ContractionLoop& next = loops_[i];
      if (outer.a == next.a * next.size && outer.b == next.b * next.size && outer.out == next.out * next.size) {
        Index size = outer.size * next.size;
        outer = next;
        outer.size = size;
      } else {
        loops_[++last] = next;
      }
    }
    if (count_ > first) count_ = last + 1;
  }

  void choose_inner() {
    bool has_sum = count_ > kept_;
    bool row = !has_sum;
    if (kept_ > 0 && has_sum) {
      const ContractionLoop& last = loops_[kept_ - 1];
      const ContractionLoop& sum = loops_[count_ - 1];
      bool even_row = last.out == 1 && (last.a | last.b) == 1;
      bool even_sum = (sum.a | sum.b) == 1 && (sum.a == 1 || sum.a == 0);
      row = even_row && (last.size >= 8 || last.size >= sum.size || !even_sum);
    }
    if (count_ == 0) return;
    std::size_t index = row ? kept_ - 1 : count_ - 1;
    inner_ = loops_[index];
    std::copy(loops_.begin() + static_cast<std::ptrdiff_t>(index) + 1,
              loops_.begin() + static_cast<std::ptrdiff_t>(count_),
              loops_.begin() + static_cast<std::ptrdiff_t>(index));
    --count_;
    if (row) --kept_;
  }

  std::array<ContractionLoop, max_contraction_loops> loops_;
  std::size_t kept_ = 0;
  std::size_t count_ = 0;
  ContractionLoop inner_;
  bool empty_ = false;
  bool empty_sum_ = false;
};

/// out[...] += a[...] * b[...], or += a[...] where b is null, along one loop.
template <class T>
void contract_inner(const ContractionLoop& loop, const T* a, const T* b, T* out) {
  Index n = loop.size;
  if (loop.summed) {
    T part{};
    if (b != nullptr) {
      part = dot(a, loop.a, b, loop.b, n);
    } else if (loop.a == 1) {
      part = sum(a, n);
    } else {
      for (Index i = 0; i < n; ++i) part = static_cast<T>(part + a[i * loop.a]);
    }
    *out = static_cast<T>(*out + part);
  } else if (b == nullptr) {
    if (loop.a == 1 && loop.out == 1) return axpy(T{1}, a, out, n);
    for (Index i = 0; i < n; ++i) out[i * loop.out] = static_cast<T>(out[i * loop.out] + a[i * loop.a]);
  } else {
    if (loop.out == 1 && loop.a == 0 && loop.b == 1) return axpy(*a, b, out, n);
    if (loop.out == 1 && loop.a == 1 && loop.b == 0) return axpy(*b, a, out, n);
    for (Index i = 0; i < n; ++i) {
      out[i * loop.out] = static_cast<T>(out[i * loop.out] + a[i * loop.a] * b[i * loop.b]);
    }
  }
}

template <class T>
void contract_sums(std::span<const ContractionLoop> sums, const ContractionLoop& inner, const T* a, const T* b,
                   T* out) {
  if (sums.empty()) return contract_inner(inner, a, b, out);
  for (Index i = 0; i < sums[0].size; ++i) {
    contract_sums(sums.subspan(1), inner, a + i * sums[0].a, b + i * sums[0].b, out);
  }
}

/// Output elements first to last - 1, or rows of them, counted through the kept loops.
template <class T>
void contract_range(const ContractionPlan& plan, Index first, Index last, const T* a, const T* b, T* out,
                    bool accumulate) {
  std::span<const ContractionLoop> kept = plan.kept();
  const ContractionLoop& inner = plan.inner();
  Index row = inner.summed ? 1 : inner.size;
  bool copy = !accumulate && b == nullptr && !inner.summed && plan.sums().empty();
  std::array<Index, max_contraction_loops> at{};
  const bool reads = !plan.empty_sum();  // else a and b may be null
  auto move = [&](std::size_t l, Index steps) {
    if (reads) {
      a += steps * kept[l].a;
      b += steps * kept[l].b;
    }
    out += steps * kept[l].out;
  };
  for (Index rest = first, l = std::ssize(kept); l-- > 0;) {
    auto loop = static_cast<std::size_t>(l);
    at[loop] = rest % kept[loop].size;
    rest /= kept[loop].size;
    move(loop, at[loop]);
  }
  for (Index i = first; i < last; ++i) {
    if (copy) {
      for (Index j = 0; j < row; ++j) out[j * inner.out] = a[j * inner.a];
    } else {
      for (Index j = 0; !accumulate && j < row; ++j) out[j * inner.out] = T{};
      if (reads) contract_sums(plan.sums(), inner, a, b, out);
    }
    for (std::size_t l = kept.size(); l-- > 0;) {
      move(l, 1);
      if (++at[l] < kept[l].size) break;
      move(l, -kept[l].size);
      at[l] = 0;
    }
  }
}

}  // namespace detail

/// out = the sum over all summed labels of a * b, or out += that sum. Every element of out is summed in an order that
/// the sizes and strides alone decide. out overlaps neither a nor b, and has each element once. Without b (null, and
/// all its strides 0) the sum is of a alone.
template <class T>
void contract(std::span<const ContractionLoop> loops, const T* a, const T* b, T* out, bool accumulate = false) {
  detail::ContractionPlan plan(loops);
  if (plan.empty()) return;
  Index outputs = 1;
  for (const ContractionLoop& loop : plan.kept()) outputs *= loop.size;
  Index cost = plan.inner().size;
  for (const ContractionLoop& loop : plan.sums()) cost *= loop.size;
  parallel_ranges(outputs, cost,
                  [&](Index first, Index last) { detail::contract_range(plan, first, last, a, b, out, accumulate); });
}

/// out = the sum of a alone: sums, traces, diagonals, permutations.
template <class T>
void contract(std::span<const ContractionLoop> loops, const T* a, T* out) {
  contract<T>(loops, a, nullptr, out);
}

}  // namespace kiln
