// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Profiler`: prints where the time goes, layer by layer, forward and backward, with GFLOP/s; and what data, loss,
/// optimizer and callbacks take.
///
///     learn.fit(1, 0.1, Profiler{.batches = 100});
///     learn.validate(data.valid, Profiler{});
///
/// Among the callbacks of a Learner it acts in every fit, and in `learn.report` it has a section. For programs:
/// `Profiler profiler{.out = nullptr}; learn.fit(1, 0.1, profiler);`, then profiler.train.rows.
#pragma once

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <kiln/core/file.hpp>
#include <kiln/kernels/fma_peak.hpp>
#include <kiln/train/loop.hpp>
#include <kiln/train/profile.hpp>
#include <kiln/train/progress.hpp>
#include <kiln/viz/theme.hpp>

namespace kiln {

namespace detail {

inline std::int64_t steady_nanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// What somebody took of a batch.
struct Spent {
  std::int64_t time = 0;
  double flops = 0;
};

/// The layers that ran in the batches of one kind, and what everything took. Account 0 to 5 are the parts outside of
/// the layers; each layer has one for either pass.
struct ProfileBook {
  enum Part { rest, data, loss, loss_backward, optimizer, metrics, parts };

  struct Layer {
    LayerKey key;
    bool named = false;
    std::size_t parent = 0;
    std::size_t last_child = 0;  // that ran, after which the next one is looked for
    std::vector<std::size_t> children{};
    ProfileRow row{};
    Index runs = 0;  // in this batch
    Index all_runs = 0;
  };

  std::vector<Layer> layers{{}};                             // the first stands for what surrounds the model
  std::vector<Spent> batch = std::vector<Spent>(parts + 2);  // by account
  std::vector<Spent> total = std::vector<Spent>(parts + 2);
  Profile profile{};
  bool doubles = false;  // comes out of the layers

  static std::size_t forward_of(std::size_t layer) { return parts + 2 * layer; }
  static std::size_t backward_of(std::size_t layer) { return parts + 2 * layer + 1; }
  /// 0 for a part outside of the layers.
  static std::size_t layer_of(std::size_t account) { return account < parts ? 0 : (account - parts) / 2; }

  /// The layer of this call inside of another. What has no name is known by its type, since its address may change.
  std::size_t find(const LayerCall& call, std::size_t parent) {
    std::vector<std::size_t>& children = layers[parent].children;
    for (std::size_t i = 0; i < children.size(); ++i) {
      const std::size_t at = (layers[parent].last_child + i) % children.size();
      const Layer& layer = layers[children[at]];
      if (layer.named != call.named) continue;
      if (call.named ? layer.key != call.key : layer.key.type != call.key.type) continue;
      layers[parent].last_child = at + 1;
      return children[at];
    }
    const std::size_t added = layers.size();
    children.push_back(added);
    layers.push_back({.key = call.key, .named = call.named, .parent = parent});
    layers.back().row.path = call.path;
    layers.back().row.layer = call.type;
    layers.back().row.depth = parent ? layers[parent].row.depth + 1 : 0;
    batch.resize(backward_of(added) + 1);
    total.resize(batch.size());
    return added;
  }

  /// Counts the batch, or forgets it.
  void end_batch(bool counts, Index samples) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const Spent spent = std::exchange(batch[i], {});
      if (!counts) continue;
      total[i].time += spent.time;
      total[i].flops += spent.flops;
    }
    for (Layer& layer : layers) {
      const Index runs = std::exchange(layer.runs, 0);
      if (counts) layer.all_runs += runs;
    }
    if (!counts) return;
    ++profile.batches;
    profile.samples += samples;
    profile.batch_size = (std::max)(profile.batch_size, samples);
  }

  Profile result() const {
    Profile all = profile;
    if (all.batches == 0) return all;
    const double share = 1 / static_cast<double>(all.batches);
    const auto seconds = [&](std::size_t account) { return static_cast<double>(total[account].time) * 1e-9 * share; };
    all.rest = seconds(rest);
    all.data = seconds(data);
    all.loss = seconds(loss);
    all.loss_backward = seconds(loss_backward);
    all.optimizer = seconds(optimizer);
    all.metrics = seconds(metrics);
    all.seconds = all.rest + all.data + all.loss + all.loss_backward + all.optimizer + all.metrics;
    for (std::size_t child : layers[0].children) all.seconds += add_rows(all, child, share, seconds).seconds();
    return all;
  }

 private:
  /// The layer and, behind it, those within.
  ProfileRow add_rows(Profile& all, std::size_t at, double share, const auto& seconds) const {
    const Layer& layer = layers[at];
    if (layer.all_runs == 0) return {};
    ProfileRow row = layer.row;
    row.runs = static_cast<double>(layer.all_runs) * share;
    row.forward = row.own_forward = seconds(forward_of(at));
    row.backward = row.own_backward = seconds(backward_of(at));
    row.flops = row.own_flops = total[forward_of(at)].flops * share;
    row.backward_flops = row.own_backward_flops = total[backward_of(at)].flops * share;
    const std::size_t place = all.rows.size();
    all.rows.emplace_back();
    for (std::size_t child : layer.children) {
      const ProfileRow inner = add_rows(all, child, share, seconds);
      row.forward += inner.forward;
      row.backward += inner.backward;
      row.flops += inner.flops;
      row.backward_flops += inner.backward_flops;
    }
    return all.rows[place] = std::move(row);
  }
};

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

}  // namespace detail

/// A callback that measures a fit, or a validation, and prints a table when it ends, unless by an exception. Times are
/// wall times on the thread that trains. Results have the same bits with it.
///
/// A layer that does not announce itself is part of the one around it. Neighbours that run as one layer, as a Linear
/// and the ReLU behind it, are shown as one, unless a hook keeps them apart. Only complete batches count; what lies
/// between epochs does not. A second model, or one that a callback runs, has its own rows.
struct Profiler {
  static constexpr int order = 70;
  static constexpr bool trials = false;

  Index batches = 0;        ///< so many of training, and of validation, are measured; 0: all of the fit
  Index warm_up = 1;        ///< batches before those
  Index layers = 30;        ///< that the table shows; those that take least are added up
  bool peak = true;         ///< measures, for 20 ms, what the threads reach at most
  std::FILE* out = stdout;  ///< null to print nothing
  std::string path = {};    ///< of a .json file that is written as well
  std::int64_t (*clock)() = detail::steady_nanoseconds;

  Profile train = {};  ///< of the last fit; empty without a complete batch after `warm_up`
  Profile valid = {};

  /// The layers of the training batches, or where there were none, of validation.
  const std::vector<ProfileRow>& rows() const { return train.empty() ? valid.rows : train.rows; }

  /// What is printed.
  std::string text(Index columns = 100) const {
    if (train.empty() && valid.empty()) {
      return concat("Profiler: nothing was measured: there was no complete batch after ", warm_up,
                    " to warm up (Profiler{.warm_up = 0} leaves out none)\n");
    }
    if (train.empty()) return valid.text("Validation", columns, layers);
    std::string all = train.text("Training", columns, layers);
    if (valid.empty()) return all;
    double model = 0;
    for (const ProfileRow& row : valid.rows) model += row.depth == 0 ? row.seconds() : 0;
    const auto share = [&](double part) { return detail::spoken_share(part, valid.seconds); };
    return concat(all, "\nValidation: ", detail::spoken_time(valid.seconds), " a batch of ", valid.batch_size, ", ",
                  detail::spoken_rate(valid.samples_per_second()), " samples/s; layers ", share(model), ", loss ",
                  share(valid.loss), ",\nmetrics ", share(valid.metrics), ", waiting for data ", share(valid.data),
                  ", callbacks and loop ", share(valid.rest), "\n");
  }

  // A fit that is resumed begins with any of these.
  void on(BeforeFit, Fit& fit) { start(fit); }
  void on(BeforeEpoch, Fit& fit) { start(fit); }
  void on(BeforeTrain, Fit& fit) { start(fit); }
  void on(BeforeValidate, Fit& fit) { start(fit); }
  void on(BeforeBatch, Fit& fit) { start(fit); }

  void on(AfterValidate, Fit& fit) {
    if (!fit.in_progress(Scope::fit)) show();
  }
  /// Throws: DataError if the file cannot be written.
  void on(AfterFit, Fit&) { show(); }

  // What follows is for the fit in progress.

  NoState no_state = {};
  std::shared_ptr<detail::ProfilerRun> run = {};
  bool measured = false;  ///< whether train and valid are there

  /// Throws: UsageError for settings that make no sense, DataError if there is no such folder.
  void start(Fit& fit) {
    if (run) return;
    const auto check = [](std::string_view name, Index value, Index least) {
      if (value < least) fail<UsageError>("Profiler", concat(name, " must be at least ", least), concat("got ", value));
    };
    check("batches", batches, 0);
    check("warm_up", warm_up, 0);
    check("layers", layers, 1);
    if (!path.empty()) {
      if (!path.ends_with(".json")) fail<UsageError>("Profiler", "the file must end in .json", concat("got ", path));
      detail::check_folder("Profiler", path);
    }
    train = valid = {};
    run = std::make_shared<detail::ProfilerRun>(fit, warm_up, batches, clock);
    measured = false;
    fit.at_end([this] {
      finish();
      run->stop();  // what began after this one has ended before
      run.reset();
    });
  }

 private:
  void finish() {
    if (std::exchange(measured, true)) return;
    for (auto [result, book] : {std::pair(&train, &run->train), std::pair(&valid, &run->valid)}) {
      *result = book->result();
      result->threads = num_threads();
    }
    const bool doubles = run->train.doubles || run->valid.doubles;
    if (!peak || train.flops() + valid.flops() <= 0) return;
    train.peak = valid.peak = fma_peak() / (doubles ? 2 : 1);
  }

  void show() {
    finish();
    if (out) {
      const std::string all = concat("\n", text(detail::terminal_columns(out, 100)));
      std::fwrite(all.data(), 1, all.size(), out);
      std::fflush(out);
    }
    if (path.empty()) return;
    const std::string all = concat("{\"train\":", train.json(), ",\n\"valid\":", valid.json(), "}\n");
    detail::replace_file("Profiler", path, [&](const detail::File& file) { file.write(all.data(), all.size()); });
  }
};

}  // namespace kiln
