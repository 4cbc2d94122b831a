// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Last rung of the matmul ladder, and the default: tiles in registers, operands packed where that pays, all threads.
///
/// Tasks are tiles of the output, laid out by the shape alone; the sum over k is never divided among them.
#pragma once

#include <algorithm>
#include <string_view>
#include <type_traits>

#include <kiln/core/memory.hpp>
#include <kiln/core/parallel.hpp>
#include <kiln/kernels/matmul.hpp>
#include <kiln/kernels/matmul_naive.hpp>
#include <kiln/kernels/matmul_tile.hpp>

namespace kiln {

namespace detail {

/// The product with its parts given out: s (rows, depth) is broadcast, v (depth, columns) is read in vectors. Either
/// operand can be s; if it is b, then c is written transposed.
template <class T>
struct Product {
  Index rows, columns, depth;
  const T* s;
  Index s_row, s_step;
  const T* v;
  Index v_column, v_step;
  T* c;
  Index c_row, c_column;
  T alpha, beta;

  Product(const MatmulArgs<T>& args, bool swap)
      : rows(args.m), columns(args.n), depth(args.k),
        s(args.a), s_row(args.a_row_stride()), s_step(args.a_column_stride()),
        v(args.b), v_column(args.b_column_stride()), v_step(args.b_row_stride()),
        c(args.c), c_row(args.ldc), c_column(1), alpha(args.alpha), beta(args.beta) {
    if (!swap) return;
    std::swap(rows, columns);
    std::swap(s, v);
    std::swap(s_row, v_column);
    std::swap(s_step, v_step);
    std::swap(c_row, c_column);
  }

  T* c_at(Index i, Index j) const { return c + i * c_row + j * c_column; }
};

constexpr Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }
constexpr Index round_up(Index a, Index b) { return ceil_div(a, b) * b; }

/// How rows are divided into panels: `full` rows each, then `fewer`, then 2 and 1.
struct RowPanels {
  Index rows, full, fewer, with_fewer;  // the last `with_fewer` rows are in panels of `fewer` or less

  RowPanels(Index rows_, Index full_, Index fewer_) : rows(rows_), full(full_), fewer(fewer_), with_fewer(rows_ % full_) {
    for (Index count = 1; count < full && count * fewer <= rows; ++count) {
      if ((rows - count * fewer) % full == 0) with_fewer = count * fewer;
    }
    if (rows % full == 0) with_fewer = 0;
  }

  /// The height of the panel that begins at row i.
  Index height(Index i) const {
    Index left = rows - i;
    if (left > with_fewer) return full;
    return left >= fewer ? fewer : left >= 2 ? 2 : 1;
  }
};

/// Packs and multiplies with broadcasts; compiled once for each width of vectors.
template <class T, int Bytes>
class TiledProduct {
 public:
  using Size = TileSize<T, Bytes>;
  static constexpr Index L = lanes<T, Bytes>;
  static constexpr Index width = Size::width;
  static constexpr Index depth_block = 256 * 4 / static_cast<Index>(sizeof(T));
  static constexpr Index most_packed_rows = 4096;

  /// Estimated time, in multiplications of vectors.
  static double cost(const Product<T>& p) {
    double rows = static_cast<double>(p.rows);
    double columns = static_cast<double>(p.columns);
    double depth = static_cast<double>(p.depth);
    double sums = (std::max)(rows, 4.0) * static_cast<double>(ceil_div(p.columns, L)) * depth;
    double pack_v = in_place(p) ? 0 : (p.v_column == 1 ? .15 : .4) * columns * depth;
    double pack_s = (p.s_row == 1 ? .15 : .4) * rows * depth;
    double write = (p.c_column == 1 ? .1 : 1.) * rows * columns;
    return sums + pack_v + pack_s + write;
  }

  static void run(const Product<T>& p) {
    Index panels = ceil_div(p.columns, width);
    bool direct = in_place(p);
    Index first_packed = direct ? p.columns / L * L / width * width : 0;
    if (direct && p.columns % L == 0) first_packed = p.columns;
    Index packed_columns = round_up(p.columns - first_packed, L);
    BlockRef v_block(static_cast<std::size_t>(packed_columns * p.depth) * sizeof(T));
    T* v_packed = static_cast<T*>(v_block.payload());
    Index first_panel = first_packed / width;
    bool share = p.rows * p.columns * p.depth > 200'000;
    if (packed_columns > 0) {
      auto pack = [&](Index panel) {
        Index j = (first_panel + panel) * width;
        Index count = (std::min)(width, p.columns - j);
        run_for<Bytes, PackLoop>(p.v + j * p.v_column, p.v_column, p.v_step, count, p.depth,
                                 v_packed + (j - first_packed) * p.depth, round_up(count, L), round_up(count, L));
      };
      for_tasks(share, panels - first_panel, pack);
    }

    for (Index top = 0; top < p.rows; top += most_packed_rows) {
      RowPanels row_panels((std::min)(most_packed_rows, p.rows - top), Size::rows, Size::fewer_rows);
      Index rows = row_panels.rows;
      BlockRef s_block(static_cast<std::size_t>(rows * p.depth + width) * sizeof(T));
      T* s_packed = static_cast<T*>(s_block.payload());
      // Panels start at multiples of the group's rows, which full panels fill.
      Index group = 8 * Size::rows;
      Index full_rows = rows - row_panels.with_fewer;
      Index groups = ceil_div(full_rows, group) + (row_panels.with_fewer > 0 ? 1 : 0);
      auto bounds = [&](Index g) {
        Index first = (std::min)(g * group, full_rows);
        Index last = g * group >= full_rows ? rows : (std::min)((g + 1) * group, full_rows);
        return std::pair{first, last};
      };
      for_tasks(share, groups, [&](Index g) {
        auto [first, last] = bounds(g);
        for (Index i = first; i < last;) {
          Index height = row_panels.height(i);
          run_for<Bytes, PackLoop>(p.s + (top + i) * p.s_row, p.s_row, p.s_step, height, p.depth, s_packed + i * p.depth,
                                   height, height);
          i += height;
        }
      });
      for_tasks(share, groups * panels, [&](Index task) {
        auto [first, last] = bounds(task % groups);
        Index j = task / groups * width;
        TileOut<T> out{nullptr, p.c_row, p.c_column, (std::min)(width, p.columns - j), p.alpha, p.beta};
        bool packed = j >= first_packed;
        const T* v = packed ? v_packed + (j - first_packed) * p.depth : p.v + j;
        Index v_step = packed ? round_up(out.columns, L) : p.v_step;
        for (Index k = 0; k < p.depth; k += depth_block) {
          Index depth = (std::min)(depth_block, p.depth - k);
          for (Index i = first; i < last;) {
            Index height = row_panels.height(i);
            out.c = p.c_at(top + i, j);
            tile(height, ceil_div(out.columns, L), s_packed + i * p.depth + k * height, v + k * v_step, v_step, depth,
                 &out);
            i += height;
          }
          out.beta = T{1};
        }
      });
    }
  }

 private:
  /// Rows of v can be read where they are, unless each is used so often that packing pays.
  static bool in_place(const Product<T>& p) { return p.v_column == 1 && p.rows <= 128; }

  template <class F>
  static void for_tasks(bool share, Index tasks, F&& f) {
    if (share) return parallel_for(tasks, f);
    for (Index task = 0; task < tasks; ++task) f(task);
  }

  template <class... Args>
  static void tile(Index rows, Index vectors, Args... args) {
    switch (rows) {
      case 1: return tile_of<1>(vectors, args...);
      case 2: return tile_of<2>(vectors, args...);
      case Size::fewer_rows: return tile_of<Size::fewer_rows>(vectors, args...);
      default: return tile_of<Size::rows>(vectors, args...);
    }
  }

  template <int R, class... Args>
  static void tile_of(Index vectors, Args... args) {
    if (vectors == 1) return run_for<Bytes, TileLoop<R, 1>>(args...);
    if (vectors == 2) return run_for<Bytes, TileLoop<R, 2>>(args...);
    if constexpr (Size::vectors > 2) run_for<Bytes, TileLoop<R, Size::vectors>>(args...);
  }
};

/// Multiplies by dot products of rows of s and columns of v; both must lie side by side along p.
template <class T, int Bytes>
class DotProduct {
 public:
  using Size = TileSize<T, Bytes>;
  static constexpr Index R = Size::dot_rows;
  static constexpr Index N = Size::dot_columns;
  static constexpr Index L = lanes<T, Bytes>;

  static double cost(const Product<T>& p) {
    double columns = static_cast<double>(p.columns / N * N + p.columns % N * 2);
    double rows = static_cast<double>(round_up(p.rows, R));
    double repack = p.v_step == 1 ? 0. : .6 * static_cast<double>(p.columns * p.depth);
    if (p.s_step != 1) return 1e300;
    return rows * columns * (static_cast<double>(p.depth) / static_cast<double>(L) * 1.1 + 6) + repack;
  }

  static void run(Product<T> p) {
    BlockRef block;
    if (p.v_step != 1) {
      block = BlockRef(static_cast<std::size_t>(p.columns * p.depth) * sizeof(T));
      T* copy = static_cast<T*>(block.payload());
      run_for<Bytes, PackLoop>(p.v, p.v_step, p.v_column, p.depth, p.columns, copy, p.depth, p.depth);
      p.v = copy;
      p.v_column = p.depth;
    }
    Index group = (std::max)(Index{1}, 400'000 / (p.columns * p.depth * R)) * R;
    auto task = [&](Index t) {
      Index last = (std::min)(p.rows, (t + 1) * group);
      for (Index i = t * group; i < last; i += R) {
        Index rows = (std::min)(R, last - i);
        const T* s = p.s + i * p.s_row;
        for (Index j = 0; j < p.columns;) {
          TileOut<T> out{p.c_at(i, j), p.c_row, p.c_column, p.columns - j >= N ? N : 1, p.alpha, p.beta};
          const T* v = p.v + j * p.v_column;
          if (out.columns == N) run_for<Bytes, DotTileLoop<R, N>>(s, p.s_row, rows, v, p.v_column, p.depth, &out);
          else run_for<Bytes, DotTileLoop<R, 1>>(s, p.s_row, rows, v, p.v_column, p.depth, &out);
          j += out.columns;
        }
      }
    };
    parallel_for(ceil_div(p.rows, group), task);
  }
};

template <int Bytes, class T>
void native_matmul(const MatmulArgs<T>& args) {
  using Tiled = TiledProduct<T, Bytes>;
  using Dots = DotProduct<T, Bytes>;
  Product<T> plain(args, false);
  Product<T> swapped(args, true);
  double tiled = (std::min)(Tiled::cost(plain), Tiled::cost(swapped));
  double dots = (std::min)(Dots::cost(plain), Dots::cost(swapped));
  if (dots < tiled) Dots::run(Dots::cost(swapped) < Dots::cost(plain) ? swapped : plain);
  else Tiled::run(Tiled::cost(swapped) < Tiled::cost(plain) ? swapped : plain);
}

}  // namespace detail

struct NativeMatmul {
  static constexpr std::string_view name = "native";

  template <class T>
  static void run(const MatmulArgs<T>& args) {
    if constexpr (!std::is_same_v<T, float> && !std::is_same_v<T, double>) {
      NaiveMatmul::run(args);
    } else {
      if (args.m == 0 || args.n == 0) return;
      if (args.k == 0) return args.scale_c();
      switch (isa()) {
        case Isa::avx512: return detail::native_matmul<64>(args);
        case Isa::avx2: return detail::native_matmul<32>(args);
        case Isa::baseline: return detail::native_matmul<16>(args);
      }
    }
  }
};

}  // namespace kiln
