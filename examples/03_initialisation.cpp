// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// Chapter 3: initial weights.
//
// You learn  why a deep network whose weights are only a little too large or too small cannot be trained; where the
//            square root of 2 / n comes from; how to let the data find the scale, if no formula does.
// Look at    the std of the last of thirty layers, and what it means for training: the same network, the same data, the
//            same learning rate. In 03_layers.svg straight lines are powers; in 03_training.svg one line stays flat.
// Follows    fast.ai, Deep Learning from the Foundations, lessons 8 to 10, notebooks 02_fully_connected, 02a_why_sqrt5,
//            02b_initializing and 07a_lsuv: https://course19.fast.ai/videos/?lesson=9; and
//            He et al. 2015, Delving Deep into Rectifiers, figure 3: https://arxiv.org/abs/1502.01852

#include <kiln/data/mnist.hpp>
#include <kiln/nn/activation.hpp>
#include <kiln/nn/cross_entropy.hpp>
#include <kiln/nn/linear.hpp>
#include <kiln/nn/lsuv.hpp>
#include <kiln/optim/optimizer.hpp>
#include <kiln/optim/sgd.hpp>
#include <kiln/tensor/random.hpp>
#include <kiln/viz/line_plot.hpp>

#include "course/course.hpp"

using namespace kiln;
using namespace course;

namespace {

constexpr Index n = 512;

// The spread of x after each of a hundred products with random matrices (n, n), as long as it is a number.
std::vector<double> spread_through_layers(double scale) {
  Tensor<1> x = randn({n});
  std::vector<double> spread;
  for (int layer = 1; layer <= 100; ++layer) {
    x = matmul(normal({n, n}, 0, scale), x);
    spread.push_back(static_cast<double>(stddev(x).item()));
    if (!std::isfinite(spread.back())) break;
  }
  return spread;
}

// 1, 2, 3, ...: where a picture's curve has its points.
std::vector<double> one_two_three(const std::vector<double>& curve) {
  std::vector<double> numbers(curve.size());
  std::iota(numbers.begin(), numbers.end(), 1.0);
  return numbers;
}

struct Moments {
  double mean = 0;
  double square = 0;  // the mean of the squares, which is the variance where the mean is 0
};

// Of one product a x, with or without relu behind it, on average over many a and x.
Moments one_product(double scale, bool with_relu, int draws) {
  Moments moments;
  for (int draw = 0; draw < draws; ++draw) {
    Tensor<1> y = matmul(normal({n, n}, 0, scale), randn({n}));
    if (with_relu) y = relu(y);
    moments.mean += static_cast<double>(mean(y).item()) / draws;
    moments.square += static_cast<double>(mean(square(y)).item()) / draws;
  }
  return moments;
}

// Thirty layers.

constexpr int depth = 30;
constexpr Index width = 100;

struct DeepNet {
  std::vector<Linear> hidden;
  Linear out{width, 10};

  Var<2> operator()(Var<2> x) const {
    for (const Linear& layer : hidden) x = relu(layer(x));
    return out(x);
  }
};

// Weights of std gain / sqrt(inputs), biases 0. Gain 1 is Xavier's rule for layers as wide as their input, made for
// layers without relu; the square root of 2 is Kaiming's, because relu halves the mean square.
void start(Linear& layer, double gain) {
  layer.weight.value = normal(layer.weight.shape(), 0, gain / std::sqrt(static_cast<double>(layer.in)));
  layer.bias->value.fill(0);
}

DeepNet deep_net(double gain) {
  manual_seed(1);
  DeepNet net;
  for (int i = 0; i + 1 < depth; ++i) net.hidden.push_back(Linear{i == 0 ? 28 * 28 : width, width});
  for (Linear& layer : net.hidden) start(layer, gain);
  start(net.out, gain);
  return net;
}

// Layer-sequential unit variance: send a batch through, layer by layer, and divide each layer's weights by the std that
// they give it. No formula has to know what lies between the layers.
void settle_layers(DeepNet& net, Tensor<2> x) {
  auto settle = [&](Linear& layer) {
    const Tensor<2> y = layer(Var<2>(x)).value();
    layer.weight.value /= stddev(y).item();
    layer.bias->value -= mean(y).item() / stddev(y).item();
  };
  for (Linear& layer : net.hidden) {
    settle(layer);
    x = relu(layer(Var<2>(x))).value();
  }
  settle(net.out);
}

// The std behind each layer's relu for a batch.
std::vector<double> spread_of(const DeepNet& net, Tensor<2> x) {
  std::vector<double> spread;
  for (const Linear& layer : net.hidden) {
    x = relu(layer(Var<2>(x))).value();
    spread.push_back(static_cast<double>(stddev(x).item()));
  }
  return spread;
}

// The loss of each step, smoothed: the average of the steps before, the latest counting most.
std::vector<double> train(DeepNet& net, const ImageLoaders& data, int steps) {
  Optimizer optimizer{SGD{.lr = 0.01}, parameters(net)};
  std::vector<double> smooth;
  for (Index epoch = 0;; ++epoch) {
    for (auto& batch : data.train.epoch(epoch)) {
      Tape tape{Mode::train};
      const auto loss = cross_entropy(net(flatten(tape(batch.x))), batch.y);
      backward(loss);
      optimizer.step();
      optimizer.zero_grad();
      const auto now = static_cast<double>(loss.value().item());
      smooth.push_back(smooth.empty() ? now : 0.95 * smooth.back() + 0.05 * now);
      if (std::ssize(smooth) == steps) return smooth;
    }
  }
}

// -----------------------------------------------------------------------------------------------------------------------

void chapter(const Options& options) {
  manual_seed(1);

  heading("A hundred products of 512 numbers with random matrices");
  say("std of the weights   what becomes of the std of the numbers");
  auto tell = [](double scale) {
    const std::vector<double> spread = spread_through_layers(scale);
    auto at = [&](std::size_t product) { return right(brief(spread[product - 1], 2), 8); };
    say(left(brief(scale), 20), " after 1:", at(1), "   after 10:", at(10), "   after 25:", at(25),
        "   at last: ", std::isfinite(spread.back()) ? brief(spread.back(), 1) : "not a number");
    return spread;
  };
  const std::vector<double> large = tell(1), small = tell(0.01), kept = tell(1 / std::sqrt(double{n}));
  Index zero = 0;
  while (zero < std::ssize(small) && small[static_cast<std::size_t>(zero)] > 0) ++zero;
  say("1 is too large: the numbers leave the range of float at product ", large.size(), " (within 1)");
  say("0.01 is too small: all are 0 from product ", zero + 1, " on (within 1)");
  say("1 / sqrt(512) = ", brief(1 / std::sqrt(double{n})), " keeps them");
  LinePlot matmuls{.title = "A hundred products of 512 numbers",
                   .x_label = "products",
                   .y_label = "std of the numbers",
                   .log_y = true};
  matmuls.add("weights of std 1", one_two_three(large), large)
      .add("1 / sqrt(512)", one_two_three(kept), kept)
      .add("0.01", one_two_three(small), small);
  matmuls.save(options.picture("03_matmuls.svg"));

  heading("Why: a sum of 512 products of mean 0 and variance 1 has variance 512");
  const int draws = options.quick ? 20 : 200;
  auto tell_moments = [&](std::string_view what, double scale, bool with_relu) {
    const Moments moments = one_product(scale, with_relu, draws);
    say(left(what, 38), " mean ", right(fixed(moments.mean, 2), 6), "   mean square ",
        right(fixed(moments.square, moments.square < 10 ? 2 : 0), 4), " (within ",
        moments.square < 10 ? "0.1)" : "10)");
    return moments;
  };
  tell_moments("a x, weights of std 1", 1, false);
  tell_moments("a x, weights of std 1 / sqrt(512)", 1 / std::sqrt(double{n}), false);
  tell_moments("relu(a x), the same", 1 / std::sqrt(double{n}), true);
  tell_moments("relu(a x), weights of sqrt(2 / 512)", std::sqrt(2.0 / n), true);
  say("relu sets half of the numbers to 0, which halves the mean square. A factor of sqrt(2) makes up for it.");

  heading("The first layer on MNIST: 784 pixels, normalised, to 50 units");
  auto data = mnist({.batch_size = 64});
  const auto images = first_samples(data.train.dataset(), options.quick ? 1000 : 50'000);
  const Tensor<2> x = images.x.reshape({images.x.size(0), 28 * 28});
  say("x: mean ", fixed(mean(x).item(), 2), "  std ", fixed(stddev(x).item(), 2));
  say("on average over ", 20, " draws of the weights, behind relu:");
  auto first_layer = [&](std::string_view name, auto draw_weight, float shift) {
    manual_seed(1);
    float average = 0, deviation = 0;
    for (int draw = 0; draw < 20; ++draw) {
      const Tensor<2> y = relu(matmul(x, draw_weight(), {.transpose_b = true})) - shift;
      average += mean(y).item() / 20;
      deviation += stddev(y).item() / 20;
    }
    say(left(name, 44), " mean ", right(fixed(average, 2), 5), "  std ", fixed(deviation, 2));
  };
  auto xavier_weight = [] { return normal({50, 784}, 0, 1 / std::sqrt(784.0)); };
  auto kaiming_weight = [] { return normal({50, 784}, 0, std::sqrt(2 / 784.0)); };
  first_layer("1 / sqrt(784): Xavier, by the inputs alone", xavier_weight, 0);
  first_layer("sqrt(2 / 784): Kaiming", kaiming_weight, 0);
  first_layer("the same, and relu shifted down by 0.5", kaiming_weight, 0.5f);
  first_layer(
      "the library's kaiming_normal",
      [] {
        return kaiming_normal({50, 784});
      },
      0);
  first_layer(
      "what PyTorch's and our Linear begin with",
      [] {
        return Linear{784, 50}.weight.value;
      },
      0);
  say("The last is uniform in +-1 / sqrt(784): a variance of a sixth of Kaiming's. Few layers do not mind.");

  heading("Thirty layers with relu");
  const Tensor<2> batch = Tensor<2>(x.slice_view(0, 512));
  DeepNet xavier = deep_net(1), he = deep_net(std::sqrt(2.0)), settled = deep_net(1);
  settle_layers(settled, batch);
  say("std behind layer                    1        10        20        29");
  auto tell_spread = [&](std::string_view name, const DeepNet& net) {
    std::vector<double> spread = spread_of(net, batch);
    auto at = [&](std::size_t layer) { return right(brief(spread[layer - 1], 2), 10); };
    say(left(name, 27), at(1), at(10), at(20), at(29), " (within 10%)");
    return spread;
  };
  const auto xavier_spread = tell_spread("Xavier, gain 1", xavier);
  const auto he_spread = tell_spread("Kaiming, gain sqrt(2)", he);
  const auto settled_spread = tell_spread("Xavier, settled by LSUV", settled);
  require(xavier_spread.back() < 1e-4 && he_spread.back() > 0.1, "Xavier's numbers vanish, Kaiming's do not");

  LinePlot layers{
      .title = "Thirty layers with relu, untrained", .x_label = "layer", .y_label = "std of its output", .log_y = true};
  layers.add("Kaiming", one_two_three(he_spread), he_spread)
      .add("Xavier", one_two_three(xavier_spread), xavier_spread)
      .add("Xavier, settled by LSUV", one_two_three(settled_spread), settled_spread);
  layers.save(options.picture("03_layers.svg"));

  heading("And their training: lr 0.01, batches of 64, the smoothed loss");
  const int steps = options.quick ? 200 : 1600;
  const std::vector<double> xavier_loss = train(xavier, data, steps), he_loss = train(he, data, steps),
                            settled_loss = train(settled, data, steps);
  const std::string_view remark = options.quick ? "   (within 0.25)" : "";  // what the tests allow
  say(right("step", 6), right("Xavier", 10), right("Kaiming", 10), right("LSUV", 10));
  for (int quarter = 0; quarter <= 4; ++quarter) {
    const auto step = static_cast<std::size_t>((std::max)(quarter * steps / 4 - 1, 0));
    say(right(concat(step + 1), 6), right(fixed(xavier_loss[step], 2), 10), right(fixed(he_loss[step], 2), 10),
        right(fixed(settled_loss[step], 2), 10), remark);
  }
  require(xavier_loss.back() > 2.2 && he_loss.back() < 1.8, "only the network that was started well has learnt");
  LinePlot training{.title = "Thirty layers with relu, in training",
                    .x_label = "step",
                    .y_label = "training loss, smoothed",
                    .y_low = 0.0};
  training.add("Kaiming", one_two_three(he_loss), he_loss)
      .add("Xavier", one_two_three(xavier_loss), xavier_loss)
      .add("Xavier, settled by LSUV", one_two_three(settled_loss), settled_loss);
  training.save(options.picture("03_training.svg"));
  say("log(10) = 2.30 is guessing: with Xavier's weights every image looks the same from behind thirty layers.");

  heading("LSUV by the library, which finds the layers of any model itself");
  DeepNet by_library = deep_net(1), by_hand = deep_net(1);
  settle_layers(by_hand, batch);
  const LsuvReport report = lsuv(by_library, batch);
  say("layer        std before   std after   mean after");
  for (const LsuvLayer& layer : {report.layers.front(), report.layers[14], report.layers.back()})
    say(left(layer.path, 11), right(fixed(layer.std_before, 3), 12), right(fixed(layer.std, 2), 12),
        right(fixed(std::abs(layer.mean), 2), 13));
  agree("its network and ours: output", by_library(batch).value(), by_hand(batch).value(), 0.05);
}

}  // namespace

int main(int count, char** words) { return run(count, words, chapter); }
