// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// libtorch's part in the training benchmark (Debian: libtorch-dev): see bench/train.hpp. As fast as we know how to:
// the digits lie in memory as floats, a batch is one index_select, gradients are dropped rather than zeroed, ReLUs work
// in place, and the ResNet's images have their channels last. scripts/bench chooses its BLAS.

#include "../train.hpp"

#include <torch/torch.h>

namespace nn = torch::nn;
using torch::Tensor;

namespace {

nn::ReLU relu_in_place() { return nn::ReLU(nn::ReLUOptions().inplace(true)); }

nn::Sequential mlp(const std::vector<int>& widths) {
  nn::Sequential model{nn::Flatten()};
  for (std::size_t i = 1; i < widths.size(); ++i) {
    if (i > 1) model->push_back(relu_in_place());
    model->push_back(nn::Linear(widths[i - 1], widths[i]));
  }
  return model;
}

nn::Sequential convnet() {
  nn::Sequential model;
  int in = 1;
  for (int out : {8, 16, 32, 32}) {
    model->push_back(nn::Conv2d(nn::Conv2dOptions(in, out, 3).stride(2).padding(1)));
    model->push_back(relu_in_place());
    in = out;
  }
  model->push_back(nn::AdaptiveAvgPool2d(nn::AdaptiveAvgPool2dOptions({1, 1})));
  model->push_back(nn::Flatten());
  model->push_back(nn::Linear(32, 10));
  return model;
}

nn::Sequential conv_norm(int in, int out, int stride, bool act) {
  nn::Sequential block{nn::Conv2d(nn::Conv2dOptions(in, out, 3).stride(stride).padding(1).bias(false)),
                       nn::BatchNorm2d(out)};
  if (act) block->push_back(relu_in_place());
  return block;
}

struct ResBlockImpl : nn::Module {
  nn::Sequential conv1, conv2;
  nn::Conv2d shortcut{nullptr};
  bool halves;

  ResBlockImpl(int in, int out, int stride)
      : conv1(register_module("conv1", conv_norm(in, out, 1, true))),
        conv2(register_module("conv2", conv_norm(out, out, stride, false))),
        halves(stride == 2) {
    if (in != out) shortcut = register_module("shortcut", nn::Conv2d(nn::Conv2dOptions(in, out, 1)));
  }

  Tensor forward(const Tensor& x) {
    Tensor kept = halves ? torch::avg_pool2d(x, 2, {}, 0, true) : x;
    if (shortcut) kept = shortcut(kept);
    return torch::relu_(conv2->forward(conv1->forward(x)).add_(kept));
  }
};
TORCH_MODULE(ResBlock);

nn::Sequential resnet() {
  nn::Sequential model;
  int in = 1;
  for (int out : {16, 32, 64}) {
    for (int block = 0; block < 2; ++block) {
      model->push_back(ResBlock(in, out, out > 16 && block == 0 ? 2 : 1));
      in = out;
    }
  }
  model->push_back(nn::AdaptiveAvgPool2d(nn::AdaptiveAvgPool2dOptions({1, 1})));
  model->push_back(nn::Flatten());
  model->push_back(nn::Linear(nn::LinearOptions(64, 10).bias(false)));
  model->push_back(nn::BatchNorm1d(10));
  return model;
}

/// With the strides of that layout even where there is one channel and libtorch would take any strides for right.
Tensor channels_last(const Tensor& x) {
  const auto channels = x.size(1), height = x.size(2), width = x.size(3);
  return x.contiguous(at::MemoryFormat::ChannelsLast)
      .as_strided(x.sizes(), {height * width * channels, 1, width * channels, channels});
}

nn::Sequential make_model(const bench::Work& work) {
  nn::Sequential model = nullptr;
  switch (work.model) {
    case bench::Model::mlp_50:
    case bench::Model::mlp_512: model = mlp(work.widths()); break;
    case bench::Model::convnet: model = convnet(); break;
    case bench::Model::resnet: model = resnet(); break;
    case bench::Model::linear: model = nn::Sequential{nn::Linear(1, 1)}; break;
  }
  torch::NoGradGuard no_grad;
  bench::Weights weights;
  for (auto& parameter : model->named_parameters()) {
    Tensor& values = parameter.value();
    if (values.dim() > 1) weights.fill(values.data_ptr<float>(), values.numel(), values.numel() / values.size(0));
    else values.fill_(parameter.key().size() >= 6 && parameter.key().substr(parameter.key().size() - 6) == "weight");
    if (values.dim() == 4 && work.model == bench::Model::resnet) values.set_data(channels_last(values));
  }
  return model;
}

struct Data {
  Tensor x, y;
};

/// Images and labels; `pixel` and `label` tell one of either.
template <class Pixel, class Label>
Data make_images(std::size_t count, Pixel pixel, Label label) {
  const auto size = static_cast<std::int64_t>(count);
  Data data{torch::empty({size, 1, 28, 28}), torch::empty({size}, torch::kInt64)};
  for (std::size_t i = 0; i < count * 784; ++i) data.x.data_ptr<float>()[i] = bench::Digits::value(pixel(i));
  for (std::size_t i = 0; i < count; ++i) data.y.data_ptr<std::int64_t>()[i] = label(i);
  return data;
}

const Data& digits() {
  static const Data all = make_images(
      60'000, [](std::size_t i) { return bench::digits().pixels[i]; },
      [](std::size_t i) { return bench::digits().labels[i]; });
  return all;
}

Data make_data(const bench::Work& work) {
  if (work.kind == bench::Kind::first_step) return make_images(64, bench::made_up_pixel, [](std::size_t) { return 0; });
  if (work.kind == bench::Kind::overhead) {
    const Tensor x = torch::arange(work.samples).to(torch::kFloat32).div_(10'000).view({-1, 1});
    return {x, 2 * x};
  }
  return digits();
}

std::unique_ptr<torch::optim::Optimizer> make_optimizer(const bench::Work& work, const nn::Sequential& model) {
  if (work.adam) return std::make_unique<torch::optim::Adam>(model->parameters(), torch::optim::AdamOptions(work.lr));
  return std::make_unique<torch::optim::SGD>(model->parameters(), torch::optim::SGDOptions(work.lr));
}

class Training : public bench::Task {
 public:
  explicit Training(const bench::Work& work) : work_(work) {}

  std::vector<double> check() override {
    std::vector<double> losses;
    for (int i = 0; i < bench::check_steps(work_); ++i) {
      losses.push_back(step(data_.x.slice(0, i * work_.batch, (i + 1) * work_.batch),
                            data_.y.slice(0, i * work_.batch, (i + 1) * work_.batch)));
    }
    return losses;
  }

  double run() override {
    const Tensor order = torch::randperm(work_.samples);
    double sum = 0;
    for (int begin = 0; begin < work_.samples; begin += work_.batch) {
      const Tensor rows = order.slice(0, begin, begin + work_.batch);
      sum += step(data_.x.index_select(0, rows), data_.y.index_select(0, rows)) * static_cast<double>(rows.numel());
    }
    return sum / work_.samples;
  }

 private:
  double step(const Tensor& x, const Tensor& y) {
    for (Tensor& parameter : parameters_) parameter.mutable_grad().reset();
    const Tensor out = model_->forward(work_.model == bench::Model::resnet ? channels_last(x) : x);
    const Tensor loss =
        work_.kind == bench::Kind::overhead ? torch::mse_loss(out, y) : torch::cross_entropy_loss(out, y);
    loss.backward();
    optimizer_->step();
    return static_cast<double>(loss.item<float>());
  }

  const bench::Work work_;
  Data data_ = make_data(work_);
  nn::Sequential model_ = make_model(work_);
  std::vector<Tensor> parameters_ = model_->parameters();
  std::unique_ptr<torch::optim::Optimizer> optimizer_ = make_optimizer(work_, model_);
};

class Latency : public bench::Task {
 public:
  explicit Latency(const bench::Work& work) : calls_(work.samples), model_(make_model(work)) {}

  std::vector<double> check() override {
    c10::InferenceMode inference;
    const Tensor said = model_->forward(image_).contiguous();
    return {said.data_ptr<float>(), said.data_ptr<float>() + said.numel()};
  }

  double run() override {
    c10::InferenceMode inference;
    double sum = 0;
    for (int i = 0; i < calls_; ++i) sum += static_cast<double>(model_->forward(image_).data_ptr<float>()[0]);
    return sum / calls_;
  }

 private:
  int calls_;
  nn::Sequential model_;
  Tensor image_ = digits().x.slice(0, 0, 1);
};

}  // namespace

int main(int count, char** words) {
  if (count > 1) torch::set_num_threads(std::atoi(words[1]));
  return bench::serve([](const bench::Work& work) -> std::unique_ptr<bench::Task> {
    if (work.kind == bench::Kind::fma_peak) return nullptr;
    if (work.kind == bench::Kind::latency) return std::make_unique<Latency>(work);
    return std::make_unique<Training>(work);
  });
}
