// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// Chapter 7: schedules: a learning rate that changes while the network learns, and the recorder that shows it.
//
// You learn  that a schedule is a function from [0, 1] to a number, and how several become one; that a callback of
//            three lines follows it; what the Learner records, and how to draw it; the 1cycle policy.
// Look at    the pictures, above all 07_schedules.svg and 07_one_cycle.svg; the accuracies from different weights;
//            `my_combine`, which works for any number of phases, as the course's own does not.
// Follows    fast.ai, Deep Learning from the Foundations, lesson 9, notebook 05_anneal:
//            https://course19.fast.ai/videos/?lesson=9

#include <algorithm>
#include <functional>
#include <numbers>

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

// Schedules: functions of the progress, from 0 at the start of a training to 1 at its end.

using MySchedule = std::function<double(double)>;

MySchedule my_linear(double start, double end) {
  return [=](double p) { return start + (end - start) * p; };
}
// Half a wave of the cosine: it leaves the start slowly, and arrives slowly at the end.
MySchedule my_cosine(double start, double end) {
  return [=](double p) { return start + (end - start) * (1 - std::cos(std::numbers::pi * p)) / 2; };
}

// One after the other, each over its fraction of the progress and stretched to it. The phase is the last one that has
// begun. The course's function looks it up among the boundaries, of which there is one more than phases: at the very
// end that leads beyond the last phase, and it is put right for two phases and for no other number.
MySchedule my_combine(const std::vector<double>& fractions, const std::vector<MySchedule>& schedules) {
  return [=](double p) {
    std::size_t phase = 0;
    double begin = 0;
    while (phase + 1 < fractions.size() && p >= begin + fractions[phase]) begin += fractions[phase++];
    return schedules[phase]((p - begin) / fractions[phase]);
  };
}

// The callback that follows a schedule.

struct MyScheduler {
  MySchedule schedule;

  void on(BeforeBatch, Fit& fit) const {
    if (fit.training) fit.optimizer().hyper(0, "lr") = schedule(fit.progress());
  }
};

// The recorder: what was, batch by batch.

struct MyRecorder {
  std::vector<double> losses = {}, rates = {};

  void on(AfterBatch, Fit& fit) {
    if (!fit.training) return;
    losses.push_back(fit.loss_value);
    rates.push_back(fit.optimizer().hyper(0, "lr"));
  }
};

template <class A, class B>
void same_schedule(std::string_view name, const A& ours, const B& theirs) {
  double difference = 0;
  for (int i = 0; i <= 1000; ++i) difference = (std::max)(difference, std::abs(ours(i / 1000.0) - theirs(i / 1000.0)));
  require(difference < 1e-9, name);
  say(left(name, 28), " ours and the library's differ by less than 1e-9");
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}
double largest(const std::vector<double>& values) { return *std::max_element(values.begin(), values.end()); }

void say_epochs(const Recorder& recorder, std::string_view remark) {
  say("epoch  train loss  valid loss  accuracy");
  for (const EpochRow& row : recorder.epochs)
    say(right(concat(row.epoch), 5), right(fixed(row.train_loss, 3), 12), right(fixed(row.valid_loss, 3), 12),
        right(fixed(row.metrics[0].value, 4), 10), remark);
}

// The losses of single batches jump; the mean that forgets shows where they go.
std::vector<double> smooth(const std::vector<double>& losses) {
  SmoothedLoss mean{.beta = 0.9};
  std::vector<double> smoothed;
  for (double loss : losses) {
    mean.add(loss);
    smoothed.push_back(mean.value());
  }
  return smoothed;
}

void chapter(const Options& options) {
  manual_seed(1);
  const ImageLoaders data = mnist({.batch_size = 512, .normalise = Normalise{}});
  const int epochs = options.quick ? 1 : 3;
  const std::string_view remark = options.quick ? "   (within 0.03)" : "";

  heading("A schedule is a function of progress");
  const MySchedule ours = my_combine({0.3, 0.7}, {my_cosine(0.3, 0.6), my_cosine(0.6, 0.2)});
  const Schedule course_lr = combine_schedules({0.3, 0.7}, {sched_cosine(0.3, 0.6), sched_cosine(0.6, 0.2)});
  const MySchedule our_three =
      my_combine({0.2, 0.5, 0.3}, {my_linear(0.1, 0.6), my_linear(0.6, 0.6), my_cosine(0.6, 0.01)});
  const Schedule three =
      combine_schedules({0.2, 0.5, 0.3}, {sched_linear(0.1, 0.6), sched_constant(0.6), sched_cosine(0.6, 0.01)});
  say("progress            0.0   0.1   0.2   0.3   0.4   0.5   0.6   0.7   0.8   0.9   1.0");
  auto say_row = [](std::string_view name, const Schedule& schedule) {
    std::string row = left(name, 17);
    for (int i = 0; i <= 10; ++i) row += right(fixed(schedule(i / 10.0), 2), 6);
    say(row);
  };
  say_row("linear", sched_linear(0.6, 0.2));
  say_row("cosine", sched_cosine(0.6, 0.2));
  say_row("the course's", course_lr);
  say_row("of three phases", three);
  same_schedule("linear:", my_linear(0.6, 0.2), sched_linear(0.6, 0.2));
  same_schedule("cosine:", my_cosine(0.6, 0.2), sched_cosine(0.6, 0.2));
  same_schedule("two phases, the course's:", ours, course_lr);
  same_schedule("three phases:", our_three, three);

  LinePlot shapes{.title = "Schedules from 1 to 0.1", .x_label = "progress of training", .y_label = "value"};
  shapes.add("linear", sched_linear(1, 0.1));
  shapes.add("cosine", sched_cosine(1, 0.1));
  shapes.add("exponential", sched_exponential(1, 0.1));
  shapes.add("polynomial, power 3", sched_polynomial(1, 0.1, 3));
  shapes.add("flat, then cosine", combine_schedules({0.75, 0.25}, {sched_constant(1), sched_cosine(1, 0.1)}));
  shapes.save(options.picture("07_schedules.svg"));
  plot(course_lr, options.picture("07_course_schedule.svg"), "Cosine from 0.3 to 0.6 to 0.2");
  say("Drawn in 07_schedules.svg, and the course's alone in 07_course_schedule.svg.");

  heading("Training along it: our callback, and the library's");
  const Mlp untrained;
  say("784-50-10, batches of 512, epochs: ", epochs, "; trained on the first ", with_separators(data.train.size()),
      " images, judged on the other ", with_separators(data.valid.size()));
  Mlp by_ours = untrained, by_library = untrained;
  MyRecorder my_recorder;
  {
    Learner learn{data, by_ours, CrossEntropy{}, SGD{}, MyScheduler{ours}, my_recorder};
    learn.quiet();
    learn.fit(epochs);
  }
  Learner learn{data, by_library, CrossEntropy{}, SGD{}, Accuracy{}};
  learn.quiet();
  learn.fit_scheduled(epochs, {{"lr", course_lr}});
  agree("the weights", by_ours.hidden.weight.value, by_library.hidden.weight.value, 1e-3);

  const Recorder& recorder = learn.recorder();
  const std::vector<double>& rates = recorder.hyper("lr");
  const auto loss_difference = [&] {
    double difference = 0;
    for (std::size_t i = 0; i < rates.size(); ++i) {
      difference = (std::max)(difference, std::abs(recorder.losses[i] - my_recorder.losses[i]));
      difference = (std::max)(difference, std::abs(rates[i] - my_recorder.rates[i]));
    }
    return difference;
  };
  require(recorder.losses.size() == my_recorder.losses.size() && loss_difference() < 1e-3,
          "the library's recorder has what ours has");
  say("Both recorders have ", recorder.losses.size(), " losses and as many rates, and the same.");
  say("rate: at first ", fixed(rates.front(), 2), ", at most ", fixed(largest(rates), 2), ", at last ",
      fixed(rates.back(), 2));
  say_epochs(recorder, remark);
  const double accuracy = recorder.epochs.back().metrics[0].value;
  say("the course, with the same network, split and setting: 0.8999, 0.9319, 0.9400");

  LinePlot rate_picture{.title = "Learning rate", .x_label = "batch", .y_label = "learning rate"};
  rate_picture.add("", rates).save(options.picture("07_course_rate.svg"));
  LinePlot loss_picture{.title = "Training loss", .x_label = "batch", .y_label = "loss"};
  loss_picture.add("each batch", recorder.losses).add("smoothed", smooth(recorder.losses));
  loss_picture.save(options.picture("07_course_loss.svg"));
  say("Drawn from the recorder in 07_course_rate.svg and 07_course_loss.svg.");

  heading("How much of it is luck");
  std::vector<double> accuracies{accuracy};
  while (std::ssize(accuracies) < (options.quick ? 2 : 5)) {
    Mlp another;  // with other weights, since the stream of random numbers goes on
    Learner again{data, another, CrossEntropy{}, SGD{}, Accuracy{}};
    again.quiet();
    again.fit_scheduled(epochs, {{"lr", course_lr}});
    accuracies.push_back(again.recorder().epochs.back().metrics[0].value);
  }
  std::string list;
  for (double one : accuracies) list += concat("  ", fixed(one, 4));
  say("accuracy from different first weights:", list, remark);
  say("mean ", fixed(mean_of(accuracies), 4), ", best ", fixed(largest(accuracies), 4), remark);
  require(mean_of(accuracies) > (options.quick ? 0.87 : 0.938) && largest(accuracies) > (options.quick ? 0.87 : 0.94),
          "as good as the course");
  if (!options.quick) say("The 0.9400 of the course, a single training, lies among them.");

  heading("The 1cycle policy");
  say("The rate rises from a small one and falls to next to nothing; the momentum goes the other way.");
  Mlp by_one_cycle = untrained;
  Learner one{data, by_one_cycle, CrossEntropy{}, SGD{.momentum = 0.9}, Accuracy{}};
  one.quiet();
  one.fit_one_cycle(epochs, 0.3);
  say_epochs(one.recorder(), remark);
  const std::vector<double>&cycle = one.recorder().hyper("lr"), &momentum = one.recorder().hyper("momentum");
  say("rate: at first ", fixed(cycle.front(), 3), ", at most ", fixed(largest(cycle), 3), ", at last ",
      fixed(cycle.back(), 3), "; momentum: ", fixed(momentum.front(), 2), ", ",
      fixed(*std::min_element(momentum.begin(), momentum.end()), 2), ", ", fixed(momentum.back(), 2));
  const double after_one_cycle = one.recorder().epochs.back().metrics[0].value;
  say("accuracy ", fixed(after_one_cycle, 4), ", against ", fixed(accuracy, 4), " with the schedule above", remark);
  require(after_one_cycle > accuracy, "1cycle does better in the same time");

  LinePlot both{.title = "1cycle", .x_label = "batch", .y_label = "value"};
  both.add("momentum", momentum).add("learning rate", cycle).save(options.picture("07_one_cycle.svg"));
  say("Both are in 07_one_cycle.svg.");
}

}  // namespace

int main(int count, char** words) { return run(count, words, chapter); }
