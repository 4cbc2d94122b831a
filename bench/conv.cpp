// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// The convolution ladder, timed on the layers of ConvNets and ResNets: all three passes of every rung, each verified
// first. Contenders take turns, so that a busy machine slows all of them alike. Prints Markdown.
//
//   bench_conv [--quick] [--threads N] [--rounds N] [--direct] [--json FILE]     --direct: without the other rungs

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <kiln/kernels/conv_ladder.hpp>
#include <kiln/kernels/fma_peak.hpp>

#include "figures.hpp"

using namespace kiln;

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

struct Case {
  std::string name;
  ConvSizes sizes;
};

std::vector<float> noise(Index count) {
  static unsigned seed = 1;
  std::vector<float> data(static_cast<std::size_t>(count));
  for (float& x : data) x = static_cast<float>((seed = seed * 1664525u + 1013904223u) >> 8) * 0x1p-23f - 1;
  return data;
}

struct Layer {
  ConvSizes s;
  std::vector<float> x, w, y, dx, dw;

  explicit Layer(const ConvSizes& sizes)
      : s(sizes),
        x(noise(s.samples * s.in * s.image_area())),
        w(noise(s.out * s.depth())),
        y(noise(s.samples * s.out * s.result_area())),
        dx(x.size()),
        dw(w.size()) {}

  std::vector<float>& result(int pass) { return pass == 0 ? y : pass == 1 ? dx : dw; }
  void run(int pass, const ConvKernel& kernel) {
    if (pass == 0) kernel.f32.forward(s, x.data(), w.data(), nullptr, y.data(), false, false);
    if (pass == 1) kernel.f32.input_gradient(s, y.data(), w.data(), dx.data(), false, nullptr);
    if (pass == 2) kernel.f32.weight_gradient(s, x.data(), y.data(), dw.data(), false, nullptr, nullptr);
  }
};

void verify(Layer& layer, int pass, const ConvKernel& kernel, const std::vector<float>& expected) {
  double worst = 0, scale = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    worst = (std::max)(worst, std::abs(static_cast<double>(layer.result(pass)[i]) - static_cast<double>(expected[i])));
    scale = (std::max)(scale, std::abs(static_cast<double>(expected[i])));
  }
  if (worst <= 1e-4 * scale) return;
  std::fprintf(stderr, "%s is wrong by %g of %g in pass %d\n", std::string(kernel.name).c_str(), worst, scale, pass);
  std::exit(1);
}

/// The times of each kernel's rounds, sorted.
std::vector<std::vector<double>> measure(Layer& layer, int pass, const std::vector<ConvKernel>& kernels, int rounds,
                                         double least_time) {
  std::vector<std::vector<double>> times(kernels.size());
  std::vector<int> repeats(kernels.size());
  std::vector<float> expected;
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    std::fill(layer.result(pass).begin(), layer.result(pass).end(), NAN);
    const double start = now();
    layer.run(pass, kernels[i]);
    repeats[i] = 1 + static_cast<int>(least_time / (now() - start));
    if (i == 0) expected = layer.result(pass);
    else verify(layer, pass, kernels[i], expected);
  }
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < kernels.size(); ++i) {
      if (round > 0 && times[i][0] > 1) continue;  // seconds are precise enough
      const double start = now();
      for (int r = 0; r < repeats[i]; ++r) layer.run(pass, kernels[i]);
      times[i].push_back((now() - start) / repeats[i]);
    }
  }
  for (std::vector<double>& t : times) std::sort(t.begin(), t.end());
  return times;
}

/// Rows are the layers; columns the median rates of each pass and kernel.
void print_rates(const std::vector<Case>& cases, const std::vector<ConvKernel>& kernels, int rounds, double least_time,
                 bench::Figures& figures) {
  const char* const passes[] = {"forward", "input gradient", "weight gradient"};
  std::printf("| layer |");
  for (const char* pass : passes) {
    for (const ConvKernel& kernel : kernels) std::printf(" %s, %s |", pass, std::string(kernel.name).c_str());
  }
  std::printf("\n|---|");
  for (std::size_t i = 0; i < 3 * kernels.size(); ++i) std::printf("---:|");
  std::printf("\n");
  for (const Case& c : cases) {
    std::printf("| %s |", c.name.c_str());
    for (int pass = 0; pass < 3; ++pass) {
      Layer layer(c.sizes);
      if (pass == 0) layer.y.assign(layer.y.size(), 0);
      const auto times = measure(layer, pass, kernels, rounds, least_time);
      for (std::size_t i = 0; i < kernels.size(); ++i) {
        const double work = layer.s.flops() * 1e-9, rate = work / times[i][times[i].size() / 2];
        std::printf(" %s |", fixed(rate, rate < 10 ? 2 : rate < 100 ? 1 : 0).c_str());
        figures.add(concat(c.name, ", ", passes[pass]), std::string(kernels[i].name), "GFLOP/s", work, times[i]);
      }
      std::fflush(stdout);
    }
    std::printf("\n");
  }
}

}  // namespace

int main(int count, char** words) {
  bool quick = false, direct_only = false;
  int rounds = 9, threads = 2;
  std::string json;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    if (word == "--quick") quick = true;
    else if (word == "--direct") direct_only = true;
    else if (word == "--threads" && i + 1 < count) threads = std::atoi(words[++i]);
    else if (word == "--rounds" && i + 1 < count) rounds = std::atoi(words[++i]);
    else if (word == "--json" && i + 1 < count) json = words[++i];
    else {
      std::fprintf(stderr, "usage: %s [--quick] [--threads N] [--rounds N] [--direct] [--json FILE]\n", words[0]);
      return 1;
    }
  }
  if (quick) rounds = 1;
  const double least_time = quick ? 1e-4 : 5e-3;
  set_num_threads(threads);
  bench::Figures figures;
  const Index batch = quick ? 16 : 256;

  auto square = [&](Index in, Index out, Index image, Index kernel, Index stride, Index groups = 1) {
    const std::string name =
        concat(in, " to ", out, ", ", image, "x", image, ", kernel ", kernel,
               stride > 1 ? concat(", stride ", stride) : "", groups > 1 ? concat(", groups ", groups) : "");
    return Case{name,
                {.samples = batch,
                 .in = in,
                 .out = out,
                 .groups = groups,
                 .image = image,
                 .kernel = kernel,
                 .stride = stride,
                 .padding = kernel / 2}};
  };
  std::printf("%s, %d thread%s, batch %d, GFLOP/s, median of %d\n\n", std::string(isa_name(isa())).c_str(), threads,
              threads == 1 ? "" : "s", static_cast<int>(batch), rounds);
  if (!direct_only) {
    std::printf("The whole ladder:\n\n");
    Case small = square(8, 16, 14, 3, 2);
    small.sizes.samples = 16;
    print_rates({small}, {conv_kernels().begin(), conv_kernels().end()}, rounds, least_time, figures);
    std::printf("\nLayers of training:\n\n");
  }
  std::vector<ConvKernel> fast = {conv_kernel("direct"), conv_kernel("winograd")};
  if (!direct_only) fast.insert(fast.begin(), conv_kernel("im2col"));
  std::vector<Case> cases = {square(1, 8, 28, 3, 2),       square(8, 16, 14, 3, 2),   square(16, 32, 7, 3, 2),
                             square(32, 32, 4, 3, 2),      square(1, 16, 28, 5, 1),   square(16, 16, 28, 3, 1),
                             square(32, 32, 14, 3, 1),     square(64, 64, 28, 3, 1),  square(64, 64, 7, 3, 1),
                             square(128, 128, 7, 3, 1),    square(32, 64, 28, 3, 2),  square(256, 512, 4, 3, 1),
                             square(512, 512, 2, 3, 1),    square(64, 128, 14, 1, 1), square(64, 64, 14, 1, 2),
                             square(64, 64, 14, 3, 1, 64), square(10, 6, 14, 5, 1)};
  print_rates(cases, fast, rounds, least_time, figures);
  if (json.empty()) return 0;
  double peak = 0;  // of several tries: a thread may just have to wake up
  for (int i = 0; i < 10; ++i) peak = (std::max)(peak, fma_peak() * 1e-9);
  figures.write(json, threads, peak);
}
