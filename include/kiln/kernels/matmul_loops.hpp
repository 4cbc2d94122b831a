// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// The loops of the native matmul as a table, so that what plans and divides a product is compiled once, and not for
/// each width of vectors.
#pragma once

#include <type_traits>

#include <kiln/core/cpu.hpp>
#include <kiln/kernels/matmul_dot_tile.hpp>
#include <kiln/kernels/matmul_finish.hpp>
#include <kiln/kernels/matmul_pack.hpp>
#include <kiln/kernels/matmul_tile.hpp>

namespace kiln::detail {

/// The loops for one width of vectors, and the sizes of their tiles.
template <class T>
struct MatmulLoops {
  static constexpr Index most_lanes = 64 / static_cast<Index>(sizeof(T)), most_rows = 8, most_vectors = 3;
  static constexpr Index dot_columns = 5;

  using Tile = void (*)(const TileJob<T>*);
  using Dots = void (*)(const DotJob<T>*);
  using Finish = void (*)(const FinishJob<T>*);

  Index lanes;                      // of a vector
  Index rows, fewer_rows, vectors;  // of tiles
  Index dot_rows;
  Tile tiles[3][3];  // of `rows`, `fewer_rows` and 1; of 1 vector, 2 and `vectors`
  Dots dots;         // of dot_rows rows and dot_columns columns
  Dots dot_column;   // of dot_rows rows and 1
  Finish finish, finish_transposed;
  void (*pack_columns)(const T* in, Index in_column, Index in_step, Index columns, Index depth, T* out, Index width);
  void (*pack_panels)(const T* in, Index in_step, Index height, Index panels, Index depth, T* out);
  void (*transpose)(const T* in, Index in_step, Index columns, Index depth, T* out);

  Tile tile(Index height, Index of_vectors) const {
    return tiles[height == rows ? 0 : height == fewer_rows ? 1 : 2][of_vectors - 1];
  }
};

template <class T, int Bytes>
constexpr MatmulLoops<T> make_matmul_loops() {
  using Tiles = TileSize<T, Bytes>;
  using Loops = MatmulLoops<T>;
  constexpr int R = Tiles::rows, F = Tiles::fewer_rows, N = Tiles::vectors, D = Tiles::dot_rows, C = Loops::dot_columns;
  static_assert(R <= Loops::most_rows && N <= Loops::most_vectors && lanes<T, Bytes> <= Loops::most_lanes);
  return {
      .lanes = lanes<T, Bytes>,
      .rows = R,
      .fewer_rows = F,
      .vectors = N,
      .dot_rows = D,
      .tiles = {{LoopFor<Bytes, TileLoop<R, 1>>{}, LoopFor<Bytes, TileLoop<R, 2>>{}, LoopFor<Bytes, TileLoop<R, N>>{}},
                {LoopFor<Bytes, TileLoop<F, 1>>{}, LoopFor<Bytes, TileLoop<F, 2>>{}, LoopFor<Bytes, TileLoop<F, N>>{}},
                {LoopFor<Bytes, TileLoop<1, 1>>{}, LoopFor<Bytes, TileLoop<1, 2>>{}, LoopFor<Bytes, TileLoop<1, N>>{}}},
      .dots = LoopFor<Bytes, DotTileLoop<D, C>>{},
      .dot_column = LoopFor<Bytes, DotTileLoop<D, 1>>{},
      .finish = LoopFor<Bytes, FinishLoop<false>>{},
      .finish_transposed = LoopFor<Bytes, FinishLoop<true>>{},
      .pack_columns = LoopFor<Bytes, PackColumnsLoop>{},
      .pack_panels = LoopFor<Bytes, PackPanelsLoop>{},
      .transpose = LoopFor<Bytes, TransposeLoop>{}};
}

/// Those for the instruction set in use.
template <class T>
const MatmulLoops<T>& matmul_loops() {
  static constexpr MatmulLoops<T> narrow = make_matmul_loops<T, 16>();
#if KILN_X86_DISPATCH
  static constexpr MatmulLoops<T> wide = make_matmul_loops<T, 32>();
  // Of double, vectors of 32 bytes are enough, and quicker to compile.
  constexpr int most_bytes = std::is_same_v<T, float> ? 64 : 32;
  static constexpr MatmulLoops<T> widest = make_matmul_loops<T, most_bytes>();
  switch (isa()) {
    case Isa::avx512: return widest;
    case Isa::avx2: return wide;
    case Isa::baseline: break;
  }
#endif
  return narrow;
}

}  // namespace kiln::detail
