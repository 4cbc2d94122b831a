// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Fit`: what a callback sees of the training in progress, and may change. Not a template: tensors are held as
/// AnyTensor and AnyVar, `fit.pred.as<2>()` gives them back with their type.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <kiln/autograd/any_var.hpp>
#include <kiln/autograd/layer_scope.hpp>
#include <kiln/autograd/param_ref.hpp>
#include <kiln/optim/optimizer.hpp>
#include <kiln/train/event.hpp>

namespace kiln {

/// Where training stands. It counts what training has consumed, not what loaders have prefetched.
struct Position {
  Index epoch = 0;        ///< of all fits so far; decides the order of the data and the random numbers
  Index batch = 0;        ///< in this epoch: training batches consumed, cancelled ones too
  Index step = 0;         ///< of all fits so far: training batches consumed
  Index first_epoch = 0;  ///< the fit in progress covers [first_epoch, last_epoch)
  Index last_epoch = 0;
  friend bool operator==(const Position&, const Position&) = default;
};

/// A metric's name and its value over the validation set.
struct MetricValue {
  std::string name;
  double value = 0;
  friend bool operator==(const MetricValue&, const MetricValue&) = default;
};

namespace detail {

class TrainingWork;

/// Thrown by Fit::cancel, caught by the training loop at the end of the scope.
struct Cancelled {
  Scope scope;
};

}  // namespace detail

/// The state of the training in progress.
class Fit {
 public:
  Fit() = default;
  Fit(const Fit&) = delete;  // `on(Event, Fit)` would change a copy
  Fit& operator=(const Fit&) = delete;

  Position position;
  Index batches = 0;      ///< in the pass in progress, training or validation
  Index batch = 0;        ///< the batch in progress within that pass
  bool trial = false;     ///< what is trained is given up later; callbacks with `trials = false` do not act
  bool training = false;  ///< the batch in progress trains the model; false while it is validated

  AnyTensor x;  ///< the batch's input; may be replaced in before_batch
  AnyTensor y;  ///< the batch's target; may be replaced until the loss is computed
  Index batch_size = 0;
  AnyVar pred;            ///< the model's output; if set in before_batch, the model is not run
  AnyVar loss;            ///< the scalar that is differentiated; if set in after_pred, the loss function is not called
  double loss_value = 0;  ///< after after_loss: the loss as a number
  bool counted = false;   ///< whether the batch got as far as its loss, and counts in means and metrics

  double train_loss = 0;             ///< mean over the samples of this epoch so far
  double valid_loss = 0;             ///< mean over the validation samples so far
  std::vector<MetricValue> metrics;  ///< after the validation

  /// The epoch within this fit, from 0, and how many it has.
  Index epoch() const { return epoch_ - position.first_epoch; }
  Index epochs() const { return position.last_epoch - position.first_epoch; }
  /// How much of this fit's training is done, from 0 to 1.
  double progress() const {
    const auto done = static_cast<double>((position.epoch - position.first_epoch) * train_batches + position.batch);
    return epochs() * train_batches > 0 ? done / static_cast<double>(epochs() * train_batches) : 0;
  }
  Index train_batches = 0;  ///< in one training epoch

  Optimizer& optimizer() const { return *optimizer_; }
  /// Those of the model, whether the optimizer updates them or not.
  std::span<const ParamRef> parameters() const { return parameters_; }
  /// All that is saved of the model: parameters and buffers.
  std::span<const ParamRef> state_tensors() const { return state_tensors_; }
  void zero_grad() const {
    for (const ParamRef& param : parameters_) param.zero_grad();
  }
  /// The paths of the model's layers.
  const LayerNames& layer_names() const { return *layer_names_; }
  /// The context of the forward pass in progress: a Tape while training. Valid from before_batch to after_batch.
  Context& context() const {
    if (!context_) fail<UsageError>("context", "a batch must be in progress", concat("the event is ", event_));
    return *context_;
  }

  /// Tells an observer about every layer that runs, from now to the end of this fit or until it is taken out.
  void observe(LayerObserver& observer) {
    if (std::find(observers_.begin(), observers_.end(), &observer) == observers_.end()) observers_.push_back(&observer);
    if (context_) context_->observe(&observer);
  }
  void unobserve(LayerObserver& observer) {
    std::erase(observers_, &observer);
    if (context_) context_->unobserve(&observer);
  }

  /// Runs `last` when this fit or validation ends, however it ends: after_fit does not come when something is thrown.
  /// What was given last runs first. It must not throw.
  void at_end(std::function<void()> last) { at_end_.push_back(std::move(last)); }

  /// The model or the loss function, called with tensors of the types that it takes.
  AnyVar run_model(const AnyTensor& input) { return run_model_(*this, input); }
  AnyVar compute_loss(const AnyVar& prediction, const AnyTensor& target) {
    return compute_loss_(*this, prediction, target);
  }

  /// Ends a scope early: what is left of it is not done, and its after_cancel event follows. Does not return.
  /// Throws: UsageError if the scope is not in progress.
  [[noreturn]] void cancel(Scope scope) {
    if (!in_progress(scope)) {
      fail<UsageError>("cancel",
                       concat("only what is in progress can be cancelled, and ", scope_name(scope), " is not"),
                       concat("the event is ", event_));
    }
    throw detail::Cancelled{scope};
  }
  bool in_progress(Scope scope) const { return (scopes_ >> static_cast<int>(scope) & 1u) != 0; }
  /// The event in progress, such as `before_batch`.
  std::string_view event() const { return event_; }

  /// For the training loop and the Learner.
  struct Access;

 private:
  Optimizer* optimizer_ = nullptr;
  std::vector<ParamRef> parameters_;
  std::vector<ParamRef> state_tensors_;
  const LayerNames* layer_names_ = nullptr;
  std::vector<LayerObserver*> observers_;
  std::vector<std::function<void()>> at_end_;
  Context* context_ = nullptr;
  AnyVar (*run_model_)(Fit&, const AnyTensor&) = nullptr;
  AnyVar (*compute_loss_)(Fit&, const AnyVar&, const AnyTensor&) = nullptr;
  void* learner_ = nullptr;
  detail::TrainingWork* work_ = nullptr;
  Index epoch_ = 0;  // the one in progress, or the last; position.epoch is the next as soon as it ends
  unsigned scopes_ = 0;
  std::string_view event_ = "none";
};

struct Fit::Access {
  static void connect(Fit& fit, void* learner, Optimizer& optimizer, const LayerNames& names,
                      std::vector<ParamRef> state_tensors, AnyVar (*run_model)(Fit&, const AnyTensor&),
                      AnyVar (*compute_loss)(Fit&, const AnyVar&, const AnyTensor&)) {
    fit.learner_ = learner;
    fit.optimizer_ = &optimizer;
    fit.layer_names_ = &names;
    fit.state_tensors_ = std::move(state_tensors);
    for (const ParamRef& tensor : fit.state_tensors_) {
      if (tensor.is_param()) fit.parameters_.push_back(tensor);
    }
    fit.run_model_ = run_model;
    fit.compute_loss_ = compute_loss;
  }
  static void begin_epoch(Fit& fit) { fit.epoch_ = fit.position.epoch; }
  static void* learner(Fit& fit) { return fit.learner_; }
  static void set_context(Fit& fit, Context* context) {
    fit.context_ = context;
    if (!context) return;
    for (LayerObserver* observer : fit.observers_) context->observe(observer);
  }
  /// Leaves everything as it was before the fit.
  static void end(Fit& fit) {
    while (!fit.at_end_.empty()) {
      const std::function<void()> last = std::move(fit.at_end_.back());
      fit.at_end_.pop_back();
      last();
    }
    fit.observers_.clear();
    fit.trial = false;
  }
  static unsigned& scopes(Fit& fit) { return fit.scopes_; }
  static detail::TrainingWork*& work(Fit& fit) { return fit.work_; }
  static std::string_view& event(Fit& fit) { return fit.event_; }
};

}  // namespace kiln
