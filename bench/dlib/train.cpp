// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// dlib's part in the training benchmark (Debian: libdlib-dev): the smaller MLP; see bench/train.hpp. Batches go
// straight into the network's input tensor, without the copies that dlib's trainer makes.

#include "../train.hpp"

#include <dlib/dnn.h>

namespace {

using Net = dlib::loss_multiclass_log<dlib::fc<10, dlib::relu<dlib::fc<50, dlib::input<dlib::matrix<float>>>>>>;

/// dlib keeps (in, out), and the biases in a row behind it.
template <class Layer>
void fill(Layer& layer, bench::Weights& weights, long in, long out) {
  std::vector<float> values(static_cast<std::size_t>(in * out));
  weights.fill(values.data(), in * out, in);
  dlib::tensor& parameters = layer.layer_details().get_layer_params();
  float* to = parameters.host_write_only();
  std::fill(to, to + parameters.size(), 0.f);
  for (long i = 0; i < in; ++i) {
    for (long o = 0; o < out; ++o) to[i * out + o] = values[static_cast<std::size_t>(o * in + i)];
  }
}

class Training : public bench::RowsTraining {
 public:
  explicit Training(const bench::Work& work) : RowsTraining(work) {
    const dlib::matrix<float> image = dlib::zeros_matrix<float>(28, 28);
    net_.to_tensor(&image, &image + 1, x_);
    net_.forward(x_);  // the layers make their parameters
    bench::Weights weights;
    fill(dlib::layer<3>(net_), weights, 784, 50);
    fill(dlib::layer<1>(net_), weights, 50, 10);
  }

 private:
  void gather(const int* rows, int count) {
    const bench::Digits& digits = bench::digits();
    x_.set_size(count, 1, 28, 28);
    y_.resize(static_cast<std::size_t>(count));
    float* x = x_.host_write_only();
    for (int i = 0; i < count; ++i) {
      const auto row = static_cast<std::size_t>(rows[i]);
      const unsigned char* pixels = digits.pixels.data() + row * 784;
      for (int p = 0; p < 784; ++p) *x++ = bench::Digits::value(pixels[p]);
      y_[static_cast<std::size_t>(i)] = digits.labels[row];
    }
  }

  double step(const int* rows, int count) override {
    gather(rows, count);
    const double loss = net_.compute_parameter_gradients(x_, y_.begin());
    net_.update_parameters(solvers_, work_.lr);
    return loss;
  }

  Net net_;
  std::vector<dlib::sgd> solvers_ = std::vector<dlib::sgd>(Net::num_computational_layers, dlib::sgd(0, 0));
  dlib::resizable_tensor x_;
  std::vector<unsigned long> y_;
};

}  // namespace

int main() {
  return bench::serve([](const bench::Work& work) -> std::unique_ptr<bench::Task> {
    if (work.kind != bench::Kind::training || work.model != bench::Model::mlp_50) return nullptr;
    return std::make_unique<Training>(work);
  });
}
