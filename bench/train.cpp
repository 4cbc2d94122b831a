// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// Kiln's part in the training benchmark: whole epochs of `Learner::fit`. bench/torch, bench/eigen and bench/dlib hold
// the same work for others; scripts/bench lets them take turns and compares. bench/train.hpp says what the work is and
// what this program reads:
//
//   printf 'list\nbegin ConvNet, batch 512, SGD\nrun\nrun\n' | KILN_THREADS=1 bench_train

#include "train.hpp"

#include <kiln/data/mnist.hpp>
#include <kiln/kernels/fma_peak.hpp>
#include <kiln/models/resnet.hpp>
#include <kiln/nn/cross_entropy.hpp>
#include <kiln/nn/elementwise_loss.hpp>
#include <kiln/nn/sequential.hpp>
#include <kiln/optim/adam.hpp>
#include <kiln/optim/sgd.hpp>
#include <kiln/tensor/create.hpp>
#include <kiln/tensor/elementwise.hpp>
#include <kiln/train/learner.hpp>

using namespace kiln;

namespace {

auto mlp_50() { return Sequential{Flatten{}, Linear{784, 50}, ReLU{}, Linear{50, 10}}; }

auto mlp_512() { return Sequential{Flatten{}, Linear{784, 512}, ReLU{}, Linear{512, 512}, ReLU{}, Linear{512, 10}}; }

auto convnet() {
  auto halve = [](Index in, Index out) { return Conv2d{in, out, 3, 2, 1}; };
  return Sequential{halve(1, 8),   ReLU{}, halve(8, 16),      ReLU{},        halve(16, 32), ReLU{},
                    halve(32, 32), ReLU{}, GlobalAvgPool2d{}, Linear{32, 10}};
}

auto resnet() { return ResNet{.channels = {16, 32, 64}, .blocks_per_stage = 2}; }

/// The weights of bench/train.hpp; what has one axis are biases, and the norms' weights.
void fill_weights(const auto& model_parameters) {
  bench::Weights weights;
  for (const ParamRef& parameter : model_parameters) {
    const Dims dims = parameter.dims();
    const std::span<float> values = parameter.value<float>();
    if (dims.size() > 1) weights.fill(values.data(), std::ssize(values), std::ssize(values) / dims[0]);
    else std::ranges::fill(values, parameter.name.ends_with("weight") ? 1.f : 0.f);
  }
}

const ImageDataset& digits() {
  static const ImageDataset all = mnist({.valid = 0, .path = bench::digits_folder()}).train.dataset();
  return all;
}

auto digits(Index count) { return digits().slice(0, count); }

/// Made-up images, for the start of a program.
auto noise(Index count) {
  auto pixels = zeros<std::uint8_t>({count, 1, 28, 28});
  for (std::size_t i = 0; std::uint8_t & pixel : std::span(pixels.data(), static_cast<std::size_t>(pixels.numel())))
    pixel = bench::made_up_pixel(i++);
  return ImageDataset{pixels, zeros<int>({count}), mnist_normalise};
}

/// Numbers below 1, and their double.
auto numbers(Index count) {
  const Tensor<2> x = (arange<float>(static_cast<float>(count)) / 10'000.f).reshape({count, 1});
  return TensorDataset{x, 2 * x};
}

template <class Data>
auto loaders(const Data& data, Index batch, Index samples, bool shuffle) {
  DataLoader train{data(samples), {.batch_size = batch, .shuffle = shuffle}};
  return DataLoaders{train, DataLoader{data(1), {}}};
}

/// Trains on the first samples of `data(samples)`. The validation that follows each epoch is of one sample.
template <class Model, class Data, class Loss>
class Training : public bench::Task {
 public:
  Training(const bench::Work& work, Model model, Data data, Loss loss)
      : work_(work), data_(data), model_(std::move(model)), loss_(loss) {
    fill_weights(parameters(model_));
  }

  std::vector<double> check() override {
    Learner learn{loaders(data_, work_.batch, work_.batch * bench::check_steps(work_), false), model_, loss_,
                  optimizer_};
    learn.quiet();
    learn.fit(1, work_.lr);
    learner_.quiet();
    return learn.recorder().losses;
  }

  double run() override {
    learner_.fit(1, work_.lr);
    return learner_.recorder().epochs.back().train_loss;
  }

 private:
  const bench::Work work_;
  Data data_;
  Model model_;
  Loss loss_;
  Optimizer optimizer_ = work_.adam ? Optimizer{Adam{}, parameters(model_)} : Optimizer{SGD{}, parameters(model_)};
  decltype(Learner{loaders(std::declval<const Data&>(), 1, 1, true), model_, loss_, optimizer_}) learner_{
      loaders(data_, work_.batch, work_.samples, true), model_, loss_, optimizer_};
};

/// The model's word on one image, and again.
template <class Model>
class Latency : public bench::Task {
 public:
  Latency(const bench::Work& work, Model model) : calls_(work.samples), model_(std::move(model)) {
    fill_weights(parameters(model_));
  }

  std::vector<double> check() override {
    const Tensor<2> said = model_(image_).value();
    return {said.data(), said.data() + said.numel()};
  }

  double run() override {
    double sum = 0;
    for (int i = 0; i < calls_; ++i) sum += static_cast<double>(model_(image_).value()(0, 0));
    return sum / calls_;
  }

 private:
  int calls_;
  Model model_;
  Tensor<4> image_ = DataLoader{digits(1), {}}.one_batch().x;
};

template <class Model>
std::unique_ptr<bench::Task> image_task(const bench::Work& work, Model model) {
  if (work.kind == bench::Kind::latency) return std::make_unique<Latency<Model>>(work, std::move(model));
  auto data = [work](Index count) { return work.kind == bench::Kind::first_step ? noise(count) : digits(count); };
  return std::make_unique<Training<Model, decltype(data), CrossEntropy>>(work, std::move(model), data, CrossEntropy{});
}

/// GFLOP/s that no program can exceed here.
struct FmaPeak : bench::Task {
  std::vector<double> check() override { return {}; }
  double run() override { return fma_peak() * 1e-9; }
};

std::unique_ptr<bench::Task> make_task(const bench::Work& work) {
  if (work.kind == bench::Kind::fma_peak) return std::make_unique<FmaPeak>();
  switch (work.model) {
    case bench::Model::mlp_50: return image_task(work, mlp_50());
    case bench::Model::mlp_512: return image_task(work, mlp_512());
    case bench::Model::convnet: return image_task(work, convnet());
    case bench::Model::resnet: return image_task(work, resnet());
    case bench::Model::linear: break;
  }
  using Line = Sequential<Linear>;
  return std::make_unique<Training<Line, decltype(&numbers), MSE>>(work, Line{Linear{1, 1}}, &numbers, MSE{});
}

}  // namespace

int main() { return bench::serve(make_task); }
