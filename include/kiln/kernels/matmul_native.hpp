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

#include <kiln/kernels/matmul.hpp>
#include <kiln/kernels/matmul_dots.hpp>
#include <kiln/kernels/matmul_loops.hpp>
#include <kiln/kernels/matmul_naive.hpp>
#include <kiln/kernels/matmul_product.hpp>
#include <kiln/kernels/matmul_tiled.hpp>

namespace kiln {

namespace detail {

/// The quickest way to a product, as estimated from its shape.
template <class T>
struct NativePlan {
  using Tiled = TiledProduct<T>;
  using Dots = DotProduct<T>;

  const MatmulLoops<T>& loops;
  Product<T> product;
  double cost;
  bool dots;

  NativePlan(const MatmulArgs<T>& args, const MatmulLoops<T>& loops_)
      : loops(loops_), product(args, args.m == 1), cost(0), dots(true) {
    // One vector times many: nothing to weigh.
    if (product.columns == 1 && product.s_step == 1 && product.v_step == 1) return;
    product = Product<T>(args, false);
    const Product<T> swapped(args, true);
    const double costs[] = {Tiled::cost(product, loops), Tiled::cost(swapped, loops), Dots::cost(product, loops),
                            Dots::cost(swapped, loops)};
    const auto best = std::min_element(std::begin(costs), std::end(costs)) - costs;
    cost = costs[best];
    dots = best >= 2;
    if (best % 2 == 1) product = swapped;
  }

  void run() const {
    if (dots) Dots::run(product, loops);
    else Tiled(product, loops).run();
  }
};

template <class T>
void native_matmul(const MatmulArgs<T>& args, const MatmulLoops<T>& loops) {
  const NativePlan<T> plan(args, loops);
  const Index beyond = args.n % loops.lanes;
  if (beyond != 0 && beyond != args.n) {
    // Some columns beyond the last whole vector may be quicker by themselves.
    MatmulArgs<T> left = args, right = args;
    left.n -= beyond;
    right.n = beyond;
    right.b += left.n * args.b_column_stride();
    right.c += left.n;
    if (args.bias) right.bias += left.n;
    const NativePlan<T> left_plan(left, loops), right_plan(right, loops);
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
      detail::native_matmul(args, detail::matmul_loops<T>());
    }
  }
};

}  // namespace kiln
