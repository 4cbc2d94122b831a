// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// The matmul ladder, timed: every rung on the ladder's own products and on squares, the fast ones on the products of
// training, each verified first. Contenders take turns, so that a busy machine slows all of them alike. Prints
// Markdown.
//
//   bench_matmul [--quick] [--threads N] [--rounds N]

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#ifdef KILN_BENCH_OPENBLAS
#include <cblas.h>
extern "C" void openblas_set_num_threads(int threads);
#endif

#include <kiln/kernels/ladder.hpp>
#include <kiln/kernels/select.hpp>

using namespace kiln;

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

#ifdef KILN_BENCH_OPENBLAS
struct OpenBlasMatmul {
  static constexpr std::string_view name = "OpenBLAS";

  static void run(const MatmulArgs<float>& x) {
    cblas_sgemm(CblasRowMajor, x.transpose_a ? CblasTrans : CblasNoTrans, x.transpose_b ? CblasTrans : CblasNoTrans,
                static_cast<int>(x.m), static_cast<int>(x.n), static_cast<int>(x.k), x.alpha, x.a,
                static_cast<int>(x.lda), x.b, static_cast<int>(x.ldb), x.beta, x.c, static_cast<int>(x.ldc));
  }
  static void run(const MatmulArgs<double>&) {}
};
#endif

/// Multiplications and additions on numbers that never leave the registers.
struct FmaLoop {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(Index repeats, T* result) {
    using V = detail::Vec<T, Bytes>;
    V sums[10];
#pragma GCC unroll 10
    for (int i = 0; i < 10; ++i) sums[i] = V{} + static_cast<T>(i);
    V factor = V{} + T(0.5);
    detail::keep_in_register(factor);
    for (Index r = 0; r < repeats; ++r) {
#pragma GCC unroll 10
      for (int i = 0; i < 10; ++i) sums[i] = sums[i] * factor + factor;
    }
#pragma GCC unroll 10
    for (int i = 1; i < 10; ++i) sums[0] += sums[i];
    *result = detail::sum_lanes<T, Bytes>(sums[0]);
  }
};

/// The most that all threads together can do, in GFLOP/s.
double fma_peak() {
  constexpr Index repeats = 50'000;
  Index lanes = isa() == Isa::avx512 ? 16 : isa() == Isa::avx2 ? 8 : 4;
  double best = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<float> results(static_cast<std::size_t>(num_threads()) * 64);
    double start = now();
    parallel_for(num_threads(), [&](Index task) {
      detail::run_for_isa<FmaLoop>(repeats, &results[static_cast<std::size_t>(task) * 64]);
    });
    double flops = 2. * 10 * static_cast<double>(lanes) * static_cast<double>(repeats) * num_threads();
    best = (std::max)(best, flops / (now() - start) * 1e-9);
  }
  return best;
}

struct Case {
  std::string name;
  Index m, n, k;
  bool transpose_a = false;
  bool transpose_b = false;

  double flops() const { return 2. * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k); }
};

struct Times {
  double least = 1e300;
  double median = 1e300;
};

/// Sums over k in double at some places of c.
void verify(const MatmulKernel& kernel, const Case& c, const MatmulArgs<float>& args) {
  for (Index i = 0; i < c.m; i += 1 + c.m / 23) {
    for (Index j = 0; j < c.n; j += 1 + c.n / 23) {
      double sum = 0;
      for (Index p = 0; p < c.k; ++p)
        sum += static_cast<double>(args.a_at(i, p)) * static_cast<double>(args.b_at(p, j));
      double error = std::abs(sum - static_cast<double>(args.c[i * args.ldc + j]));
      if (!(error < 1e-5 * std::sqrt(static_cast<double>(c.k)))) {
        std::fprintf(stderr, "%s is wrong on %s by %g\n", std::string(kernel.name).c_str(), c.name.c_str(), error);
        std::exit(1);
      }
    }
  }
}

std::vector<Times> measure(const std::vector<MatmulKernel>& kernels, const Case& c, int rounds, double least_time) {
  auto noise = [seed = 1u](Index count) mutable {
    std::vector<float> data(static_cast<std::size_t>(count));
    for (float& x : data) x = static_cast<float>((seed = seed * 1664525u + 1013904223u) >> 8) * 0x1p-23f - 1;
    return data;
  };
  std::vector<float> a = noise(c.m * c.k), b = noise(c.k * c.n), out(static_cast<std::size_t>(c.m * c.n));
  MatmulArgs<float> args{c.m,
                         c.n,
                         c.k,
                         a.data(),
                         c.transpose_a ? c.m : c.k,
                         c.transpose_a,
                         b.data(),
                         c.transpose_b ? c.k : c.n,
                         c.transpose_b,
                         out.data(),
                         c.n};
  std::vector<std::vector<double>> samples(kernels.size());
  std::vector<int> repeats(kernels.size());
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    std::fill(out.begin(), out.end(), NAN);
    double start = now();
    kernels[i].run(args);
    repeats[i] = 1 + static_cast<int>(least_time / (now() - start));
    verify(kernels[i], c, args);
  }
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < kernels.size(); ++i) {
      if (round > 0 && samples[i][0] > 0.2) continue;  // seconds are precise enough
      if (repeats[i] > 1) kernels[i].run(args);        // warm up: the contender before had the caches
      double start = now();
      for (int r = 0; r < repeats[i]; ++r) kernels[i].run(args);
      samples[i].push_back((now() - start) / repeats[i]);
    }
  }
  std::vector<Times> times;
  for (std::vector<double>& s : samples) {
    std::sort(s.begin(), s.end());
    times.push_back({s.front(), s[s.size() / 2]});
  }
  return times;
}

std::string time_text(double seconds) {
  if (seconds < 1e-3) return fixed(seconds * 1e6, seconds < 1e-5 ? 1 : 0) + " us";
  return fixed(seconds * 1e3, seconds < 1e-2 ? 1 : 0) + " ms";
}

/// Rows are the cases, columns the kernels: GFLOP/s of the fastest round, the median's in brackets.
void print_rates(const std::vector<MatmulKernel>& kernels, const std::vector<Case>& cases, int rounds,
                 double least_time, double peak) {
  std::printf("| product |");
  for (const MatmulKernel& kernel : kernels) std::printf(" %s |", std::string(kernel.name).c_str());
  std::printf(" native's share of the peak |\n|---|");
  for (std::size_t i = 0; i <= kernels.size(); ++i) std::printf("---:|");
  std::printf("\n");
  for (const Case& c : cases) {
    std::vector<Times> times = measure(kernels, c, rounds, least_time);
    std::printf("| %s |", c.name.c_str());
    double native = 0;
    for (std::size_t i = 0; i < kernels.size(); ++i) {
      double rate = c.flops() / times[i].least * 1e-9;
      int digits = rate < 10 ? 2 : rate < 100 ? 1 : 0;
      std::printf(" %s (%s) |", fixed(rate, digits).c_str(), fixed(c.flops() / times[i].median * 1e-9, digits).c_str());
      if (kernels[i].name == NativeMatmul::name) native = rate;
    }
    std::printf(" %.0f %% |\n", 100 * native / peak);
    std::fflush(stdout);
  }
}

}  // namespace

int main(int count, char** words) {
  bool quick = false;
  int rounds = 30;
  int threads = 1;
  for (int i = 1; i < count; ++i) {
    std::string word = words[i];
    if (word == "--quick") quick = true;
    else if (word == "--threads" && i + 1 < count) threads = std::atoi(words[++i]);
    else if (word == "--rounds" && i + 1 < count) rounds = std::atoi(words[++i]);
    else return std::fprintf(stderr, "usage: %s [--quick] [--threads N] [--rounds N]\n", words[0]), 1;
  }
  if (quick) rounds = 1;
  double least_time = quick ? 1e-4 : 1e-3;
  set_num_threads(threads);

  std::vector<MatmulKernel> rungs(matmul_kernels().begin(), matmul_kernels().end());
  std::vector<MatmulKernel> fast;
  for (const MatmulKernel& rung : rungs) {
    if (rung.name == "eigen" || rung.name == "native") fast.push_back(rung);
  }
#ifdef KILN_BENCH_OPENBLAS
  openblas_set_num_threads(threads);
  rungs.push_back(matmul_kernel_of<OpenBlasMatmul>);
  fast.push_back(matmul_kernel_of<OpenBlasMatmul>);
#endif

  double peak = fma_peak();
  std::printf("%s, %d thread%s: FMA peak %.1f GFLOP/s\n\n", std::string(isa_name(isa())).c_str(), threads,
              threads == 1 ? "" : "s", peak);

  std::printf(
      "The ladder's own products, time of one:\n\n| rung | 5x784 by 784x10 | 50,000x784 by 784x10 "
      "|\n|---|---:|---:|\n");
  std::vector<Times> small = measure(rungs, {"5x784x10", 5, 10, 784}, rounds, least_time);
  std::vector<Times> tall = measure(rungs, {"50000x784x10", 50'000, 10, 784}, quick ? 1 : 5, least_time);
  for (std::size_t i = 0; i < rungs.size(); ++i) {
    std::printf("| %s | %s | %s |\n", std::string(rungs[i].name).c_str(), time_text(small[i].median).c_str(),
                time_text(tall[i].median).c_str());
  }

  std::printf("\nSquares, GFLOP/s, fastest round (median):\n\n");
  std::vector<Case> squares;
  for (Index n : {64, 128, 256, 512, 1024}) {
    if (!quick || n <= 256) squares.push_back({concat(n, " cubed"), n, n, n});
  }
  print_rates(rungs, squares, rounds, least_time, peak);

  std::printf("\nProducts of training, GFLOP/s, fastest round (median):\n\n");
  std::vector<Case> training;
  for (Index batch : {64, 512}) {
    for (auto [in, out] : {std::pair<Index, Index>{784, 50}, {784, 512}, {512, 512}, {512, 10}}) {
      std::string layer = concat("batch ", batch, ", ", in, "x", out);
      training.push_back({layer + " forward, X W'", batch, out, in, false, true});
      training.push_back({layer + " weight gradient, dY' X", out, in, batch, true, false});
      training.push_back({layer + " input gradient, dY W", batch, in, out, false, false});
    }
  }
  print_rates(fast, training, rounds, least_time, peak);
}
