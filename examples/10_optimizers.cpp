// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// Chapter 10: the optimizer family, written from its update rules.
//
// You learn  that SGD, momentum, RMSProp, Adam, AdamW and LAMB are each a few lines, made of two ingredients: a running
//            mean of the gradient, and one of its square; what debiasing is for; why weight decay and an L2 penalty are
//            the same for SGD and not for Adam; how a rule of your own trains beside the library's.
// Look at    the rules in `namespace mine`, one under the other, and what each adds to the one before; the pictures
//            10_means.svg and 10_losses.svg.
// Follows    fast.ai, Deep Learning from the Foundations, lesson 11, notebook 09_optimizers:
//            https://course19.fast.ai/videos/?lesson=11

#include <kiln/data/mnist.hpp>
#include <kiln/nn/activation.hpp>
#include <kiln/nn/init.hpp>
#include <kiln/nn/linear.hpp>
#include <kiln/nn/loss.hpp>
#include <kiln/optim/adam.hpp>
#include <kiln/optim/rmsprop.hpp>
#include <kiln/optim/sgd.hpp>
#include <kiln/train/learner.hpp>
#include <kiln/viz/line_plot.hpp>

#include "course/course.hpp"

using namespace kiln;
using namespace course;

namespace {

// --- The ingredients

// Of each number only the last few steps are of interest. A running mean needs no list of them: it forgets a little of
// what it was, and takes in a little of what is new. `slot` is memory that the optimizer keeps for each parameter; it
// holds zeros at first.
template <class T>
std::span<T> average_grad(ParamUpdate<T>& u, double beta) {
  const auto average = u.slot("average_grad");
  for (std::size_t i = 0; i < average.size(); ++i) average[i] = T(beta) * average[i] + T(1 - beta) * u.grad[i];
  return average;
}
template <class T>
std::span<T> average_square(ParamUpdate<T>& u, double beta) {
  const auto average = u.slot("average_square");
  for (std::size_t i = 0; i < average.size(); ++i) {
    average[i] = T(beta) * average[i] + T(1 - beta) * u.grad[i] * u.grad[i];
  }
  return average;
}

// The weights that a running mean has given to what it has seen, all together: less than 1, because the rest still
// belongs to the zeros it began with. Divided by this, it is a true mean from the first step on.
double debias(double beta, Index count) { return 1 - std::pow(beta, static_cast<double>(count)); }

// --- The rules

namespace mine {

// A step down the slope.
struct SGD {
  double lr = 0.5;

  template <class T>
  void update(ParamUpdate<T> u) const {
    for (std::size_t i = 0; i < u.param.size(); ++i) u.param[i] -= T(lr) * u.grad[i];
  }
};

// Besides, each weight shrinks by a small share of itself: what the data do not ask for fades.
struct DecayedSGD {
  double lr = 0.5;
  double weight_decay = 1e-4;

  template <class T>
  void update(ParamUpdate<T> u) const {
    for (std::size_t i = 0; i < u.param.size(); ++i) {
      u.param[i] *= T(1 - lr * weight_decay);
      u.param[i] -= T(lr) * u.grad[i];
    }
  }
};

// The step is not the slope but a velocity: a sum of all slopes, in which each counts for less the longer ago it was.
// Without the factor 1 - momentum of a mean, so that a new gradient counts in full; where all gradients are alike, the
// velocity becomes 1 / (1 - momentum) of them, which is why lr must be so much smaller.
struct Momentum {
  double lr = 0.05;
  double momentum = 0.9;

  template <class T>
  void update(ParamUpdate<T> u) const {
    const auto velocity = u.slot("velocity");
    for (std::size_t i = 0; i < velocity.size(); ++i) {
      velocity[i] = T(momentum) * velocity[i] + u.grad[i];
      u.param[i] -= T(lr) * velocity[i];
    }
  }
};

// The step is the slope, measured by how large slopes are here: every weight moves by about lr, whether its gradients
// are large or small.
struct RMSProp {
  double lr = 1e-3;
  double alpha = 0.99;
  double eps = 1e-8;

  template <class T>
  void update(ParamUpdate<T> u) const {
    const auto square = average_square(u, alpha);
    for (std::size_t i = 0; i < square.size(); ++i) u.param[i] -= T(lr) * u.grad[i] / (std::sqrt(square[i]) + T(eps));
  }
};

// Both of them, debiased.
struct Adam {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;

  template <class T>
  void update(ParamUpdate<T> u) const {
    const auto mean = average_grad(u, beta1), square = average_square(u, beta2);
    const T mean_weight = T(debias(beta1, u.count)), square_weight = T(debias(beta2, u.count));
    for (std::size_t i = 0; i < mean.size(); ++i) {
      u.param[i] -= T(lr) * (mean[i] / mean_weight) / (std::sqrt(square[i] / square_weight) + T(eps));
    }
  }
};

// And with weight decay, which acts on the weight by itself. A rule may be made of another.
struct AdamW {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 1e-2;

  template <class T>
  void update(ParamUpdate<T> u) const {
    for (T& p : u.param) p *= T(1 - lr * weight_decay);
    Adam{lr, beta1, beta2, eps}.update(u);
  }
};

template <class T>
double root_mean_square(std::span<T> x) {
  double sum = 0;
  for (const T& value : x) sum += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(sum / static_cast<double>(x.size()));
}

// Adam's step, but how far a whole tensor of weights moves is set by how large these weights are: by lr of their size.
// You et al. 2019, https://arxiv.org/abs/1904.00962, algorithm 2, with the course's bound of 10.
struct Lamb {
  double lr = 5e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-6;
  double weight_decay = 0;

  template <class T>
  void update(ParamUpdate<T> u) const {
    const auto mean = average_grad(u, beta1), square = average_square(u, beta2);
    const T mean_weight = T(debias(beta1, u.count)), square_weight = T(debias(beta2, u.count));
    std::vector<T> step(mean.size());
    for (std::size_t i = 0; i < step.size(); ++i) {
      step[i] =
          (mean[i] / mean_weight) / (std::sqrt(square[i] / square_weight) + T(eps)) + T(weight_decay) * u.param[i];
    }
    const double size = root_mean_square(u.param), step_size = root_mean_square(std::span(step));
    // Weights that are all zero have no size to go by, and would never leave it.
    const double trust = size > 0 && step_size > 0 ? (std::min)(size / step_size, 10.0) : 1;
    for (std::size_t i = 0; i < step.size(); ++i) u.param[i] -= T(lr * trust) * step[i];
  }
};

}  // namespace mine

// --- Running means

// The three ways to sum up what came so far, after each of the numbers.
struct Averages {
  std::vector<double> sum, mean, debiased;
};

Averages averages(const std::vector<double>& numbers, double beta) {
  Averages result;
  double sum = 0, mean = 0;
  Index count = 0;
  for (double x : numbers) {
    sum = beta * sum + x;
    mean = beta * mean + (1 - beta) * x;
    result.sum.push_back(sum);
    result.mean.push_back(mean);
    result.debiased.push_back(mean / debias(beta, ++count));
  }
  return result;
}

void running_means(const Options& options) {
  heading("A mean that forgets: plain, dampened, debiased");
  std::vector<double> numbers;
  for (float x : normal({200}, 1, 0.3).span()) numbers.push_back(static_cast<double>(x));
  say("200 numbers around 1, and what has become of them after 5 and after 200");
  say("  beta        sum of all      mean (dampened)        debiased");
  for (double beta : {0.5, 0.9, 0.99}) {
    const Averages all = averages(numbers, beta);
    auto pair = [](const std::vector<double>& values) {
      return concat(right(fixed(values[4], 2), 8), right(fixed(values.back(), 2), 8));
    };
    say(right(fixed(beta, 2), 6), "  ", pair(all.sum), "    ", pair(all.mean), " ", pair(all.debiased));
  }
  say("The sum ends at 1 / (1 - beta) times the numbers. The mean begins at zero and believes it for 1 / (1 - beta)");
  say("steps. Debiased, it is right at once: Adam would otherwise divide by a square that is far too small.");
  const Averages slow = averages(numbers, 0.98);
  LinePlot picture{.title = "A running mean, beta 0.98", .x_label = "step", .y_label = "value"};
  picture.add("numbers", numbers).add("dampened", slow.mean).add("debiased", slow.debiased);
  picture.save(options.picture("10_means.svg"));
}

// --- Weight decay

// Three weights that begin at 1. Their gradients are of very different size, and point now up, now down: there is
// nothing to learn, and only the decay should be seen.
struct ThreeWeights {
  Param<1> weight = ones({3});
};

template <class Rule>
Tensor<1> after_noise(Rule rule) {
  ThreeWeights model;
  Optimizer optimizer{rule, parameters(model)};
  const Tensor<1> slope{0.01f, 1, 100};
  for (int step = 0; step < 1000; ++step) {
    Tape tape{Mode::train};
    backward(sum(model.weight * tape(step % 2 == 0 ? slope : -slope)));
    optimizer.step();
    optimizer.zero_grad();
  }
  return model.weight.value;
}

void decay_or_penalty() {
  heading("Weight decay, or a penalty in the loss?");
  say("Three weights of 1, gradients of +- 0.01, 1 and 100, weight decay 0.1, 1,000 steps of 0.001; only the decay");
  say("should be seen, which makes (1 - 0.001 0.1)^1000 = ", fixed(std::pow(1 - 1e-4, 1000), 3), " of each:");
  auto row = [](std::string_view name, const Tensor<1>& w) {
    say("  ", left(name, 30), right(fixed(w(0), 3), 9), right(fixed(w(1), 3), 9), right(fixed(w(2), 3), 9),
        "   (within 0.01)");
  };
  row("SGD, decay", after_noise(mine::DecayedSGD{.lr = 1e-3, .weight_decay = 0.1}));
  row("SGD, penalty (the library's)", after_noise(SGD{.lr = 1e-3, .weight_decay = 0.1}));
  row("Adam, penalty (the library's)", after_noise(Adam{.lr = 1e-3, .weight_decay = 0.1}));
  row("AdamW, decay", after_noise(mine::AdamW{.lr = 1e-3, .weight_decay = 0.1}));
  say("A penalty's gradient passes through Adam's division: weights with small gradients lose all, those with large");
  say("ones nothing. So AdamW lets the weight shrink by itself.");
}

// --- Ours against the library's

struct Weights {
  Param<1> weight = uniform({1000}, -1, 1);
};

// What a rule makes of the weights when it is given random gradients. They are the same for each rule, which those of a
// network would not be for long: where a ReLU's input is nearly zero, the last bit decides whether a gradient passes.
template <class Rule>
Tensor<1> moved_by(Rule rule, Weights model, int steps) {
  Optimizer optimizer{rule, parameters(model)};
  manual_seed(2);
  for (int step = 0; step < steps; ++step) {
    Tape tape{Mode::train};
    backward(sum(model.weight * tape(normal({1000}, 0.1, 1))));  // of which the gradient is that tensor
    optimizer.step();
    optimizer.zero_grad();
  }
  return model.weight.value;
}

void compare_with_library() {
  heading("Ours, and the library's: the same weights after 100 steps with the same gradients?");
  const Weights start;
  auto compare = [&](std::string_view name, auto ours, auto theirs) {
    const Tensor<1> moved = moved_by(ours, start, 100);
    require(largest_difference(moved, start.weight.value) > 0.05, "the weights have moved");
    agree(name, moved, moved_by(theirs, start, 100), 1e-5);
  };
  compare("SGD", mine::SGD{.lr = 0.01}, SGD{.lr = 0.01});
  compare("SGD with weight decay", mine::DecayedSGD{.lr = 0.01, .weight_decay = 0.1},
          SGD{.lr = 0.01, .weight_decay = 0.1});
  compare("momentum", mine::Momentum{.lr = 1e-3}, SGD{.lr = 1e-3, .momentum = 0.9});
  compare("RMSProp", mine::RMSProp{.lr = 1e-2}, RMSProp{.lr = 1e-2});
  compare("Adam", mine::Adam{.lr = 1e-2}, Adam{.lr = 1e-2});
  compare("AdamW", mine::AdamW{.lr = 1e-2, .weight_decay = 0.1}, AdamW{.lr = 1e-2, .weight_decay = 0.1});

  // The library has no LAMB. But how far it moves a tensor at first follows from the size of the weights alone.
  const Tensor<1> before = start.weight.value;
  const Tensor<1> step = moved_by(mine::Lamb{.lr = 0.01}, start, 1) - before;
  const double share = mine::root_mean_square(step.span()) / mine::root_mean_square(before.span());
  say("LAMB's first step: ", fixed(share, 5), " of the weights' size, where lr is 0.01 (within 1e-5)");
  require(std::abs(share - 0.01) < 1e-5, "LAMB's first step is lr of the weights' size");
}

// --- The network that they train

struct Mlp {
  Linear hidden{784, 50};
  Linear out{50, 10};

  Var<2> operator()(const Var<4>& x) const { return out(relu(hidden(flatten(x)))); }
};

using Data = DataLoaders<DataLoader<ImageDataset>, DataLoader<ImageDataset>>;

// --- All of them, on the digits

struct Course {
  std::string name;
  std::vector<double> losses;  // of every batch
  double best = 0;
};

Course train_by(std::string name, std::string_view setting, auto rule, const Data& data, const Options& options) {
  manual_seed(1);  // the same start and the same batches for each
  Mlp model;
  Learner learn{data, model, CrossEntropy{}, Optimizer{rule, parameters(model)}, Accuracy{}};
  learn.quiet();
  learn.fit(options.quick ? 1 : 5);
  Course course{std::move(name), learn.recorder().losses, 0};
  std::string each;
  for (const EpochRow& epoch : learn.recorder().epochs) {
    each += concat("  ", fixed(epoch.metrics[0].value, 4));
    course.best = (std::max)(course.best, epoch.metrics[0].value);
  }
  say(left(course.name, 10), left(setting, 20), right(fixed(learn.recorder().epochs.back().train_loss, 3), 10),
      right(fixed(learn.recorder().epochs.back().valid_loss, 3), 12), "  ", each,
      options.quick ? "   (within 0.03)" : "");
  return course;
}

void race(const Data& data, const Options& options) {
  heading("The digits, by each of them");
  say("784-50-10, batches of 64, ", options.quick ? "one epoch" : "five epochs", "; trained on the first ",
      with_separators(data.train.size()), " images, judged on the last ", with_separators(data.valid.size()));
  say(left("rule", 10), left("setting", 20), "train loss  valid loss    accuracy after each epoch");
  std::vector<Course> courses;
  auto add = [&](std::string name, std::string_view setting, auto rule) {
    courses.push_back(train_by(std::move(name), setting, rule, data, options));
  };
  add("SGD", "lr 0.5", mine::SGD{});
  add("decay", "lr 0.5, 0.0001", mine::DecayedSGD{});
  add("momentum", "lr 0.05, 0.9", mine::Momentum{});
  add("RMSProp", "lr 0.001", mine::RMSProp{});
  add("Adam", "lr 0.002", mine::Adam{.lr = 2e-3});
  add("AdamW", "lr 0.002, 0.01", mine::AdamW{.lr = 2e-3});
  add("LAMB", "lr 0.005", mine::Lamb{});

  LinePlot picture{.title = "Training loss, smoothed", .x_label = "batch", .y_label = "cross entropy", .log_y = true};
  for (const Course& course : courses) {
    if (course.name != "decay" && course.name != "AdamW")  // too near to those they are made of
      picture.add(course.name, averages(course.losses, options.quick ? 0.95 : 0.99).debiased);
    require(course.best > (options.quick ? 0.8 : 0.96), concat(course.name, " has learnt the digits"));
  }
  picture.save(options.picture("10_losses.svg"));
  if (!options.quick) say("the course, with this network and plain SGD: about 0.966");
}

void chapter(const Options& options) {
  manual_seed(1);
  running_means(options);
  decay_or_penalty();
  compare_with_library();
  const auto images = mnist({.normalise = Normalise{}});  // pixels from 0 to 1
  const ImageDataset& train = images.train.dataset();
  const Data data{
      DataLoader{train.slice(0, options.quick ? 12'800 : train.size()), {.batch_size = 64, .shuffle = true, .seed = 1}},
      DataLoader{images.valid.dataset(), {.batch_size = 128}}};
  race(data, options);
}

}  // namespace

int main(int count, char** words) { return run(count, words, chapter); }
