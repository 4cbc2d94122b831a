// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// What a Profiler does while a fit is in progress: it looks at the clock whenever something else begins, and books the
/// time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <kiln/autograd/layer_scope.hpp>
#include <kiln/autograd/tape.hpp>
#include <kiln/train/loop.hpp>
#include <kiln/train/profile_book.hpp>

namespace kiln::detail {

/// Stands between the training loop and the Learner, and looks at the clock whenever something else begins. What goes
/// on is a stack: what begins last is charged with the time until something else begins within it, or it ends.
class ProfilerRun final : public TrainingWork, public LayerObserver {
 public:
  ProfileBook train, valid;

  ProfilerRun(Fit& fit, Index warm_up, Index batches, std::int64_t (*clock)())
      : fit_(fit),
        work_(std::exchange(Fit::Access::work(fit), this)),
        warm_up_(warm_up),
        batches_(batches),
        clock_(clock) {
    apart = false;
    entered = [](LayerObserver& self, const LayerCall& call) { static_cast<ProfilerRun&>(self).enter(call); };
    left = [](LayerObserver& self, const LayerCall&, AnyVar& output) { static_cast<ProfilerRun&>(self).leave(output); };
    if (!fit.in_progress(Scope::batch)) return;  // else it is one of a fit that is resumed
    look(fit.training ? train : valid);
    context_ = &fit.context();
  }
  void stop() {
    fit_.unobserve(*this);
    Fit::Access::work(fit_) = work_;
  }

  void begin_train() override {
    begin(train, [&] { work_->begin_train(); });
  }
  void begin_validate() override {
    begin(valid, [&] { work_->begin_validate(); });
  }
  bool next_batch() override {
    bool any = false;
    during(ProfileBook::data, [&] { any = work_->next_batch(); });
    complete_ = false;
    begun_ = true;
    return any;
  }
  void begin_batch() override {
    work_->begin_batch();
    context_ = &fit_.context();
    flops_ = backward_flops_ = 0;
  }
  void predict() override { work_->predict(); }
  void compute_loss() override {
    during(ProfileBook::loss, [&] { work_->compute_loss(); });
  }
  void count_batch() override {
    during(fit_.training ? ProfileBook::rest : ProfileBook::metrics, [&] { work_->count_batch(); });
    complete_ = !fit_.training;
  }
  void backward() override {
    during(ProfileBook::loss_backward, [&] { work_->backward(); });
  }
  void step() override {
    during(ProfileBook::optimizer, [&] { work_->step(); });
  }
  void commit() override {
    work_->commit();
    complete_ = true;
  }
  void end_batch() override {
    context_ = nullptr;
    work_->end_batch();
    if (!book_) return;
    charge();
    stack_.clear();
    account_ = ProfileBook::rest;
    bool counts = complete_ && begun_;
    if (counts && book_->profile.left_out < warm_up_) {
      ++book_->profile.left_out;
      counts = false;
    }
    book_->end_batch(counts, fit_.batch_size);
    if (enough(*book_)) look_away();
  }
  void finish_metrics() override { work_->finish_metrics(); }
  void end_pass() override {
    work_->end_pass();
    if (book_) look_away();
  }

 private:
  bool enough(const ProfileBook& book) const { return batches_ > 0 && book.profile.batches >= batches_; }

  template <class Begin>
  void begin(ProfileBook& book, Begin begin_pass) {
    if (enough(book)) return begin_pass();
    look(book);
    during(ProfileBook::data, begin_pass);
  }
  void look(ProfileBook& book) {
    book_ = &book;
    fit_.observe(*this);
    stack_.clear();
    account_ = ProfileBook::rest;
    last_ = clock_();
  }
  /// Until the next pass.
  void look_away() {
    fit_.unobserve(*this);
    book_->end_batch(false, 0);
    book_ = nullptr;
  }

  /// Everything up to now to what went on.
  void charge() {
    const std::int64_t now = clock_();
    book_->batch[account_].time += now - std::exchange(last_, now);
    if (!context_) return;
    const double flops = context_->flops() - std::exchange(flops_, context_->flops());
    const double backward = context_->backward_flops() - std::exchange(backward_flops_, context_->backward_flops());
    if (const std::size_t layer = ProfileBook::layer_of(account_)) {
      book_->batch[ProfileBook::forward_of(layer)].flops += flops;
      book_->batch[ProfileBook::backward_of(layer)].flops += backward;
    }
  }
  void push(std::size_t account) {
    charge();
    stack_.push_back(std::exchange(account_, account));
  }
  void pop() {
    if (!book_ || stack_.empty()) return;
    charge();
    account_ = stack_.back();
    stack_.pop_back();
  }

  template <class F>
  void during(ProfileBook::Part part, F work) {
    if (!book_) return work();
    const std::size_t depth = stack_.size();
    push(part);
    AtEnd back{[&] {  // also from layers that something was thrown in
      while (stack_.size() > depth) pop();
    }};
    work();
  }

  void enter(const LayerCall& call) {
    if (!book_) return;
    const std::size_t layer = book_->find(call, ProfileBook::layer_of(account_));
    push(ProfileBook::forward_of(layer));
    ++book_->layers[layer].runs;
    if (Tape* tape = recording()) tape->on_the_way_back([this] { pop(); });
  }
  void leave(const AnyVar& output) {
    if (!book_) return;
    const std::size_t layer = ProfileBook::layer_of(account_);
    ProfileRow& row = book_->layers[layer].row;
    if (row.output.empty() && !output.empty()) {
      row.output.assign(output.dims().begin(), output.dims().end());
      book_->doubles = book_->doubles || output.value().type().ends_with("double>");
    }
    if (Tape* tape = recording())
      tape->on_the_way_back([this, layer] {
        if (book_) push(ProfileBook::backward_of(layer));
      });
    pop();
  }
  Tape* recording() const { return context_ && context_->recording() ? static_cast<Tape*>(context_) : nullptr; }

  Fit& fit_;
  TrainingWork* work_;
  Index warm_up_;
  Index batches_;
  std::int64_t (*clock_)();
  ProfileBook* book_ = nullptr;  // of the pass in progress, while somebody looks
  Context* context_ = nullptr;
  bool begun_ = false;     // whether the batch in progress was seen to begin
  bool complete_ = false;  // and came to its end
  std::int64_t last_ = 0;
  double flops_ = 0;
  double backward_flops_ = 0;
  std::size_t account_ = ProfileBook::rest;
  std::vector<std::size_t> stack_;
};

}  // namespace kiln::detail
