// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/loop.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "toy.hpp"

TEST_SUITE_BEGIN("train");

using namespace kiln;

namespace {

using Names = std::vector<std::string>;

/// Notes every event, and cancels a scope at the first event of a given name.
struct Witness {
  Names seen;
  std::string cancel_at;
  Scope scope = Scope::fit;
  bool done = false;

  void on(auto event, Fit& fit) {
    seen.emplace_back(event.name);
    CHECK(fit.event() == event.name);
    if (event.name == cancel_at && !std::exchange(done, true)) fit.cancel(scope);
  }
};

struct Nested {
  Scope scope;
  std::string at;  // where it is cancelled at first
  std::vector<Scope> around;
};

/// Cancels one scope, and another from the event that follows.
struct Twice {
  const Nested& first;
  Scope second;
  Names seen = {};
  bool done = false;
  NoState no_state = {};
  void on(auto event, Fit& fit) {
    seen.emplace_back(event.name);
    if (event.name == concat("after_cancel_", scope_name(first.scope))) fit.cancel(second);
    if (event.name == first.at && !std::exchange(done, true)) fit.cancel(first.scope);
  }
};

Names epoch_events(int train_batches, int valid_batches) {
  Names names{"before_epoch", "before_train"};
  auto add = [&](std::initializer_list<const char*> more) { names.insert(names.end(), more.begin(), more.end()); };
  for (int i = 0; i < train_batches; ++i) {
    add({"before_batch", "after_pred", "after_loss", "before_backward", "after_backward", "before_step", "after_step",
         "after_batch"});
  }
  add({"after_train", "before_validate"});
  for (int i = 0; i < valid_batches; ++i) add({"before_batch", "after_pred", "after_loss", "after_batch"});
  add({"after_validate", "after_epoch"});
  return names;
}

}  // namespace

TEST_CASE("events come in fastai's order") {
  auto data = toy::loaders();
  toy::Mlp model;
  Witness witness;
  Learner learn{data, model, CrossEntropy{}, SGD{}, witness};
  learn.quiet();
  learn.fit(2, 0.1);
  Names expected{"after_create", "before_fit"};
  for (int epoch = 0; epoch < 2; ++epoch) {
    for (const auto& name : epoch_events(3, 2)) expected.push_back(name);
  }
  expected.push_back("after_fit");
  CHECK(witness.seen == expected);
}

TEST_CASE("the list of events is complete and in order") {
  CHECK(detail::Events::size == 24);
  CHECK(detail::Events::names[0] == "after_create");
  CHECK(detail::Events::names[10] == "before_step");
  CHECK(detail::Events::names[23] == "after_fit");
}

TEST_CASE("every scope can be cancelled from every event during which it is in progress, and from no other") {
  struct Case {
    Scope scope;
    Names inside;  // the events during which it is in progress, but for those of scopes within
  };
  const Names batch{"before_batch",   "after_pred",  "after_loss", "before_backward",
                    "after_backward", "before_step", "after_step"};
  auto in_progress = [&](Scope scope, const std::string& event, bool training) {
    auto is = [&](std::initializer_list<const char*> names) {
      return std::find(names.begin(), names.end(), event) != names.end();
    };
    const bool inside_batch = std::find(batch.begin(), batch.end(), event) != batch.end();
    switch (scope) {
      case Scope::fit: return !is({"after_create", "after_fit"});
      case Scope::epoch: return !is({"after_create", "before_fit", "after_fit", "after_epoch"});
      case Scope::train: return training && (inside_batch || is({"before_train", "after_batch"}));
      case Scope::validate: return !training && (inside_batch || is({"before_validate", "after_batch"}));
      case Scope::batch: return inside_batch;
      case Scope::backward: return is({"before_backward"});
      case Scope::step: return is({"before_step"});
    }
    return false;
  };
  for (Scope scope :
       {Scope::fit, Scope::epoch, Scope::train, Scope::validate, Scope::batch, Scope::backward, Scope::step}) {
    for (std::string_view event : detail::Events::names) {
      if (event.starts_with("after_cancel") || event == "after_create") continue;
      CAPTURE(event);
      const std::string_view name = scope_name(scope);
      CAPTURE(name);
      auto data = toy::loaders();
      toy::Mlp model;
      Witness witness{.seen = {}, .cancel_at = std::string(event), .scope = scope};
      Learner learn{data, model, CrossEntropy{}, SGD{}, witness};
      learn.quiet();
      witness.seen.clear();
      // The first of these events is in the first training batch, or in the validation if there is none in training.
      const bool training = event != "before_validate" && event != "after_validate";
      if (in_progress(scope, std::string(event), training)) {
        learn.fit(1, 0.1);
        const std::string cancelled = concat("after_cancel_", name), after = concat("after_", name);
        auto at = std::find(witness.seen.begin(), witness.seen.end(), cancelled);
        REQUIRE(at != witness.seen.end());
        CHECK(*(at + 1) == after);
        CHECK(*(at - 1) == event);
        CHECK(learn.position().epoch == (event != "before_fit"));
        CHECK(std::count(witness.seen.begin(), witness.seen.end(), cancelled) == 1);
        CHECK(witness.seen.back() == "after_fit");
      } else {
        CHECK_THROWS_WITH_AS(
            learn.fit(1, 0.1),
            concat("cancel: only what is in progress can be cancelled, and ", name, " is not: the event is ", event)
                .c_str(),
            UsageError);
      }
      // Either way the learner goes on as if nothing had happened.
      witness.seen.clear();
      learn.fit(1, 0.1);
      Names expected = epoch_events(3, 2);
      expected.insert(expected.begin(), "before_fit");
      expected.push_back("after_fit");
      CHECK(witness.seen == expected);
    }
  }
}

TEST_CASE("an after_cancel event may cancel a scope around its own, and no other") {
  const std::vector<Scope> all{Scope::fit,   Scope::epoch,    Scope::train, Scope::validate,
                               Scope::batch, Scope::backward, Scope::step};
  const std::vector<Nested> cases{
      {Scope::step, "before_step", {Scope::batch, Scope::train, Scope::epoch, Scope::fit}},
      {Scope::backward, "before_backward", {Scope::batch, Scope::train, Scope::epoch, Scope::fit}},
      {Scope::batch, "after_loss", {Scope::train, Scope::epoch, Scope::fit}},
      {Scope::train, "after_batch", {Scope::epoch, Scope::fit}},
      {Scope::validate, "before_validate", {Scope::epoch, Scope::fit}},
      {Scope::epoch, "before_train", {Scope::fit}},
      {Scope::fit, "before_epoch", {}}};
  for (const Nested& first : cases) {
    for (Scope second : all) {
      const std::string inner(scope_name(first.scope)), outer(scope_name(second));
      CAPTURE(inner);
      CAPTURE(outer);
      auto data = toy::loaders();
      toy::Mlp model;
      Learner learn{data, model, CrossEntropy{}, SGD{}};
      learn.quiet();
      Twice twice{first, second};
      if (std::find(first.around.begin(), first.around.end(), second) != first.around.end()) {
        learn.fit(1, 0.1, twice);
        const std::string cancelled = concat("after_cancel_", inner);
        const auto at = std::find(twice.seen.begin(), twice.seen.end(), cancelled);
        REQUIRE(at + 2 < twice.seen.end());
        CHECK(*(at + 1) == concat("after_cancel_", outer));  // the inner scope's own after event does not come
        CHECK(*(at + 2) == concat("after_", outer));
        CHECK(twice.seen.back() == "after_fit");
        CHECK(learn.position().epoch == 1);  // everything was closed once
      } else {
        CHECK_THROWS_WITH_AS(learn.fit(1, 0.1, twice),
                             concat("cancel: only what is in progress can be cancelled, and ", outer,
                                    " is not: the event is after_cancel_", inner)
                                 .c_str(),
                             UsageError);
      }
      learn.fit(1, 0.1);
      CHECK(std::isfinite(learn.recorder().epochs.back().valid_loss));
    }
  }
}

TEST_CASE("nothing can be cancelled while a Learner is made") {
  auto data = toy::loaders();
  toy::Mlp model;
  Witness witness{.seen = {}, .cancel_at = "after_create"};
  CHECK_THROWS_WITH_AS((Learner{data, model, CrossEntropy{}, SGD{}, witness}),
                       "cancel: only what is in progress can be cancelled, and fit is not: the event is after_create",
                       UsageError);
}

TEST_CASE("a cancelled batch is not stepped, a cancelled step keeps the gradients") {
  auto data = toy::loaders();
  toy::Mlp model;
  const auto before = model.out.weight.value;
  struct Stop {
    Scope scope;
    void on(BeforeStep, Fit& fit) { fit.cancel(scope); }
  };
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  learn.quiet();
  learn.fit(1, 0.1, Stop{Scope::batch});
  CHECK(all_equal(model.out.weight.value, before));
  CHECK(model.out.weight.has_grad());
  learn.fit(1, 0.1, Stop{Scope::step});
  CHECK(all_equal(model.out.weight.value, before));
  CHECK(model.out.weight.has_grad());
  learn.fit(1, 0.1);
  CHECK_FALSE(all_equal(model.out.weight.value, before));
  CHECK_FALSE(model.out.weight.has_grad());
}

TEST_CASE("a cancelled epoch counts, so that its data order does not come again") {
  auto data = toy::loaders();
  toy::Mlp model;
  struct Stop {
    void on(AfterBatch, Fit& fit) { fit.cancel(Scope::epoch); }
  };
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  learn.quiet();
  learn.fit(2, 0.1, Stop{});
  CHECK(learn.position().epoch == 2);
  CHECK(learn.position().step == 2);
}

TEST_SUITE_END();
