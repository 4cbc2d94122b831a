// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Learner`: data, model, loss, optimizer, metrics and callbacks, put together and trained.
///
///     Learner learn{data, model, CrossEntropy{}, Adam{.lr = 1e-3}, Accuracy{}};
///     learn.fit(5, 1e-3);
#pragma once

#include <optional>
#include <tuple>
#include <type_traits>
#include <vector>

#include <kiln/nn/hook.hpp>
#include <kiln/nn/module.hpp>
#include <kiln/train/callback_set.hpp>
#include <kiln/train/loop.hpp>
#include <kiln/train/metric.hpp>
#include <kiln/train/progress.hpp>
#include <kiln/train/recorder.hpp>
#include <kiln/train/state.hpp>

namespace kiln {

/// The loss and the metrics over a whole set.
struct Validation {
  double loss = 0;
  std::vector<MetricValue> metrics;
};

/// Predictions and targets of a whole set, row by row.
template <class Pred, class Y>
struct Predictions {
  Pred preds;
  Y targets;
};

/// Trains `model` on `data.train` and validates it on `data.valid`. The extras are metrics and callbacks in any order.
/// What is given as an lvalue is referenced and must outlive the Learner; what is a temporary is owned.
template <class Data, class Model, class Loss, class Rule, class... Extras>
class Learner : private detail::TrainingWork {
  using Net = std::remove_reference_t<Model>;
  using TrainLoader = std::remove_cvref_t<decltype(std::declval<Data&>().train)>;
  using ValidLoader = std::remove_cvref_t<decltype(std::declval<Data&>().valid)>;
  using Batch = typename TrainLoader::Batch;
  using X = std::remove_cvref_t<decltype(std::declval<Batch&>().x)>;
  using Y = std::remove_cvref_t<decltype(std::declval<Batch&>().y)>;
  using XVar = Var<X::rank, typename X::value_type>;

  static_assert(!std::is_const_v<Net>, "kiln: a Learner changes its model, so the model must not be const");
  static_assert(
      std::is_invocable_v<const Net&, const XVar&>,
      "kiln: the model cannot be called with the data's batches: its operator() must be const and take a Var of "
      "the batch's rank and element type (put Flatten{} in front to turn images into rows)");
  using Pred = std::remove_cvref_t<std::invoke_result_t<const Net&, const XVar&>>;
  static_assert(is_var<Pred>, "kiln: the model must return a Var");
  static_assert(std::is_invocable_v<Loss&, const Pred&, const Y&>,
                "kiln: the loss cannot be called with the model's output and the data's targets");
  using LossVar = std::remove_cvref_t<std::invoke_result_t<Loss&, const Pred&, const Y&>>;
  static_assert(LossVar::rank == 0, "kiln: the loss must be a scalar; use a mean or sum reduction");

 public:
  using PredTensor = Tensor<Pred::rank, typename Pred::value_type>;

  /// Throws: UsageError if the model has nothing to train.
  Learner(Data&& data, Model&& model, Loss&& loss, Rule&& rule, Extras&&... extras)
      : data_(std::forward<Data>(data)),
        model_(std::forward<Model>(model)),
        loss_(std::forward<Loss>(loss)),
        extras_(std::forward<Extras>(extras)...),
        optimizer_(make_optimizer(std::forward<Rule>(rule), model_)),
        progress_(recorder_) {
    Fit::Access::connect(
        fit_, this, optimizer_, names_, state_tensors(model_),
        [](Fit& fit, const AnyTensor& x) -> AnyVar {
          return self(fit).call_model(x.as<X::rank, typename X::value_type>());
        },
        [](Fit& fit, const AnyVar& pred, const AnyTensor& y) -> AnyVar { return self(fit).call_loss(pred, y); });
    require_own_parameters();
    std::apply([&](auto&... extra) { (add_if_callback(extra), ...); }, extras_);
    fit_.train_batches = data_.train.batches();
    forget_validation();  // callbacks can ask for the metrics' names from the beginning
    in_order(callbacks_.own()).emit(AfterCreate{}, fit_);
  }

  Learner(const Learner&) = delete;
  Learner& operator=(const Learner&) = delete;

  /// Trains for so many epochs, at the learning rate(s) that the optimizer has. Further callbacks act in this fit only.
  template <class... More>
    requires(Callback<More> && ...)
  void fit(Index epochs, More&&... more) {
    require_idle("fit");
    if (epochs < 0) fail<UsageError>("fit", "the number of epochs must not be negative", concat("got ", epochs));
    fit_.position.first_epoch = fit_.position.epoch;
    fit_.position.last_epoch = fit_.position.epoch + epochs;
    fit_.position.batch = 0;
    resumed_scopes_ = 0;
    callbacks_.forget_states();
    fit_.zero_grad();
    resume(std::forward<More>(more)...);
  }

  /// Trains for so many epochs, at this learning rate in every parameter group.
  template <class... More>
    requires(Callback<More> && ...)
  void fit(Index epochs, double lr, More&&... more) {
    require_idle("fit");
    for (std::size_t group = 0; group < fit_.optimizer().group_count(); ++group)
      fit_.optimizer().hyper(group, "lr") = lr;
    fit(epochs, std::forward<More>(more)...);
  }

  /// Continues the fit that was in progress when the state given to `restore` was taken. Callbacks that were given to
  /// that fit alone are given again and get their state back. Throws: UsageError if they are others.
  template <class... More>
    requires(Callback<More> && ...)
  void resume(More&&... more) {
    require_idle("resume");
    callbacks_.begin({detail::CallbackRef(more)...});
    run(in_order(callbacks_.active()), std::exchange(resumed_scopes_, 0),
        [](detail::TrainingLoop& loop) { loop.run_fit(); });
  }

  /// Loss and metrics over the validation set, or over another loader of the same kind, such as `data.test`.
  Validation validate() { return validate(data_.valid); }
  Validation validate(const ValidLoader& loader) {
    require_idle("validate");
    valid_loader_ = &loader;
    detail::AtEnd back{[this] { valid_loader_ = nullptr; }};
    run({}, 0, [](detail::TrainingLoop& loop) { loop.run_validate(); });
    return {fit_.valid_loss, fit_.metrics};
  }

  /// Hangs a function behind a layer, for all that this Learner does until the guard ends: see nn/hook.hpp. Once the
  /// model has run, a layer that was not seen to is an error. Throws: IndexError if there is no such layer.
  Hook on_forward(std::string_view path, ForwardHook hook) {
    return hooks_.on_forward(layer_names(std::as_const(model_)), path, std::move(hook));
  }
  /// The same for the gradient of a layer's output.
  Hook on_backward(std::string_view path, BackwardHook hook) {
    return hooks_.on_backward(layer_names(std::as_const(model_)), path, std::move(hook));
  }

  /// The model's output for a batch, in eval mode.
  PredTensor predict(const X& x) {
    Context context{Mode::eval};
    refresh_names();
    context.name_layers(&names_);
    hooks_.attach(context);
    auto pred = call_layer(std::as_const(model_), context(x)).value();
    hooks_.check();
    return pred;
  }

  /// The model's outputs over a whole loader, with the targets.
  template <class Loader>
  Predictions<PredTensor, Y> get_preds(const Loader& loader) {
    std::vector<PredTensor> preds;
    std::vector<Y> targets;
    if (loader.batches() == 0) fail<UsageError>("get_preds", "the loader must have at least one batch", "it has none");
    for (auto& batch : loader.epoch(0)) {
      preds.push_back(predict(batch.x));
      targets.push_back(std::move(batch.y));
    }
    return {concat_rows(std::span<const PredTensor>(preds)), concat_rows(std::span<const Y>(targets))};
  }
  auto get_preds() { return get_preds(data_.valid); }

  /// Prints nothing from now on, or prints again.
  void quiet(bool on = true) { progress_.set_enabled(!on); }

  Net& model() { return model_; }
  auto& data() { return data_; }
  Optimizer& optimizer() { return optimizer_; }
  const Recorder& recorder() const { return recorder_; }
  const Position& position() const { return fit_.position; }

  /// Everything that decides how training goes on: weights, gradients, what is frozen, optimizer, position, recorder,
  /// callbacks, random streams. It may be taken between fits, and by a callback in after_epoch or in after_batch of
  /// training; callbacks with a higher `order` have not seen that event yet. Throws: UsageError at any other time.
  LearnerState state() {
    const bool legal =
        !running_ || fit_.event() == AfterEpoch::name || (fit_.training && fit_.event() == AfterBatch::name);
    if (!legal) {
      fail<UsageError>("state", "it can be taken between fits, in after_epoch, or in after_batch of training",
                       concat("the event is ", fit_.event()));
    }
    LearnerState state;
    for (const ParamRef& tensor : state_tensors(model_)) {
      state.tensors.push_back({tensor.name, tensor.copy_value(), tensor.copy_grad(), tensor.trainable()});
    }
    state.optimizer = optimizer_.state();
    state.position = fit_.position;
    state.scopes = Fit::Access::scopes(fit_);
    state.train_mean = train_mean_;
    state.recorder = recorder_;
    state.callbacks = callbacks_.states(running_);
    state.sampler = describe_sampler();
    state.random = random_state();
    state.seed = seed_;
    return state;
  }

  /// Puts everything back; `resume` then goes on to the same bits. Throws: UsageError if the state does not fit the
  /// model, the optimizer, the callbacks or the order of the training data; nothing is changed then.
  void restore(const LearnerState& state) {
    require_idle("restore");
    auto tensors = state_tensors(model_);
    auto fits = [](const ParamRef& own, const TensorState& other) {
      return own.name == other.name && own.takes(other.value);
    };
    if (!std::ranges::equal(tensors, state.tensors, fits)) {
      fail<UsageError>("restore", "the state must be of a model with the same tensors", "it is of another");
    }
    if (state.sampler != describe_sampler()) {
      fail<UsageError>("restore", concat("the training data must come in the state's order: ", state.sampler),
                       concat("the loader has ", describe_sampler()));
    }
    callbacks_.require_fit(state.callbacks);
    optimizer_.load_state(state.optimizer);  // refuses what does not fit, and is the last that can
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      tensors[i].restore(state.tensors[i].value, state.tensors[i].grad);
      tensors[i].set_trainable(state.tensors[i].trainable);
    }
    callbacks_.restore(state.callbacks);
    fit_.position = state.position;
    resumed_scopes_ = state.scopes;
    train_mean_ = state.train_mean;
    recorder_ = state.recorder;
    recorder_.epoch_began = std::chrono::steady_clock::now();
    set_random_state(state.random);
    seed_ = state.seed;
  }

 private:
  static Learner& self(Fit& fit) { return *static_cast<Learner*>(Fit::Access::learner(fit)); }

  /// A rule is applied to all parameters of the model; an optimizer made by the user has its own groups.
  static decltype(auto) make_optimizer(Rule&& rule, Net& model) {
    if constexpr (std::is_same_v<std::remove_cvref_t<Rule>, Optimizer>) return std::forward<Rule>(rule);
    else return Optimizer(std::remove_cvref_t<Rule>(rule), parameters(model));
  }

  template <class Extra>
  void add_if_callback(Extra& extra) {
    static_assert(Callback<Extra> || !std::is_const_v<Extra>, "kiln: a metric counts, so it must not be const");
    if constexpr (Callback<Extra>) callbacks_.add(detail::CallbackRef(extra));
  }

  void require_idle(std::string_view op) const {
    if (running_) fail<UsageError>(op, "a Learner does one thing at a time", concat("the event is ", fit_.event()));
  }

  void require_own_parameters() {
    for (const ParamRef& updated : optimizer_.parameters()) {
      auto same = [&](const ParamRef& own) { return own.address() == updated.address(); };
      if (std::ranges::none_of(fit_.parameters(), same)) {
        fail<UsageError>("Learner", "the optimizer must update parameters of the model",
                         concat(updated.name, " is none of them"));
      }
    }
  }

  std::string describe_sampler() {
    if constexpr (requires { data_.train.sampler(); }) return detail::describe_fields(data_.train.sampler());
    else return "unknown";
  }

  /// The built-in callbacks and others, in the order in which they act.
  detail::CallbackList in_order(const std::vector<detail::CallbackRef>& others) {
    detail::CallbackList list;
    list.add(detail::CallbackRef(recorder_));
    list.add(detail::CallbackRef(progress_));
    for (const detail::CallbackRef& callback : others) list.add(callback);
    return list;
  }

  void refresh_names() { names_ = layer_names(std::as_const(model_)); }

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

  Pred call_model(const X& x) { return call_layer(std::as_const(model_), fit_.context()(x)); }
  LossVar call_loss(const AnyVar& pred, const AnyTensor& y) {
    return loss_(pred.as<Pred::rank, typename Pred::value_type>(), y.as<Y::rank, typename Y::value_type>());
  }

  void begin_train() override {
    fit_.training = true;
    fit_.batches = fit_.train_batches;
    if (fit_.position.batch == 0) train_mean_ = {};
    fit_.train_loss = train_mean_.value();
    forget_validation();
    next_batch_index_ = fit_.position.batch;
    train_epoch_.emplace(data_.train.epoch(fit_.position.epoch, fit_.position.batch));
  }

  void begin_validate() override {
    const ValidLoader& loader = valid_loader_ ? *valid_loader_ : data_.valid;
    fit_.training = false;
    fit_.batches = loader.batches();
    forget_validation();
    next_batch_index_ = 0;
    valid_epoch_.emplace(loader.epoch(0));
  }

  /// A validation that does not take place has no figures, rather than those of the last one.
  void forget_validation() {
    valid_mean_ = {};
    fit_.valid_loss = valid_mean_.value();
    for_each_metric([](auto& sum, auto&) { sum.reset(); });
    finish_metrics();
  }

  bool next_batch() override {
    auto take = [&](auto* batch) {
      if (!batch) return false;
      fit_.batch = next_batch_index_++;
      fit_.batch_size = batch->x.shape()[0];
      fit_.x = std::move(batch->x);
      fit_.y = std::move(batch->y);
      return true;
    };
    return fit_.training ? take(train_epoch_->next()) : take(valid_epoch_->next());
  }

  void begin_batch() override {
    fit_.counted = false;
    Context* context =
        fit_.training ? static_cast<Context*>(&tape_.emplace(Mode::train)) : &evaluation_.emplace(Mode::eval);
    context->set_random({.seed = seed_,
                         .purpose = Purpose::dropout,
                         .epoch = static_cast<std::uint32_t>(fit_.position.epoch),
                         .sample = static_cast<std::uint64_t>(fit_.batch)});
    context->name_layers(&names_);
    hooks_.attach(*context);
    Fit::Access::set_context(fit_, context);
  }

  void predict() override {
    fit_.pred = call_model(fit_.x.as<X::rank, typename X::value_type>());
    hooks_.check();
  }
  void compute_loss() override { fit_.loss = call_loss(fit_.pred, fit_.y); }

  void count_batch() override {
    fit_.counted = true;
    auto& mean = fit_.training ? train_mean_ : valid_mean_;
    mean.add(fit_.loss_value, fit_.batch_size);
    (fit_.training ? fit_.train_loss : fit_.valid_loss) = mean.value();
    if (fit_.training) return;
    const auto pred = fit_.pred.as<Pred::rank, typename Pred::value_type>();
    const auto& y = fit_.y.as<Y::rank, typename Y::value_type>();
    for_each_metric([&](auto& sum, auto&) { sum.update(pred.value(), y, fit_.batch_size); });
  }

  void backward() override {
    tape_->differentiate(fit_.loss.as<0, typename LossVar::value_type>());
    tape_->accumulate_grads();
  }
  void commit() override { tape_->commit(); }

  void end_batch() override {
    fit_.pred = {};
    fit_.loss = {};
    Fit::Access::set_context(fit_, nullptr);
    tape_.reset();
    evaluation_.reset();
  }

  void finish_metrics() override {
    fit_.metrics.clear();
    for_each_metric([&](auto& sum, auto& metric) { fit_.metrics.push_back({sum.name(metric), sum.value()}); });
  }

  void end_pass() override {
    train_epoch_.reset();
    valid_epoch_.reset();
    fit_.x.reset();
    fit_.y.reset();
  }

  /// Calls f(sum, metric) for each extra that is a metric.
  template <class F>
  void for_each_metric(F f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (
          [&] {
            using Extra = std::remove_cvref_t<std::tuple_element_t<I, std::tuple<Extras...>>>;
            if constexpr (!Callback<Extra>) f(std::get<I>(metric_sums_), std::get<I>(extras_));
          }(),
          ...);
    }(std::index_sequence_for<Extras...>{});
  }

  Data data_;
  Model model_;
  Loss loss_;
  std::tuple<Extras...> extras_;
  std::tuple<detail::MetricSum<std::remove_reference_t<Extras>>...> metric_sums_{
      std::apply([](auto&... extra) { return std::tuple(detail::MetricSum(extra)...); }, extras_)};
  std::conditional_t<std::is_same_v<Rule, Optimizer&>, Optimizer&, Optimizer> optimizer_;
  Fit fit_;
  Recorder recorder_;
  Progress progress_;
  detail::CallbackSet callbacks_;
  unsigned resumed_scopes_ = 0;
  LayerNames names_;
  HookList hooks_;
  std::uint64_t seed_ = global_seed();
  WeightedMean train_mean_;
  WeightedMean valid_mean_;
  std::optional<Tape> tape_;
  std::optional<Context> evaluation_;
  std::optional<decltype(std::declval<TrainLoader&>().epoch(0))> train_epoch_;
  std::optional<decltype(std::declval<ValidLoader&>().epoch(0))> valid_epoch_;
  const ValidLoader* valid_loader_ = nullptr;
  Index next_batch_index_ = 0;
  bool running_ = false;
};

template <class Data, class Model, class Loss, class Rule, class... Extras>
Learner(Data&&, Model&&, Loss&&, Rule&&, Extras&&...) -> Learner<Data, Model, Loss, Rule, Extras...>;

}  // namespace kiln
