// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The bridge from loops over two strided operands to a matmul kernel, which knows only matrices: batches become calls,
/// axes that lie behind each other become one, transposes become flags, and what still does not fit is copied.
/// Rank-free: compiled once per element type, for `matmul` and `einsum` of every rank.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include <kiln/core/memory.hpp>
#include <kiln/core/parallel.hpp>
#include <kiln/core/shape.hpp>
#include <kiln/kernels/contraction.hpp>
#include <kiln/kernels/matmul.hpp>

namespace kiln::detail {

template <class T>
using MatmulRun = void (*)(const MatmulArgs<T>&);

/// What a loop of c[batch, row, column] = sum of a[batch, row, inner] * b[batch, inner, column] is for.
enum class LoopRole : unsigned char { batch, row, column, inner };

/// One loop and the steps that it makes in the three tensors; a step is not looked at where the role rules the loop
/// out.
struct PairLoop {
  LoopRole role;
  Index size;
  Index a, b, c;
};
using PairStep = Index PairLoop::*;

/// The loops of a contraction, or those of one role.
struct PairLoops {
  static constexpr std::size_t capacity = max_contraction_loops;

  std::array<PairLoop, capacity> loops;  // not initialised: this is on the way of every small product
  std::size_t count = 0;

  PairLoops() {}

  void add(const PairLoop& loop) { loops[count++] = loop; }
  PairLoop* begin() { return loops.data(); }
  PairLoop* end() { return loops.data() + count; }
  const PairLoop* begin() const { return loops.data(); }
  const PairLoop* end() const { return loops.data() + count; }

  /// By insertion, the longest step first: there are few.
  void sort(PairStep step) {
    for (std::size_t i = 1; i < count; ++i) {
      for (std::size_t j = i; j > 0 && loops[j - 1].*step < loops[j].*step; --j) std::swap(loops[j - 1], loops[j]);
    }
  }

  Index total() const {
    Index product = 1;
    for (const PairLoop& loop : *this) product *= loop.size;
    return product;
  }
};

/// Several loops seen as one: possible if each steps as far as all that the next one walks.
struct FusedLoop {
  Index size = 1;
  Index step = 0;
  bool possible = true;

  FusedLoop(const PairLoops& loops, PairStep step_of) {
    for (std::size_t i = loops.count; i-- > 0;) {
      const PairLoop& loop = loops.loops[i];
      if (loop.size == 1) continue;
      if (size == 1) step = loop.*step_of;
      else if (loop.*step_of != step * size) possible = false;
      size *= loop.size;
    }
  }
};

/// How a kernel can read a matrix: rows `ld` apart or, if transposed, columns.
struct MatrixLayout {
  Index ld = 0;
  bool transposed = false;
  bool possible = false;
};

inline MatrixLayout layout_of(const FusedLoop& rows, const FusedLoop& columns) {
  auto readable = [](const FusedLoop& outer, const FusedLoop& inner) {
    return (inner.size <= 1 || inner.step == 1) && (outer.size <= 1 || outer.step >= (std::max)(inner.size, Index{1}));
  };
  auto ld = [](const FusedLoop& outer, const FusedLoop& inner) {
    return outer.size <= 1 ? (std::max)(inner.size, Index{1}) : outer.step;
  };
  if (rows.size == 0 || columns.size == 0) return {(std::max)(columns.size, Index{1}), false, true};
  if (!rows.possible || !columns.possible) return {};
  if (readable(rows, columns)) return {ld(rows, columns), false, true};
  if (readable(columns, rows)) return {ld(columns, rows), true, true};
  return {};
}

/// One tensor of the product, (batches, rows, columns), and a packed copy of it where a kernel could not use it in
/// place.
template <class T>
struct MatrixOperand {
  struct Moves {  // from the tensor to the copy
    std::array<ContractionLoop, PairLoops::capacity> loops;
    std::size_t count = 0;
  };

  T* data;
  MatrixLayout layout;
  BlockRef copy;
  std::optional<Moves> moves;

  /// Sets the loops' steps to those of the copy if there is one.
  MatrixOperand(T* x, PairStep step, PairLoops& batches, PairLoops& rows, PairLoops& columns)
      : data(x), layout(layout_of({rows, step}, {columns, step})) {
    if (layout.possible) return;
    moves.emplace();
    Index count = 1;
    for (PairLoops* group : {&columns, &rows, &batches}) {
      for (std::size_t i = group->count; i-- > 0;) {
        PairLoop& loop = group->loops[i];
        moves->loops[moves->count++] = {.size = loop.size, .a = loop.*step, .out = count};
        loop.*step = count;
        count *= loop.size;
      }
    }
    copy = BlockRef(static_cast<std::size_t>(count) * sizeof(T));
    data = static_cast<T*>(copy.payload());
    layout = {FusedLoop(columns, step).size, false, true};
  }

  /// Fills the copy, if there is one.
  void load(const T* x) {
    if (moves) contract<T>({moves->loops.data(), moves->count}, x, data);
  }

  /// Writes the copy back, if there is one.
  void store(T* x) {
    if (!moves) return;
    for (ContractionLoop& loop : moves->loops) std::swap(loop.a, loop.out);
    contract<T>({moves->loops.data(), moves->count}, data, x);
  }
};

/// c = alpha * (the sum over the inner loops of a * b) + beta * c. With beta == 0, c is not read.
template <class T>
void pair_matmul(MatmulRun<T> run, const PairLoops& loops, const T* a, const T* b, T* c, T alpha = T{1},
                 T beta = T{0}) {
  std::array<PairLoops, 4> groups;
  for (const PairLoop& loop : loops) groups[static_cast<std::size_t>(loop.role)].add(loop);
  PairLoops &batches = groups[0], &rows = groups[1], &columns = groups[2], &inner = groups[3];
  if (batches.total() == 0 || rows.total() == 0 || columns.total() == 0) return;

  // Within a group the order is free; memory order gives loops the best chance to fuse.
  rows.sort(&PairLoop::c);
  columns.sort(&PairLoop::c);
  inner.sort(&PairLoop::a);

  MatrixOperand<T> left(const_cast<T*>(a), &PairLoop::a, batches, rows, inner);
  MatrixOperand<T> right(const_cast<T*>(b), &PairLoop::b, batches, inner, columns);
  MatrixOperand<T> out(c, &PairLoop::c, batches, rows, columns);
  left.load(a);
  right.load(b);
  if (beta != T{0}) out.load(c);

  MatmulArgs<T> args{.m = rows.total(),
                     .n = columns.total(),
                     .k = inner.total(),
                     .a = left.data,
                     .lda = left.layout.ld,
                     .transpose_a = left.layout.transposed,
                     .b = right.data,
                     .ldb = right.layout.ld,
                     .transpose_b = right.layout.transposed,
                     .c = out.data,
                     .ldc = out.layout.ld,
                     .alpha = alpha,
                     .beta = beta};
  PairStep a_step = &PairLoop::a;
  PairStep b_step = &PairLoop::b;
  if (out.layout.transposed) {  // kernels write rows, so c's columns are computed as rows of the transposed product
    std::swap(args.m, args.n);
    std::swap(args.a, args.b);
    std::swap(args.lda, args.ldb);
    std::swap(a_step, b_step);
    args.transpose_a = !right.layout.transposed;
    args.transpose_b = !left.layout.transposed;
  }

  auto run_batches = [&, a_step, b_step](Index first, Index last) {
    for (Index batch = first; batch < last; ++batch) {
      MatmulArgs<T> matrix = args;
      Index rest = batch;
      for (std::size_t i = batches.count; i-- > 0; rest /= batches.loops[i].size) {
        const PairLoop& loop = batches.loops[i];
        const Index at = rest % loop.size;
        matrix.a += at * (loop.*a_step);
        matrix.b += at * (loop.*b_step);
        matrix.c += at * loop.c;
      }
      run(matrix);
    }
  };
  // Few batches leave the threads to the kernel. Either way the bits are the same.
  const Index count = batches.total();
  if (count < num_threads()) run_batches(0, count);
  else parallel_ranges(count, args.m * args.n * args.k, run_batches);
  out.store(c);
}

}  // namespace kiln::detail
