// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// Chapter 6: callbacks and the Learner: everything that comes and goes is moved out of the training loop.
//
// You learn  why a training loop should be written once and then left alone; that a callback is a plain struct and a
//            runner about sixty lines; how an exception ends a batch, an epoch or a whole training at the right place.
// Look at    `Runner::fit`, which is the loop and its events and nothing else; the table of events under cancellation;
//            the Learner at the end, which takes the same callbacks and comes to the same weights, bit for bit.
// Follows    fast.ai, Deep Learning from the Foundations, lessons 9 and 10, notebooks 04_callbacks and
//            05b_early_stopping: https://course19.fast.ai/videos/?lesson=9

#include <map>
#include <tuple>

#include <kiln/autograd/shaping.hpp>
#include <kiln/data/mnist.hpp>
#include <kiln/nn/activation.hpp>
#include <kiln/nn/cross_entropy.hpp>
#include <kiln/nn/linear.hpp>
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

// The loop of chapter 5, with the least that a training needs.

// It does not say how it goes, cannot be stopped, and its learning rate is the same all the time. Each of these wishes
// is a few lines in the middle of it; with ten of them nobody can read it any more.
void fit(int epochs, const Mlp& model, Optimizer& optimizer, const ImageLoaders& data) {
  for (int epoch = 0; epoch < epochs; ++epoch) {
    for (auto& batch : data.train.epoch(epoch)) {
      Tape tape{Mode::train};
      backward(cross_entropy(model(tape(batch.x)), batch.y));
      optimizer.step();
      optimizer.zero_grad();
    }
  }
}

// The runner: the loop, which says at every step where it is.

// What a callback may see and change. The course's callbacks see all of the runner; this is the part they use.
struct Run {
  bool training = false;
  AnyTensor x, y;  // of the batch
  Index batch_size = 0;
  AnyVar pred, loss;  // AnyVar: of any rank, so that a callback does not depend on the model's types
  double loss_value = 0;

  struct Cancelled {
    Scope scope;
  };
  // What is left of a batch, an epoch, a training is not done. The course has one exception class for each of them.
  [[noreturn]] void cancel(Scope scope) const { throw Cancelled{scope}; }
};

// The events are types (train/event.hpp), so a callback is a struct with a function for each event that it wants to
// hear: void on(AfterBatch, auto& run). A misspelt one does not compile, while a misspelt `afer_batch` in Python is
// never called.
template <class... Callbacks>
class Runner {
 public:
  Runner(const Mlp& model, Optimizer& optimizer, const ImageLoaders& data, Callbacks&... callbacks)
      : model_(model), optimizer_(optimizer), data_(data), callbacks_(callbacks...) {}

  void fit(int epochs) {
    within(Scope::fit, BeforeFit{}, AfterCancelFit{}, AfterFit{}, [&] {
      for (int epoch = 0; epoch < epochs; ++epoch) {
        within(Scope::epoch, BeforeEpoch{}, AfterCancelEpoch{}, AfterEpoch{}, [&] {
          within(Scope::train, BeforeTrain{}, AfterCancelTrain{}, AfterTrain{}, [&] {
            for (auto& batch : data_.train.epoch(epoch)) one_batch(batch);
          });
          within(Scope::validate, BeforeValidate{}, AfterCancelValidate{}, AfterValidate{}, [&] {
            for (auto& batch : data_.valid.epoch(0)) one_batch(batch);
          });
        });
      }
    });
  }

 private:
  void one_batch(auto& batch) {
    Tape tape{Mode::train};
    run_.x = batch.x;
    run_.y = batch.y;
    run_.batch_size = batch.y.numel();
    within(Scope::batch, BeforeBatch{}, AfterCancelBatch{}, AfterBatch{}, [&] {
      run_.pred = model_(run_.training ? tape(run_.x.as<4>()) : Var<4>(run_.x.as<4>()));
      emit(AfterPred{});
      const Var<0> loss = cross_entropy(run_.pred.as<2>(), run_.y.as<1, int>());
      run_.loss = loss;
      run_.loss_value = run_.loss.scalar();
      emit(AfterLoss{});
      if (!run_.training) return;
      backward(loss);
      emit(AfterBackward{});
      optimizer_.step();
      emit(AfterStep{});
      optimizer_.zero_grad();
    });
  }

  // Before, the body, after. If this scope is cancelled in between, its own event says so; an outer one travels on.
  void within(Scope scope, auto before, auto cancelled, auto after, auto body) {
    try {
      emit(before);
      body();
    } catch (const Run::Cancelled& cancellation) {
      if (cancellation.scope != scope) throw;
      emit(cancelled);
    }
    emit(after);
  }

  // Every callback that has a function for this event, in the order in which they were given.
  void emit(auto event) {
    auto call = [&](auto& callback) {
      if constexpr (requires { callback.on(event, run_); }) callback.on(event, run_);
    };
    std::apply([&](auto&... callback) { (call(callback), ...); }, callbacks_);
  }

  const Mlp& model_;
  Optimizer& optimizer_;
  const ImageLoaders& data_;
  std::tuple<Callbacks&...> callbacks_;
  Run run_;
};

// Whether the batches train the network is a callback too.
struct TrainEval {
  void on(BeforeTrain, auto& run) { run.training = true; }
  void on(BeforeValidate, auto& run) { run.training = false; }
};

Index count_right(const AnyVar& pred, const AnyTensor& y) {
  return sum(argmax(pred.as<2>().value(), 1) == y.as<1, int>().to<Index>()).item();
}

// Loss and accuracy of each epoch, over the training images as they pass by and over all those of the validation set.
// Each batch counts by its size: a mean of the batches' means would give the images of a small last batch more weight.
struct AvgStats {
  struct Sums {
    double loss = 0;
    Index right = 0, count = 0;

    double mean_loss() const { return loss / static_cast<double>(count); }
    double accuracy() const { return static_cast<double>(right) / static_cast<double>(count); }
  };
  std::string_view remark = {};
  Sums train = {}, valid = {};
  int epoch = 0;
  double best = 0;

  void on(BeforeFit, auto&) { say("epoch  train loss  accuracy  valid loss  accuracy"); }
  void on(BeforeEpoch, auto&) { train = valid = {}; }
  void on(AfterLoss, auto& run) {
    Sums& sums = run.training ? train : valid;
    sums.loss += run.loss_value * static_cast<double>(run.batch_size);
    sums.right += count_right(run.pred, run.y);
    sums.count += run.batch_size;
  }
  void on(AfterEpoch, auto&) {
    say(right(concat(epoch++), 5), right(fixed(train.mean_loss(), 3), 12), right(fixed(train.accuracy(), 4), 10),
        right(fixed(valid.mean_loss(), 3), 12), right(fixed(valid.accuracy(), 4), 10), remark);
    best = (std::max)(best, valid.accuracy());
  }
};

// Counts the events, of all kinds.
struct Tally {
  std::map<std::string_view, Index> counts = {};
  void on(auto event, auto&) { ++counts[event.name]; }
};

// Leaves out every second batch of the training.
struct EverySecond {
  Index seen = 0;
  void on(BeforeBatch, auto& run) {
    if (run.training && seen++ % 2 == 1) run.cancel(Scope::batch);
  }
};

// Ends the training after so many steps.
struct StopAfter {
  Index steps;
  void on(AfterStep, auto& run) {
    if (--steps == 0) run.cancel(Scope::fit);
  }
};

// The events of an epoch, for our runner and for the library's Learner.

// The last callback is asked after the tally, which therefore sees the event that it cancels.
template <class... Callback>
Tally tally_of_runner(Mlp model, const ImageLoaders& data, Callback... callback) {
  TrainEval train_eval;
  Tally tally;
  Optimizer optimizer{SGD{.lr = 0.5}, parameters(model)};
  Runner{model, optimizer, data, train_eval, tally, callback...}.fit(1);
  return tally;
}
template <class... Callback>
Tally tally_of_learner(Mlp model, const ImageLoaders& data, Callback... callback) {
  Tally tally;
  Learner learn{data, model, CrossEntropy{}, SGD{.lr = 0.5}, tally, callback...};
  learn.quiet();
  learn.fit(1);
  return tally;
}

void same_weights(std::string_view who, const Mlp& a, const Mlp& b) {
  require(
      all_equal(a.hidden.weight.value, b.hidden.weight.value) && all_equal(a.hidden.bias->value, b.hidden.bias->value),
      "the same hidden layer");
  require(all_equal(a.out.weight.value, b.out.weight.value) && all_equal(a.out.bias->value, b.out.bias->value),
          "the same output layer");
  say(who, ": the same weights, bit for bit");
}

void chapter(const Options& options) {
  manual_seed(1);
  const ImageLoaders data = mnist({.batch_size = 64, .normalise = Normalise{}});
  const Mlp untrained;
  const int epochs = options.quick ? 1 : 5;
  const std::string_view remark = options.quick ? "   (within 0.03)" : "";
  say("784-50-10, lr 0.5, batches of 64, epochs: ", epochs, "; trained on the first ",
      with_separators(data.train.size()), " images, judged on the other ", with_separators(data.valid.size()));

  heading("A loop that does one thing");
  Mlp by_loop = untrained;
  {
    Optimizer optimizer{SGD{.lr = 0.5}, parameters(by_loop)};
    fit(epochs, by_loop, optimizer, data);
  }
  say("It has trained a network, and says nothing about it.");

  heading("The runner and two callbacks");
  Mlp by_runner = untrained;
  TrainEval train_eval;
  AvgStats stats{.remark = remark};
  {
    Optimizer optimizer{SGD{.lr = 0.5}, parameters(by_runner)};
    Runner{by_runner, optimizer, data, train_eval, stats}.fit(epochs);
  }
  say("best accuracy ", fixed(stats.best, 4), remark);
  say("the course, with the same network, split and setting: 0.9587 after one epoch, about 0.966 at best of five");
  require(stats.best > (options.quick ? 0.94 : 0.966), "the network has learnt the digits");
  same_weights("The loop and the runner", by_loop, by_runner);

  heading("The same with the library's Learner");
  Mlp by_learner = untrained;
  AvgStats learner_stats{.remark = remark};
  Learner learn{data, by_learner, CrossEntropy{}, SGD{.lr = 0.5}, learner_stats, Accuracy{}};
  learn.quiet();  // or it would print a table of its own
  learn.fit(epochs);
  same_weights("The runner and the Learner", by_runner, by_learner);
  const EpochRow& last = learn.recorder().epochs.back();
  require(std::abs(last.train_loss - learner_stats.train.mean_loss()) < 1e-9 &&
              std::abs(last.valid_loss - learner_stats.valid.mean_loss()) < 1e-9 &&
              std::abs(last.metrics[0].value - learner_stats.valid.accuracy()) < 1e-9,
          "the Learner's own figures are those of AvgStats");
  say("Its recorder has the figures of AvgStats without being asked; accuracy is a metric, Accuracy{}.");

  heading("Cancellation: how often each event comes in one epoch");
  const std::array runner{tally_of_runner(untrained, data), tally_of_runner(untrained, data, EverySecond{}),
                          tally_of_runner(untrained, data, StopAfter{10})};
  const std::array learner{tally_of_learner(untrained, data), tally_of_learner(untrained, data, EverySecond{}),
                           tally_of_learner(untrained, data, StopAfter{10})};
  auto count = [](const Tally& tally, std::string_view event) {
    const auto found = tally.counts.find(event);
    return found == tally.counts.end() ? Index{0} : found->second;
  };
  say(left("", 20), right("whole", 9), right("every second", 15), right("stop after 10", 16));
  for (std::string_view event :
       {BeforeFit::name, BeforeEpoch::name, BeforeTrain::name, BeforeBatch::name, AfterPred::name, AfterLoss::name,
        AfterBackward::name, AfterStep::name, AfterCancelBatch::name, AfterBatch::name, AfterTrain::name,
        BeforeValidate::name, AfterValidate::name, AfterEpoch::name, AfterCancelFit::name, AfterFit::name}) {
    say(left(event, 20), right(concat(count(runner[0], event)), 9), right(concat(count(runner[1], event)), 15),
        right(concat(count(runner[2], event)), 16));
    for (std::size_t i = 0; i < runner.size(); ++i)
      require(count(runner[i], event) == count(learner[i], event), "the Learner's events are the runner's");
  }
  say("A cancelled batch is not computed, and after_batch comes nevertheless. When the whole fit is cancelled, what");
  say("it is made of is left at once: no after_batch, no validation. The Learner's counts are the same.");

  heading("Who acts where in the Learner");
  std::fputs(learn.training_loop().c_str(), stdout);
  say("\nBehind the same loop it has more: backward and step can be cancelled on their own, callbacks have an order, "
      "may");
  say("be given for one fit only, and may replace the prediction, the loss or the step.");
}

}  // namespace

int main(int count, char** words) { return run(count, words, chapter); }
