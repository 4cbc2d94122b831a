// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// Chapter 12: normalisation and initialisation.
//
// You learn  what a start that is wrong costs a small convolutional network, and three ways out: better weights, an
//            activation whose mean can be 0, and layers that normalise what goes through them while they train. How
//            batch norm and layer norm are written in a dozen lines each, what they differ in, and why batch norm
//            behaves in another way once training is over.
// Look at    `MyBatchNorm`: its gradient is nowhere; and at the pictures 12_without.svg and 12_with.svg, which show the
//            same network in its first three epochs without and with it.
// Follows    fast.ai, part 2 of 2022, lessons 17 and 18, notebooks 11_initializing and 12_accel_sgd:
//            https://course.fast.ai/Lessons/lesson17.html. As there, the network learns from all 60,000 training images
//            of Fashion-MNIST and is judged on the 10,000 test images.
// Needs      Fashion-MNIST. On Debian and Ubuntu: apt install dataset-fashion-mnist.

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/reduction.hpp>
#include <kiln/data/mnist.hpp>
#include <kiln/models/conv_net.hpp>
#include <kiln/nn/activation.hpp>
#include <kiln/nn/batch_norm.hpp>
#include <kiln/nn/conv.hpp>
#include <kiln/nn/group_norm.hpp>
#include <kiln/nn/hook.hpp>
#include <kiln/nn/kaiming_init.hpp>
#include <kiln/nn/layer_norm.hpp>
#include <kiln/nn/loss.hpp>
#include <kiln/nn/lsuv.hpp>
#include <kiln/optim/adam.hpp>
#include <kiln/optim/sgd.hpp>
#include <kiln/tensor/random.hpp>
#include <kiln/train/activation_stats.hpp>
#include <kiln/train/learner.hpp>
#include <kiln/train/summary.hpp>
#include <kiln/viz/image_grid.hpp>
#include <kiln/viz/line_plot.hpp>

#include "course/course.hpp"

using namespace kiln;
using namespace course;

namespace {

// --- Batch norm and layer norm by hand. Images are (N, C, H, W).

// Every channel gets mean 0 and std 1 over the images and pixels of the batch, and then a mean and a std that are
// learnt. An image that is looked at later has no batch around it, so averages of the batches' figures are kept for it.
struct MyBatchNorm {
  Index channels = 0;
  double momentum = 0.1;  // the weight of the new; most rules call the weight of the old so
  Param<4> gain = ones({1, channels, 1, 1});
  Param<4> shift = zeros({1, channels, 1, 1});
  Buffer<4> means = zeros({1, channels, 1, 1});
  Buffer<4> variances = ones({1, channels, 1, 1});

  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const Var<4>& x) {
      if (x.mode() == Mode::eval) return (x - means.value) / sqrt(variances.value + 1e-5f) * gain + shift;
      const Var<4> m = mean(x, {0, 2, 3}, keep_axes);
      const Var<4> v = population_var(x, {0, 2, 3}, keep_axes);
      remember(x, m.value(), v.value());
      return (x - m) / sqrt(v + 1e-5f) * gain + shift;
    });
  }

  // A model is const while it runs. What it wants to write is put off until the batch has gone well.
  void remember(const Var<4>& x, const Tensor<4>& m, const Tensor<4>& v) const {
    const auto count = static_cast<float>(x.numel()) / static_cast<float>(channels);
    x.context()->defer([this, m, unbiased = v * (count / (count - 1))] {
      const auto share = static_cast<float>(momentum);
      means.value += share * (m - means.value);
      variances.value += share * (unbiased - variances.value);
    });
  }
};

// Every image gets mean 0 and std 1 over its channels and pixels: nothing to remember, nothing different in use. The
// course learns one gain and one shift for all of a layer; the library's, as PyTorch's, learns one for each element.
struct MyLayerNorm {
  Index channels = 0;  // does not matter; here so that it can be put where MyBatchNorm can
  Param<4> gain = ones({1, 1, 1, 1});
  Param<4> shift = zeros({1, 1, 1, 1});

  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const Var<4>& x) {
      const Var<4> m = mean(x, {1, 2, 3}, keep_axes);
      const Var<4> v = population_var(x, {1, 2, 3}, keep_axes);
      return (x - m) / sqrt(v + 1e-5f) * gain + shift;
    });
  }
};

struct NoNorm {
  Index channels = 0;
  auto operator()(const Var<4>& x) const { return x; }
};

// Output, gradient and, where there are any, running figures of a norm of ours and of the library's.
template <class Mine, class Library>
void compare(std::string_view name, const Mine& mine, const Library& library, const Tensor<4>& x) {
  struct Result {
    Tensor<4> y, dx;
  };
  auto result_of = [&](const auto& norm) {
    Tape tape{Mode::train};
    const auto v = tape.variable(x);
    const auto y = norm(v);
    tape.differentiate(sum(y * y * y));
    tape.commit();
    return Result{y.value().clone(), tape.grad(v)};
  };
  const Result ours = result_of(mine), theirs = result_of(library);
  agree(concat(name, ", output"), ours.y, theirs.y, 1e-5);
  agree(concat(name, ", gradient"), ours.dx, theirs.dx, 1e-4);
}

void by_hand() {
  heading("Batch norm and layer norm by hand, and the library's");
  manual_seed(1);
  const Tensor<4> x = randn({64, 8, 14, 14}) * 3 + 5;
  const MyBatchNorm mine{8};
  const BatchNorm2d library{8};
  compare("BatchNorm2d", mine, library, x);
  agree("  running mean", mine.means.value.reshape({8}), library.running_mean.value, 1e-5);
  agree("  running variance", mine.variances.value.reshape({8}), library.running_var.value, 1e-5);
  agree("  output in use", mine(x).value(), library(x).value(), 1e-5);
  compare("LayerNorm", MyLayerNorm{8}, LayerNormOver<3>{{8, 14, 14}}, x);
  compare("GroupNorm, one group", MyLayerNorm{8}, GroupNorm{.groups = 1, .channels = 8}, x);
  auto forward_and_back = [&](const auto& norm) {
    return seconds([&] {
      Tape tape{Mode::train};
      const auto v = tape.variable(x);
      tape.differentiate(sum(norm(v)));
    });
  };
  const double by_hand = forward_and_back(mine), by_library = forward_and_back(library);
  say("there and back, ours ", time_text(by_hand), ", the library's ", time_text(by_library), ": ",
      fixed(by_hand / by_library, 1), "x");
}

// --- The course's network: convolutions of stride 2 until one pixel is left, 1 - 8 - 16 - 32 - 64 - 10 channels

template <class Norm, class Act>
struct Block {
  static constexpr std::string_view layer_name = "Block";  // in tables; the type's own name is long

  Conv2d conv;
  Norm norm;
  Act act;

  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const Var<4>& x) { return act(norm(conv(x))); });
  }
};

template <class Norm, class Act>
struct Net {
  static constexpr std::string_view layer_name = "Net";

  std::vector<Block<Norm, Act>> body;
  Conv2d out{64, 10, 3, 2, 1};

  auto operator()(const auto& input) const {
    return announce(*this, input, [&](Var<4> x) {
      for (const auto& block : body) x = block(x);
      return flatten(out(x));
    });
  }
};

enum class Start { as_made, kaiming, lsuv };

constexpr GeneralRelu leaky{.leak = 0.1, .sub = 0.4};

template <class Norm, class Act>
Net<Norm, Act> make_net(Start start, Act act, const Tensor<4>& batch) {
  manual_seed(42);
  Net<Norm, Act> net;
  Index in = 1;
  for (Index channels : {8, 16, 32, 64}) {
    net.body.push_back({Conv2d{in, channels, 3, 2, 1}, Norm{channels}, act});
    in = channels;
  }
  double slope = 0;
  if constexpr (requires { act.leak; }) slope = act.leak;
  if (start != Start::as_made) kaiming_init(net, {.negative_slope = slope});
  if (start == Start::lsuv) {  // but for the last layer, as in the course: it is no business of ours how sure it is
    freeze(net.out);
    lsuv(net, batch);
    unfreeze(net.out);
  }
  return net;
}

// --- One batch, before any training

template <class N>
std::vector<double> deviations(const N& net, const Tensor<4>& batch) {
  std::vector<double> all;
  std::vector<Hook> hooks;
  auto note = [&](const LayerCall&, AnyVar& y) {
    all.push_back(static_cast<double>(stddev(y.value().template as<4>()).item()));
  };
  for (std::size_t i = 0; i < net.body.size(); ++i) hooks.push_back(on_forward(net, concat("body.", i, ".act"), note));
  hooks.push_back(on_forward(net, "out", note));
  Context context{Mode::train};  // batch norm uses the batch; nothing is committed
  for (const Hook& hook : hooks) context.observe(hook);
  net(context(batch));
  return all;
}

void one_batch(const Tensor<4>& raw, const Tensor<4>& normal) {
  heading("One batch of 1,024 images, before any training: the std behind each activation, and of the output");
  say(left("", 36), "       1       2       3       4  output");
  auto tell = [](std::string_view name, const auto& net, const Tensor<4>& batch) {
    std::vector<double> all = deviations(net, batch);
    std::string line = left(name, 36);
    for (double deviation : all) line += right(brief(deviation, 2), 8);
    say(line, "   (within 5%)");
    return all;
  };
  const auto made = tell("as made, pixels from 0 to 1", make_net<NoNorm>(Start::as_made, ReLU{}, raw), raw);
  tell("Kaiming, pixels from 0 to 1", make_net<NoNorm>(Start::kaiming, ReLU{}, raw), raw);
  const auto kaiming = tell("Kaiming, pixels normalised", make_net<NoNorm>(Start::kaiming, ReLU{}, normal), normal);
  tell("  leaky ReLU, shifted", make_net<NoNorm>(Start::kaiming, leaky, normal), normal);
  tell("  and LSUV", make_net<NoNorm>(Start::lsuv, leaky, normal), normal);
  tell("  or layer norm", make_net<MyLayerNorm>(Start::kaiming, leaky, normal), normal);
  tell("  or batch norm", make_net<BatchNorm2d>(Start::kaiming, leaky, normal), normal);
  say("A leaky ReLU moved down has mean 0 and leaves less than std 1. What normalises sets the std before it to 1.");
  require(made[3] < 0.2 * kaiming[3], "the default start fades through the layers");
}

// --- Three epochs under observation

using Data = DataLoaders<DataLoader<ImageDataset>, DataLoader<ImageDataset>>;

Index batch_size(Index whole, const Options& options) { return options.quick ? 256 : whole; }

// What the tests allow to differ.
std::string_view remark(const Options& options) { return options.quick ? "   (within 0.15)" : ""; }

Data loaders(const ImageDataset& train, const ImageDataset& test, Index batch_size, const Options& options) {
  const Index images = options.quick ? 4096 : train.size(), tested = options.quick ? 1024 : test.size();
  return {DataLoader{train.slice(0, images), {.batch_size = batch_size, .shuffle = true, .seed = 1}},
          DataLoader{test.slice(0, tested), {.batch_size = 1024}}};
}

struct Run {
  std::string name;
  double lr = 0;
  ActivationStats stats = {};
  std::vector<double> losses = {}, accuracy = {};
};

template <class N>
Run train(std::string name, N net, double lr, Index epochs, const Data& data) {
  Run run{.name = std::move(name), .lr = lr};
  using Act = std::remove_cvref_t<decltype(net.body[0].act)>;
  run.stats.types = {std::string(Act::layer_name)};
  run.stats.range = {.low = -2, .high = 6, .absolute = false};
  Learner learn{data, net, CrossEntropy{}, SGD{.momentum = 0.85}, Accuracy{}, run.stats};
  learn.quiet();
  learn.fit(epochs, lr);
  run.losses = learn.recorder().losses;
  for (const EpochRow& epoch : learn.recorder().epochs) run.accuracy.push_back(epoch.metrics[0].value);
  return run;
}

std::vector<double> smooth(const std::vector<double>& values) {
  std::vector<double> result;
  for (double value : values) result.push_back(result.empty() ? value : 0.8 * result.back() + 0.2 * value);
  return result;
}

void three_epochs(const Data& raw, const Data& data, const Tensor<4>& raw_batch, const Tensor<4>& batch,
                  const Options& options) {
  const Index epochs = options.quick ? 2 : 3;
  heading(concat(epochs, " epochs: SGD with momentum 0.85, batches of ", batch_size(1024, options)));
  std::vector<Run> runs;
  auto add = [&](Run run) {
    std::string line = left(run.name, 36) + right(fixed(run.lr, 1), 4);
    for (double accuracy : run.accuracy) line += right(fixed(accuracy, 4), 9);
    say(line, right(fixed(run.losses.back(), 3), 12), remark(options));
    runs.push_back(std::move(run));
  };
  say(left("", 36), "  lr   accuracy after each epoch", options.quick ? "  last loss" : "     last loss");
  add(train("as made, pixels from 0 to 1", make_net<NoNorm>(Start::as_made, ReLU{}, raw_batch), 0.2, epochs, raw));
  add(train("Kaiming, pixels from 0 to 1", make_net<NoNorm>(Start::kaiming, ReLU{}, raw_batch), 0.2, epochs, raw));
  add(train("Kaiming, pixels normalised", make_net<NoNorm>(Start::kaiming, ReLU{}, batch), 0.2, epochs, data));
  add(train("  leaky ReLU, shifted", make_net<NoNorm>(Start::kaiming, leaky, batch), 0.2, epochs, data));
  add(train("  and LSUV", make_net<NoNorm>(Start::lsuv, leaky, batch), 0.2, epochs, data));
  add(train("  or layer norm", make_net<MyLayerNorm>(Start::kaiming, leaky, batch), 0.2, epochs, data));
  add(train("  or batch norm, ours", make_net<MyBatchNorm>(Start::kaiming, leaky, batch), 0.4, epochs, data));
  add(train("  or batch norm, the library's", make_net<BatchNorm2d>(Start::kaiming, leaky, batch), 0.4, epochs, data));

  say("The first start hardly moves at first. Ours and the library's batch norm differ by rounding only, which");
  say("training magnifies; both train at twice the rate.");
  const Run &without = runs.front(), &with = runs.back();
  require(with.accuracy.back() > without.accuracy.back(), "batch norm helps");
  if (!options.quick) require(with.accuracy.back() > 0.85, "and by much");
  auto save = [&](const Run& run, std::string_view name, std::string_view title) {
    Figure figure = run.stats.figure();
    figure.title = title;
    figure.save(options.picture(concat(name, ".svg")));
    Figure histograms = run.stats.histogram_figure();
    histograms.title = title;
    histograms.save(options.picture(concat(name, "_histograms.svg")));
  };
  save(without, "12_without", "As made: what comes out of each ReLU");
  save(with, "12_with", "With batch norm: what comes out of each ReLU");
  LinePlot losses{.title = "Three epochs", .x_label = "batch", .y_label = "training loss, smoothed", .y_low = 0.0};
  for (std::size_t i : {0u, 1u, 3u, 5u, 7u}) {
    const std::string& name = runs[i].name;
    const std::size_t start = name.starts_with("  ") ? 2 : 0;
    losses.add(name.substr(name.starts_with("  or ") ? 5 : start), smooth(runs[i].losses));
  }
  losses.save(options.picture("12_losses.svg"));
}

// --- The library's ConvNet in a one-cycle run

using LeakyConvNet = BasicConvNet<float, GeneralRelu>;

LeakyConvNet make_conv_net(std::uint64_t seed) {
  manual_seed(seed);
  LeakyConvNet net{.act = leaky};
  kaiming_init(net, {.negative_slope = leaky.leak});
  return net;
}

// A learning rate that stays high leaves the accuracy to chance in its last digit, so one start says little.
void several_starts(const Data& data, const Options& options) {
  const Index epochs = options.quick ? 2 : 3;
  const int starts = options.quick ? 2 : 5;
  std::string line;
  double average = 0;
  for (int start = 1; start <= starts; ++start) {
    auto net = make_conv_net(static_cast<std::uint64_t>(start));
    Learner learn{data, net, CrossEntropy{}, SGD{.momentum = 0.85}, Accuracy{}};
    learn.quiet();
    learn.fit(epochs, 0.4);
    const double accuracy = learn.recorder().epochs.back().metrics[0].value;
    line += right(fixed(accuracy, 4), 8);
    average += accuracy / starts;
  }
  say("SGD as above, ", starts, " starts, accuracy after ", epochs, " epochs");
  say(line, "   mean ", fixed(average, 4), remark(options));
  if (!options.quick) require(average > 0.866, "batch norm reaches the course's accuracy");
}

struct OneCycleRun {
  std::string_view name;
  Index epochs;
  Index batch_size;
  double lr;
  int starts = 1;
  double at_least = 0;  // what the mean of the starts is required to be
};

void one_cycle_run(const OneCycleRun& what, const Data& data, const Options& options) {
  const int starts = options.quick ? 1 : what.starts;
  const Index epochs = options.quick ? 2 : what.epochs;
  say(what.name, ": batches of ", what.batch_size, ", AdamW, lr ", brief(what.lr), "; accuracy after each epoch");
  double average = 0, taken = 0;
  for (int start = 1; start <= starts; ++start) {
    auto net = make_conv_net(static_cast<std::uint64_t>(start));
    Learner learn{data, net, CrossEntropy{}, AdamW{}, Accuracy{}};
    learn.quiet();
    learn.fit_one_cycle(epochs, what.lr, {.pct_start = 0.3});
    std::string line;
    for (const EpochRow& epoch : learn.recorder().epochs) {
      line += right(fixed(epoch.metrics[0].value, 4), 8);
      taken += epoch.train_seconds / static_cast<double>(starts * epochs);
    }
    say("  start ", start, line, remark(options));
    average += learn.recorder().epochs.back().metrics[0].value / starts;
  }
  say("  mean at the end ", fixed(average, 4), options.quick ? " (within 0.15)" : "", "; training takes ",
      time_text(taken), " an epoch");
  if (!options.quick) require(average > what.at_least, "the runs reach the course's accuracy");
}

void chapter(const Options& options) {
  const auto pixels = fashion_mnist({.valid = 0, .normalise = Normalise{}});  // from 0 to 1
  const auto images = fashion_mnist({.valid = 0});                            // mean 0 and std 1
  const Tensor<4> raw_batch = first_samples(pixels.train.dataset(), 1024).x;
  const auto batch = first_samples(images.train.dataset(), 1024);

  heading("Fashion-MNIST: 70,000 photographs of clothes, 28 x 28, of ten kinds");
  ImageGrid grid{.title = "Fashion-MNIST", .columns = 8};
  std::vector<std::string> names;
  for (Index i = 0; i < 16; ++i) names.emplace_back(fashion_mnist_classes[static_cast<std::size_t>(batch.y(i))]);
  grid.add(Tensor<4>(raw_batch.slice_view(0, 16)), names);
  grid.save(options.picture("12_clothes.svg"));
  auto tell = [](std::string_view name, const Tensor<4>& x) {
    say(left(name, 22), " mean ", right(fixed(std::abs(mean(x).item()), 2), 5), "   std ", fixed(stddev(x).item(), 2),
        "  (within 0.02)");
  };
  tell("pixels from 0 to 1", raw_batch);
  tell("normalised", batch.x);

  heading("The network");
  const auto net = make_net<BatchNorm2d>(Start::kaiming, leaky, batch.x);
  std::fputs(summary(net, batch.x, {.timed_runs = 0}).text().c_str(), stdout);

  by_hand();
  one_batch(raw_batch, batch.x);
  const Data raw = loaders(pixels.train.dataset(), pixels.test.dataset(), batch_size(1024, options), options);
  const Data data = loaders(images.train.dataset(), images.test.dataset(), batch_size(1024, options), options);
  three_epochs(raw, data, raw_batch, batch.x, options);

  heading("The library's ConvNet, several starts, and one cycle");
  several_starts(data, options);
  one_cycle_run({"Fashion-MNIST", 5, batch_size(1024, options), 6e-2, 3, 0.895}, data, options);
  if (!options.quick) say("In the course one start came to 0.906. Smaller batches, and so more steps, get there:");
  const Data more_steps = loaders(images.train.dataset(), images.test.dataset(), 256, options);
  one_cycle_run({"Fashion-MNIST", 5, 256, 4e-2, 3, 0.905}, more_steps, options);
  const auto digits = mnist();
  const Data of_digits = loaders(digits.train.dataset(), digits.valid.dataset(), batch_size(512, options), options);
  one_cycle_run({"MNIST, 50,000 digits, judged on 10,000 others", 8, batch_size(512, options), 3e-2, 1, 0.985},
                of_digits, options);
}

}  // namespace

int main(int count, char** words) { return run(count, words, chapter); }
