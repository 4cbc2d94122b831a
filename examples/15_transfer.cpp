// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// Chapter 15: transfer learning.
//
// You learn  to save a network and to load its body into another one with a head of its own; to freeze a body, with its
//            norms or without; to train parts at rates of their own; and how to find out whether any of it helps.
// Look at    the last table: five ways of learning clothes from few images, one of which has never seen a digit, each
//            for as many epochs. What was learnt from digits helps little, and only if it may change.
// Follows    fast.ai's practical course, where every network begins as somebody else's; fastai's fine_tune:
//            https://docs.fast.ai/callback.schedule.html#learner.fine_tune; and
//            Yosinski et al. 2014, How transferable are features in deep neural networks?:
//            https://arxiv.org/abs/1411.1792
//
// Rates were chosen by the validation images; the table's accuracies are of test images that decided nothing.

#include <cstdio>

#include <kiln/data/mnist.hpp>
#include <kiln/io/safetensors.hpp>
#include <kiln/models/resnet.hpp>
#include <kiln/nn/cross_entropy.hpp>
#include <kiln/nn/kaiming_init.hpp>
#include <kiln/optim/adam.hpp>
#include <kiln/optim/param_groups.hpp>
#include <kiln/train/learner.hpp>
#include <kiln/viz/line_plot.hpp>

#include "course/course.hpp"

using namespace kiln;
using namespace course;

namespace {

using Data = DataLoaders<DataLoader<ImageDataset>, DataLoader<ImageDataset>>;

// Four residual blocks, the average, a head for ten classes.
ResNet new_network(std::uint64_t seed) {
  manual_seed(seed);
  ResNet net{.channels = {8, 16, 32, 64}, .last_norm = false};
  kaiming_init(net);
  return net;
}

constexpr double rate = 1e-2;

// --- Five ways. Each trains the network for so many epochs, and returns the accuracy after each of them.

struct Way {
  std::string name;
  bool loads = true;  // what the digits have taught
  std::vector<double> (*train)(ResNet& net, const Data& data, Index epochs);
};

std::vector<double> accuracies(const Trainer& learner) {
  std::vector<double> all;
  for (const auto& epoch : learner.recorder().epochs) all.push_back(epoch.metrics[0].value);
  return all;
}

std::vector<double> all_alike(ResNet& net, const Data& data, Index epochs) {
  Learner learn{data, net, CrossEntropy{}, AdamW{}, Accuracy{}};
  learn.quiet();
  learn.fit_one_cycle(epochs, rate);
  return accuracies(learn);
}

// The head alone; no gradient is computed for the body. Its norms still measure the new images, as batch norm does in
// training whether frozen or not.
std::vector<double> frozen(ResNet& net, const Data& data, Index epochs) {
  freeze(net.stages);
  return all_alike(net, data, epochs);
}

// Head and norms: they are few, and can shift and scale what a frozen convolution sees.
std::vector<double> frozen_but_norms(ResNet& net, const Data& data, Index epochs) {
  freeze(net.stages, {.train_norms = true});
  return all_alike(net, data, epochs);
}

// First the head, while it knows nothing; then everything, the body at a third of the head's rate.
std::vector<double> fine_tuned(ResNet& net, const Data& data, Index epochs) {
  Learner learn{data, net, CrossEntropy{}, param_groups(AdamW{}, parameters(net), {"stages", "head"}), Accuracy{}};
  learn.quiet();
  learn.fine_tune(epochs - 1, 2 * rate, FineTune{.freeze_epochs = 1, .lr_mult = 3});
  return accuracies(learn);
}

const std::array<Way, 5> ways{{{"from scratch", false, all_alike},
                               {"body frozen", true, frozen},
                               {"body frozen, norms not", true, frozen_but_norms},
                               {"fine_tune", true, fine_tuned},
                               {"loaded, then as scratch", true, all_alike}}};

// -----------------------------------------------------------------------------------------------------------------------

// All five ways, on 500 images and on 2,000. `file` holds what the digits have taught.
void few_images(const ImageLoaders& clothes, const std::string& file, const Options& options) {
  heading("Clothes, from few images");
  LinePlot curves{.title = "Clothes from 500 images", .x_label = "epoch", .y_label = "accuracy, validation images"};
  const std::vector<Index> sizes = options.quick ? std::vector<Index>{256} : std::vector<Index>{500, 2000};
  const std::uint64_t seeds = options.quick ? 1 : 3;
  const DataLoader test{clothes.test.dataset().slice(0, options.quick ? 500 : 10'000), {.batch_size = 1000}};
  for (const Index images : sizes) {
    const Index epochs = options.quick ? 2 : images == 500 ? 20 : 8;
    say(with_separators(images), " images, ", epochs, " epochs, accuracy on ", with_separators(test.dataset().size()),
        " test images; ", seeds, seeds == 1 ? " start" : " starts, each with images of its own");
    for (const Way& way : ways) {
      std::vector<double> reached, curve(static_cast<std::size_t>(epochs));
      for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        const auto first = static_cast<Index>(seed) * 2000;
        const Data data{DataLoader{clothes.train.dataset().slice(first, first + images),
                                   {.batch_size = 64, .shuffle = true, .seed = seed}},
                        DataLoader{clothes.valid.dataset().slice(0, options.quick ? 500 : 1000), {.batch_size = 1000}}};
        ResNet net = new_network(10 + seed);
        if (way.loads) load(net, file, {.skip = {"head"}});
        const std::vector<double> by_epoch = way.train(net, data, epochs);
        for (std::size_t i = 0; i < curve.size(); ++i) curve[i] += by_epoch[i] / static_cast<double>(seeds);
        unfreeze(net);
        Learner judge{data, net, CrossEntropy{}, AdamW{}, Accuracy{}};
        reached.push_back(judge.validate(test).metrics[0].value);
      }
      const double mean = std::accumulate(reached.begin(), reached.end(), 0.0) / static_cast<double>(seeds);
      const auto [low, high] = std::minmax_element(reached.begin(), reached.end());
      if (options.quick) say("  ", left(way.name, 26), fixed(mean, 1), "   (within 0.9)");
      else say("  ", left(way.name, 26), fixed(mean, 3), "   ", fixed(*low, 3), " to ", fixed(*high, 3));
      if (images == sizes.front()) curves.add(way.name, curve);
    }
  }
  if (!options.quick) curves.save(options.picture("15_transfer.svg"));
}

void chapter(const Options& options) {
  const ImageLoaders digits = mnist(), clothes = fashion_mnist();
  const std::string file = concat(options.out, "/15_digits.safetensors");

  heading("A network that reads digits");
  ResNet reader = new_network(1);
  {
    const Data data{DataLoader{digits.train.dataset().slice(0, options.quick ? 1024 : 50'000),
                               {.batch_size = options.quick ? 64 : 256, .shuffle = true, .seed = 1}},
                    DataLoader{digits.valid.dataset().slice(0, options.quick ? 500 : 10'000), {.batch_size = 1000}}};
    const std::vector<double> reached = all_alike(reader, data, 2);
    say("MNIST, ", with_separators(data.train.dataset().size()), " images, 2 epochs: accuracy ",
        fixed(reached.back(), options.quick ? 1 : 3), options.quick ? " (within 0.9)" : "");
    save(reader, file);
  }

  heading("Its body in another network");
  ResNet other = new_network(2);
  const LoadReport report = load(other, file, {.skip = {"head"}});
  say(report.loaded.size(), " tensors loaded, ", report.skipped.size(), " left as they were: ", report.skipped[0],
      " and ", report.skipped[1]);
  const auto same = [](const Param<2>& a, const Param<2>& b) { return largest_difference(a.value, b.value) == 0; };
  require(!same(other.head.weight, reader.head.weight), "the head is the new network's own");
  require(
      largest_difference(other.stages[3][0].conv2.conv.weight.value, reader.stages[3][0].conv2.conv.weight.value) == 0,
      "the body is the reader's");
  try {
    ResNet wider{.channels = {8, 16, 32, 128}, .last_norm = false};
    load(wider, file);
  } catch (const DataError& error) {
    std::string_view message = error.what();
    message.remove_prefix(message.find("stages.3.0"));
    say("A network of other sizes is refused and stays as it was, with a list of all that does not fit:");
    say("  ... ", message.substr(0, message.find('\n')), " ...");
  }

  heading("What is frozen");
  auto trainable = [&](std::string_view what) {
    say(left(what, 34), right(with_separators(parameter_count(other)), 7), " parameters to train");
  };
  trainable("nothing");
  freeze(other.stages, {.train_norms = true});
  trainable("the body but for its norms");
  freeze(other.stages);
  trainable("the body");

  few_images(clothes, file, options);
  std::remove(file.c_str());
}

}  // namespace

int main(int count, char** words) { return run(count, words, chapter); }
