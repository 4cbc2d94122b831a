// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Optimizer`: applies a rule, such as `SGD` or `Adam`, to the parameters of a model:
///
///     Optimizer opt{Adam{.lr = 1e-3}, parameters(model)};
///     backward(loss);
///     opt.step();
///     opt.zero_grad();
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kiln/autograd/param_ref.hpp>
#include <kiln/optim/optimizer_state.hpp>
#include <kiln/optim/rule.hpp>

namespace kiln {

/// Groups of parameters, each with a rule of its own, and what the rules remember of them. It refers to the parameters,
/// which must outlive it; a copy has a state of its own. What it does never depends on the number of threads.
class Optimizer {
 public:
  /// One group. Throws: UsageError without a trainable parameter, for one given twice, or for impossible values of the
  /// rule.
  template <class Rule>
  Optimizer(Rule rule, std::vector<ParamRef> params) {
    if (std::none_of(params.begin(), params.end(), [](const ParamRef& p) { return p.trainable(); })) {
      fail<UsageError>("optimizer", "it needs at least one trainable parameter",
                       params.empty() ? "got none" : concat("all ", params.size(), " are frozen"));
    }
    add_group(std::move(rule), std::move(params));
  }

  /// Further parameters with values, or a rule, of their own. Throws: UsageError as the constructor does.
  template <class Rule>
  void add_group(Rule rule, std::vector<ParamRef> params) {
    add(Group{std::move(rule), std::move(params), {}});
  }

  /// Updates every trainable parameter that has a gradient. Throws: UsageError, before anything is changed, when a
  /// hyper-parameter has become impossible.
  void step() {
    for (const Group& group : groups_) {
      group.rule.check();
      for (std::size_t i = 0; i < group.params.size(); ++i) require_shape(group.params[i], group.states[i]);
    }
    for (Group& group : groups_) {
      for (std::size_t i = 0; i < group.params.size(); ++i) update(group.rule, group.params[i], group.states[i]);
    }
    ++steps_;
  }

  /// Forgets the gradients.
  void zero_grad() {
    for (const Group& group : groups_) {
      for (const ParamRef& param : group.params) param.zero_grad();
    }
  }

  /// How many steps have been made.
  Index steps() const { return steps_; }

  std::size_t group_count() const { return groups_.size(); }
  const std::vector<ParamRef>& parameters(std::size_t group) const { return at(group).params; }
  /// Those of all groups.
  std::vector<ParamRef> parameters() const {
    std::vector<ParamRef> all;
    for (const Group& group : groups_) {
      for (const ParamRef& param : group.params) all.push_back(param);
    }
    return all;
  }

  /// Such as `SGD`.
  std::string_view rule_name(std::size_t group = 0) const { return at(group).rule.name(); }
  /// A group's rule itself. Throws: UsageError if it is another one.
  template <class Rule>
  Rule& rule(std::size_t group = 0) {
    if (Rule* rule = at(group).rule.template as<Rule>()) return *rule;
    fail<UsageError>("rule", concat("asked for ", type_name<Rule>()),
                     concat("group ", group, " has ", rule_name(group)));
  }

  /// The names of a group's hyper-parameters, in order.
  std::vector<std::string_view> hyper_names(std::size_t group = 0) const { return at(group).rule.hyper_names(); }
  /// A hyper-parameter by name, to read or to write: `opt.hyper(0, "lr") = 0.1`. The reference stays valid as long as
  /// the optimizer. Throws: IndexError for an unknown one.
  double& hyper(std::size_t group, std::string_view name) {
    if (double* value = at(group).rule.hyper(name)) return *value;
    std::string known;
    for (std::string_view other : hyper_names(group)) known += concat(known.empty() ? "" : ", ", other);
    fail<IndexError>("hyper", concat(rule_name(group), " has ", known), concat("got ", name));
  }
  /// The same, or null for an unknown one.
  double* find_hyper(std::size_t group, std::string_view name) { return at(group).rule.hyper(name); }
  double hyper(std::size_t group, std::string_view name) const {
    return const_cast<Optimizer*>(this)->hyper(group, name);
  }

  /// A copy of all that the optimizer remembers, hyper-parameters included.
  OptimizerState state() const {
    OptimizerState all{steps_, {}};
    for (const Group& group : groups_) {
      all.groups.push_back({std::string(group.rule.name()), group.rule.values(), group.states});
    }
    return all;
  }

  /// Goes on from a state of an optimizer with equal rules and parameters. Throws: UsageError or ShapeError if it does
  /// not fit; nothing is changed then.
  void load_state(const OptimizerState& state);

 private:
  struct Group {
    detail::AnyRule rule;
    std::vector<ParamRef> params;
    std::vector<ParameterState> states;  // by position
  };

  const Group& at(std::size_t group) const {
    if (group >= groups_.size()) {
      fail<IndexError>("optimizer", concat("it has ", groups_.size(), " groups, counted from 0"),
                       concat("got ", group));
    }
    return groups_[group];
  }
  Group& at(std::size_t group) { return const_cast<Group&>(std::as_const(*this).at(group)); }

  void add(Group group) {
    if (group.params.empty()) fail<UsageError>("optimizer", "a group needs at least one parameter", "got none");
    group.rule.check();
    for (std::size_t i = 0; i < group.params.size(); ++i) {
      const ParamRef& param = group.params[i];
      auto same = [&](const ParamRef& other) { return other.address() == param.address(); };
      bool twice = std::any_of(group.params.begin(), group.params.begin() + static_cast<Index>(i), same);
      for (const Group& other : groups_) twice = twice || std::any_of(other.params.begin(), other.params.end(), same);
      if (twice) {
        fail<UsageError>("optimizer", "a parameter must be given only once", concat("got ", param.name, " twice"));
      }
    }
    for (const ParamRef& param : group.params) {
      Dims dims = param.dims();
      group.states.push_back({param.name, {dims.begin(), dims.end()}, 0, {}});
    }
    groups_.push_back(std::move(group));
  }

  static void require_fit(const GroupState& state, Group& group);
  static void require_fit(const ParameterState& state, const ParamRef& param, const ParameterState& own);

  static void set_hypers(detail::AnyRule& rule, const std::vector<HyperParameter>& values) {
    for (const HyperParameter& hyper : values) {
      if (double* value = rule.hyper(hyper.name)) *value = hyper.value;
    }
  }

  static void require_shape(const ParamRef& param, const ParameterState& state) {
    Dims dims = param.dims();
    if (!std::equal(dims.begin(), dims.end(), state.shape.begin(), state.shape.end())) {
      fail<ShapeError>("optimizer", concat(param.name, " must keep its shape ", Dims(state.shape)),
                       concat("got ", dims));
    }
  }

  static void update(const detail::AnyRule& rule, const ParamRef& param, ParameterState& state) {
    if (!param.trainable() || !param.has_grad()) return;
    ++state.updates;
    param.visit_type([&]<class T>(T) { rule.update(ParamUpdate<T>(param.value<T>(), param.grad<T>(), state)); });
  }

  Index steps_ = 0;
  std::vector<Group> groups_;
};

inline void Optimizer::require_fit(const GroupState& state, Group& group) {
  constexpr std::string_view op = "load_state";
  const std::string_view rule = group.rule.name();
  if (state.rule != rule) fail<UsageError>(op, concat("the rule is ", rule), concat("got ", state.rule));
  const std::vector<HyperParameter> values = group.rule.values();
  auto same_name = [](const auto& a, const auto& b) { return a.name == b.name; };
  if (!std::equal(state.hypers.begin(), state.hypers.end(), values.begin(), values.end(), same_name)) {
    fail<UsageError>(op, concat("the hyper-parameters must be those of ", rule), "got others");
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (group.rule.hyper(values[i].name) || state.hypers[i].value == values[i].value) continue;
    fail<UsageError>(op, concat(rule, ".", values[i].name, " is ", values[i].value),
                     concat("got ", state.hypers[i].value));
  }
  if (state.parameters.size() != group.params.size()) {
    fail<UsageError>(op, concat("the group has ", group.params.size(), " parameters"),
                     concat("got ", state.parameters.size()));
  }
  for (std::size_t i = 0; i < group.params.size(); ++i) {
    require_fit(state.parameters[i], group.params[i], group.states[i]);
  }
}

inline void Optimizer::require_fit(const ParameterState& state, const ParamRef& param, const ParameterState& own) {
  constexpr std::string_view op = "load_state";
  if (state.name != own.name) fail<UsageError>(op, concat("the parameter is ", own.name), concat("got ", state.name));
  if (state.shape != own.shape) {
    fail<ShapeError>(op, concat(own.name, " has shape ", Dims(own.shape)), concat("got ", Dims(state.shape)));
  }
  if (state.updates < 0) {
    fail<UsageError>(op, concat(own.name, "'s updates must not be negative"), concat("got ", state.updates));
  }
  for (const OptimizerSlot& slot : state.slots) {
    param.visit_type([&]<class T>(T) {
      const std::string name = concat(own.name, "'s ", slot.name);
      if (!slot.values.is<1, T>()) {
        fail<UsageError>(op, concat(name, " must be a ", type_name<Tensor<1, T>>()),
                         concat("got ", slot.values.type()));
      }
      if (Index size = slot.values.dims()[0]; size != checked_numel(own.shape)) {
        fail<ShapeError>(op, concat(name, " must have ", checked_numel(own.shape), " elements"), concat("got ", size));
      }
    });
  }
}

inline void Optimizer::load_state(const OptimizerState& state) {
  if (state.groups.size() != groups_.size()) {
    fail<UsageError>("load_state", concat("the optimizer has ", groups_.size(), " groups"),
                     concat("got ", state.groups.size()));
  }
  if (state.steps < 0) fail<UsageError>("load_state", "the steps must not be negative", concat("got ", state.steps));
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    require_fit(state.groups[g], groups_[g]);
    detail::AnyRule rule = groups_[g].rule;
    set_hypers(rule, state.groups[g].hypers);
    rule.check();
  }
  OptimizerState copy = state;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    set_hypers(groups_[g].rule, copy.groups[g].hypers);
    groups_[g].states = std::move(copy.groups[g].parameters);
  }
  steps_ = copy.steps;
}

}  // namespace kiln
