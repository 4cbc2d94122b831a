// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// One suite for every rung of the ladder, checked against the loops. Operands are small integers, so every sum is exact
// and every kernel must give exactly the same numbers.

#include <kiln/kernels/conv.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include <kiln/kernels/conv_ladder.hpp>
#include <kiln/kernels/conv_select.hpp>

using namespace kiln;

TEST_SUITE_BEGIN("kernels");

namespace {

/// Whole numbers from 0 on, the same on every machine.
struct Dice {
  std::uint64_t state = 1;
  Index operator()(Index sides) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<Index>((state >> 33) % static_cast<std::uint64_t>(sides));
  }
  Index operator()(Index low, Index high) { return low + (*this)(high - low + 1); }

  template <class T>
  std::vector<T> numbers(Index count, T unit) {
    std::vector<T> result(static_cast<std::size_t>(count));
    for (T& x : result) x = static_cast<T>((*this)(-3, 3)) * unit;
    return result;
  }
};

/// All passes of a convolution, each once with relu into memory that holds something else, and once added to something.
template <class T>
struct Results {
  std::vector<T> y, added_y, dx, added_dx, dw, added_dw, db;

  Results(const ConvSizes& s, const ConvKernel& kernel, T unit = 1) {
    Dice dice;
    const auto x = dice.numbers<T>(s.samples * s.in * s.image_area(), unit);
    const auto w = dice.numbers<T>(s.out * s.depth(), unit);
    const auto bias = dice.numbers<T>(s.out, unit);
    const auto dy = dice.numbers<T>(s.samples * s.out * s.result_area(), unit);
    const auto gate = dice.numbers<T>(s.result_size(), unit);
    y = added_y = dice.numbers<T>(s.result_size(), unit);
    dx = added_dx = dice.numbers<T>(s.samples * s.in * s.image_area(), unit);
    dw = added_dw = dice.numbers<T>(s.out * s.depth(), unit);
    db.resize(bias.size());
    const ConvPasses<T>& passes = kernel.passes<T>();
    passes.forward(s, x.data(), w.data(), bias.data(), y.data(), false, true);
    passes.forward(s, x.data(), w.data(), nullptr, added_y.data(), true, false);
    passes.input_gradient(s, dy.data(), w.data(), dx.data(), false, gate.data());
    passes.input_gradient(s, dy.data(), w.data(), added_dx.data(), true, nullptr);
    passes.weight_gradient(s, x.data(), dy.data(), dw.data(), false, gate.data(), db.data());
    passes.weight_gradient(s, x.data(), dy.data(), added_dw.data(), true, nullptr, nullptr);
  }
  friend bool operator==(const Results&, const Results&) = default;
};

template <class T>
void check_rungs(const ConvSizes& s) {
  const Results<T> expected(s, conv_kernel_of<LoopsConv>);
  for (const ConvKernel& kernel : conv_kernels().subspan(1)) {
    const Results<T> got(s, kernel);
    if (got == expected) continue;
    CAPTURE(kernel.name);
    CAPTURE(s.samples);
    CAPTURE(s.in);
    CAPTURE(s.out);
    CAPTURE(s.groups);
    CAPTURE(concat(s.image, " kernel ", s.kernel, " stride ", s.stride, " padding ", s.padding, " dilation ",
                   s.dilation, " result ", s.result));
    CHECK(got.y == expected.y);
    CHECK(got.added_y == expected.added_y);
    CHECK(got.db == expected.db);
    CHECK(got.dx == expected.dx);
    CHECK(got.added_dx == expected.added_dx);
    CHECK(got.dw == expected.dw);
    CHECK(got.added_dw == expected.added_dw);
  }
}

const ConvSizes chosen[] = {
    {.samples = 3, .in = 1, .out = 1, .image = 1, .kernel = 1},
    {.samples = 40, .in = 2, .out = 9, .image = 1, .kernel = 1},
    {.samples = 17, .in = 3, .out = 5, .image = 1, .kernel = 3, .padding = 1},
    {.samples = 9, .in = 3, .out = 5, .image = {4, 7}, .kernel = {4, 7}},
    {.samples = 20, .in = 3, .out = 5, .image = 7, .kernel = 2, .stride = 3},
    {.samples = 2,
     .in = 4,
     .out = 6,
     .groups = 2,
     .image = {9, 5},
     .kernel = {1, 3},
     .stride = {2, 1},
     .padding = {0, 2},
     .dilation = {3, 2}},
    {.samples = 0, .in = 3, .out = 5, .image = 7, .kernel = 3},
    {.samples = 16, .in = 3, .out = 2, .image = 3, .kernel = 3, .padding = 5},
    {.samples = 8, .in = 2, .out = 2, .image = {0, 3}, .kernel = 3, .padding = 2},
    {.samples = 15, .in = 17, .out = 33, .image = 4, .kernel = 3, .padding = 1},
    {.samples = 33, .in = 17, .out = 33, .image = 8, .kernel = 1, .stride = 2},
    {.samples = 13, .in = 16, .out = 16, .groups = 16, .image = 9, .kernel = 3, .padding = 1},
    {.samples = 70, .in = 8, .out = 16, .image = 14, .kernel = 3, .stride = 2, .padding = 1},
    // Bands of rows, for what a task reads is more than a cache.
    {.samples = 16, .in = 96, .out = 2, .image = {13, 20}, .kernel = {3, 1}, .padding = {1, 0}},
    {.samples = 16, .in = 2, .out = 96, .image = {25, 20}, .kernel = {3, 1}, .stride = {2, 1}},
    // More samples than are spread over lanes at a time.
    {.samples = 40, .in = 8, .out = 8, .image = 48, .kernel = 1},
    // What Winograd's tiles take: borders of every width, odd sides, channels that do not fill a vector.
    {.samples = 5, .in = 16, .out = 16, .image = 8, .kernel = 3, .padding = 1},
    {.samples = 3, .in = 31, .out = 48, .image = {7, 11}, .kernel = 3, .padding = {1, 0}},
    {.samples = 67, .in = 12, .out = 80, .image = {4, 5}, .kernel = 3, .padding = {2, 1}},
    {.samples = 2, .in = 16, .out = 61, .image = {9, 6}, .kernel = 3, .padding = {0, 2}},
    {.samples = 1, .in = 128, .out = 128, .image = 4, .kernel = 3, .padding = 1},
    // More tiles than are done at a time, whose rows are divided.
    {.samples = 1, .in = 12, .out = 16, .image = {20, 70}, .kernel = 3, .padding = 1},
    {.samples = 2, .in = 4, .out = 8, .image = {4, 30}, .kernel = 3, .padding = 1},
    // A convolution whose transposed one has more pixels than it reads.
    {.samples = 8, .in = 3, .out = 4, .image = {12, 9}, .kernel = 3, .dilation = 3, .result = {4, 2}},
};

ConvSizes drawn(Dice& dice) {
  while (true) {
    ConvSizes s;
    s.samples = dice(1, 20);
    s.groups = dice(1, 3);
    s.in = s.groups * dice(1, 6);
    s.out = s.groups * dice(1, 10);
    s.image = {dice(1, 13), dice(1, 13)};
    s.kernel = {dice(1, 5), dice(1, 5)};
    s.stride = {dice(1, 3), dice(1, 3)};
    s.padding = {dice(0, 3), dice(0, 3)};
    s.dilation = {dice(1, 3), dice(1, 3)};
    // Most layers are simpler.
    if (dice(2)) s.dilation = 1;
    if (dice(2)) s.stride = 1;
    if (dice(2)) s.groups = 1;
    s = {s.samples, s.in, s.out, s.groups, s.image, s.kernel, s.stride, s.padding, s.dilation};
    if (s.result.height > 0 && s.result.width > 0) return s;
  }
}

}  // namespace

TEST_CASE_TEMPLATE("conv: every other rung computes what the loops do", T, float, double) {
  for (const ConvSizes& sizes : chosen) check_rungs<T>(sizes);
  Dice dice{.state = 5};
  for (int i = 0; i < 100; ++i) check_rungs<T>(drawn(dice));
}

TEST_CASE_TEMPLATE("conv: the same bits on 1, 2, 3 [threads]", T, float, double) {
  const int before = num_threads();
  Dice dice{.state = 6};
  for (int i = 0; i < 24; ++i) {
    const ConvSizes s = i < 20 ? chosen[i] : drawn(dice);
    for (const ConvKernel& kernel : conv_kernels().subspan(1)) {
      set_num_threads(1);
      const Results<T> expected(s, kernel, T(0.1));
      for (int threads : {2, 3}) {
        set_num_threads(threads);
        CHECK(Results<T>(s, kernel, T(0.1)) == expected);
      }
    }
  }
  set_num_threads(before);
}

TEST_CASE("conv: no rung loses digits") {
  const ConvSizes s{.samples = 8, .in = 64, .out = 16, .image = 8, .kernel = 3, .padding = 1};
  const Results<double> expected(s, conv_kernel_of<LoopsConv>, 0.1);
  for (const ConvKernel& kernel : conv_kernels()) {
    const Results<float> got(s, kernel, 0.1f);
    auto error = [](const std::vector<float>& x, const std::vector<double>& exact) {
      double off = 0, size = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        off += (static_cast<double>(x[i]) - exact[i]) * (static_cast<double>(x[i]) - exact[i]);
        size += exact[i] * exact[i];
      }
      return off / size;
    };
    CAPTURE(kernel.name);
    CHECK(error(got.y, expected.y) < 1e-12);
    CHECK(error(got.dx, expected.dx) < 1e-12);
    CHECK(error(got.dw, expected.dw) < 4e-12);
  }
}

TEST_CASE("conv: how often a kernel fits") {
  auto positions = ConvSizes::positions;
  CHECK(positions(28, 3, 1, 1, 1) == 28);
  CHECK(positions(28, 3, 2, 1, 1) == 14);
  CHECK(positions(5, 3, 1, 0, 2) == 1);
  CHECK(positions(5, 3, 7, 0, 1) == 1);
  CHECK(positions(2, 3, 1, 0, 1) == 0);
  CHECK(positions(0, 3, 1, 1, 1) == 0);
}

TEST_CASE("conv: rungs by name, and chosen for a scope") {
  CHECK(conv_kernel("loops").name == "loops");
  CHECK_THROWS_WITH_AS(conv_kernel("fast"), "conv_kernel: must be one of loops, im2col, direct, winograd: got fast",
                       IndexError);
  const auto standard = current_conv().name;
  {
    auto scope = use_conv<LoopsConv>();
    CHECK(current_conv().name == "loops");
    auto inner = use_conv(conv_kernel("im2col"));
    CHECK(current_conv().name == "im2col");
  }
  CHECK(current_conv().name == standard);
}

TEST_SUITE_END();
