// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// Chapter 9: looking inside a network while it trains, with hooks.
//
// You learn  how a function hangs behind a layer and sees all that comes out of it, or the gradient that comes back;
// what
//            means, standard deviations and histograms say about a start that is wrong and a rate that is too high; how
//            many units are dead, which no loss shows; how a layer of your own takes part.
// Look at    `watch`, which is all that a hook is; the pictures 09_first_batches.svg, 09_histograms.svg, 09_dead.svg,
//            and 09_stats.svg, which the library draws.
// Follows    fast.ai, Deep Learning from the Foundations, lesson 10, notebook 06_cuda_cnn_hooks_init:
//            https://course19.fast.ai/videos/?lesson=10
//            There the network is convolutional; here it is made of linear layers, and what is to be seen is the same.

#include <kiln/data/mnist.hpp>
#include <kiln/nn/activation.hpp>
#include <kiln/nn/hook.hpp>
#include <kiln/nn/init.hpp>
#include <kiln/nn/linear.hpp>
#include <kiln/nn/loss.hpp>
#include <kiln/optim/sgd.hpp>
#include <kiln/train/activation_stats.hpp>
#include <kiln/train/learner.hpp>
#include <kiln/train/summary.hpp>
#include <kiln/viz/figure.hpp>
#include <kiln/viz/heat_map.hpp>
#include <kiln/viz/line_plot.hpp>

#include "course/course.hpp"

using namespace kiln;
using namespace course;

namespace {

// --- The network: six layers, each with its nonlinearity

// max(x, 0), but of what is below 0 a share `leak` is kept, and the whole is moved down by `shift`, so that its mean
// can be 0: a ReLU's cannot. `announce` is all that a layer of yours needs to be seen by hooks, summaries and messages.
struct GeneralRelu {
  double leak = 0;
  double shift = 0;

  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const auto& x) {
      return relu(x) - static_cast<float>(leak) * relu(-x) - static_cast<float>(shift);
    });
  }
};

struct Block {
  Linear linear;
  GeneralRelu act;

  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const auto& x) { return act(linear(x)); });
  }
};

constexpr int depth = 6;
constexpr Index width = 100;

struct Net {
  std::vector<Block> body;
  Linear out{width, 10};

  Var<2> operator()(const Var<4>& images) const {
    Var<2> x = flatten(images);
    for (const Block& block : body) x = block(x);
    return out(x);
  }
};

std::string path_of(int layer) { return concat("body.", layer, ".act"); }

enum class Start { as_made, kaiming };

Net make_net(Start start, GeneralRelu act = {}) {
  manual_seed(1);
  Net net;
  for (int i = 0; i < depth; ++i) net.body.push_back({Linear{i == 0 ? 28 * 28 : width, width}, act});
  if (start == Start::kaiming) {
    for (Block& block : net.body) {
      block.linear.weight.value = kaiming_normal(block.linear.weight.shape(), {.negative_slope = act.leak});
      block.linear.bias->value.fill(0);
    }
  }
  return net;
}

// --- What a hook notes

constexpr Index bin_count = 40;
constexpr double bin_low = -3, bin_high = 7;

// Of one layer, for each batch of training.
struct Notes {
  std::vector<double> mean, deviation;
  std::vector<double> idle;               // the share of outputs as low as they get: those of x <= 0
  std::vector<double> dead;               // the share of units that are so for every image of the batch
  std::vector<std::vector<double>> bins;  // how many outputs lay in each of 40 bins from -3 to 7

  void add(const Tensor<2>& x, const GeneralRelu& act) {
    const auto floor = static_cast<float>(-act.shift);  // what comes of 0; what is not above it has no gradient
    mean.push_back(static_cast<double>(kiln::mean(x).item()));
    deviation.push_back(static_cast<double>(stddev(x).item()));
    idle.push_back(static_cast<double>(kiln::mean((x <= floor).to<float>()).item()));
    dead.push_back(static_cast<double>(kiln::mean((max(x, 0) <= floor).to<float>()).item()));
    bins.emplace_back(bin_count);
    for (float value : x.span()) {
      if (std::isnan(value)) continue;
      const double at = (static_cast<double>(value) - bin_low) / (bin_high - bin_low) * bin_count;
      bins.back()[static_cast<std::size_t>(std::clamp(at, 0.0, bin_count - 1.0))] += 1;
    }
  }
};

// One hook behind each nonlinearity, which notes what it sees until its guard ends.
template <class L>
std::vector<Hook> watch(L& learn, std::vector<Notes>& notes, GeneralRelu act) {
  std::vector<Hook> hooks;
  for (int i = 0; i < depth; ++i) {
    hooks.push_back(learn.on_forward(
        path_of(i), [&mine = notes[static_cast<std::size_t>(i)], act](const LayerCall&, AnyVar& output) {
          if (output.wants_grad()) mine.add(output.value().as<2>(), act);  // that is, not in validation
        }));
  }
  return hooks;
}

// --- One batch, there and back

// For each layer, the mean and std of what comes out of it, and the std of the gradient that comes back to it.
struct Flow {
  std::vector<double> mean = std::vector<double>(depth), deviation = mean, gradient = mean;
};

Flow flow_through(const Net& net, const Tensor<4>& x, const Tensor<1, int>& y) {
  Flow flow;
  Tape tape{Mode::train};
  std::vector<Hook> hooks;
  for (std::size_t i = 0; i < depth; ++i) {
    hooks.push_back(on_forward(net, path_of(static_cast<int>(i)), [&flow, i](const LayerCall&, AnyVar& output) {
      flow.mean[i] = static_cast<double>(mean(output.value().as<2>()).item());
      flow.deviation[i] = static_cast<double>(stddev(output.value().as<2>()).item());
    }));
    hooks.push_back(on_backward(net, path_of(static_cast<int>(i)), [&flow, i](const HookedLayer&, AnyTensor& dy) {
      flow.gradient[i] = static_cast<double>(stddev(dy.as<2>()).item());
    }));
  }
  for (const Hook& hook : hooks) tape.observe(hook);
  tape.differentiate(cross_entropy(net(tape(x)), y));  // keeps the gradients on the tape: the network is const
  return flow;
}

void one_batch(const Tensor<4>& x, const Tensor<1, int>& y) {
  heading("One batch, before any training");
  auto row = [](std::string_view name, const std::vector<double>& values) {
    std::string line = left(name, 26);
    for (double value : values) line += right(brief(value, 2), 9);
    say(line);
  };
  auto show = [&](std::string_view name, const Net& net) {
    const Flow flow = flow_through(net, x, y);
    say(name);
    row("  mean of the outputs", flow.mean);
    row("  std of the outputs", flow.deviation);
    row("  std of their gradients", flow.gradient);
    return flow;
  };
  const Flow made = show("as the layers are made", make_net(Start::as_made));
  const Flow kaiming = show("Kaiming", make_net(Start::kaiming));
  show("Kaiming, leaky and shifted", make_net(Start::kaiming, {.leak = 0.1, .shift = 0.4}));
  say("A layer is made with weights of std 1 / sqrt(3 inputs), PyTorch's default: sqrt(6) too small for a ReLU. Six");
  say("layers later there is next to nothing left of the image, and as little comes back.");
  require(made.deviation.back() < 0.1 * kaiming.deviation.back(), "the default start fades through the layers");
  require(made.gradient.front() < 0.1 * kaiming.gradient.front(), "and so do its gradients on their way back");
}

// --- Training under observation

struct Run {
  std::string name;
  std::vector<Notes> notes;
  std::vector<double> losses;
  double accuracy = 0;
};

using Data = DataLoaders<DataLoader<ImageDataset>, DataLoader<ImageDataset>>;

template <class... Callbacks>
Run train(std::string name, Start start, GeneralRelu act, double lr, Index epochs, const Data& data,
          Callbacks&... callbacks) {
  Run run{std::move(name), std::vector<Notes>(depth), {}, 0};
  Net net = make_net(start, act);
  Learner learn{data, net, CrossEntropy{}, SGD{.lr = lr}, Accuracy{}};
  learn.quiet();
  const auto hooks = watch(learn, run.notes, act);
  learn.fit(epochs, callbacks...);
  run.losses = learn.recorder().losses;
  run.accuracy = learn.recorder().epochs.back().metrics[0].value;
  return run;
}

// One curve for each layer.
LinePlot layer_plot(const Run& run, std::string_view what, std::vector<double> Notes::*field, std::size_t batches) {
  LinePlot plot{.title = concat(what, ", ", run.name), .x_label = "batch", .width = 480, .height = 300};
  for (std::size_t i = 0; i < depth; ++i) {
    std::vector<double> values = run.notes[i].*field;
    values.resize((std::min)(values.size(), batches));
    plot.add(concat("layer ", i + 1), values);
  }
  return plot;
}

// The course's picture: a column for each batch, in which a bin is the brighter the more outputs lie in it.
HeatMap histogram_picture(const Run& run, std::size_t layer) {
  const auto& bins = run.notes[layer].bins;
  const auto batches = static_cast<Index>(bins.size());
  Tensor<2> matrix = zeros({bin_count, batches});
  for (Index batch = 0; batch < batches; ++batch) {
    for (Index bin = 0; bin < bin_count; ++bin)
      matrix(bin, batch) = static_cast<float>(bins[static_cast<std::size_t>(batch)][static_cast<std::size_t>(bin)]);
  }
  HeatMap map{.title = concat("Layer ", layer + 1, ", ", run.name),
              .x_label = "batch",
              .y_label = "output",
              .value_label = "count",
              .log1p = true,
              .y_low = bin_low,
              .y_high = bin_high,
              .width = 480,
              .height = 260};
  return map.set(matrix);
}

// The same run once more, watched by the library: a callback in place of all of the above.
void library_stats(const Run& run, double lr, const Data& data, const Options& options) {
  heading("The library's ActivationStats");
  ActivationStats stats{.types = {"GeneralRelu"}, .gradients = true};
  train(run.name, Start::kaiming, {}, lr, 1, data, stats);
  double difference = 0;
  for (std::size_t i = 0; i < depth; ++i) {
    const LayerStats& layer = stats.outputs[i];
    for (std::size_t batch = 0; batch < layer.mean.size(); ++batch) {
      difference = (std::max)(difference, std::abs(layer.mean[batch] - run.notes[i].mean[batch]));
      difference = (std::max)(difference, std::abs(layer.std[batch] - run.notes[i].deviation[batch]));
    }
    say("  ", layer.path, "   ", layer.mean.size(), " batches; gradients' std ",
        brief(stats.output_gradients[i].std.front(), 2), " in the first (within 5%)");
  }
  say("its means and deviations differ from ours by at most ", brief(difference, 2), " (within 0.001)");
  require(stats.outputs.size() == depth && difference < 1e-3, "the library has seen what we have");
  stats.plot(options.picture("09_stats.svg"));
  stats.plot_histograms(options.picture("09_stats_histograms.svg"));
}

void training(const Data& data, const Options& options) {
  heading("Training under observation");
  const Index epochs = options.quick ? 1 : 5;
  const double lr = 0.1, high = 0.3;
  say("784 - 6 x 100 - 10, batches of 512, ", epochs, options.quick ? " epoch" : " epochs", "; trained on the first ",
      with_separators(data.train.size()), " images, judged on the last ", with_separators(data.valid.size()));
  std::vector<Run> runs;
  runs.push_back(train("as made", Start::as_made, {}, lr, epochs, data));
  runs.push_back(train("Kaiming", Start::kaiming, {}, lr, epochs, data));
  runs.push_back(train("Kaiming, leaky", Start::kaiming, {.leak = 0.1, .shift = 0.4}, lr, epochs, data));
  runs.push_back(train("Kaiming, high lr", Start::kaiming, {}, high, epochs, data));

  require(runs[1].accuracy > runs[0].accuracy + 0.1, "the start decides");
  say("std behind the last ReLU in the first ten batches");
  for (const Run& run : runs) {
    std::string line = left(concat("  ", run.name), 20);
    for (std::size_t i = 0; i < 10; ++i) line += right(brief(run.notes.back().deviation[i], 2), 8);
    say(line, "   (within 5%)");
  }
  say("in the end");
  say("                      lr  outputs of x <= 0  dead units  train loss  accuracy");
  for (const Run& run : runs) {
    double idle = 0, dead = 0;
    for (const Notes& notes : run.notes) {
      idle += notes.idle.back() / depth;
      dead += notes.dead.back() / depth;
    }
    say(left(concat("  ", run.name), 20), right(&run == &runs.back() ? fixed(high, 1) : fixed(lr, 1), 4),
        right(fixed(idle, 2), 19), right(fixed(dead, 2), 12), right(fixed(run.losses.back(), 3), 12),
        right(fixed(run.accuracy, 4), 10), options.quick ? "   (within 0.1)" : "");
  }
  if (!options.quick) {
    say("In the third network hardly a unit is dead. The fourth has lost some in its first batches that it never gets "
        "back,");
    say("which its loss alone does not say.");
  }

  Figure first{.title = "The first ten batches"};
  for (const Run& run : {runs[0], runs[1]}) {
    first.add(layer_plot(run, "Means", &Notes::mean, 10)).add(layer_plot(run, "Deviations", &Notes::deviation, 10));
  }
  first.save(options.picture("09_first_batches.svg"));

  Figure histograms{.title = "What comes out of the last layer, batch by batch"};
  for (const Run& run : runs) histograms.add(histogram_picture(run, depth - 1));
  histograms.save(options.picture("09_histograms.svg"));

  Figure dead{.title = "Dead units"};
  for (const Run& run : runs) {
    LinePlot plot = layer_plot(run, "Share of dead units", &Notes::dead, run.losses.size());
    plot.y_low = 0;
    plot.y_high = 1;
    dead.add(plot);
  }
  dead.save(options.picture("09_dead.svg"));
  library_stats(runs[1], lr, data, options);
}

void chapter(const Options& options) {
  const auto images = mnist();  // mean 0 and std 1
  const auto batch = first_samples(images.train.dataset(), 512);

  heading("A hook");
  const Net net = make_net(Start::as_made);
  {
    const Hook hook = on_forward(net, "body.0", [](const LayerCall& call, AnyVar& output) {
      say("  ", call.path, ", a ", call.type, ", makes ", concat(output.dims()), " of ", concat(call.input.dims()));
    });
    Context context{Mode::eval};
    context.observe(hook);
    say("With a hook behind body.0:");
    net(context(batch.x));
  }
  say("Its guard has ended, and so has the hook. A path that there is not:");
  try {
    const Hook hook = on_forward(net, "body.0.relu", [](const LayerCall&, AnyVar&) {});
  } catch (const IndexError& error) {
    const std::string_view message = error.what();
    say("  ", message.substr(0, message.find(", body.1")), ", ...");
  }

  heading("The layers that can have one");
  std::fputs(summary(net, batch.x, {.timed_runs = 0}).text().c_str(), stdout);

  one_batch(batch.x, batch.y);

  const ImageDataset& train_images = images.train.dataset();
  const Data data{DataLoader{train_images.slice(0, options.quick ? 10'240 : train_images.size()),
                             {.batch_size = 512, .shuffle = true, .seed = 1}},
                  DataLoader{images.valid.dataset(), {.batch_size = 1024}}};
  training(data, options);
}

}  // namespace

int main(int count, char** words) { return run(count, words, chapter); }
