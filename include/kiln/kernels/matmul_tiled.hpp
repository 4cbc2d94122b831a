// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The first way of the native matmul: tiles of the output in registers, operands packed where that pays.
#pragma once

#include <algorithm>

#include <kiln/core/memory.hpp>
#include <kiln/core/parallel.hpp>
#include <kiln/kernels/matmul_loops.hpp>
#include <kiln/kernels/matmul_panels.hpp>
#include <kiln/kernels/matmul_product.hpp>

namespace kiln::detail {

/// Packs where it pays, and multiplies by broadcasts.
template <class T>
class TiledProduct {
 public:
  using Loops = MatmulLoops<T>;
  static constexpr Index depth_block = 1024 * 4 / static_cast<Index>(sizeof(T));
  static constexpr Index most_packed_rows = 4096;
  static constexpr Index group_tiles = 8;  // of full rows, that a task multiplies at most

  /// Estimated time, in multiplications of vectors.
  static double cost(const Product<T>& p, const Loops& loops) {
    double rows = static_cast<double>(p.rows);
    double columns = static_cast<double>(p.columns);
    double depth = static_cast<double>(p.depth);
    double sums = (std::max)(rows, 4.0) * static_cast<double>(ceil_div(p.columns, loops.lanes)) * depth;
    double pack_v = reads_v_in_place(p) ? 0 : (p.v_column == 1 ? .15 : .4) * columns * depth;
    double pack_s = reads_s_in_place(p) ? 0 : .3 * rows * depth;
    double write = (p.transposed ? .4 : .1) * rows * columns;
    return sums + pack_v + pack_s + write;
  }

  TiledProduct(const Product<T>& product, const Loops& loops)
      : p_(product),
        loops_(loops),
        L(loops.lanes),
        columns_(ceil_div(product.columns, L), loops.vectors),
        share_(product.rows * product.columns * product.depth > 500'000) {}

  void run() {
    pack_v();
    for (Index top = 0; top < p_.rows; top += most_packed_rows) {
      multiply_rows(top, (std::min)(most_packed_rows, p_.rows - top));
    }
  }

 private:
  /// v is read where it is, unless each number is used so often that packing pays.
  static bool reads_v_in_place(const Product<T>& p) { return p.v_column == 1 && p.rows <= 512; }
  static bool reads_s_in_place(const Product<T>& p) { return p.s_step == 1 || p.depth <= 512; }

  /// Into how many each of so many things is divided, to have enough tasks for some threads.
  static Index pieces_of_each(Index things) { return ceil_div(16, things); }

  template <class F>
  void for_tasks(Index tasks, F&& f) const {
    if (share_) return parallel_for(tasks, f);
    for (Index task = 0; task < tasks; ++task) f(task);
  }

  /// Packs the panels from first_packed_ on: all of them, or the last if it ends within a vector.
  void pack_v() {
    first_packed_ = reads_v_in_place(p_) ? columns_.panels - (p_.columns % L != 0 ? 1 : 0) : 0;
    if (first_packed_ == columns_.panels) return;
    Index columns = (columns_.vectors - columns_.first(first_packed_)) * L;
    v_block_ = BlockRef(static_cast<std::size_t>(columns * p_.depth) * sizeof(T));
    // A few panels are packed in several pieces each.
    const Index panels = columns_.panels - first_packed_;
    const Index step = round_up(ceil_div(p_.depth, pieces_of_each(panels)), Index{64});
    const Index pieces = ceil_div(p_.depth, step);
    for_tasks(panels * pieces, [&](Index task) {
      const Index panel = first_packed_ + task / pieces;
      const Index k = task % pieces * step;
      loops_.pack_columns(p_.v + columns_.first(panel) * L * p_.v_column + k * p_.v_step, p_.v_column, p_.v_step,
                          columns_in(panel), (std::min)(step, p_.depth - k),
                          packed_v(panel) + k * vectors_in(panel) * L, vectors_in(panel) * L);
    });
  }

  Index vectors_in(Index panel) const { return columns_.first(panel + 1) - columns_.first(panel); }
  Index columns_in(Index panel) const {
    return (std::min)(p_.columns - columns_.first(panel) * L, vectors_in(panel) * L);
  }
  T* packed_v(Index panel) const {
    return static_cast<T*>(v_block_.payload()) + (columns_.first(panel) - columns_.first(first_packed_)) * L * p_.depth;
  }

  void multiply_rows(Index top, Index rows) const {
    RowPanels panels(rows, loops_.rows, loops_.fewer_rows);
    const Index most_group_rows = group_tiles * loops_.rows;
    const T* s = p_.s + top * p_.s_row;
    Index full_rows = rows - panels.with_fewer;
    const Index group =
        share_ ? (std::min)(most_group_rows, round_up(ceil_div(rows, pieces_of_each(columns_.panels)), loops_.rows))
               : most_group_rows;
    Index full_groups = ceil_div(full_rows, group);
    Index groups = full_groups + (panels.with_fewer > 0 ? 1 : 0);
    auto first_row = [&](Index g) { return g > full_groups ? rows : (std::min)(g * group, full_rows); };

    bool in_place = reads_s_in_place(p_);
    BlockRef s_block;
    T* packed = nullptr;
    if (!in_place) {
      s_block = BlockRef(static_cast<std::size_t>(rows * p_.depth) * sizeof(T));
      packed = static_cast<T*>(s_block.payload());
      for_tasks(groups, [&](Index g) {
        for (Index i = first_row(g), last = first_row(g + 1); i < last;) {
          Index height = panels.height(i);
          Index count = panels.equal(i, last);
          loops_.pack_panels(s + i, p_.s_step, height, count, p_.depth, packed + i * p_.depth);
          i += height * count;
        }
      });
    }

    const Index blocks = (std::max)(Index{1}, (p_.depth + depth_block / 2) / depth_block);
    // A thread's share of the tasks then lies in neighbouring rows of c, as its share of what reads them next does.
    const Index band = ceil_div(groups, Index{4});
    for_tasks(groups * columns_.panels, [&](Index task) {
      const Index above = task / (band * columns_.panels) * band;  // groups of the bands before
      const Index here = (std::min)(band, groups - above);
      const Index panel = (task - above * columns_.panels) / here;
      const Index g = above + (task - above * columns_.panels) % here;
      const Index first = first_row(g), last = first_row(g + 1);
      const Index j = columns_.first(panel) * L;
      const Index vectors = vectors_in(panel);
      const T* v = panel < first_packed_ ? p_.v + j : packed_v(panel);
      const bool direct = p_.plain() && !p_.transposed && columns_in(panel) == vectors * L;
      alignas(64) T scratch[group_tiles * Loops::most_rows * Loops::most_vectors * Loops::most_lanes];

      TileJob<T> job;
      job.v_step = panel < first_packed_ ? p_.v_step : vectors * L;
      job.sums_row = direct ? p_.ldc : vectors * L;
      for (Index block = 0; block < blocks; ++block) {
        const Index k = block * p_.depth / blocks;
        job.depth = (block + 1) * p_.depth / blocks - k;
        job.v = v + k * job.v_step;
        job.add = block > 0;
        for (Index i = first; i < last;) {
          const Index height = panels.height(i);
          job.tiles = panels.equal(i, last);
          job.s = in_place ? s + i * p_.s_row + k * p_.s_step : packed + i * p_.depth + k * height;
          job.s_row = in_place ? p_.s_row : 1;
          job.s_step = in_place ? p_.s_step : height;
          job.s_tile = height * (in_place ? p_.s_row : p_.depth);
          job.sums = direct ? p_.c_at(top + i, j) : scratch + (i - first) * vectors * L;
          loops_.tile(height, vectors)(&job);
          i += height * job.tiles;
        }
      }
      if (!direct) {
        p_.finish(loops_, scratch, vectors * L, top + first, j, last - first, columns_in(panel));
      }
    });
  }

  Product<T> p_;
  const Loops& loops_;
  const Index L;  // lanes of a vector
  ColumnPanels columns_;
  bool share_;
  BlockRef v_block_;
  Index first_packed_ = 0;
};

}  // namespace kiln::detail
