// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// The training benchmark's MLPs as one would write them by hand with Eigen, for one machine: -O3 -march=native, fused
// where it is easy, bytes converted as a batch is gathered; see bench/train.hpp. Eigen's own threads (OpenMP) do the
// products, or oneDNN's with KILN_BENCH_ONEDNN (Debian: libdnnl-dev).

#include "../train.hpp"

#include <Eigen/Core>

#ifdef KILN_BENCH_ONEDNN
#include <dnnl.h>
#endif

namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Row = Eigen::RowVectorXf;

/// c = op(a) op(b)
template <bool TransposeA, bool TransposeB>
void product(const Matrix& a, const Matrix& b, Matrix& c) {
#ifdef KILN_BENCH_ONEDNN
  const auto m = TransposeA ? a.cols() : a.rows(), k = TransposeA ? a.rows() : a.cols();
  const auto n = TransposeB ? b.rows() : b.cols();
  c.resize(m, n);
  dnnl_sgemm(TransposeA ? 'T' : 'N', TransposeB ? 'T' : 'N', m, n, k, 1, a.data(), a.cols(), b.data(), b.cols(), 0,
             c.data(), n);
#else
  if constexpr (TransposeA) c.noalias() = a.transpose() * b;
  else if constexpr (TransposeB) c.noalias() = a * b.transpose();
  else c.noalias() = a * b;
#endif
}

/// Adam's averages and the step, or plain SGD.
struct Update {
  bool adam;
  float lr;
  int steps = 0;

  template <class M>
  void operator()(M& parameter, const M& gradient, M& mean, M& square) const {
    if (!adam) {
      parameter -= lr * gradient;
      return;
    }
    if (mean.size() == 0) mean = square = M::Zero(parameter.rows(), parameter.cols());
    const float beta1 = 0.9f, beta2 = 0.999f;
    const float step = lr / (1 - std::pow(beta1, static_cast<float>(steps)));
    const float scale = 1 / std::sqrt(1 - std::pow(beta2, static_cast<float>(steps)));
    mean = beta1 * mean + (1 - beta1) * gradient;
    square.array() = beta2 * square.array() + (1 - beta2) * gradient.array().square();
    parameter.array() -= step * mean.array() / (square.array().sqrt() * scale + 1e-8f);
  }
};

struct Layer {
  Matrix weight, dweight, weight_mean, weight_square;
  Row bias, dbias, bias_mean, bias_square;
  Matrix out, dout;
};

class Mlp {
 public:
  explicit Mlp(const std::vector<int>& widths) : layers_(widths.size() - 1) {
    bench::Weights weights;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      layers_[i].weight.resize(widths[i + 1], widths[i]);
      layers_[i].bias = Row::Zero(widths[i + 1]);
      weights.fill(layers_[i].weight.data(), layers_[i].weight.size(), widths[i]);
    }
  }

  /// x is (N, I); the result (N, 10).
  const Matrix& forward(const Matrix& x) {
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      Layer& layer = layers_[i];
      product<false, true>(input(x, i), layer.weight, layer.out);
      layer.out.rowwise() += layer.bias;
      if (i + 1 < layers_.size()) layer.out = layer.out.cwiseMax(0.f);
    }
    return layers_.back().out;
  }

  /// Softmax and cross entropy, in place; then everything back and the update. Returns the mean loss.
  double step(const Matrix& x, const std::vector<int>& y, Update& update) {
    forward(x);
    const auto n = x.rows();
    Matrix& dlogits = layers_.back().dout;
    dlogits = layers_.back().out;
    double loss = 0;
    for (Eigen::Index i = 0; i < n; ++i) {
      auto row = dlogits.row(i);
      const float most = row.maxCoeff();
      const float right = row[y[static_cast<std::size_t>(i)]] - most;
      row = (row.array() - most).exp();
      const float sum = row.sum();
      loss += static_cast<double>(std::log(sum) - right);
      row /= sum * static_cast<float>(n);
      row[y[static_cast<std::size_t>(i)]] -= 1 / static_cast<float>(n);
    }
    ++update.steps;
    for (std::size_t i = layers_.size(); i-- > 0;) {
      Layer& layer = layers_[i];
      product<true, false>(layer.dout, input(x, i), layer.dweight);
      layer.dbias = layer.dout.colwise().sum();
      if (i > 0) {
        product<false, false>(layer.dout, layer.weight, layers_[i - 1].dout);
        layers_[i - 1].dout = (layers_[i - 1].out.array() > 0).select(layers_[i - 1].dout, 0.f);
      }
      update(layer.weight, layer.dweight, layer.weight_mean, layer.weight_square);
      update(layer.bias, layer.dbias, layer.bias_mean, layer.bias_square);
    }
    return loss / static_cast<double>(n);
  }

 private:
  const Matrix& input(const Matrix& x, std::size_t layer) const { return layer ? layers_[layer - 1].out : x; }

  std::vector<Layer> layers_;
};

void gather(const int* rows, int count, Matrix& x, std::vector<int>& y) {
  const bench::Digits& digits = bench::digits();
  x.resize(count, 784);
  y.resize(static_cast<std::size_t>(count));
  using Pixels = Eigen::Map<const Eigen::Array<unsigned char, 1, Eigen::Dynamic>>;
  for (int i = 0; i < count; ++i) {
    const Pixels pixels(digits.pixels.data() + rows[i] * std::ptrdiff_t{784}, 784);
    x.row(i).array() =
        pixels.cast<float>() * (1 / (255 * bench::Digits::deviation)) - bench::Digits::mean / bench::Digits::deviation;
    y[static_cast<std::size_t>(i)] = digits.labels[static_cast<std::size_t>(rows[i])];
  }
}

class Training : public bench::RowsTraining {
 public:
  explicit Training(const bench::Work& work) : RowsTraining(work) {}

 private:
  double step(const int* rows, int count) override {
    gather(rows, count, x_, y_);
    return model_.step(x_, y_, update_);
  }

  Mlp model_{work_.widths()};
  Update update_{work_.adam, static_cast<float>(work_.lr)};
  Matrix x_;
  std::vector<int> y_;
};

class Latency : public bench::Task {
 public:
  explicit Latency(const bench::Work& work) : calls_(work.samples), model_(work.widths()) {
    const int first = 0;
    std::vector<int> label;
    gather(&first, 1, image_, label);
  }

  std::vector<double> check() override {
    const Matrix& said = model_.forward(image_);
    return {said.data(), said.data() + said.size()};
  }

  double run() override {
    double sum = 0;
    for (int i = 0; i < calls_; ++i) sum += static_cast<double>(model_.forward(image_)(0, 0));
    return sum / calls_;
  }

 private:
  int calls_;
  Mlp model_;
  Matrix image_;
};

}  // namespace

int main() {
  return bench::serve([](const bench::Work& work) -> std::unique_ptr<bench::Task> {
    if (work.model != bench::Model::mlp_50 && work.model != bench::Model::mlp_512) return nullptr;
    if (work.kind == bench::Kind::latency) return std::make_unique<Latency>(work);
    if (work.kind == bench::Kind::training) return std::make_unique<Training>(work);
    return nullptr;
  });
}
