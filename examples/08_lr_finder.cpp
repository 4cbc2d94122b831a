// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// Chapter 8: the learning-rate finder: the most important number of a training, found in a hundred batches.
//
// You learn  why trying rates in turn is slow and one training at growing rates is quick; that the finder is a callback
//            of fifteen lines, which ruins the network it is tried on; how the library's leaves no trace; what its four
//            suggestions mean.
// Look at    the accuracy after our own finder; the weights before and after the library's, compared bit for bit;
//            08_lr_finder.svg; the last table: the rate found, a tenth of it, ten times as much.
// Follows    fast.ai, Deep Learning from the Foundations, lesson 10, notebook 05b_early_stopping:
//            https://course19.fast.ai/videos/?lesson=10, after Leslie Smith, https://arxiv.org/abs/1506.01186

#include <cstring>

#include <kiln/autograd/shaping.hpp>
#include <kiln/data/mnist.hpp>
#include <kiln/nn/activation.hpp>
#include <kiln/nn/cross_entropy.hpp>
#include <kiln/nn/linear.hpp>
#include <kiln/optim/adam.hpp>
#include <kiln/optim/sgd.hpp>
#include <kiln/train/learner.hpp>

#include "course/course.hpp"

using namespace kiln;
using namespace course;

namespace {

struct Mlp {
  Linear hidden{784, 50};
  Linear out{50, 10};

  Var<2> operator()(const Var<4>& images) const { return out(relu(hidden(flatten(images)))); }
};

// Our own finder: it does what the course's first one does.

// Every batch is trained with a rate some percent above that of the last, from far too low to far too high. Where the
// loss falls, the rate is useful; where it is ten times what it was at best, there is nothing more to see.
struct MyFinder {
  double start = 1e-6, end = 10;
  int iterations = 100;
  std::vector<double> rates = {}, losses = {};
  double best = HUGE_VAL;

  void on(BeforeBatch, Fit& fit) {
    const double progress = static_cast<double>(rates.size()) / iterations;
    fit.optimizer().hyper(0, "lr") = start * std::pow(end / start, progress);
  }
  void on(AfterBatch, Fit& fit) {
    rates.push_back(fit.optimizer().hyper(0, "lr"));
    losses.push_back(fit.loss_value);
    best = (std::min)(best, fit.loss_value);
    if (std::ssize(rates) == iterations || !(fit.loss_value <= 10 * best)) fit.cancel(Scope::fit);
  }
};

// All bytes of a network's weights and biases.
std::vector<unsigned char> bits(const Mlp& model) {
  std::vector<unsigned char> all;
  auto add = [&](const auto& tensor) {
    const std::size_t begin = all.size(), size = static_cast<std::size_t>(tensor.numel()) * sizeof(float);
    all.resize(begin + size);
    std::memcpy(all.data() + begin, tensor.data(), size);
  };
  add(model.hidden.weight.value);
  add(model.hidden.bias->value);
  add(model.out.weight.value);
  add(model.out.bias->value);
  return all;
}

std::size_t differing(const std::vector<unsigned char>& a, const std::vector<unsigned char>& b) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < a.size(); ++i) count += a[i] != b[i];
  return count;
}

// The losses of single batches jump; the mean that forgets shows where they go.
std::vector<double> smooth(const std::vector<double>& losses) {
  SmoothedLoss mean;
  std::vector<double> smoothed;
  for (double loss : losses) {
    mean.add(loss);
    smoothed.push_back(mean.value());
  }
  return smoothed;
}

void chapter(const Options& options) {
  manual_seed(1);
  const ImageLoaders data = mnist({.batch_size = 64, .normalise = Normalise{}});
  const int epochs = options.quick ? 1 : 3;
  const std::string_view rate_remark = options.quick ? "   (within 60%)" : "";  // some steps of the ladder of rates
  const std::string_view remark = options.quick ? "   (within 0.03)" : "";
  say("784-50-10, batches of 64; trained on the first ", with_separators(data.train.size()),
      " images, judged on the other ", with_separators(data.valid.size()));

  heading("Our own finder");
  Mlp model;
  MyFinder finder;
  {
    Learner learn{data, model, CrossEntropy{}, SGD{.lr = 0.1}, Accuracy{}};
    learn.quiet();
    learn.fit(1);
    const double before = learn.validate().metrics[0].value;
    learn.fit(1, finder);
    const double after = learn.validate().metrics[0].value;
    say("accuracy after an epoch of training ", fixed(before, 2));
    say("accuracy after the search           ", fixed(after, 2), "   (within 0.4, for it is chaos)");
    require(after < before - 0.1, "the search has ruined the network");
    require(learn.optimizer().hyper(0, "lr") == finder.rates.back(), "and left its last rate behind");
  }
  LinePlot own{.title = "Our own finder", .x_label = "learning rate", .y_label = "loss of a batch", .log_x = true};
  own.add("", finder.rates, finder.losses).save(options.picture("08_my_lr_finder.svg"));
  say("It has drawn a curve (08_my_lr_finder.svg), and ruined what it was tried on: its last batches trained at rates");
  say("far too high, the highest of which it has left in the optimizer.");

  heading("The library's leaves no trace");
  {
    Mlp searched, twin = searched;
    Learner learn{data, searched, CrossEntropy{}, SGD{.lr = 0.1, .momentum = 0.9}};
    Learner other{data, twin, CrossEntropy{}, SGD{.lr = 0.1, .momentum = 0.9}};
    learn.quiet();
    other.quiet();
    learn.fit(1);
    other.fit(1);
    const std::vector<unsigned char> before = bits(searched);
    learn.lr_find();
    say("weights after the search: ", differing(before, bits(searched)), " of ", with_separators(std::ssize(before)),
        " bytes differ");
    learn.fit(1);
    other.fit(1);
    say("after another epoch, from a twin that has never been searched: ", differing(bits(twin), bits(searched)),
        " bytes differ");
    require(bits(twin) == bits(searched), "the search has left no trace");
    require(differing(before, bits(searched)) > 0, "the epoch has changed the weights");
    say("The optimizer's momentum, its rate, the order of the data and the recorder are as they were, too.");
  }

  heading("What it suggests");
  const Mlp untrained;
  auto search = [&](auto rule) {
    Mlp tried = untrained;
    Learner learn{data, tried, CrossEntropy{}, rule};
    return learn.lr_find();
  };
  const LrFound found = search(Adam{});
  if (options.quick) say("Adam: valley ", brief(found.valley), rate_remark);
  else std::fputs(found.text().c_str(), stdout);
  found.plot(options.picture("08_lr_finder.svg"));
  say("Valley: near the middle of the longest fall. Slide: from the right, where the loss first changes as fast at "
      "both");
  say("ends of an interval. Minimum: a tenth of the rate with the least loss. Steep: where the loss falls fastest.");
  say("The curve, of an untrained network with Adam, and all four are in 08_lr_finder.svg.");
  say("With plain SGD the valley is at ", brief(search(SGD{}).valley), rate_remark);
  say("That is cautious: this network bears 0.5, as in the chapters before. A suggestion is where to begin, no more.");

  heading("The rate found, a tenth of it, ten times as much");
  say("Adam, epochs: ", epochs);
  std::array<double, 3> accuracies;
  LinePlot losses{.title = "Training at the rate found, and beside it", .x_label = "batch", .y_label = "smoothed loss"};
  for (std::size_t i = 0; i < accuracies.size(); ++i) {
    const double rate = found.valley * std::array{0.1, 1.0, 10.0}[i];
    const std::string_view name = std::array{"a tenth", "as found", "ten times"}[i];
    Mlp model_at = untrained;
    Learner learn{data, model_at, CrossEntropy{}, Adam{}, Accuracy{}};
    learn.quiet();
    learn.fit(epochs, rate);
    accuracies[i] = learn.recorder().epochs.back().metrics[0].value;
    say(left(name, 10), " accuracy ", fixed(accuracies[i], 4), remark);
    losses.add(concat(name, ", ", brief(rate, 2)), smooth(learn.recorder().losses));
  }
  losses.save(options.picture("08_lr_compared.svg"));
  require(accuracies[1] > accuracies[0] && accuracies[1] > accuracies[2], "the rate found is the best of the three");
}

}  // namespace

int main(int count, char** words) { return run(count, words, chapter); }
