// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// What an optimizer does to one parameter: a rule. A rule is a plain struct of hyper-parameters with one function:
///
///     struct Momentum {
///       double lr = 1e-2;
///       double beta = 0.9;
///       template <class T>
///       void update(ParamUpdate<T> u) const {
///         auto velocity = u.slot("velocity");
///         for (std::size_t i = 0; i < velocity.size(); ++i) {
///           velocity[i] = T(beta) * velocity[i] + u.grad[i];
///           u.param[i] -= T(lr) * velocity[i];
///         }
///       }
///     };
///     Optimizer opt{Momentum{.lr = 0.1}, parameters(model)};
///
/// Every `double` can be scheduled by its name; `bool`, integer and enum fields are configuration. An optional
/// `void check() const` throws when the values make no sense.
#pragma once

#include <cmath>
#include <concepts>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kiln/core/reflect.hpp>
#include <kiln/optim/optimizer_state.hpp>
#include <kiln/tensor/create.hpp>

namespace kiln {

/// One parameter in one step, as a rule sees it.
template <class T>
class ParamUpdate {
 public:
  std::span<T> param;
  std::span<const T> grad;
  Index count;  ///< how often the parameter has been updated, this time included: 1 at first

  ParamUpdate(std::span<T> values, std::span<const T> gradient, ParameterState& state)
      : param(values), grad(gradient), count(state.updates), state_(&state) {}

  Index size() const { return static_cast<Index>(param.size()); }

  /// Whether an earlier step has asked for the slot.
  bool has_slot(std::string_view name) const { return find(name) != nullptr; }

  /// Numbers kept from step to step, one for each element of the parameter; zeros at first.
  std::span<T> slot(std::string_view name) {
    OptimizerSlot* slot = find(name);
    if (!slot) slot = &state_->slots.emplace_back(OptimizerSlot{std::string(name), zeros<T>({size()})});
    return slot->values.template as<1, T>().span();
  }

 private:
  OptimizerSlot* find(std::string_view name) const {
    for (OptimizerSlot& slot : state_->slots) {
      if (slot.name == name) return &slot;
    }
    return nullptr;
  }

  ParameterState* state_;
};

/// A plain struct with an `update` for parameters of `float`, of `double`, or best of both.
template <class Rule>
concept OptimizerRule = Reflectable<Rule> && std::copyable<Rule> &&
                        (
                            requires(const Rule& rule, ParamUpdate<float> u) { rule.update(u); } ||
                            requires(const Rule& rule, ParamUpdate<double> u) { rule.update(u); });

namespace detail {

/// Throws UsageError unless every hyper-parameter lies in [0, end). NaN does not.
inline void require_range(std::string_view rule, std::initializer_list<std::pair<std::string_view, double>> hypers,
                          double end = HUGE_VAL) {
  for (auto [name, value] : hypers) {
    if (value >= 0 && value < end) continue;
    fail<UsageError>(concat(rule, ".", name),
                     end == HUGE_VAL ? "must be finite and not negative" : concat("must lie in [0, ", end, ")"),
                     concat("got ", value));
  }
}

/// A rule of any type.
class AnyRule {
 public:
  template <class Rule>
    requires(!std::same_as<Rule, AnyRule>)
  AnyRule(Rule rule) {
    static_assert(OptimizerRule<Rule>,
                  "kiln: an optimizer's rule is a plain struct of numbers with a function "
                  "`template <class T> void update(ParamUpdate<T> u) const`.");
    if constexpr (OptimizerRule<Rule>) model_ = std::make_unique<Model<Rule>>(std::move(rule));
  }
  AnyRule(const AnyRule& other) : model_(other.model_->clone()) {}
  AnyRule(AnyRule&&) noexcept = default;
  AnyRule& operator=(AnyRule other) noexcept {
    model_ = std::move(other.model_);
    return *this;
  }
  ~AnyRule() = default;

  std::string_view name() const { return model_->name(); }
  void check() const { model_->check(); }
  void update(ParamUpdate<float> u) const { model_->update(u); }
  void update(ParamUpdate<double> u) const { model_->update(u); }

  std::vector<std::string_view> hyper_names() const { return model_->hyper_names(); }
  /// Null if there is none of that name.
  double* hyper(std::string_view name) { return model_->hyper(name); }

  /// All fields, configuration as well.
  std::vector<HyperParameter> values() const { return model_->values(); }

  /// The rule itself, or null if it is of another type.
  template <class Rule>
  Rule* as() {
    return model_->type() == type_id<Rule>() ? &static_cast<Model<Rule>&>(*model_).rule : nullptr;
  }

 private:
  struct Face {
    virtual ~Face() = default;
    virtual std::unique_ptr<Face> clone() const = 0;
    virtual TypeId type() const = 0;
    virtual std::string_view name() const = 0;
    virtual void check() const = 0;
    virtual void update(ParamUpdate<float>) const = 0;
    virtual void update(ParamUpdate<double>) const = 0;
    virtual std::vector<std::string_view> hyper_names() const = 0;
    virtual double* hyper(std::string_view) = 0;
    virtual std::vector<HyperParameter> values() const = 0;
  };

  template <class Rule>
  struct Model final : Face {
    Rule rule;

    explicit Model(Rule r) : rule(std::move(r)) {}
    std::unique_ptr<Face> clone() const override { return std::make_unique<Model>(rule); }
    TypeId type() const override { return type_id<Rule>(); }
    std::string_view name() const override { return type_name<Rule>(); }

    void check() const override {
      for_each_field(rule, [](std::string_view field, const auto& value) {
        if constexpr (std::is_same_v<decltype(value), const double&>) {
          if (!std::isfinite(value)) {
            fail<UsageError>(concat(type_name<Rule>(), ".", field), "must be finite", concat("got ", value));
          }
        }
      });
      if constexpr (requires { rule.check(); }) rule.check();
    }

    void update(ParamUpdate<float> u) const override { update_as(u); }
    void update(ParamUpdate<double> u) const override { update_as(u); }

    template <class T>
    void update_as(ParamUpdate<T> u) const {
      if constexpr (requires { rule.update(u); }) {
        rule.update(u);
      } else {
        fail<UsageError>(type_name<Rule>(), concat("its update must take a ParamUpdate<", type_name<T>(), ">"),
                         "it takes another element type");
      }
    }

    std::vector<std::string_view> hyper_names() const override {
      std::vector<std::string_view> names;
      for_each_field(rule, [&](std::string_view field, const auto& value) {
        if constexpr (std::is_same_v<decltype(value), const double&>) names.push_back(field);
      });
      return names;
    }

    double* hyper(std::string_view wanted) override {
      double* found = nullptr;
      for_each_field(rule, [&](std::string_view field, auto& value) {
        if constexpr (std::is_same_v<decltype(value), double&>) {
          if (field == wanted) found = &value;
        }
      });
      return found;
    }

    std::vector<HyperParameter> values() const override {
      std::vector<HyperParameter> values;
      for_each_field(rule, [&]<class Field>(std::string_view field, const Field& value) {
        static_assert(std::is_same_v<Field, double> || std::is_integral_v<Field> || std::is_enum_v<Field>,
                      "kiln: a field of an optimizer's rule must be a double (a hyper-parameter, which can be "
                      "scheduled), or a bool, an integer or an enum (configuration).");
        values.push_back({std::string(field), static_cast<double>(value)});
      });
      return values;
    }
  };

  std::unique_ptr<Face> model_;
};

}  // namespace detail
}  // namespace kiln
