// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// What this machine can do at most, and how near training comes: docs/performance.md.
//
//   bench_roofline [--quick] [--threads N] [--rounds N]     FMA peak, bandwidth by size, cost of sharing work
//   bench_roofline --train NAME|all [--threads N]           where a workload's time goes, by the Profiler, and what it
//                                                           would take at the limits of the machine
//   bench_roofline --svg FILE [--threads N]                 draws the limits and the layers of all workloads
//
// The figures of the machine are medians of interleaved rounds. Prints Markdown.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <kiln/kiln.hpp>
#include <kiln/models/conv_net.hpp>
#include <kiln/models/resnet.hpp>
#include <kiln/train/profiler.hpp>
#include <kiln/train/summary.hpp>

using namespace kiln;

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

/// a[i] = b[i] + factor * c[i].
struct Triad {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(T* a, const T* b, const T* c, T factor, Index n) {
    detail::Vec<T, Bytes> x, y;
    for (Index i = 0; i + detail::lanes<T, Bytes> <= n; i += detail::lanes<T, Bytes>) {
      detail::load(x, b + i);
      detail::load(y, c + i);
      x += y * factor;
      detail::store(a + i, x);
    }
  }
};

struct Copy {
  template <int Bytes, class T>
  [[gnu::always_inline]] static inline void run(T* a, const T* b, Index n) {
    detail::Vec<T, Bytes> x;
    for (Index i = 0; i + detail::lanes<T, Bytes> <= n; i += detail::lanes<T, Bytes>) {
      detail::load(x, b + i);
      detail::store(a + i, x);
    }
  }
};

struct Machine {
  int threads = 1;
  double peak = 0;       // FLOPs a second
  double fork_join = 0;  // seconds
  std::vector<std::size_t> bytes;
  std::vector<double> copy, triad;  // bytes a second, for working sets of so many bytes
  double memory() const { return triad.back(); }
  double cache() const { return triad[1]; }
  /// For a working set of so many bytes, which is read and written again and again.
  double bandwidth(double working_set) const {
    for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
      if (working_set <= 2.5 * static_cast<double>(bytes[i])) return triad[i];  // what the same cache holds
    }
    return triad.back();
  }
};

Machine measure(int threads, int rounds, bool quick) {
  set_num_threads(threads);
  Machine machine;
  machine.threads = threads;
  machine.bytes = {std::size_t{24} << 10, std::size_t{512} << 10, std::size_t{8} << 20};
  if (!quick) machine.bytes.push_back(std::size_t{512} << 20);
  for (std::size_t& size : machine.bytes) size *= size < (std::size_t{1} << 20) ? static_cast<std::size_t>(threads) : 1;
  const auto most = static_cast<Index>(machine.bytes.back() / 2 / sizeof(float));
  std::vector<float> memory(static_cast<std::size_t>(2 * most), 1.f);

  std::vector<std::vector<double>> copy(machine.bytes.size()), triad(machine.bytes.size());
  std::vector<double> peak, fork;
  for (int round = 0; round < rounds; ++round) {
    peak.push_back(fma_peak(threads));
    const int joins = quick ? 100 : 5000;
    double start = now();
    for (int i = 0; i < joins; ++i) parallel_for(threads, [](Index) {});
    fork.push_back((now() - start) / joins);
    for (std::size_t s = 0; s < machine.bytes.size(); ++s) {
      for (const Index arrays : {2, 3}) {
        const auto each = static_cast<Index>(machine.bytes[s] / sizeof(float)) / arrays / threads / 16 * 16;
        const auto total = static_cast<double>(each * threads * arrays) * sizeof(float);
        const auto repeats = static_cast<int>((std::max)(1., (quick ? 1e6 : 2e8) / total));
        start = now();
        parallel_for(threads, [&](Index thread) {
          float* a = memory.data() + thread * arrays * each;
          for (int i = 0; i < repeats; ++i) {
            if (arrays == 2) detail::run_for_isa<Copy, float*, const float*>(a, a + each, each);
            else detail::run_for_isa<Triad, float*, const float*, const float*>(a, a + each, a + 2 * each, 0.5f, each);
          }
        });
        (arrays == 2 ? copy : triad)[s].push_back(total * repeats / (now() - start));
      }
    }
  }
  machine.peak = median(peak);
  machine.fork_join = median(fork);
  for (std::size_t s = 0; s < machine.bytes.size(); ++s) {
    machine.copy.push_back(median(copy[s]));
    machine.triad.push_back(median(triad[s]));
  }
  return machine;
}

std::string size_text(std::size_t bytes) {
  return bytes >= (std::size_t{1} << 20) ? concat(bytes >> 20, " MiB") : concat(bytes >> 10, " KiB");
}

void print(const std::vector<Machine>& machines) {
  std::printf("| %s |", std::string(isa_name(isa())).c_str());
  for (const Machine& m : machines) std::printf(" %d thread%s |", m.threads, m.threads == 1 ? "" : "s");
  std::printf("\n|---|");
  for (std::size_t i = 0; i < machines.size(); ++i) std::printf("---:|");
  std::printf("\n| multiplications with additions, GFLOP/s |");
  for (const Machine& m : machines) std::printf(" %.1f |", m.peak * 1e-9);
  for (std::size_t s = 0; s < machines[0].bytes.size(); ++s) {
    std::printf("\n| copy, triad over %s%s, GB/s |", size_text(machines[0].bytes[s]).c_str(),
                machines[0].bytes[s] < (std::size_t{1} << 20) ? " a thread" : "");
    for (const Machine& m : machines) std::printf(" %.0f, %.0f |", m.copy[s] * 1e-9, m.triad[s] * 1e-9);
  }
  std::printf("\n| `parallel_for` over nothing, us |");
  for (const Machine& m : machines) std::printf(" %.2f |", m.fork_join * 1e6);
  std::printf("\n");
}

/// A layer of a workload beside the limits.
struct Point {
  std::string name;
  double intensity;  // FLOPs for each byte that goes in or out
  double rate;       // FLOPs a second
};

/// Notes how many elements go into each layer.
struct Inputs : LayerObserver {
  std::map<std::string, double> elements;
  Inputs() {
    entered = [](LayerObserver& self, const LayerCall& call) {
      double count = 1;
      for (Index size : call.input.dims()) count *= static_cast<double>(size);
      static_cast<Inputs&>(self).elements[std::string(call.path)] = count;
    };
  }
};

struct Result {
  Profile profile;
  double parameters = 0;
  double state = 0;              // numbers that the optimizer keeps for each
  double input = 0;              // elements of a batch
  std::vector<double> products;  // for each pass of a layer with products: FLOPs, and bytes at least
  std::vector<Point> forward, backward;
};

template <class Model, class Rule>
Result run(Model model, Rule rule, Index batch_size, double lr, Index batches) {
  manual_seed(1);
  const auto all = mnist({.batch_size = batch_size});
  const auto train = all.train.dataset().slice(0, (std::min)(Index{50'000}, (batches + 2) * batch_size));
  DataLoaders data{DataLoader{train, {.batch_size = batch_size, .shuffle = true}},
                   DataLoader{all.valid.dataset().slice(0, batch_size), {.batch_size = batch_size}}};
  Learner learn{data, model, CrossEntropy{}, Optimizer(rule, parameters(model))};
  learn.quiet();
  const Index epochs = batches / data.train.batches() + 1;
  Profiler profiler{.batches = batches, .warm_up = 2, .out = nullptr};
  learn.fit(epochs, lr, profiler);

  Inputs inputs;
  Context context{Mode::eval};
  const LayerNames names = layer_names(model);
  context.name_layers(&names);
  context.observe(&inputs);
  call_layer(std::as_const(model), context(data.train.one_batch().x));
  const auto own = detail::own_parameters(model);
  Result result;
  for (const auto& [path, held] : own) result.parameters += static_cast<double>(held);
  result.state = requires { rule.beta2; } ? 2 : 0;
  result.input = static_cast<double>(batch_size * data.train.one_batch().x.numel() / data.train.one_batch().x.size(0));
  result.profile = profiler.train;
  for (const ProfileRow& row : result.profile.rows) {
    if (!(row.own_flops > 0) || row.own_flops < 0.5 * row.flops) continue;
    double elements = inputs.elements[row.path] + static_cast<double>(own.contains(row.path) ? own.at(row.path) : 0);
    double output = 1;
    for (Index size : row.output) output *= static_cast<double>(size);
    const double bytes = 4 * (elements + output), passes = row.backward_flops / row.flops;
    for (int pass = 0; pass < 1 + static_cast<int>(std::lround(passes)); ++pass)
      result.products.insert(result.products.end(), {row.flops, bytes});
    result.forward.push_back({row.path, row.flops / bytes, row.flops / row.forward});
    if (passes > 0)
      result.backward.push_back({row.path, row.backward_flops / (passes * bytes), row.backward_flops / row.backward});
  }
  return result;
}

struct Workload {
  std::string name;
  std::string title;
  std::function<Result(bool quick)> run;
};

auto small_model() { return Sequential{Flatten{}, Linear{784, 50}, ReLU{}, Linear{50, 10}}; }
auto large_model() {
  return Sequential{Flatten{}, Linear{784, 512}, ReLU{}, Linear{512, 512}, ReLU{}, Linear{512, 10}};
}

std::vector<Workload> workloads() {
  const auto conv_net = [] {
    return Sequential{Conv2d{1, 8, 3, 2, 1},   ReLU{},        Conv2d{8, 16, 3, 2, 1},  ReLU{},
                      Conv2d{16, 32, 3, 2, 1}, ReLU{},        Conv2d{32, 32, 3, 2, 1}, ReLU{},
                      GlobalAvgPool2d{},       Linear{32, 10}};
  };
  const auto n = [](bool quick, Index batches) { return quick ? Index{2} : batches; };
  return {
      {"mlp50", "784-50-10, batch 64, SGD", [=](bool q) { return run(small_model(), SGD{}, 64, .1, n(q, 3000)); }},
      {"mlp50-512", "784-50-10, batch 512, SGD", [=](bool q) { return run(small_model(), SGD{}, 512, .1, n(q, 380)); }},
      {"mlp512", "784-512-512-10, batch 64, SGD",
       [=](bool q) { return run(large_model(), SGD{}, 64, .1, n(q, 1500)); }},
      {"mlp512-adam", "784-512-512-10, batch 64, Adam",
       [=](bool q) { return run(large_model(), Adam{}, 64, .001, n(q, 1500)); }},
      {"mlp512-512", "784-512-512-10, batch 512, SGD",
       [=](bool q) { return run(large_model(), SGD{}, 512, .1, n(q, 190)); }},
      {"convnet", "ConvNet, batch 512, SGD", [=](bool q) { return run(conv_net(), SGD{}, 512, .1, n(q, 190)); }},
      {"resnet", "ResNet, batch 256, SGD",
       [=](bool q) {
         return run(ResNet{.channels = {16, 32, 64}, .blocks_per_stage = 2}, SGD{}, q ? 16 : 256, .1, n(q, 8));
       }},
  };
}

/// What a batch takes at least, part by part, in seconds.
struct Bound {
  double products, optimizer, data;
  double all() const { return products + optimizer + data; }
};

Bound bound(const Result& result, const Machine& machine) {
  Bound least{};
  for (std::size_t i = 0; i < result.products.size(); i += 2) {
    const double bytes = result.products[i + 1];
    least.products += (std::max)(result.products[i] / machine.peak, bytes / machine.bandwidth(bytes));
  }
  const double updated =
      4 * result.parameters * (3 + 2 * result.state);  // p, g and state are read, p and state written
  least.optimizer = updated / machine.bandwidth(updated);
  least.data = 4 * 2 * result.input / machine.memory();
  return least;
}

std::string row(const Workload& work, const Result& result, const Machine& machine) {
  const Profile& p = result.profile;
  double products = 0, others = 0;
  for (const ProfileRow& layer : p.rows) (layer.own_flops > 0 ? products : others) += layer.own();
  const Bound least = bound(result, machine);
  const auto share = [&](double seconds) { return concat(" ", detail::spoken_share(seconds, p.seconds), " |"); };
  return concat("| ", work.title, " | ", detail::spoken_time(least.all()), " | ", detail::spoken_time(p.seconds), " | ",
                detail::spoken_share(least.all(), p.seconds), " | ", detail::spoken_rate(p.samples_per_second()), " |",
                share(products), " ", fixed(p.flops() / products * 1e-9, 0), " |", share(others),
                share(p.loss + p.loss_backward), share(p.optimizer), share(p.data), share(p.rest), "\n");
}

/// Microseconds for one sample, of the best of some rounds.
template <class Model>
double latency(const Model& model, bool quick) {
  const auto x = zeros({1, 1, 28, 28});
  double best = 1, kept = 0;
  for (int round = 0; round < (quick ? 1 : 9); ++round) {
    const int times = quick ? 10 : 3000;
    const double start = now();
    for (int i = 0; i < times; ++i) kept += static_cast<double>(model(x).value()(0, 0));
    best = (std::min)(best, (now() - start) / times);
  }
  if (kept == 12345) std::puts("");
  return best * 1e6;
}

void draw(const std::string& file, const std::vector<Machine>& machines, bool quick) {
  const Machine& machine = machines.back();
  set_num_threads(machine.threads);
  LinePlot plot{.title = concat("Layers of training beside the limits of ", machine.threads,
                                machine.threads == 1 ? " thread" : " threads"),
                .x_label = "FLOPs for each byte that goes into a layer or comes out",
                .y_label = "GFLOP/s",
                .log_x = true,
                .log_y = true};
  const auto limit = [&](std::string name, double bandwidth) {
    const double ridge = machine.peak / bandwidth;
    plot.add(std::move(name), std::vector{0.3, ridge, 400.},
             std::vector{0.3 * bandwidth * 1e-9, machine.peak * 1e-9, machine.peak * 1e-9});
  };
  limit("limit, data in cache", machine.cache());
  limit("limit, data in memory", machine.memory());
  for (const Workload& work : workloads()) {
    const Result result = work.run(quick);
    const std::string model = work.title.substr(0, work.title.find(','));
    auto series = std::ranges::find(plot.series, model, &LinePlot::Series::name);
    if (series == plot.series.end()) {
      plot.add(model, Numbers{}, Numbers{});
      series = plot.series.end() - 1;
    }
    for (const auto* points : {&result.forward, &result.backward}) {
      for (const Point& point : *points) {
        series->x.insert(series->x.end(), {point.intensity, NAN});  // gaps make points of a curve
        series->y.insert(series->y.end(), {point.rate * 1e-9, NAN});
      }
    }
  }
  plot.save(file);
}

}  // namespace

int main(int count, char** words) {
  bool quick = false;
  int rounds = 15, threads = num_threads();
  std::string svg, train;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    const bool more = i + 1 < count;
    if (word == "--quick") quick = true;
    else if (word == "--threads" && more) threads = std::atoi(words[++i]);
    else if (word == "--rounds" && more) rounds = std::atoi(words[++i]);
    else if (word == "--svg" && more) svg = words[++i];
    else if (word == "--train" && more) train = words[++i];
    else
      return std::fprintf(stderr, "usage: %s [--quick] [--threads N] [--rounds N] [--train NAME] [--svg FILE]\n",
                          words[0]),
             1;
  }
  if (quick) rounds = 1;
  if (!train.empty()) {
    const Machine machine = measure(threads, (std::min)(rounds, 3), quick);
    std::string table;
    for (const Workload& work : workloads()) {
      if (train != work.name && train != "all") continue;
      const Result result = work.run(quick);
      std::printf("%s\n", result.profile.text(work.title, 120).c_str());
      table += row(work, result, machine);
    }
    if (table.empty()) {
      std::fprintf(stderr, "--train: all, or one of");
      for (const Workload& work : workloads()) std::fprintf(stderr, " %s", work.name.c_str());
      return std::fprintf(stderr, "\n"), 1;
    }
    std::printf(
        "| work, %d thread%s | at least | measured | | samples/s | products | GFLOP/s | other layers | loss | "
        "optimizer | data | rest |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n%s",
        threads, threads == 1 ? "" : "s", table.c_str());
    if (train != "all") return 0;
    std::printf("\none sample, us: 784-50-10 %.2f, 784-512-512-10 %.2f\n", latency(small_model(), quick),
                latency(large_model(), quick));
    return 0;
  }
  std::vector<Machine> machines{measure(1, rounds, quick)};
  if (threads > 1) machines.push_back(measure(threads, rounds, quick));
  print(machines);
  if (!svg.empty()) draw(svg, machines, quick);
}
