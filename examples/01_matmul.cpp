// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// Chapter 1: the matrix product, from three loops to a kernel that keeps the processor busy, and how to test it.
//
// You learn  what a matrix product computes, and four ways to write it that say the same in ever larger words: numbers,
//            rows, broadcasting, labels; how to compare two results of floating-point arithmetic; how to give the whole
//            library a kernel of your own.
// Look at    the two tables: the same sums, a hundred times faster from the first row to the last.
// Follows    fast.ai, Deep Learning from the Foundations, lesson 8, notebook 01_matmul:
//            https://course19.fast.ai/videos/?lesson=8

#include <kiln/data/mnist.hpp>
#include <kiln/kernels/ladder.hpp>
#include <kiln/linalg/einsum.hpp>
#include <kiln/linalg/matmul.hpp>
#include <kiln/tensor/print.hpp>
#include <kiln/tensor/random.hpp>

#include "course/course.hpp"

using namespace kiln;
using namespace course;

namespace {

// Four ways to write c[i, j] = sum over p of a[i, p] * b[p, j].

// With numbers: a (m, k) and b (k, n) give c (m, n).
Tensor<2> by_loops(const Tensor<2>& a, const Tensor<2>& b) {
  const Index m = a.size(0), k = a.size(1), n = b.size(1);
  Tensor<2> c = zeros({m, n});
  for (Index i = 0; i < m; ++i) {
    for (Index j = 0; j < n; ++j) {
      for (Index p = 0; p < k; ++p) c(i, j) += a(i, p) * b(p, j);
    }
  }
  return c;
}

// With rows: the innermost loop becomes one expression on a row of a and a column of b, which is a row of b transposed.
Tensor<2> by_rows(const Tensor<2>& a, const Tensor<2>& b) {
  const auto columns = b.view().permute_view({1, 0});
  Tensor<2> c = zeros({a.size(0), b.size(1)});
  for (Index i = 0; i < a.size(0); ++i) {
    for (Index j = 0; j < b.size(1); ++j) c(i, j) = sum(a.row_view(i) * columns.row_view(j)).item();
  }
  return c;
}

// With broadcasting: a row of a, stood upright as (k, 1), is multiplied with all columns of b (k, n) at once.
Tensor<2> by_broadcasting(const Tensor<2>& a, const Tensor<2>& b) {
  Tensor<2> c = zeros({a.size(0), b.size(1)});
  for (Index i = 0; i < a.size(0); ++i) {
    const Tensor<2> upright = a.row_view(i).clone().reshape({-1, 1});
    c.row_view(i).copy_from(sum(upright * b, 0));
  }
  return c;
}

// With labels: no loop is left, only what is summed over (k, because the result lacks it).
Tensor<2> by_labels(const Tensor<2>& a, const Tensor<2>& b) { return einsum<"ik,kj->ij">(a, b); }

// What it means that two results are the same.

// Equal up to rounding: the difference is small beside the number itself, or small altogether.
bool near(const Tensor<2>& a, const Tensor<2>& b, float relative = 1e-4f, float absolute = 1e-4f) {
  if (a.shape() != b.shape()) return false;
  return all(abs(a - b) <= absolute + relative * abs(b));
}

// A product with a mistake that is easily made: the last term of every sum is missing.
Tensor<2> by_wrong_loops(const Tensor<2>& a, const Tensor<2>& b) {
  Tensor<2> c = zeros({a.size(0), b.size(1)});
  for (Index i = 0; i < a.size(0); ++i) {
    for (Index j = 0; j < b.size(1); ++j) {
      for (Index p = 0; p + 1 < a.size(1); ++p) c(i, j) += a(i, p) * b(p, j);
    }
  }
  return c;
}

// A kernel of one's own.

// The three loops in another order: the innermost one now walks along a row of b and a row of c, which lie in memory as
// they are read, instead of down a column. A kernel is a struct with a name and this one function.
struct RowByRow {
  static constexpr std::string_view name = "row by row";

  template <class T>
  static void run(const MatmulArgs<T>& x) {  // c = alpha a b + beta c; a and b may be stored transposed
    x.scale_c();
    for (Index i = 0; i < x.m; ++i) {
      for (Index p = 0; p < x.k; ++p) {
        const T factor = x.alpha * x.a_at(i, p);
        for (Index j = 0; j < x.n; ++j) x.c[i * x.ldc + j] += factor * x.b_at(p, j);
      }
    }
  }
};

// -----------------------------------------------------------------------------------------------------------------------

double product_flops(const Tensor<2>& a, const Tensor<2>& b) {
  return 2.0 * static_cast<double>(a.numel()) * static_cast<double>(b.size(1));  // a multiplication and an addition
}

std::string speed_text(double flops, double time) { return concat(brief(flops / time * 1e-9), " GFLOP/s"); }

void chapter(const Options& options) {
  manual_seed(1);
  const double patience = options.quick ? 0.005 : 0.5;  // seconds for each measurement

  heading("Five digits times random weights");
  auto data = mnist({.valid_batch_size = 5, .normalise = Normalise{}});  // pixels as they are: 0 black, 1 white
  auto epoch = data.valid.epoch(0);
  const Tensor<2> images = epoch.next()->x.reshape({5, 28 * 28});
  const Tensor<2> weights = randn({28 * 28, 10});
  say("a ", images.shape(), " times b ", weights.shape(), " takes ", with_separators(5 * 784 * 10), " multiplications");
  const Tensor<2> c = by_loops(images, weights);
  say("c ", c.shape(), ", of which the first row is");
  say(to_string(map(c.row_view(0), [](float x) { return std::round(x); })));

  heading("A small product, to check by hand");
  const Tensor<2> a{{1, 2}, {3, 4}}, b{{5, 6}, {7, 8}};
  say(to_string(by_loops(a, b)));
  require(all_equal(by_loops(a, b), Tensor<2>{{19, 22}, {43, 50}}), "1*5 + 2*7 = 19, and so on");

  heading("What a test of near is");
  const Tensor<2> fast = matmul(images, weights);
  say("The library adds the terms of a sum in another order, and floats round after every addition:");
  agree("the loops, and the library", fast, c, 1e-3);
  require(near(fast, c), "the two products are near");
  say("Longer sums differ by more, so what is allowed grows with the number itself.");
  // A test has to fail when the code is wrong. Is this one able to? By_wrong_loops forgets the last term of every sum.
  auto verdict = [&](const Tensor<2>& x) {
    return near(by_wrong_loops(x, weights), by_loops(x, weights)) ? "the mistake is not seen" : "the mistake is seen";
  };
  say("a wrong product, tested on these images:  ", verdict(images), ", because their last pixel is black, a zero");
  say("a wrong product, tested on random inputs: ", verdict(randn({5, 28 * 28})));

  heading("Broadcasting, by which the third way works");
  const Tensor<1> row{10, 20, 30};
  const Tensor<2> square{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}};
  say("a row of 3 is added to every row of (3, 3):\n", to_string(square + row));
  say("stood upright as (3, 1) it is added to every column:\n", to_string(square + row.reshape({3, 1})));
  say("and (3, 1) times (1, 3) gives every pair:\n", to_string(row.reshape({3, 1}) * row.reshape({1, 3})));

  heading("Four ways to write it, and the library's");
  struct Way {
    std::string_view name;
    Tensor<2> (*product)(const Tensor<2>&, const Tensor<2>&);
  };
  const std::array ways{
      Way{"three loops", by_loops}, Way{"a row at a time", by_rows}, Way{"broadcasting", by_broadcasting},
      Way{"labels (einsum)", by_labels},
      Way{"the library's matmul", [](const Tensor<2>& x, const Tensor<2>& y) { return matmul(x, y); }}};
  double first = 0;
  for (const Way& way : ways) {
    require(near(way.product(images, weights), c), way.name);
    const double time = seconds([&] { way.product(images, weights); }, patience);
    if (first == 0) first = time;
    say(left(way.name, 24), right(time_text(time), 10), right(concat(brief(first / time), "x"), 9));
  }

  heading("The ladder: each way as a kernel, on pointers instead of tensors");
  const Index n = options.quick ? 64 : 512;
  const Tensor<2> left_square = randn({n, n}), right_square = randn({n, n});
  const Tensor<2> square_product = by_labels(left_square, right_square);
  say(left("rung", 14), right("5x784 by 784x10", 18), right(concat(n, " cubed"), 12), right("speed", 16));
  auto add_row = [&](const MatmulKernel& kernel) {
    auto scope = use_matmul(kernel);  // every product until the end of this block
    require(near(matmul(images, weights), c), kernel.name);
    require(near(matmul(left_square, right_square), square_product, 1e-3f, 1e-3f), kernel.name);
    const double small = seconds([&] { matmul(images, weights); }, patience);
    const double large = seconds([&] { matmul(left_square, right_square); }, patience);
    say(left(kernel.name, 14), right(time_text(small), 18), right(time_text(large), 12),
        right(speed_text(product_flops(left_square, right_square), large), 16));
  };
  for (const MatmulKernel& kernel : matmul_kernels()) add_row(kernel);

  heading("A kernel of our own");
  say(current_matmul().name, " is what products use now");
  {
    auto scope = use_matmul<RowByRow>();
    say(current_matmul().name, " is what they use in this scope, also those that a model makes in training");
  }
  say(current_matmul().name, " again behind it");
  add_row(matmul_kernel_of<RowByRow>);
  agree("for a single product", matmul<RowByRow>(images, weights), matmul<NaiveMatmul>(images, weights), 1e-3);
}

}  // namespace

int main(int count, char** words) { return run(count, words, chapter); }
