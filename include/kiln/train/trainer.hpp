// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Trainer`: what a Learner does that does not depend on the types of its data and model: fits, schedules, states.
#pragma once

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <kiln/nn/module.hpp>
#include <kiln/train/callback_set.hpp>
#include <kiln/train/learning_rates.hpp>
#include <kiln/train/loop.hpp>
#include <kiln/train/lr_finder.hpp>
#include <kiln/train/param_scheduler.hpp>
#include <kiln/train/progress.hpp>
#include <kiln/train/recorder.hpp>
#include <kiln/train/state.hpp>

namespace kiln {

/// How fine_tune goes about it.
struct FineTune {
  Index freeze_epochs = 1;
  double lr_mult = 100;    ///< the last group's learning rate, as a multiple of the first one's
  double pct_start = 0.3;  ///< of the unfrozen fit, as OneCycle's
  double div = 5;
  bool train_norms = true;  ///< also in the frozen epochs; see FreezeOptions
};

/// The part of a Learner that is no template; see Learner.
class Trainer : protected detail::TrainingWork {
 public:
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  /// Trains for so many epochs, at the learning rate(s) that the optimizer has. Further callbacks act in this fit only.
  template <class... More>
    requires(Callback<More> && ...)
  void fit(Index epochs, More&&... more) {
    begin("fit", epochs, {});
    run_fit({detail::CallbackRef(more)...});
  }

  /// Trains for so many epochs, at this learning rate in every parameter group, or at one for each.
  template <class... More>
    requires(Callback<More> && ...)
  void fit(Index epochs, const LearningRates& lr, More&&... more) {
    require_idle("fit");
    set_rates("fit", lr);
    fit(epochs, std::forward<More>(more)...);
  }

  /// Trains for so many epochs while hyper-parameters follow schedules, which go from 0 to 1 over the whole fit:
  /// `learn.fit_scheduled(3, {{"lr", sched_cosine(0.6, 0.2)}})`.
  template <class... More>
    requires(Callback<More> && ...)
  void fit_scheduled(Index epochs, ParamScheduler schedules, More&&... more) {
    begin("fit_scheduled", epochs, std::move(schedules));
    run_fit({detail::CallbackRef(more)...});
  }

  /// The 1cycle policy: the learning rate rises to lr_max and falls far below where it began; the momentum (Adam's
  /// beta1) of optimizers that have one goes the other way. See one_cycle and one_cycle_momentum.
  template <class... More>
    requires(Callback<More> && ...)
  void fit_one_cycle(Index epochs, const LearningRates& lr_max, const OneCycle& options, More&&... more) {
    auto rate = [&](double lr) { return one_cycle(lr, options); };
    ParamScheduler schedules = rate_schedules("fit_one_cycle", lr_max, rate);
    add_momentum(schedules, one_cycle_momentum({.pct_start = options.pct_start}));
    fit_scheduled(epochs, std::move(schedules), std::forward<More>(more)...);
  }
  template <class... More>
    requires(Callback<More> && ...)
  void fit_one_cycle(Index epochs, const LearningRates& lr_max, More&&... more) {
    fit_one_cycle(epochs, lr_max, OneCycle{}, std::forward<More>(more)...);
  }

  /// A constant learning rate, then a fall by a cosine. See flat_cosine.
  template <class... More>
    requires(Callback<More> && ...)
  void fit_flat_cos(Index epochs, const LearningRates& lr, const FlatCosine& options, More&&... more) {
    auto rate = [&](double one) { return flat_cosine(one, options); };
    fit_scheduled(epochs, rate_schedules("fit_flat_cos", lr, rate), std::forward<More>(more)...);
  }
  template <class... More>
    requires(Callback<More> && ...)
  void fit_flat_cos(Index epochs, const LearningRates& lr, More&&... more) {
    fit_flat_cos(epochs, lr, FlatCosine{}, std::forward<More>(more)...);
  }

  /// Stochastic gradient descent with warm restarts: cycles of growing length, from lr_max to 0 in each. See
  /// warm_restarts.
  template <class... More>
    requires(Callback<More> && ...)
  void fit_sgdr(const WarmRestarts& cycles, const LearningRates& lr_max, More&&... more) {
    auto rate = [&](double lr) { return warm_restarts(lr, cycles); };
    fit_scheduled(cycles.epochs(), rate_schedules("fit_sgdr", lr_max, rate), std::forward<More>(more)...);
  }

  /// Transfer learning: `freeze_epochs` with all but the last parameter group frozen, then `epochs` with all of them,
  /// at lower rates the further a group is from the last. Source: fastai's fine_tune.
  template <class... More>
    requires(Callback<More> && ...)
  void fine_tune(Index epochs, double base_lr, const FineTune& options, More&&... more) {
    freeze({.train_norms = options.train_norms});
    fit_one_cycle(options.freeze_epochs, base_lr, {.pct_start = 0.99}, more...);
    unfreeze();
    const double lr = base_lr / 2;
    fit_one_cycle(epochs, lr_range(lr / options.lr_mult, lr), {.div = options.div, .pct_start = options.pct_start},
                  more...);
  }
  template <class... More>
    requires(Callback<More> && ...)
  void fine_tune(Index epochs, double base_lr = 2e-3, More&&... more) {
    fine_tune(epochs, base_lr, FineTune{}, std::forward<More>(more)...);
  }

  /// Trains the parameter groups from `first` on and freezes those before, but for their normalisation layers, which
  /// stay trainable unless the options say otherwise, as in fastai. Throws: IndexError if there is no such group.
  void freeze_to(std::size_t first, const FreezeOptions& options = {}) {
    require_idle("freeze_to");
    const std::size_t groups = optimizer().group_count();
    if (first >= groups)
      fail<IndexError>("freeze_to", concat("the optimizer has ", groups, " groups, counted from 0"),
                       concat("got ", first));
    for (std::size_t group = 0; group < groups; ++group) {
      for (const ParamRef& param : optimizer().parameters(group)) {
        param.set_trainable(group >= first || (options.train_norms && param.in_norm));
      }
    }
  }
  /// Trains the last parameter group and, unless the options say otherwise, the normalisation layers of the others.
  /// Throws: UsageError if there is only one group.
  void freeze(const FreezeOptions& options = {}) {
    const std::size_t groups = optimizer().group_count();
    if (groups < 2) {
      fail<UsageError>("freeze",
                       "all parameter groups but the last are frozen, so the optimizer needs two or more, as "
                       "param_groups(Adam{}, parameters(model), {\"body\", \"head\"}) makes them",
                       "it has 1");
    }
    freeze_to(groups - 1, options);
  }
  /// Trains all of them.
  void unfreeze() { freeze_to(0); }

  /// Raises the learning rate from batch to batch until the loss diverges, and puts everything back as it was: weights,
  /// optimizer, statistics, random streams, recorder, callbacks and the order of the data, bit for bit. Callbacks with
  /// a member `static constexpr bool trials = false;` do not act meanwhile. See LrFinder.
  LrFound lr_find(const LrFindOptions& options = {});

  /// The training loop as text: every event in order, with the callbacks that act in it.
  std::string training_loop();
  /// Prints it.
  void show_training_loop(std::FILE* out = stdout) {
    const std::string text = training_loop();
    std::fwrite(text.data(), 1, text.size(), out);
  }

  /// Continues the fit that was in progress when the state given to `restore` was taken. Callbacks that were given to
  /// that fit alone are given again and get their state back. Throws: UsageError if they are others.
  template <class... More>
    requires(Callback<More> && ...)
  void resume(More&&... more) {
    require_idle("resume");
    run_fit({detail::CallbackRef(more)...});
  }

  /// Prints nothing from now on, or prints again.
  void quiet(bool on = true) { progress_.set_enabled(!on); }

  Optimizer& optimizer() { return fit_.optimizer(); }
  const Recorder& recorder() const { return recorder_; }
  const Position& position() const { return fit_.position; }

  /// Everything that decides how training goes on: weights, gradients, what is frozen, optimizer, position, recorder,
  /// schedules, callbacks, random streams. It may be taken between fits, and by a callback in after_epoch or in
  /// after_batch of training; callbacks with a higher `order` have not seen that event yet.
  /// Throws: UsageError at any other time.
  LearnerState state();

  /// Puts everything back; `resume` then goes on to the same bits. Throws: UsageError if the state does not fit the
  /// model, the optimizer, the callbacks or the order of the training data; nothing is changed then.
  void restore(const LearnerState& state);

 protected:
  Trainer() : progress_(recorder_) {}
  ~Trainer() = default;

  /// Of the sampler, as text.
  virtual std::string data_order() const = 0;
  /// Finds the layers' paths anew: the model may have been changed between fits.
  virtual void refresh_names() = 0;

  void require_idle(std::string_view op) const {
    if (running_) fail<UsageError>(op, "a Learner does one thing at a time", concat("the event is ", fit_.event()));
  }

  template <class Body>
  void run(const detail::CallbackList& callbacks, unsigned resumed_scopes, Body body) {
    running_ = true;
    detail::AtEnd stop{[this] {
      Fit::Access::end(fit_);
      running_ = false;
    }};
    refresh_names();
    detail::TrainingLoop loop(fit_, callbacks, *this, resumed_scopes);
    body(loop);
  }

  /// The built-in callbacks and others, in the order in which they act.
  detail::CallbackList in_order(const std::vector<detail::CallbackRef>& others) {
    detail::CallbackList list;
    list.add(detail::CallbackRef(schedules_));
    list.add(detail::CallbackRef(recorder_));
    list.add(detail::CallbackRef(progress_));
    for (const detail::CallbackRef& callback : others) list.add(callback);
    return list;
  }

  Fit fit_;
  ParamScheduler schedules_;  // of the fit in progress
  Recorder recorder_;
  Progress progress_;
  detail::CallbackSet callbacks_;
  LayerNames names_;
  std::uint64_t seed_ = global_seed();
  WeightedMean train_mean_;

 private:
  void begin(std::string_view op, Index epochs, ParamScheduler schedules) {
    require_idle(op);
    if (epochs < 0) fail<UsageError>(op, "the number of epochs must not be negative", concat("got ", epochs));
    fit_.position.first_epoch = fit_.position.epoch;
    fit_.position.last_epoch = fit_.position.epoch + epochs;
    fit_.position.batch = 0;
    resumed_scopes_ = 0;
    schedules_ = std::move(schedules);
    callbacks_.forget_states();
    fit_.zero_grad();
  }

  void run_fit(const std::vector<detail::CallbackRef>& further) {
    callbacks_.begin(further);
    run(in_order(callbacks_.active()), std::exchange(resumed_scopes_, 0),
        [](detail::TrainingLoop& loop) { loop.run_fit(); });
  }

  /// A schedule of the learning rate for every parameter group.
  template <class MakeSchedule>
  ParamScheduler rate_schedules(std::string_view op, const LearningRates& lr, MakeSchedule make) {
    require_idle(op);
    std::vector<Schedule> schedules;
    for (double rate : lr.for_groups(op, optimizer().group_count())) schedules.push_back(make(rate));
    return ParamScheduler{{"lr", std::move(schedules)}};
  }

  /// What the groups' rules call momentum. A momentum of 0 stays: it means that there is none.
  void add_momentum(ParamScheduler& schedules, const Schedule& schedule) {
    for (std::string_view name : {"momentum", "beta1"}) {
      bool all = true;
      for (std::size_t group = 0; group < optimizer().group_count(); ++group) {
        const double* momentum = optimizer().find_hyper(group, name);
        all = all && momentum && *momentum != 0;
      }
      if (all) schedules.schedules.push_back({std::string(name), schedule});
    }
  }

  void set_rates(std::string_view op, const LearningRates& lr) {
    const std::vector<double> rates = lr.for_groups(op, optimizer().group_count());
    for (std::size_t group = 0; group < rates.size(); ++group) optimizer().hyper(group, "lr") = rates[group];
  }

  unsigned resumed_scopes_ = 0;
  bool running_ = false;
};

inline LrFound Trainer::lr_find(const LrFindOptions& options) {
  require_idle("lr_find");
  LrFinder finder(options);
  const LearnerState before = state();
  begin("lr_find", finder.epochs(fit_.train_batches), {});
  fit_.trial = true;
  detail::CallbackList list;
  list.add(detail::CallbackRef(finder));
  for (const detail::CallbackRef& callback : callbacks_.own()) list.add(callback);
  // After an exception too. Nothing is refused, since the state is this Learner's own.
  detail::AtEnd undo{[&] { restore(before); }};
  run(list, 0, [](detail::TrainingLoop& loop) { loop.run_fit(); });
  return finder.result();
}

inline std::string Trainer::training_loop() {
  const detail::CallbackList list = in_order(running_ ? callbacks_.active() : callbacks_.own());
  std::string text;
  std::size_t depth = 0;
  for (std::size_t event = 0; event < detail::Events::size; ++event) {
    const std::string_view name = detail::Events::names[event];
    if (name.starts_with("after_cancel")) --depth;
    std::string line = concat(std::string(2 * depth, ' '), name);
    std::string acting;
    for (const detail::CallbackRef& callback : list.list()) {
      if (callback.hears(event)) acting += concat(acting.empty() ? "" : ", ", callback.name());
    }
    if (!acting.empty()) line += concat(std::string(line.size() < 30 ? 30 - line.size() : 1, ' '), acting);
    text += line + "\n";
    if (name.starts_with("before")) ++depth;
    if (name == BeforeFit::name) text += "  for each epoch:\n";
    if (name == BeforeTrain::name) text += "      for each batch:\n";
    if (name == BeforeValidate::name)
      text += "      for each batch: before_batch, after_pred, after_loss, after_batch\n";
  }
  return text;
}

inline LearnerState Trainer::state() {
  const bool legal =
      !running_ || fit_.event() == AfterEpoch::name || (fit_.training && fit_.event() == AfterBatch::name);
  if (!legal) {
    fail<UsageError>("state", "it can be taken between fits, in after_epoch, or in after_batch of training",
                     concat("the event is ", fit_.event()));
  }
  LearnerState state;
  for (const ParamRef& tensor : fit_.state_tensors()) {
    state.tensors.push_back({tensor.name, tensor.copy_value(), tensor.copy_grad(), tensor.trainable()});
  }
  state.optimizer = optimizer().state();
  state.position = fit_.position;
  state.scopes = Fit::Access::scopes(fit_);
  state.train_mean = train_mean_;
  state.recorder = recorder_;
  state.schedules = schedules_;
  state.callbacks = callbacks_.states(running_);
  state.data_order = data_order();
  state.random = random_state();
  state.seed = seed_;
  return state;
}

inline void Trainer::restore(const LearnerState& state) {
  require_idle("restore");
  const std::span<const ParamRef> tensors = fit_.state_tensors();
  bool fits = tensors.size() == state.tensors.size();
  for (std::size_t i = 0; fits && i < tensors.size(); ++i) {
    fits = tensors[i].name == state.tensors[i].name && tensors[i].takes(state.tensors[i].value);
  }
  if (!fits) {
    fail<UsageError>("restore", "the state must be of a model with the same tensors", "it is of another");
  }
  if (state.data_order != data_order()) {
    fail<UsageError>("restore", concat("the training data must come in the state's order: ", state.data_order),
                     concat("the loader has ", data_order()));
  }
  callbacks_.require_fit(state.callbacks);
  optimizer().load_state(state.optimizer);  // refuses what does not fit, and is the last that can
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    tensors[i].restore(state.tensors[i].value, state.tensors[i].grad);
    tensors[i].set_trainable(state.tensors[i].trainable);
  }
  callbacks_.restore(state.callbacks);
  fit_.position = state.position;
  resumed_scopes_ = state.scopes;
  train_mean_ = state.train_mean;
  recorder_ = state.recorder;
  recorder_.restart_clock();
  schedules_ = state.schedules;
  set_random_state(state.random);
  seed_ = state.seed;
}

}  // namespace kiln
