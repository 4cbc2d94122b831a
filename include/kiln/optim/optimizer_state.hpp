// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `OptimizerState`: all that an optimizer remembers, as plain values that can be copied, compared and stored.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include <kiln/tensor/any.hpp>

namespace kiln {

/// Numbers that an optimizer keeps for the elements of a parameter, such as `exp_avg`.
struct OptimizerSlot {
  std::string name;
  AnyTensor values;  ///< a Tensor<1, T> with as many elements as the parameter has

  friend bool operator==(const OptimizerSlot& a, const OptimizerSlot& b) {
    auto same_bits = [&]<class T>(T) {
      if (!a.values.is<1, T>() || !b.values.is<1, T>()) return false;
      auto x = a.values.as<1, T>().span(), y = b.values.as<1, T>().span();
      return x.size() == y.size() && (x.empty() || std::memcmp(x.data(), y.data(), x.size_bytes()) == 0);
    };
    return a.name == b.name && (same_bits(float{}) || same_bits(double{}));
  }
};

/// What an optimizer knows of one parameter.
struct ParameterState {
  std::string name;
  std::vector<Index> shape;
  Index updates = 0;                 ///< how many steps have changed it
  std::vector<OptimizerSlot> slots;  ///< in the order in which the rule first asked for them

  friend bool operator==(const ParameterState&, const ParameterState&) = default;
};

/// A rule's field as a number.
struct HyperParameter {
  std::string name;
  double value = 0;

  friend bool operator==(const HyperParameter&, const HyperParameter&) = default;
};

/// A group of parameters and the values of its rule.
struct GroupState {
  std::string rule;
  std::vector<HyperParameter> hypers;
  std::vector<ParameterState> parameters;

  friend bool operator==(const GroupState&, const GroupState&) = default;
};

/// The state of a whole optimizer. Equal means the same bits.
struct OptimizerState {
  Index steps = 0;
  std::vector<GroupState> groups;

  friend bool operator==(const OptimizerState&, const OptimizerState&) = default;
};

}  // namespace kiln
