// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// Chapter 13: residual networks.
//
// You learn  that a deeper network of plain convolutions trains worse, not only on new images but on those it has seen;
//            that adding each pair's input to its output mends it; how such a block is written, in eight lines; where
//            the parameters and the arithmetic of a network are, and that they are not in the same places.
// Look at    the training loss of fifty layers with and without shortcuts (13_depth.svg), the summaries' columns of
//            parameters and MFLOPs, the accuracies at the end.
// Follows    fast.ai, From Deep Learning Foundations to Stable Diffusion, lesson 18, notebooks 13_resnet and
// 14_augment:
//            https://course.fast.ai/Lessons/lesson18.html; and
//            He et al. 2015, Deep Residual Learning, figures 1 and 2: https://arxiv.org/abs/1512.03385
//
// As in the course, networks are trained on all 60,000 training images of Fashion-MNIST, with its learning rates, and
// judged on the 10,000 test images, so that the figures can be compared with its own.

#include <chrono>

#include <kiln/data/mnist.hpp>
#include <kiln/models/resnet.hpp>
#include <kiln/nn/cross_entropy.hpp>
#include <kiln/nn/kaiming_init.hpp>
#include <kiln/optim/adam.hpp>
#include <kiln/train/activation_stats.hpp>
#include <kiln/train/learner.hpp>
#include <kiln/train/summary.hpp>

#include "course/course.hpp"

using namespace kiln;
using namespace course;

namespace {

// --- What all networks have in common: the course's activation, its initial weights, its way of training

// A ReLU that leaks, moved down so that its mean is near 0.
constexpr GeneralRelu activation{.leak = 0.1, .sub = 0.4};

using Block = BasicConvBlock<float, GeneralRelu>;
using Data = DataLoaders<DataLoader<ImageDataset>, DataLoader<ImageDataset>>;

struct Run {
  std::string name;
  std::vector<double> losses;  // smoothed, of each step
  double accuracy = 0;
  double seconds = 0;  // of an epoch
};

// Weights by Kaiming's rule, a learning rate that goes through one cycle, AdamW.
template <class Net, class... Callbacks>
Run train(std::string name, Net& net, const Data& data, Index epochs, double lr, Callbacks&... callbacks) {
  kaiming_init(net, {.negative_slope = activation.leak});
  Learner learn{data, net, CrossEntropy{}, AdamW{}, Accuracy{}};
  learn.quiet();
  const auto begin = std::chrono::steady_clock::now();
  learn.fit_one_cycle(epochs, lr, callbacks...);
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  Run run{std::move(name), {}, learn.recorder().epochs.back().metrics[0].value, taken.count() / double(epochs)};
  SmoothedLoss mean;
  for (double loss : learn.recorder().losses) {
    mean.add(loss);
    run.losses.push_back(mean.value());
  }
  return run;
}

// The summary of an image, without looking into the blocks: a row for each part of the network, and their sum.
struct Size {
  Index parameters = 0;
  double mflops = 0;
};
template <class Net>
Size show(const Net& net) {
  struct Part {
    std::string name, shape;
    Size size;
  };
  std::vector<Part> parts;
  for (const SummaryRow& row : summary(net, zeros({1, 1, 28, 28}), {.timed_runs = 0}).rows) {
    if (row.depth == 0) continue;
    if (row.depth == 1) parts.push_back({concat(row.path, "  ", row.layer), concat(Dims(row.output)), {}});
    parts.back().size.parameters += row.parameters;
    parts.back().size.mflops += row.flops / 1e6;
  }
  say(left("layer", 26), left("output shape", 18), right("parameters", 10), right("MFLOPs", 9));
  Size all;
  for (const auto& [name, shape, size] : parts) {
    if (size.parameters == 0) {
      say(left(name, 26), shape);
    } else {
      say(left(name, 26), left(shape, 18), right(with_separators(size.parameters), 10),
          right(fixed(size.mflops, 2), 9));
    }
    all.parameters += size.parameters;
    all.mflops += size.mflops;
  }
  say(left("all", 44), right(with_separators(all.parameters), 10), right(fixed(all.mflops, 2), 9));
  return all;
}

LinePlot loss_plot(std::string title, const std::vector<Run>& runs) {
  LinePlot plot{.title = std::move(title), .x_label = "step", .y_label = "training loss, smoothed", .y_low = 0.0};
  for (const Run& run : runs) plot.add(run.name, run.losses);
  return plot;
}

// --- Depth alone

// Two convolutions that bring the image to 7 by 7 pixels, then pairs of convolutions that leave its shape alone. A
// shortcut adds what went into a pair to what comes out. (With ReLU, which leaves alone what another one has made: a
// shortcut through any number of them is none the worse.)
struct Chain {
  bool shortcuts = false;
  ConvBlock first{.in = 1, .out = 16, .stride = 2};
  ConvBlock second{.in = 16, .out = 16, .stride = 2};
  std::vector<std::array<ConvBlock, 2>> pairs = {};
  GlobalAvgPool2d pool = {};
  Linear out{16, 10};

  Var<2> operator()(const Var<4>& images) const {
    Var<4> x = second(first(images));
    for (const auto& [one, other] : pairs) {
      const Var<4> y = other(one(x));
      x = relu(shortcuts ? y + x : y);
    }
    return out(pool(x));
  }
};

Chain chain_of(Index pairs, bool shortcuts) {
  manual_seed(1);
  Chain chain{.shortcuts = shortcuts};
  for (Index i = 0; i < pairs; ++i) {
    chain.pairs.push_back({ConvBlock{16, 16}, ConvBlock{.in = 16, .out = 16, .act = {}}});
    if (shortcuts) chain.pairs.back()[1].norm->weight->value.fill(0);  // so that it starts as if it were not there
  }
  return chain;
}

void depth_alone(const Data& all, const Options& options) {
  heading("Depth alone");
  const Index images = options.quick ? 1024 : 10'240, epochs = options.quick ? 1 : 4;
  const Data data{DataLoader{all.train.dataset().slice(0, images), {.batch_size = 128, .shuffle = true, .seed = 1}},
                  all.valid};
  say("Convolutions of 16 channels on 7 by 7 pixels, all of them normalised; ", with_separators(images), " images, ",
      epochs, epochs == 1 ? " epoch" : " epochs");
  say(right("layers", 8), right("loss, plain", 16), right("with shortcuts", 16), right("accuracy, plain", 18),
      right("with shortcuts", 16));
  std::vector<Run> runs;
  for (const Index pairs : {3, 24}) {
    for (const bool shortcuts : {false, true}) {
      Chain chain = chain_of(pairs, shortcuts);
      runs.push_back(
          train(concat(2 + 2 * pairs, shortcuts ? " layers with shortcuts" : " layers"), chain, data, epochs, 1e-2));
    }
    const Run &plain = runs[runs.size() - 2], &residual = runs.back();
    say(right(concat(2 + 2 * pairs), 8), right(fixed(plain.losses.back(), 2), 16),
        right(fixed(residual.losses.back(), 2), 16), right(fixed(plain.accuracy, 2), 18),
        right(fixed(residual.accuracy, 2), 16), options.quick ? "   (within 0.5)" : "");
  }
  if (options.quick) return;
  loss_plot("Depth, with shortcuts and without", runs).save(options.picture("13_depth.svg"));
}

// --- The block

// All there is to it.
struct MyResBlock {
  Index stride = 1;
  Conv2d conv1, conv2, one_by_one;
  BatchNorm2d norm1, norm2;

  Var<4> operator()(const Var<4>& x) const {
    const Var<4> y = norm2(conv2(activation(norm1(conv1(x)))));
    const Var<4> smaller = stride == 1 ? x : avg_pool2d(x, {.kernel = 2, .ceil_mode = true});
    const Var<4> kept = x.size(1) == y.size(1) ? smaller : one_by_one(smaller);
    return activation(y + kept);
  }
};

MyResBlock my_block(Index in, Index out, Index stride) {
  return {.stride = stride,
          .conv1 = {.in = in, .out = out, .kernel = 3, .padding = 1, .bias = std::nullopt},
          .conv2 = {.in = out, .out = out, .kernel = 3, .stride = stride, .padding = 1, .bias = std::nullopt},
          .one_by_one = {.in = in, .out = out, .kernel = 1},
          .norm1 = {out},
          .norm2 = {out}};
}

void the_block(const Tensor<4>& images) {
  heading("The block, in plain code");
  manual_seed(1);
  MyResBlock mine = my_block(1, 8, 2);
  BasicResBlock<float, GeneralRelu> theirs{.in = 1, .out = 8, .stride = 2, .act = activation};
  theirs.conv1.conv = mine.conv1;
  theirs.conv2.conv = mine.conv2;
  theirs.shortcut->conv = mine.one_by_one;

  Tape tape{Mode::train};
  const Var<4> x = tape(images);
  agree("ours and the library's", mine(x).value(), theirs(x).value(), 1e-5);
  say("In deep networks norm2 begins with weight 0: until a block has learned, it is its shortcut.");
  mine.norm2.weight->value.fill(0);
  const Var<4> shortcut = activation(mine.one_by_one(avg_pool2d(x, {.kernel = 2, .ceil_mode = true})));
  agree("ours with zero, and its shortcut", mine(x).value(), shortcut.value(), 0);
}

// --- Networks on all of the images

using Net = BasicResNet<float, GeneralRelu>;

Data images(const Options& options) {
  const ImageLoaders fashion = fashion_mnist({.valid = 0});
  return {DataLoader{fashion.train.dataset().slice(0, options.quick ? 1024 : 60'000),
                     {.batch_size = options.quick ? 128 : 1024, .shuffle = true, .seed = 1}},
          DataLoader{fashion.test.dataset().slice(0, options.quick ? 1000 : 10'000), {.batch_size = 1000}}};
}

void chapter(const Options& options) {
  const Data data = images(options);
  const Index epochs = options.quick ? 1 : 5;
  std::vector<Run> runs;
  auto train_on_all = [&](std::string_view name, auto& net, double lr, std::string_view course, auto&... callbacks) {
    runs.push_back(train(std::string(name), net, data, epochs, lr, callbacks...));
    const Run& run = runs.back();
    say("trained: accuracy ", options.quick ? concat(fixed(run.accuracy, 1), " (within 0.7)") : fixed(run.accuracy, 4),
        course.empty() ? "" : concat("; the course's ", course), "; ", time_text(run.seconds), " an epoch");
  };
  say("Fashion-MNIST: trained on ", with_separators(data.train.dataset().size()), " images in batches of ",
      options.quick ? 128 : 1024, ", epochs: ", epochs, ", 1cycle, AdamW; judged on ",
      with_separators(data.valid.dataset().size()), " test images");
  say("MFLOPs are those of one image's way forward, 2 for a multiplication and an addition; the course counts 1.");

  heading("A ConvNet of six layers");
  manual_seed(1);
  BasicConvNet<float, GeneralRelu> plain{
      .channels = {8, 16, 32, 64, 128}, .last_norm = true, .first_stride = 1, .act = activation};
  show(plain);
  train_on_all("ConvNet", plain, 6e-2, "0.917");

  depth_alone(data, options);
  the_block(first_samples(data.train.dataset(), 64).x);

  heading("A residual network: six blocks, thirteen layers on the long way and seven on the short");
  manual_seed(1);
  Net residual{.act = activation};
  show(residual);
  ActivationStats stats{.types = {"ResBlock"}, .every = options.quick ? 1 : 3};
  train_on_all("ResNet", residual, 2e-2, "0.922 to 0.928", stats);
  stats.plot(options.picture("13_stats.svg"));

  heading("The same without its last block");
  say("That one holds three quarters of the parameters for a fifth of the arithmetic. Now the average is over 2 by 2");
  say("pixels: the network does without knowing where in the image its last features are.");
  manual_seed(1);
  Net smaller{.channels = {8, 16, 32, 64, 128}, .act = activation};
  require(show(smaller).parameters * 3 < parameter_count(residual), "most parameters are gone");
  if (options.long_run) train_on_all("without the last block", smaller, 2e-2, "");

  heading("A wide one: twice the channels, four times the parameters, four times the arithmetic");
  manual_seed(1);
  Net wide{.channels = {16, 32, 64, 128, 256, 512}, .act = activation};
  show(wide);
  if (options.long_run) train_on_all("wide ResNet", wide, 1e-2, "0.934");
  else say("--long trains this one, which takes four times as long, and the one before.");
  if (options.quick) return;
  loss_plot("Training on Fashion-MNIST", runs).save(options.picture("13_losses.svg"));
}

}  // namespace

int main(int count, char** words) { return run(count, words, chapter); }
