// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// The matrix product, timed against the libraries that are installed here: Eigen (built for this machine by g++ and by
// clang++), OpenBLAS, BLIS and oneDNN. Squares, the products of training, and matrix times vector; each product is
// verified first. Contenders take turns, so that a busy machine slows all of them alike. Prints Markdown.
//
//   bench_matmul [--quick] [--threads N] [--rounds N] [--json FILE] [--ladder]     --ladder: the other rungs too

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <kiln/core/memory.hpp>
#include <kiln/kernels/fma_peak.hpp>
#include <kiln/kernels/ladder.hpp>
#include <kiln/kernels/select.hpp>

#include "figures.hpp"
#include "peers/products.hpp"

#ifndef KILN_BENCH_MODULES
#define KILN_BENCH_MODULES ""
#endif

using namespace kiln;
using bench::Contender;

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

struct Case {
  std::string name;
  Index m, n, k;
  bool transpose_a = false;
  bool transpose_b = false;

  double flops() const { return 2. * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k); }
};

/// Numbers in [-1, 1), aligned as a tensor's.
class Matrix {
 public:
  explicit Matrix(Index size) : block_(static_cast<std::size_t>(size) * sizeof(float)) {
    static unsigned seed = 1;
    for (Index i = 0; i < size; ++i) {
      data()[i] = static_cast<float>((seed = seed * 1664525u + 1013904223u) >> 8) * 0x1p-23f - 1;
    }
  }
  float* data() const { return static_cast<float*>(block_.payload()); }

 private:
  detail::BlockRef block_;
};

/// Sums over k in double at some places of c.
void verify(const Contender& contender, const Case& c, const MatmulArgs<float>& args) {
  for (Index i = 0; i < c.m; i += 1 + c.m / 23) {
    for (Index j = 0; j < c.n; j += 1 + c.n / 23) {
      double sum = 0;
      for (Index p = 0; p < c.k; ++p)
        sum += static_cast<double>(args.a_at(i, p)) * static_cast<double>(args.b_at(p, j));
      double error = std::abs(sum - static_cast<double>(args.c[i * args.ldc + j]));
      if (!(error < 1e-5 * std::sqrt(static_cast<double>(c.k)))) {
        std::fprintf(stderr, "%s is wrong on %s by %g\n", contender.name.c_str(), c.name.c_str(), error);
        std::exit(1);
      }
    }
  }
}

struct Effort {
  int rounds;
  double least_time;      // of one measurement
  bool threaded = false;  // wait before each until the threads of the contender before sleep and ours are awake
};

/// Seconds of one product, of every contender in every round, the shortest first.
std::vector<std::vector<double>> measure(const std::vector<Contender>& contenders, const Case& c,
                                         const Effort& effort) {
  Matrix a(c.m * c.k), b(c.k * c.n), out(c.m * c.n);
  MatmulArgs<float> args{.m = c.m,
                         .n = c.n,
                         .k = c.k,
                         .a = a.data(),
                         .lda = c.transpose_a ? c.m : c.k,
                         .transpose_a = c.transpose_a,
                         .b = b.data(),
                         .ldb = c.transpose_b ? c.k : c.n,
                         .transpose_b = c.transpose_b,
                         .c = out.data(),
                         .ldc = c.n};
  std::vector<std::vector<double>> samples(contenders.size());
  std::vector<int> repeats(contenders.size());
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    std::fill_n(out.data(), c.m * c.n, NAN);
    contenders[i].run(args);
    verify(contenders[i], c, args);
    double start = now();
    contenders[i].run(args);
    repeats[i] = 1 + static_cast<int>(effort.least_time / (now() - start));
  }
  for (int round = 0; round < effort.rounds; ++round) {
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      if (round > 4 && samples[i][0] > 0.1) continue;  // long ones are precise enough
      if (effort.threaded) std::this_thread::sleep_for(std::chrono::milliseconds(2));
      // Warm up: the contender before had the caches.
      const double until = now() + (effort.threaded ? 8 : 0.3) * effort.least_time;
      do contenders[i].run(args);
      while (now() < until);
      double start = now();
      for (int r = 0; r < repeats[i]; ++r) contenders[i].run(args);
      samples[i].push_back((now() - start) / repeats[i]);
    }
  }
  for (std::vector<double>& s : samples) std::sort(s.begin(), s.end());
  return samples;
}

std::string rate_text(double rate) { return fixed(rate, rate < 10 ? 2 : rate < 100 ? 1 : 0); }

/// Rows are the cases, columns the contenders: the median's rate, and what the first makes of the peak and of the best
/// of the others. With `bytes`, rates are what is read of b in a second, else arithmetic.
void print_rates(const std::vector<Contender>& contenders, const std::vector<Case>& cases, const Effort& effort,
                 double peak, bool bytes, bench::Figures& figures) {
  const char* unit = bytes ? "GB/s" : "GFLOP/s";
  std::printf("| %s |", unit);
  for (const Contender& contender : contenders) std::printf(" %s |", contender.name.c_str());
  if (!bytes) std::printf(" share of the peak |");
  if (contenders.size() > 1) std::printf(" to the best peer |");
  std::printf("\n|---|");
  for (std::size_t i = 0; i < contenders.size() + !bytes + (contenders.size() > 1); ++i) std::printf("---:|");
  std::printf("\n");
  double logs = 0;
  double worst = 1e300;
  for (const Case& c : cases) {
    std::vector<std::vector<double>> times = measure(contenders, c, effort);
    double work = (bytes ? 4 * static_cast<double>(c.n * c.k) : c.flops()) * 1e-9;
    double best_peer = 0;
    std::printf("| %s |", c.name.c_str());
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      double rate = work / times[i][times[i].size() / 2];
      std::printf(" %s |", rate_text(rate).c_str());
      figures.add(c.name, contenders[i].name, unit, work, times[i]);
      if (i > 0) best_peer = (std::max)(best_peer, rate);
    }
    double rate = work / times[0][times[0].size() / 2];
    if (!bytes) std::printf(" %.0f %% |", 100 * rate / peak);
    if (contenders.size() > 1) {
      std::printf(" %.2f |", rate / best_peer);
      logs += std::log(rate / best_peer);
      worst = (std::min)(worst, rate / best_peer);
    }
    std::printf("\n");
    std::fflush(stdout);
  }
  if (contenders.size() > 1) {
    std::printf("\nTo the best peer: %.3f on (geometric) average, at least %.2f.\n",
                std::exp(logs / static_cast<double>(cases.size())), worst);
  }
}

}  // namespace

int main(int count, char** words) {
  bool quick = false;
  bool ladder = false;
  int rounds = 11;
  int threads = 1;
  std::string json;
  std::string modules = KILN_BENCH_MODULES;
  for (int i = 1; i < count; ++i) {
    std::string word = words[i];
    if (word == "--quick") quick = true;
    else if (word == "--ladder") ladder = true;
    else if (word == "--threads" && i + 1 < count) threads = std::atoi(words[++i]);
    else if (word == "--rounds" && i + 1 < count) rounds = std::atoi(words[++i]);
    else if (word == "--json" && i + 1 < count) json = words[++i];
    else if (word == "--modules" && i + 1 < count) modules = words[++i];
    else {
      std::fprintf(stderr, "usage: %s [--quick] [--threads N] [--rounds N] [--json FILE] [--ladder]\n", words[0]);
      return 1;
    }
  }
  Effort effort{quick ? 1 : rounds, quick ? 1e-4 : 1e-3, threads > 1};
  set_num_threads(threads);
  double peak = fma_peak(threads) * 1e-9;
  std::printf("%s, %d thread%s: FMA peak %.1f GFLOP/s\n\n", std::string(isa_name(isa())).c_str(), threads,
              threads == 1 ? "" : "s", peak);

  std::vector<Contender> contenders{{"Kiln", [](const MatmulArgs<float>& x) { NativeMatmul::run(x); }}};
  if (!ladder) {
    for (Contender& peer : bench::find_peers(threads, modules)) contenders.push_back(std::move(peer));
  } else {
    for (const MatmulKernel& rung : matmul_kernels()) {
      if (rung.name != NativeMatmul::name) contenders.push_back({std::string(rung.name), rung.f32});
    }
  }

  bench::Figures figures;
  std::vector<Case> cases;
  for (Index n : {64, 128, 256, 512, 1024, 2048}) {
    if (n <= (quick ? 256 : ladder ? 512 : 2048)) cases.push_back({concat(n, " cubed"), n, n, n});
  }
  for (Index batch : {64, 512}) {
    for (auto [in, out] : {std::pair<Index, Index>{784, 50}, {784, 512}, {512, 10}}) {
      std::string layer = concat("batch ", batch, ", ", in, "x", out);
      cases.push_back({layer + " forward, X W", batch, out, in, false, false});
      cases.push_back({layer + " forward, X W'", batch, out, in, false, true});
      cases.push_back({layer + " weight gradient, dY' X", out, in, batch, true, false});
      cases.push_back({layer + " input gradient, dY W", batch, in, out, false, false});
    }
  }
  print_rates(contenders, cases, effort, peak, false, figures);

  std::printf("\nOne sample, x W', W read in GB/s:\n\n");
  cases.clear();
  for (auto [in, out] : {std::pair<Index, Index>{784, 50}, {784, 512}, {512, 512}, {512, 10}}) {
    cases.push_back({concat("batch 1, ", in, "x", out, " forward, x W'"), 1, out, in, false, true});
  }
  print_rates(contenders, cases, effort, peak, true, figures);
  if (!json.empty()) figures.write(json, threads, peak);
}
