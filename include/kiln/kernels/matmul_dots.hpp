// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The second way of the native matmul: dot products of rows and columns, several at once, without packing.
#pragma once

#include <algorithm>

#include <kiln/core/memory.hpp>
#include <kiln/core/parallel.hpp>
#include <kiln/kernels/matmul_loops.hpp>
#include <kiln/kernels/matmul_product.hpp>

namespace kiln::detail {

/// Multiplies by dot products of rows of s and columns of v; both must lie side by side along p.
template <class T>
class DotProduct {
 public:
  using Loops = MatmulLoops<T>;
  static constexpr Index N = Loops::dot_columns;

  static double cost(const Product<T>& p, const Loops& loops) {
    if (p.s_step != 1 || (p.v_step != 1 && p.v_column != 1)) return 1e300;
    const Index weighted = p.columns / N * N + p.columns % N * 2;  // those left over cost twice
    const auto columns = static_cast<double>(weighted);
    double rows = static_cast<double>(round_up(p.rows, loops.dot_rows));
    double repack = p.v_step == 1 ? 0. : .6 * static_cast<double>(p.columns * p.depth);
    return rows * columns * (static_cast<double>(p.depth) / static_cast<double>(loops.lanes) * 1.1 + 6) + repack;
  }

  static void run(Product<T> p, const Loops& loops) {
    const Index R = loops.dot_rows;
    BlockRef block;
    if (p.v_step != 1) {
      block = BlockRef(static_cast<std::size_t>(p.columns * p.depth) * sizeof(T));
      T* copy = static_cast<T*>(block.payload());
      loops.transpose(p.v, p.v_step, p.columns, p.depth, copy);
      p.v = copy;
      p.v_column = p.depth;
    }
    // A task has some rows. Its sums go to c, or as many of them at once as the stack holds to where they are finished.
    constexpr Index most_sums = 1024;
    const bool direct = p.plain();
    const Index tasks = 1 + p.rows * p.columns * p.depth / 100'000;
    const Index task_rows = round_up(ceil_div(p.rows, tasks), R);
    parallel_for(ceil_div(p.rows, task_rows), [&](Index task) {
      const Index first = task * task_rows, last = (std::min)(p.rows, first + task_rows);
      T scratch[most_sums + Loops::most_lanes];
      const Index most_columns = direct ? p.columns : most_sums / R / N * N;
      for (Index j = 0; j < p.columns; j += most_columns) {
        const Index columns = (std::min)(p.columns - j, most_columns);
        const Index most_rows = direct ? task_rows : most_sums / columns / R * R;
        for (Index i = first; i < last; i += most_rows) {
          const Index rows = (std::min)(last - i, most_rows);
          DotJob<T> job{
              p.s + i * p.s_row, p.s_row, rows, p.v + j * p.v_column, p.v_column, columns, p.depth, {}, {}, 1};
          job.sums = direct ? p.c_at(i, j) : scratch;
          job.sums_row = direct ? (p.transposed ? 1 : p.ldc) : columns;
          if (direct && p.transposed) job.sums_column = p.ldc;
          multiply(job, loops);
          if (!direct) p.finish(loops, scratch, columns, i, j, rows, columns);
        }
      }
    });
  }

 private:
  static void multiply(DotJob<T> job, const Loops& loops) {
    if (job.columns >= N) loops.dots(&job);
    const Index whole = job.columns / N * N;
    job.v += whole * job.v_column;
    job.sums += whole * job.sums_column;
    job.columns -= whole;
    if (job.columns > 0) loops.dot_column(&job);
  }
};

}  // namespace kiln::detail
