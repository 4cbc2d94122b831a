// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `param_groups`: an optimizer with a group of parameters for each part of a model, which can then have a learning
/// rate of its own, or be frozen: `Learner learn{data, model, loss, param_groups(Adam{}, parameters(model), {"body",
/// "head"})};`
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kiln/optim/optimizer.hpp>

namespace kiln {

/// A group for each path, in this order: the parameters whose names are that path or lie below it. All groups begin
/// with the same rule. Throws: UsageError if a path has no parameter, or a parameter belongs to no path or to two.
template <class Rule>
Optimizer param_groups(const Rule& rule, const std::vector<ParamRef>& params,
                       std::initializer_list<std::string_view> paths) {
  constexpr std::string_view op = "param_groups";
  if (paths.size() == 0) fail<UsageError>(op, "at least one path is needed", "got none");
  std::vector<std::vector<ParamRef>> groups(paths.size());
  for (const ParamRef& param : params) {
    std::vector<ParamRef>* home = nullptr;
    std::size_t group = 0;
    for (std::string_view path : paths) {
      std::vector<ParamRef>& candidate = groups[group++];
      const std::string_view name = param.name;
      if (!(name == path || (name.starts_with(path) && name.substr(path.size()).starts_with('.')))) continue;
      if (home) fail<UsageError>(op, "a parameter must belong to one path", concat(param.name, " belongs to two"));
      home = &candidate;
    }
    if (!home) {
      std::string list;
      for (std::string_view path : paths) list += concat(list.empty() ? "" : ", ", path);
      fail<UsageError>(op, "every parameter must belong to a path", concat(param.name, " is not below ", list));
    }
    home->push_back(param);
  }
  std::size_t group = 0;
  for (std::string_view path : paths) {
    if (groups[group++].empty()) fail<UsageError>(op, "every path must have parameters", concat(path, " has none"));
  }
  Optimizer optimizer(rule, std::move(groups[0]));
  for (group = 1; group < groups.size(); ++group) optimizer.add_group(rule, std::move(groups[group]));
  return optimizer;
}

}  // namespace kiln
