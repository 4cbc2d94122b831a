// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// Why initial values matter: the experiments of fast.ai's Deep Learning from the Foundations, notebooks
// 02_fully_connected and 02b_initializing, and of He et al. 2015, figure 3, with the figures published there.
#include <kiln/nn/init.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/linalg/matmul.hpp>
#include <kiln/nn/cross_entropy.hpp>
#include <kiln/nn/linear.hpp>
#include <kiln/nn/moments.hpp>
#include <kiln/optim/optimizer.hpp>
#include <kiln/optim/sgd.hpp>

TEST_SUITE_BEGIN("nn");

using namespace kiln;

namespace {

struct Scale {
  double mean = 0, std = 0, mean_square = 0;
};

template <int R, class T>
Scale scale_of(const Tensor<R, T>& x) {
  detail::Moments moments;
  moments.add(x.span());
  const double mean = moments.mean(), std = moments.deviation();
  return {mean, std, mean * mean + std * std};
}

/// One product a x for 20 draws of x, with weights of this scale, and what relu leaves of it.
template <class T>
std::pair<Scale, Scale> one_product(const Tensor<2, T>& standard, double scale) {
  const auto y = matmul(standard, normal<T>({512, 20}), {.alpha = scale});
  return {scale_of(y), scale_of(relu(y))};
}

/// A plain net of many layers, as in He et al. 2015, section 2.2.
struct DeepReLU {
  std::vector<Linear> hidden;
  Linear out;
  auto operator()(const Var<2>& input) const {
    Var<2> x = input;
    for (const Linear& layer : hidden) x = relu(layer(x));
    return out(x);
  }
};

/// The loss before each of 60 steps of training, from normal weights of deviation gain / sqrt(fan in) and biases of 0.
std::vector<double> train_deep_net(int depth, double gain) {
  manual_seed(6);
  DeepReLU net{std::vector<Linear>(static_cast<std::size_t>(depth), Linear{24, 24}), Linear{24, 2}};
  for (const ParamRef& param : parameters(net)) {
    if (param.dims().size() == 1) std::ranges::fill(param.value<float>(), 0.f);
  }
  for (Linear& layer : net.hidden) layer.weight.value = normal({24, 24}, 0, gain / std::sqrt(24.0));
  net.out.weight.value = normal({2, 24}, 0, 1 / std::sqrt(24.0));
  auto x = normal({32, 24});  // two classes, 16 of each, apart in all features
  auto y = zeros<int>({32});
  for (Index i = 0; i < 32; ++i) {
    y(i) = static_cast<int>(i % 2);
    for (Index k = 0; k < 24; ++k) x(i, k) += y(i) ? 1.f : -1.f;
  }
  Optimizer optimizer(SGD{.lr = 0.005, .momentum = 0.9}, parameters(net));
  std::vector<double> losses;
  for (int step = 0; step < 60; ++step) {
    Tape tape;
    auto loss = cross_entropy(net(tape(x)), y);
    losses.push_back(static_cast<double>(loss.item()));
    backward(loss);
    optimizer.step();
    optimizer.zero_grad();
  }
  return losses;
}

}  // namespace

TEST_CASE("100 products with standard normal weights of 512 blow up at about the 28th") {
  manual_seed(1);
  const auto a = normal({512, 512});
  auto x = normal({512});
  int product = 0;
  for (; product < 100; ++product) {
    x = matmul(a, x);
    if (std::isnan(scale_of(x).std)) break;
  }
  CHECK(product >= 27);  // published: 28
  CHECK(product <= 29);
}

TEST_CASE_TEMPLATE("100 products with weights of 0.01 vanish, with 1/sqrt(512) they keep their scale", T, float,
                   double) {
  manual_seed(2);
  const auto a = normal<T>({512, 512});
  auto run = [&](double scale) {
    auto x = normal<T>({512});
    for (int product = 0; product < 100; ++product) x = matmul(a, x, {.alpha = scale});
    return scale_of(x);
  };
  const Scale small = run(0.01);  // published: 0 and 0, in float; 0.2263 to the power of 100 in double
  if (sizeof(T) == 4) {
    CHECK(small.mean == 0);
    CHECK(small.std == 0);
  } else {
    CHECK(small.std > 1e-68);
    CHECK(small.std < 1e-62);
  }
  const Scale kept = run(1 / std::sqrt(512.0));  // published: 0.1892 and 5.5337, of one draw
  CHECK(std::abs(kept.mean) < 0.6);
  CHECK(kept.std > 0.15);
  CHECK(kept.std < 6);
}

TEST_CASE_TEMPLATE("one product multiplies the variance by 512 and relu halves the square", T, float, double) {
  manual_seed(3);
  const auto a = normal<T>({512, 512});
  const auto [plain, rectified] = one_product(a, 1);
  CHECK(std::abs(plain.mean) < 1);                                       // published: 0.0190
  CHECK(plain.mean_square == doctest::Approx(512).epsilon(0.08));        // 513.9999
  CHECK(rectified.mean == doctest::Approx(8.917).epsilon(0.06));         // 8.9172
  CHECK(rectified.mean_square == doctest::Approx(252.03).epsilon(0.1));  // 252.0349

  const auto [kept, behind_relu] = one_product(a, 1 / std::sqrt(512.0));
  CHECK(std::abs(kept.mean) < 0.05);
  CHECK(std::sqrt(kept.mean_square) == doctest::Approx(1).epsilon(0.04));

  const auto [doubled, kaiming] = one_product(a, std::sqrt(2 / 512.0));
  CHECK(doubled.mean_square == doctest::Approx(2).epsilon(0.08));
  CHECK(kaiming.mean == doctest::Approx(0.561).epsilon(0.05));                    // 0.5610
  CHECK(std::sqrt(kaiming.mean_square) == doctest::Approx(0.995).epsilon(0.04));  // 0.9950
}

TEST_CASE_TEMPLATE("behind relu, Kaiming keeps a deviation of .8 and a mean of .55, Xavier less", T, float, double) {
  // Published, for the first layer (784 to 50) on normalised MNIST: Kaiming 0.5542 and 0.8006 (and 0.5678 and 0.8491),
  // 1/sqrt(784), which is Xavier for a square layer, 0.5063 and 0.6765. Of normal inputs the exact values are
  // sqrt(1/pi) and sqrt(1 - 1/pi), and 1/sqrt(2) of them.
  manual_seed(4);
  const auto x = normal<T>({100, 300});
  auto behind = [&](const Tensor<2, T>& weight) { return scale_of(relu(matmul(x, weight, {.transpose_b = true}))); };
  const Scale kaiming = behind(kaiming_normal<T>({300, 300}));
  CHECK(kaiming.mean == doctest::Approx(0.5642).epsilon(0.03));
  CHECK(kaiming.std == doctest::Approx(0.8256).epsilon(0.03));
  const Scale xavier = behind(xavier_normal<T>({300, 300}));
  CHECK(xavier.mean == doctest::Approx(0.3989).epsilon(0.03));
  CHECK(xavier.std == doctest::Approx(0.5838).epsilon(0.03));
  const Scale uniform_kaiming = behind(kaiming_uniform<T>({300, 300}));
  CHECK(uniform_kaiming.std == doctest::Approx(0.8256).epsilon(0.03));
}

TEST_CASE("a net of 30 ReLU layers trains with Kaiming and stalls with Xavier") {
  const std::vector<double> kaiming = train_deep_net(30, std::sqrt(2.0));
  const std::vector<double> xavier = train_deep_net(30, 1);
  CHECK(kaiming.front() > 0.6);
  CHECK(std::ranges::min(kaiming) < 0.1);
  CHECK(xavier.front() == doctest::Approx(std::log(2.0)).epsilon(0.001));
  CHECK(std::ranges::min(xavier) > 0.69);  // no better than a coin
}

TEST_SUITE_END();
