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
#include <kiln/train/metric.hpp>
#include <kiln/train/report_options.hpp>
#include <kiln/train/trainer.hpp>

namespace kiln {

namespace detail {
template <class Learner>
struct LearnerReport;  // in train/report.hpp
}

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
class Learner : public Trainer {
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
        optimizer_(make_optimizer(std::forward<Rule>(rule), model_)) {
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

  /// Loss and metrics over the validation set, or over another loader of the same kind, such as `data.test`. The
  /// Learner's callbacks act as in a fit's validation, and further ones in this one only, such as `Tta{}`; nothing is
  /// recorded or printed.
  Validation validate() { return validate(data_.valid); }
  template <class... More>
    requires(Callback<More> && ...)
  Validation validate(const ValidLoader& loader, More&&... more) {
    require_idle("validate");
    valid_loader_ = &loader;
    detail::AtEnd back{[this] { valid_loader_ = nullptr; }};
    detail::CallbackList own;
    for (const detail::CallbackRef& callback : callbacks_.own()) own.add(callback);
    (own.add(detail::CallbackRef(more)), ...);
    run(own, 0, [](detail::TrainingLoop& loop) { loop.run_validate(); });
    return {fit_.valid_loss, fit_.metrics};
  }

  /// Hangs a function behind a layer, for all that this Learner does until the guard ends: see nn/hook.hpp. Once the
  /// model has run, a layer that was not seen to is an error. Throws: IndexError if there is no such layer.
  Hook on_forward(std::string_view path, const ForwardHook& hook) {
    return hooks_.on_forward(layer_names(std::as_const(model_)), path, hook);
  }
  /// The same for the gradient of a layer's output.
  Hook on_backward(std::string_view path, const BackwardHook& hook) {
    return hooks_.on_backward(layer_names(std::as_const(model_)), path, hook);
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

  /// Writes what is known of this training as one HTML page, which needs no network and no scripts: configuration,
  /// model, curves, epochs, and for a classifier of labels (N) what it makes of the validation set, or of another
  /// loader of the same kind. Include <kiln/train/report.hpp>. Throws: UsageError for a name that does not end in .html
  /// or another number of class names than classes, DataError if it cannot be written.
  void report(const std::string& path, const ReportOptions& options = {}) { report(path, data_.valid, options); }
  void report(const std::string& path, const ValidLoader& loader, const ReportOptions& options = {}) {
    constexpr bool included = requires { sizeof(detail::LearnerReport<Learner>); };
    static_assert(included, "kiln: to write reports, include <kiln/train/report.hpp>");
    require_idle("report");
    if constexpr (included) detail::LearnerReport<Learner>{*this}.write(path, loader, options);
  }

  Net& model() { return model_; }
  auto& data() { return data_; }

 private:
  friend detail::LearnerReport<Learner>;

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

  void require_own_parameters() {
    for (const ParamRef& updated : optimizer_.parameters()) {
      bool found = false;
      for (const ParamRef& own : fit_.parameters()) found = found || own.address() == updated.address();
      if (!found) {
        fail<UsageError>("Learner", "the optimizer must update parameters of the model",
                         concat(updated.name, " is none of them"));
      }
    }
  }

  std::string data_order() const override {
    std::string text = "unknown";
    if constexpr (requires { data_.train.sampler(); }) text = detail::describe_fields(data_.train.sampler());
    if constexpr (requires { data_.train.transforms(); }) {
      if (const std::string transforms = data_.train.transforms(); !transforms.empty())
        text += concat(", transforms ", transforms);
    }
    return text;
  }

  void refresh_names() override { names_ = layer_names(std::as_const(model_)); }

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
  void step() override { fit_.optimizer().step(); }
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
    for_each_metric([&](auto& sum, auto&) { sum.append_to(fit_.metrics); });
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
  HookList hooks_;
  WeightedMean valid_mean_;
  std::optional<Tape> tape_;
  std::optional<Context> evaluation_;
  std::optional<decltype(std::declval<TrainLoader&>().epoch(0))> train_epoch_;
  std::optional<decltype(std::declval<ValidLoader&>().epoch(0))> valid_epoch_;
  const ValidLoader* valid_loader_ = nullptr;
  Index next_batch_index_ = 0;
};

template <class Data, class Model, class Loss, class Rule, class... Extras>
Learner(Data&&, Model&&, Loss&&, Rule&&, Extras&&...) -> Learner<Data, Model, Loss, Rule, Extras...>;

}  // namespace kiln
