// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// What all contenders of the training benchmark share, whatever library they use: the work, the digits, the initial
// weights and the conversation with scripts/bench. No header of Kiln is included.
#pragma once

#include <sys/resource.h>
#include <zlib.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace bench {

/// MLPs are named by their hidden layers. `convnet` is four convolutions of stride 2, 1-8-16-32-32 channels, and a
/// linear layer; `resnet` has 16, 32 and 64 channels, two blocks each.
enum class Model { mlp_50, mlp_512, convnet, resnet, linear };
enum class Kind { training, latency, overhead, first_step, fma_peak };

struct Work {
  std::string name;
  Kind kind;
  Model model;
  int batch;
  int samples;  ///< of an epoch, or the calls of a latency's round
  bool adam = false;
  double lr = 0.1;

  std::vector<int> widths() const {
    if (model == Model::mlp_50) return {784, 50, 10};
    return {784, 512, 512, 10};
  }
};

inline const std::vector<Work>& works() {
  static const std::vector<Work> all = {
      {"784-50-10, batch 64, SGD", Kind::training, Model::mlp_50, 64, 50'000},
      {"784-50-10, batch 512, SGD", Kind::training, Model::mlp_50, 512, 50'000},
      {"784-512-512-10, batch 64, SGD", Kind::training, Model::mlp_512, 64, 20'000},
      {"784-512-512-10, batch 64, Adam", Kind::training, Model::mlp_512, 64, 20'000, true, 1e-3},
      {"784-512-512-10, batch 512, SGD", Kind::training, Model::mlp_512, 512, 20'000},
      {"ConvNet, batch 512, SGD", Kind::training, Model::convnet, 512, 20'000},
      {"ResNet, batch 256, SGD", Kind::training, Model::resnet, 256, 1'024, false, 0.002},
      {"784-50-10, one image", Kind::latency, Model::mlp_50, 1, 20'000},
      {"784-512-512-10, one image", Kind::latency, Model::mlp_512, 1, 2'000},
      {"overhead of a step", Kind::overhead, Model::linear, 1, 10'000},
      {"first step", Kind::first_step, Model::mlp_512, 64, 64},
      {"FMA peak", Kind::fma_peak, Model::linear, 1, 1},
  };
  return all;
}

/// The positions of a kernel of 3, padded by 1, that fall on an axis of `size` pixels, all results together.
inline double taps(int size, int stride) {
  int count = 0;
  for (int at = 0; at < size; at += stride) count += 3 - (at == 0) - (at + 1 == size);
  return count;
}

/// The arithmetic that a training step does for each sample: every product forward, and those of both gradients but
/// for the gradient of the pixels. What convolutions would do to their padding does not count.
inline double flops(const Work& work) {
  double all = 0, first = -1;
  auto add = [&](double products) {
    if (first < 0) first = products;
    all += products;
  };
  auto convolution = [&](int in, int out, int size, int stride) {
    add(static_cast<double>(in * out) * taps(size, stride) * taps(size, stride));
  };
  if (work.model == Model::convnet) {
    const int channels[] = {1, 8, 16, 32, 32}, sizes[] = {28, 14, 7, 4};
    for (int i = 0; i < 4; ++i) convolution(channels[i], channels[i + 1], sizes[i], 2);
    add(32 * 10);
  } else if (work.model == Model::resnet) {
    int in = 1, size = 28;
    for (int out : {16, 32, 64}) {
      const int stride = out > 16 ? 2 : 1;
      convolution(in, out, size, 1);
      convolution(out, out, size, stride);
      size /= stride;
      add(static_cast<double>(in * out) * size * size);
      convolution(out, out, size, 1);
      convolution(out, out, size, 1);
      in = out;
    }
    add(64 * 10);
  } else if (work.model != Model::linear) {
    const std::vector<int> widths = work.widths();
    for (std::size_t i = 1; i < widths.size(); ++i) add(static_cast<double>(widths[i - 1] * widths[i]));
  }
  return work.kind == Kind::latency ? 2 * all : 6 * all - 2 * first;
}

/// MNIST's 60,000 training images, as bytes.
struct Digits {
  std::vector<unsigned char> pixels, labels;

  static constexpr float mean = 0.1307f, deviation = 0.3081f;
  static float value(unsigned char pixel) { return (static_cast<float>(pixel) / 255 - mean) / deviation; }
};

/// Made-up pixels, for a first step without reading files.
inline unsigned char made_up_pixel(std::size_t i) { return static_cast<unsigned char>(i * 7919 >> 3); }

inline std::string digits_folder() {
  const char* folder = std::getenv("KILN_DATA");
  return std::string(folder ? folder : "data") + "/mnist/";
}

inline const Digits& digits() {
  auto read = [](const char* name, std::size_t head, std::size_t size) {
    const std::string path = digits_folder() + name;
    std::vector<unsigned char> bytes(head + size);
    gzFile file = gzopen(path.c_str(), "rb");
    if (!file || gzread(file, bytes.data(), static_cast<unsigned>(bytes.size())) != static_cast<int>(bytes.size()))
      throw std::runtime_error("cannot read " + path);
    gzclose(file);
    bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(head));
    return bytes;
  };
  static const Digits all{read("train-images-idx3-ubyte.gz", 16, 60'000u * 784),
                          read("train-labels-idx1-ubyte.gz", 8, 60'000)};
  return all;
}

/// The same initial weights for everybody, in the order of the parameters, as PyTorch lays them out: (out, in) or
/// (out, in, height, width). Biases begin with 0, the norms' weights with 1.
class Weights {
 public:
  void fill(float* weight, long count, long inputs) {
    const float bound = 1 / std::sqrt(static_cast<float>(inputs));
    for (long i = 0; i < count; ++i) {
      state_ = state_ * 1664525u + 1013904223u;
      weight[i] = bound * (static_cast<float>(state_ >> 8) * 0x1p-23f - 1);
    }
  }

 private:
  unsigned state_ = 1;
};

/// One contender at one work. Made anew for every work.
struct Task {
  virtual ~Task() = default;
  /// What all contenders must find: for a training the losses of its first steps, without shuffling; for a latency
  /// what the model says of the first image. Before anything else.
  virtual std::vector<double> check() = 0;
  /// An epoch of training with shuffling, or so many calls; returns the mean loss.
  virtual double run() = 0;
};

/// The steps of a training's check.
inline int check_steps(const Work& work) {
  return work.kind == Kind::first_step ? 1 : work.model == Model::resnet ? 4 : 30;
}

/// A training without a loader of its own: the rows of each step, in order or shuffled.
class RowsTraining : public Task {
 public:
  explicit RowsTraining(const Work& work) : work_(work), order_(60'000) { std::iota(order_.begin(), order_.end(), 0); }

  std::vector<double> check() override {
    std::vector<double> losses;
    for (int i = 0; i < check_steps(work_); ++i) losses.push_back(step(order_.data() + i * work_.batch, work_.batch));
    return losses;
  }

  double run() override {
    order_.resize(static_cast<std::size_t>(work_.samples));
    std::shuffle(order_.begin(), order_.end(), random_);
    double sum = 0;
    for (int begin = 0; begin < work_.samples; begin += work_.batch) {
      const int count = (std::min)(work_.batch, work_.samples - begin);
      sum += step(order_.data() + begin, count) * count;
    }
    return sum / work_.samples;
  }

 protected:
  /// Learns from these rows; returns their mean loss before.
  virtual double step(const int* rows, int count) = 0;

  const Work work_;

 private:
  std::vector<int> order_;
  std::mt19937 random_{1};
};

/// Speaks with scripts/bench, a line at a time:
///   list                      the names of all works
///   begin WORK                its samples, the arithmetic of one, then what `check` found; `none` if we have no such
///   run                       the seconds that a run took, and what it returned: its mean loss
///   peak                      the most memory that this process has had, in MB
/// `make` returns a null pointer for what its library does not do.
template <class Make>
int serve(Make make) {
  std::ios::sync_with_stdio(false);
  std::cout.precision(9);
  std::unique_ptr<Task> task;
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "list") {
      for (const Work& work : works()) std::cout << work.name << ';';
    } else if (line.rfind("begin ", 0) == 0) {
      task.reset();
      const Work* found = nullptr;
      for (const Work& work : works()) {
        if (line.substr(6) == work.name) found = &work;
      }
      if (found) task = make(*found);
      if (task) {
        std::cout << found->samples << ' ' << flops(*found);
        for (double x : task->check()) std::cout << ' ' << x;
      } else {
        std::cout << "none";
      }
    } else if (line == "run") {
      const auto begin = std::chrono::steady_clock::now();
      const double loss = task->run();
      const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
      std::cout << taken.count() << ' ' << loss;
    } else if (line == "peak") {
      rusage use{};
      getrusage(RUSAGE_SELF, &use);
      std::cout << static_cast<double>(use.ru_maxrss) * 1024e-6;
    } else {
      std::cerr << "commands: list, begin WORK, run, peak\n";
      return 1;
    }
    std::cout << std::endl;
  }
  return 0;
}

}  // namespace bench
