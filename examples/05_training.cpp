// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// Chapter 5: the loss for classes, minibatches, the optimizer and the data loader: a training loop, piece by piece.
//
// You learn  where cross entropy comes from and why nobody computes it as it is written; the loop that every training
//            is; how an optimizer, a data set and a loader are what remains when the loop is tidied up, and that each
//            of them is a few lines.
// Look at    `fit`, the last function, and what each of its lines replaced; the accuracy at the end.
// Follows    fast.ai, Deep Learning from the Foundations, lesson 9, notebook 03_minibatch_training:
//            https://course19.fast.ai/videos/?lesson=9

#include <optional>

#include <kiln/data/mnist.hpp>
#include <kiln/nn/activation.hpp>
#include <kiln/nn/cross_entropy.hpp>
#include <kiln/nn/linear.hpp>
#include <kiln/nn/sequential.hpp>
#include <kiln/optim/optimizer.hpp>
#include <kiln/optim/sgd.hpp>
#include <kiln/tensor/print.hpp>

#include "course/course.hpp"

using namespace kiln;
using namespace course;

namespace {

// The loss.

// Ten scores for each image (N, 10) become the logarithms of ten probabilities: softmax, then log. As it is written:
Tensor<2> log_softmax_as_written(const Tensor<2>& x) { return log(exp(x) / sum(exp(x), 1, keep_axes)); }

// exp overflows a float beyond 88. But a constant may be taken off all scores of an image without changing the result,
// and with the largest score taken off no exponent is above 0: the log-sum-exp trick.
Tensor<2> log_sum_exp(const Tensor<2>& x) {
  const Tensor<2> m = max(x, 1, keep_axes);
  return m + log(sum(exp(x - m), 1, keep_axes));
}
Tensor<2> log_softmax_stable(const Tensor<2>& x) {
  const Tensor<2> shifted = x - max(x, 1, keep_axes);
  return shifted - log_sum_exp(shifted);
}

// Minus the log-probability of the right digit, on average. It is 0 if all are certain and right, and log(10) = 2.3 for
// pure guessing.
float negative_log_likelihood(const Tensor<2>& log_p, const Tensor<1, int>& y) {
  double total = 0;
  for (Index i = 0; i < y.numel(); ++i) total -= static_cast<double>(log_p(i, y(i)));
  return static_cast<float>(total / static_cast<double>(y.numel()));
}

// Its gradient with respect to the scores is the prettiest of all: what was said minus what is true.
Tensor<2> cross_entropy_backward(const Tensor<2>& x, const Tensor<1, int>& y) {
  Tensor<2> dx = exp(log_softmax_stable(x));
  for (Index i = 0; i < y.numel(); ++i) dx(i, y(i)) -= 1;
  return dx / static_cast<float>(y.numel());
}

// The model: 784 pixels, 50 hidden units, 10 scores.

struct Mlp {
  Linear hidden{784, 50};
  Linear out{50, 10};

  Var<2> operator()(const Var<2>& x) const { return out(relu(hidden(x))); }
};

// The optimizer: what the loop does with the parameters.

struct MyOptimizer {
  std::vector<ParamRef> params;
  float lr;

  void step() const {
    for (const ParamRef& param : params) {
      const auto value = param.value<float>(), grad = param.grad<float>();
      for (std::size_t i = 0; i < value.size(); ++i) value[i] -= lr * grad[i];
    }
  }
  void zero_grad() const {
    for (const ParamRef& param : params) param.zero_grad();
  }
};

// The data set: a size, and a way to gather some of its rows.

struct MyDataset {
  Tensor<2> x;
  Tensor<1, int> y;

  Index size() const { return y.numel(); }

  Batch<Tensor<2>, Tensor<1, int>> gather(std::span<const Index> rows) const {
    const auto count = static_cast<Index>(rows.size());
    Batch<Tensor<2>, Tensor<1, int>> batch{zeros({count, x.size(1)}), zeros<int>({count})};
    for (Index i = 0; i < count; ++i) {
      batch.x.row_view(i).copy_from(x.row_view(rows[static_cast<std::size_t>(i)]));
      batch.y(i) = y(rows[static_cast<std::size_t>(i)]);
    }
    return batch;
  }
};

// The loader: the rows in random order, cut into batches.

struct MyLoader {
  const MyDataset& data;
  Index batch_size;
  bool shuffled;

  // Calls f with every batch of an epoch. The order is drawn anew for each epoch, from the seed and the epoch's number.
  template <class F>
  void for_each_batch(Index epoch, F f) const {
    std::vector<Index> order(static_cast<std::size_t>(data.size()));
    std::iota(order.begin(), order.end(), Index{0});
    RandomStream random{.seed = 1, .purpose = Purpose::shuffle, .epoch = static_cast<std::uint32_t>(epoch)};
    if (shuffled) shuffle(std::span(order), random);
    for (Index begin = 0; begin < data.size(); begin += batch_size) {
      const Index count = (std::min)(batch_size, data.size() - begin);
      f(data.gather(std::span(order).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count))));
    }
  }
};

// All together.

struct Scores {
  double loss = 0;
  double accuracy = 0;
};

// Over a whole data set. A last batch may be smaller, so each counts by its size; the course's mean of means did not.
template <class Model, class Loader>
Scores validate(const Model& model, const Loader& loader) {
  Scores sums;
  for (auto& batch : loader.epoch(0)) {
    const Var<2> scores = model(batch.x);  // no tape: nothing is recorded
    sums.loss +=
        static_cast<double>(cross_entropy(scores, batch.y).value().item() * static_cast<float>(batch.y.numel()));
    sums.accuracy += static_cast<double>(sum(argmax(scores.value(), 1) == batch.y.template to<Index>()).item());
  }
  const auto count = static_cast<double>(loader.size());
  return {sums.loss / count, sums.accuracy / count};
}

// Trains for some epochs, says how it goes, and returns the best accuracy on the validation set.
template <class Model, class Train, class Valid>
double fit(int epochs, std::string_view remark, const Model& model, Optimizer& optimizer, const Train& train,
           const Valid& valid) {
  double best = 0;
  say("epoch  train loss  valid loss  accuracy");
  for (int epoch = 0; epoch < epochs; ++epoch) {
    double train_loss = 0;
    for (auto& batch : train.epoch(epoch)) {
      Tape tape{Mode::train};
      const auto loss = cross_entropy(model(tape(batch.x)), batch.y);
      backward(loss);
      optimizer.step();
      optimizer.zero_grad();
      train_loss += static_cast<double>(loss.value().item()) * static_cast<double>(batch.y.numel());
    }
    const Scores scores = validate(model, valid);
    say(right(concat(epoch), 5), right(fixed(train_loss / static_cast<double>(train.size()), 3), 12),
        right(fixed(scores.loss, 3), 12), right(fixed(scores.accuracy, 4), 10), remark);
    best = (std::max)(best, scores.accuracy);
  }
  return best;
}

// -----------------------------------------------------------------------------------------------------------------------

void chapter(const Options& options) {
  manual_seed(1);
  auto images = mnist({.normalise = Normalise{}});
  auto as_rows = [](const ImageDataset& from) {
    auto all = first_samples(from, from.size());
    return MyDataset{std::move(all.x).reshape({from.size(), 28 * 28}), std::move(all.y)};
  };
  const MyDataset train = as_rows(images.train.dataset()), valid = as_rows(images.valid.dataset());
  say("train ", train.x.shape(), ", the first images of the training file; valid ", valid.x.shape(), ", its last");

  heading("Log-softmax, and why not as it is written");
  const Tensor<2> scores{{1, 2, 3}, {10, 20, 30}, {100, 200, 300}};
  auto say_rows = [](std::string_view name, const Tensor<2>& x) {
    say(name);
    for (Index i = 0; i < x.size(0); ++i)
      say("  ", right(brief(x(i, 0)), 10), right(brief(x(i, 1)), 10), right(brief(x(i, 2)), 12));
  };
  say_rows("scores:", scores);
  say_rows("as it is written:", log_softmax_as_written(scores));
  say_rows("with the largest taken off:", log_softmax_stable(scores));
  agree("the library's logsumexp", logsumexp(scores, 1, keep_axes), log_sum_exp(scores), 1e-4);
  agree("the library's log_softmax", log_softmax(scores, 1), log_softmax_stable(scores), 1e-4);

  heading("Cross entropy");
  Mlp model;
  const Tensor<2> x = Tensor<2>(train.x.slice_view(0, 64));
  const Tensor<1, int> y = Tensor<1, int>(train.y.slice_view(0, 64));
  const Tensor<2> out = model(x).value();
  const float by_hand = negative_log_likelihood(log_softmax_stable(out), y);
  say("of an untrained network ", fixed(by_hand, 2), ", of pure guessing log(10) = ", fixed(std::log(10.0), 2));
  agree("the library's nll_loss", nll_loss(log_softmax(out, 1), y).value(), Tensor<0>(by_hand), 1e-5);
  agree("the library's cross_entropy", cross_entropy(out, y).value(), Tensor<0>(by_hand), 1e-5);
  {
    Tape tape;
    const auto variable = tape.variable(out);
    tape.differentiate(cross_entropy(variable, y));
    agree("its gradient: softmax minus truth", tape.grad(variable), cross_entropy_backward(out, y), 1e-6);
  }

  heading("The loop: predict, compare, find the slope, step down");
  const float lr = 0.5f;
  Mlp copy = model;
  const int steps = 100;
  {
    const std::vector<ParamRef> params = parameters(model);
    for (int step = 0; step < steps; ++step) {
      const Tensor<2> batch_x = Tensor<2>(train.x.slice_view(step * 64, step * 64 + 64));
      const Tensor<1, int> batch_y = Tensor<1, int>(train.y.slice_view(step * 64, step * 64 + 64));
      Tape tape{Mode::train};
      const auto loss = cross_entropy(model(tape(batch_x)), batch_y);
      backward(loss);
      for (const ParamRef& param : params) {
        const auto value = param.value<float>(), grad = param.grad<float>();
        for (std::size_t i = 0; i < value.size(); ++i) value[i] -= lr * grad[i];
        param.zero_grad();  // or the next gradient would be added to this one
      }
    }
  }
  auto loss_on_first = [&](const Mlp& trained) { return cross_entropy(trained(x), y).value().item(); };
  say(steps, " steps: loss on the first 64 images ", fixed(by_hand, 2), " before, ", fixed(loss_on_first(model), 2),
      " after (within 0.05)");

  heading("The optimizer: ours, and the library's");
  Mlp second = copy;
  MyOptimizer ours{parameters(copy), lr};
  Optimizer theirs{SGD{.lr = lr}, parameters(second)};
  for (int step = 0; step < steps; ++step) {
    const Tensor<2> batch_x = Tensor<2>(train.x.slice_view(step * 64, step * 64 + 64));
    const Tensor<1, int> batch_y = Tensor<1, int>(train.y.slice_view(step * 64, step * 64 + 64));
    auto train_with = [&](const Mlp& trained, auto& optimizer) {
      Tape tape{Mode::train};
      backward(cross_entropy(trained(tape(batch_x)), batch_y));
      optimizer.step();
      optimizer.zero_grad();
    };
    train_with(copy, ours);
    train_with(second, theirs);
  }
  agree("the loop and our optimizer", copy.hidden.weight.value, model.hidden.weight.value, 1e-3);
  agree("our optimizer and the library's", copy.hidden.weight.value, second.hidden.weight.value, 1e-3);

  heading("Data set and loader: ours, and the library's");
  const MyLoader my_loader{train, 64, true};
  const DataLoader loader{train, {.batch_size = 64, .shuffle = true, .workers = 2, .seed = 1}};
  auto first_labels = [](const Tensor<1, int>& labels) { return to_string(Tensor<1, int>(labels.slice_view(0, 10))); };
  for (Index epoch = 0; epoch < 2; ++epoch) {
    std::optional<Batch<Tensor<2>, Tensor<1, int>>> first;
    Index count = 0;
    my_loader.for_each_batch(epoch, [&](auto batch) {
      if (count++ == 0) first = std::move(batch);
    });
    auto their_epoch = loader.epoch(epoch);
    const auto& their_first = *their_epoch.next();
    say("epoch ", epoch, ": ", count, " batches, which begin with the digits ", first_labels(first->y));
    require(all_equal(first->x, their_first.x) && all_equal(first->y, their_first.y), "both loaders draw the same");
  }
  say("The library's loader makes the same batches, and gathers the next ones while the network is busy with this.");
  auto time_with = [&](int workers) {
    const DataLoader timed{train, {.batch_size = 64, .shuffle = true, .workers = workers, .seed = 1}};
    return seconds(
        [&] {
          for (auto& batch : timed.epoch(0)) require(batch.x.size(1) == 784, "784 pixels");
        },
        0.05);
  };
  say("an epoch without a network: ", time_text(time_with(0)), " by the thread that asks, ", time_text(time_with(2)),
      " with two workers");

  heading("Training, with validation after each epoch");
  const DataLoader valid_loader{valid, {.batch_size = 128}};
  Mlp network;
  Optimizer optimizer{SGD{.lr = lr}, parameters(network)};
  const int epochs = options.quick ? 2 : 5;
  const std::string_view remark = options.quick ? "   (within 0.03)" : "";  // what the tests allow
  say("784-50-10, lr ", fixed(lr, 1), ", batches of 64, ", epochs, " epochs; trained on the first ",
      with_separators(train.size()), " images, judged on the other ", with_separators(valid.size()));
  const double best = fit(epochs, remark, network, optimizer, loader, valid_loader);
  say("best accuracy ", fixed(best, 4), remark);
  say("the course, with the same network, split and setting: about 0.966");
  require(best > (options.quick ? 0.94 : 0.96), "the network has learnt the digits");
}

}  // namespace

int main(int count, char** words) { return run(count, words, chapter); }
