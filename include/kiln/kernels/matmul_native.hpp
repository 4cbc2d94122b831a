// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Last rung of the matmul ladder, and the default: tiles in registers, operands packed where that pays, all threads.
///
/// Tasks are tiles of the output, laid out by the shape alone; the sum over k is never divided among them.
#pragma once

#include <algorithm>
#include <iterator>
#include <string_view>
#include <type_traits>

#include <kiln/core/memory.hpp>
#include <kiln/core/parallel.hpp>
#include <kiln/kernels/matmul.hpp>
#include <kiln/kernels/matmul_naive.hpp>
#include <kiln/kernels/matmul_pack.hpp>
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
  Index ldc;
  bool transposed;  // c is
  T alpha, beta;
  const T* bias;
  bool relu;

  Product(const MatmulArgs<T>& args, bool swap)
      : rows(args.m),
        columns(args.n),
        depth(args.k),
        s(args.a),
        s_row(args.a_row_stride()),
        s_step(args.a_column_stride()),
        v(args.b),
        v_column(args.b_column_stride()),
        v_step(args.b_row_stride()),
        c(args.c),
        ldc(args.ldc),
        transposed(swap),
        alpha(args.alpha),
        beta(args.beta),
        bias(args.bias),
        relu(args.relu) {
    if (!swap) return;
    std::swap(rows, columns);
    std::swap(s, v);
    std::swap(s_row, v_column);
    std::swap(s_step, v_step);
  }

  /// Whether sums are what c is to be.
  bool plain() const { return alpha == T{1} && beta == T{0} && !bias && !relu; }

  T* c_at(Index i, Index j) const { return c + (transposed ? j * ldc + i : i * ldc + j); }

  /// c from row i and column j on, from so many sums in rows.
  template <int Bytes>
  void finish(const T* sums, Index sums_row, Index i, Index j, Index sum_rows, Index sum_columns) const {
    const T* bias_here = bias ? bias + (transposed ? i : j) : nullptr;
    if (transposed) {
      FinishJob<T> job{sums, sums_row, c_at(i, j), ldc, sum_columns, sum_rows, alpha, beta, bias_here, relu};
      run_for<Bytes, FinishLoop<true>>(static_cast<const FinishJob<T>*>(&job));
    } else {
      FinishJob<T> job{sums, sums_row, c_at(i, j), ldc, sum_rows, sum_columns, alpha, beta, bias_here, relu};
      run_for<Bytes, FinishLoop<false>>(static_cast<const FinishJob<T>*>(&job));
    }
  }
};

constexpr Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }
constexpr Index round_up(Index a, Index b) { return ceil_div(a, b) * b; }

/// How rows are divided into panels: `full` rows each, then `fewer`, then 1.
struct RowPanels {
  Index rows, full, fewer, with_fewer;  // the last `with_fewer` rows are in panels of `fewer` or less

  RowPanels(Index rows_, Index full_, Index fewer_)
      : rows(rows_), full(full_), fewer(fewer_), with_fewer(rows_ % full_) {
    for (Index count = 1; count < full && count * fewer <= rows; ++count) {
      if ((rows - count * fewer) % full == 0) with_fewer = count * fewer;
    }
    if (rows % full == 0) with_fewer = 0;
  }

  /// The height of the panel that begins at row i.
  Index height(Index i) const {
    Index left = rows - i;
    if (left > with_fewer) return full;
    return left >= fewer ? fewer : 1;
  }

  /// How many panels of that height follow each other up to row `last`.
  Index equal(Index i, Index last) const {
    Index size = height(i);
    Index count = 1;
    while (i + (count + 1) * size <= last && height(i + count * size) == size) ++count;
    return count;
  }
};

/// How columns, counted in vectors, are divided into panels: `most` each, but never one alone where two and two do.
struct ColumnPanels {
  Index vectors, most, panels, twos;  // the last `twos` panels have two vectors

  ColumnPanels(Index vectors_, Index most_)
      : vectors(vectors_),
        most(most_),
        panels(ceil_div(vectors_, most_)),
        twos(most_ == 3 && vectors_ > 3 && vectors_ % 3 == 1 ? 2 : 0) {}

  /// The first vector of a panel; that of the panel behind the last one is the end.
  Index first(Index panel) const {
    Index full = panels - twos;
    return (std::min)(vectors, panel <= full ? panel * most : full * most + (panel - full) * 2);
  }
};

/// Packs where it pays, and multiplies by broadcasts; compiled once for each width of vectors.
template <class T, int Bytes>
class TiledProduct {
 public:
  using Size = TileSize<T, Bytes>;
  static constexpr Index L = lanes<T, Bytes>;
  static constexpr Index depth_block = 1024 * 4 / static_cast<Index>(sizeof(T));
  static constexpr Index most_packed_rows = 4096;
  static constexpr Index most_group_rows = 8 * Size::rows;  // that a task multiplies

  /// Estimated time, in multiplications of vectors.
  static double cost(const Product<T>& p) {
    double rows = static_cast<double>(p.rows);
    double columns = static_cast<double>(p.columns);
    double depth = static_cast<double>(p.depth);
    double sums = (std::max)(rows, 4.0) * static_cast<double>(ceil_div(p.columns, L)) * depth;
    double pack_v = reads_v_in_place(p) ? 0 : (p.v_column == 1 ? .15 : .4) * columns * depth;
    double pack_s = reads_s_in_place(p) ? 0 : .3 * rows * depth;
    double write = (p.transposed ? .4 : .1) * rows * columns;
    return sums + pack_v + pack_s + write;
  }

  explicit TiledProduct(const Product<T>& product)
      : p_(product),
        columns_(ceil_div(product.columns, L), Size::vectors),
        share_(product.rows * product.columns * product.depth > 200'000) {}

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
      run_for<Bytes, PackColumnsLoop>(p_.v + columns_.first(panel) * L * p_.v_column + k * p_.v_step, p_.v_column,
                                      p_.v_step, columns_in(panel), (std::min)(step, p_.depth - k),
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
    RowPanels panels(rows, Size::rows, Size::fewer_rows);
    const T* s = p_.s + top * p_.s_row;
    Index full_rows = rows - panels.with_fewer;
    const Index group =
        share_ ? (std::min)(most_group_rows, round_up(ceil_div(rows, pieces_of_each(columns_.panels)), Size::rows))
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
          run_for<Bytes, PackPanelsLoop>(s + i, p_.s_step, height, count, p_.depth, packed + i * p_.depth);
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
      alignas(Bytes) T scratch[most_group_rows * Size::vectors * L];

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
          tile(height, vectors, &job);
          i += height * job.tiles;
        }
      }
      if (!direct) {
        p_.template finish<Bytes>(scratch, vectors * L, top + first, j, last - first, columns_in(panel));
      }
    });
  }

  static void tile(Index height, Index vectors, const TileJob<T>* job) {
    if (height == Size::rows) return tile_of<Size::rows>(vectors, job);
    if (height == Size::fewer_rows) return tile_of<Size::fewer_rows>(vectors, job);
    tile_of<1>(vectors, job);
  }

  template <int R>
  static void tile_of(Index vectors, const TileJob<T>* job) {
    if (vectors == 1) return run_for<Bytes, TileLoop<R, 1>>(job);
    if (vectors == 2) return run_for<Bytes, TileLoop<R, 2>>(job);
    if constexpr (Size::vectors > 2) run_for<Bytes, TileLoop<R, Size::vectors>>(job);
  }

  Product<T> p_;
  ColumnPanels columns_;
  bool share_;
  BlockRef v_block_;
  Index first_packed_ = 0;
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
    if (p.s_step != 1 || (p.v_step != 1 && p.v_column != 1)) return 1e300;
    const Index weighted = p.columns / N * N + p.columns % N * 2;  // those left over cost twice
    const auto columns = static_cast<double>(weighted);
    double rows = static_cast<double>(round_up(p.rows, R));
    double repack = p.v_step == 1 ? 0. : .6 * static_cast<double>(p.columns * p.depth);
    return rows * columns * (static_cast<double>(p.depth) / static_cast<double>(L) * 1.1 + 6) + repack;
  }

  static void run(Product<T> p) {
    BlockRef block;
    if (p.v_step != 1) {
      block = BlockRef(static_cast<std::size_t>(p.columns * p.depth) * sizeof(T));
      T* copy = static_cast<T*>(block.payload());
      run_for<Bytes, TransposeLoop>(p.v, p.v_step, p.columns, p.depth, copy);
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
      T scratch[most_sums + L];
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
          multiply(job);
          if (!direct) p.template finish<Bytes>(scratch, columns, i, j, rows, columns);
        }
      }
    });
  }

 private:
  static void multiply(DotJob<T> job) {
    const DotJob<T>* same = &job;
    if (job.columns >= N) run_for<Bytes, DotTileLoop<R, N>>(same);
    const Index whole = job.columns / N * N;
    job.v += whole * job.v_column;
    job.sums += whole * job.sums_column;
    job.columns -= whole;
    if (job.columns > 0) run_for<Bytes, DotTileLoop<R, 1>>(same);
  }
};

/// The quickest way to a product, as estimated from its shape.
template <int Bytes, class T>
struct NativePlan {
  using Tiled = TiledProduct<T, Bytes>;
  using Dots = DotProduct<T, Bytes>;

  Product<T> product;
  double cost;
  bool dots;

  explicit NativePlan(const MatmulArgs<T>& args) : product(args, args.m == 1), cost(0), dots(true) {
    // One vector times many: nothing to weigh.
    if (product.columns == 1 && product.s_step == 1 && product.v_step == 1) return;
    product = Product<T>(args, false);
    const Product<T> swapped(args, true);
    const double costs[] = {Tiled::cost(product), Tiled::cost(swapped), Dots::cost(product), Dots::cost(swapped)};
    const auto best = std::min_element(std::begin(costs), std::end(costs)) - costs;
    cost = costs[best];
    dots = best >= 2;
    if (best % 2 == 1) product = swapped;
  }

  void run() const {
    if (dots) Dots::run(product);
    else Tiled(product).run();
  }
};

template <int Bytes, class T>
void native_matmul(const MatmulArgs<T>& args) {
  const NativePlan<Bytes, T> plan(args);
  const Index beyond = args.n % lanes<T, Bytes>;
  if (beyond != 0 && beyond != args.n) {
    // Some columns beyond the last whole vector may be quicker by themselves.
    MatmulArgs<T> left = args, right = args;
    left.n -= beyond;
    right.n = beyond;
    right.b += left.n * args.b_column_stride();
    right.c += left.n;
    if (args.bias) right.bias += left.n;
    const NativePlan<Bytes, T> left_plan(left), right_plan(right);
    if (left_plan.cost + right_plan.cost < plan.cost) return left_plan.run(), right_plan.run();
  }
  plan.run();
}

}  // namespace detail

/// The quickest, as estimated from the shape, of three ways: tiles of c, tiles of c transposed, tiles of dot products.
struct NativeMatmul {
  static constexpr std::string_view name = "native";
  static constexpr bool epilogue = true;

  template <class T>
  static void run(const MatmulArgs<T>& args) {
    if constexpr (!std::is_same_v<T, float> && !std::is_same_v<T, double>) {
      detail::run_kernel<NaiveMatmul>(args);
    } else {
      if (args.m == 0 || args.n == 0) return;
      if (args.k == 0) return args.scale_c(), args.finish_c();
      if (args.bias && args.alpha != T{1}) {  // fused, alpha * sum + bias would be rounded once instead of twice
        MatmulArgs<T> product = args;
        product.bias = nullptr, product.relu = false;
        return run(product), args.finish_c();
      }
      switch (isa()) {
        case Isa::avx512:
          // Of double, vectors of 32 bytes are enough, and quicker to compile.
          return detail::native_matmul < std::is_same_v<T, float> ? 64 : 32 > (args);
        case Isa::avx2: return detail::native_matmul<32>(args);
        case Isa::baseline: return detail::native_matmul<16>(args);
      }
    }
  }
};

}  // namespace kiln
