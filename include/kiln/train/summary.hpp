// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `summary(model, input)`: which layers run for an input, what shapes come out of them and how many parameters they
/// hold.
#pragma once

#include <algorithm>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include <kiln/nn/module.hpp>

namespace kiln {

/// One run of a layer.
struct SummaryRow {
  std::string path;           ///< `hidden`, `body.0`; empty for the model itself
  std::string layer;          ///< its type
  std::vector<Index> output;  ///< the shape that came out of it
  Index parameters = 0;  ///< trainable and frozen elements that the layer itself holds, without those of layers within
  int depth = 0;         ///< how many announced layers it ran inside of
};

/// The layers in the order in which they began.
struct Summary {
  std::vector<SummaryRow> rows;
  std::vector<Index> input;
  Index trainable = 0;
  Index frozen = 0;
  std::vector<std::string> silent;  ///< layers that hold parameters of their own and were not seen to run

  std::string text() const;
};

template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out, const Summary& summary) {
  return out << summary.text();
}

namespace detail {

/// Elements held by each layer itself, by its path.
template <class Model>
std::map<std::string, Index> own_parameters(const Model& model) {
  std::map<std::string, Index> own;
  for_each_part(model, [&]<class Part>(const std::string& path, Part& part) {
    if constexpr (is_param<std::remove_const_t<Part>>) {
      const std::size_t dot = path.rfind('.');
      own[dot == path.npos ? "" : path.substr(0, dot)] += part.value.numel();
    }
  });
  return own;
}

struct SummaryObserver : LayerObserver {
  Summary* summary;
  std::vector<std::size_t> open;  // rows of layers that are running

  explicit SummaryObserver(Summary& target) : summary(&target) {
    entered = [](LayerObserver& self, const LayerCall& call) {
      auto& me = static_cast<SummaryObserver&>(self);
      me.open.push_back(me.summary->rows.size());
      me.summary->rows.push_back({.path = std::string(call.path),
                                  .layer = std::string(call.type),
                                  .output = {},
                                  .parameters = 0,
                                  .depth = static_cast<int>(me.open.size()) - 1});
    };
    left = [](LayerObserver& self, const LayerCall&, AnyVar& output) {
      auto& me = static_cast<SummaryObserver&>(self);
      auto dims = output.dims();
      me.summary->rows[me.open.back()].output.assign(dims.begin(), dims.end());
      me.open.pop_back();
    };
  }
};

}  // namespace detail

/// Runs the model once on `input`, in eval mode and without changing it.
template <class Model, int R, class T>
Summary summary(const Model& model, const Tensor<R, T>& input) {
  Summary result;
  result.input.assign(input.shape().begin(), input.shape().end());
  const LayerNames names = layer_names(model);
  detail::SummaryObserver observer(result);
  Context context{Mode::eval};
  context.name_layers(&names);
  context.observe(&observer);
  call_layer(model, context(input));

  auto own = detail::own_parameters(model);
  std::map<std::string, bool> seen;
  for (SummaryRow& row : result.rows) {
    if (!std::exchange(seen[row.path], true)) row.parameters = own[row.path];  // a layer that runs twice counts once
  }
  for (const auto& [path, count] : own) {
    if (count > 0 && !seen[path]) result.silent.push_back(path);
  }
  for_each_part(model, [&]<class Part>(const std::string&, Part& part) {
    if constexpr (is_param<std::remove_const_t<Part>>)
      (part.trainable ? result.trainable : result.frozen) += part.value.numel();
  });
  return result;
}

inline std::string Summary::text() const {
  struct Line {
    std::string layer, output, parameters;
  };
  std::vector<Line> lines{{"layer", "output shape", "parameters"}, {"input", concat(Dims(input)), ""}};
  for (const SummaryRow& row : rows) {
    const std::string indent(static_cast<std::size_t>(2 * row.depth), ' ');
    const std::string name = row.path.empty() ? row.layer : concat(row.path, "  ", row.layer);
    lines.push_back({indent + name, concat(Dims(row.output)), row.parameters ? with_separators(row.parameters) : ""});
  }
  std::size_t layer_width = 0, output_width = 0, parameter_width = 0;
  for (const Line& line : lines) {
    layer_width = (std::max)(layer_width, line.layer.size());
    output_width = (std::max)(output_width, line.output.size());
    parameter_width = (std::max)(parameter_width, line.parameters.size());
  }
  std::string out;
  const std::string rule(layer_width + output_width + parameter_width + 6, '-');
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Line& line = lines[i];
    out += concat(line.layer, std::string(layer_width - line.layer.size() + 3, ' '), line.output,
                  std::string(output_width - line.output.size() + 3 + parameter_width - line.parameters.size(), ' '),
                  line.parameters, "\n");
    if (i == 0) out += rule + "\n";
  }
  out += concat(rule, "\n", with_separators(trainable), " trainable parameters");
  if (frozen) out += concat(", ", with_separators(frozen), " frozen");
  out += "\n";
  for (const std::string& path : silent) {
    out += concat(path.empty() ? "the model" : path,
                  " holds parameters but was not seen to run: it can announce itself by "
                  "`return kiln::announce(*this, input, [&](const auto& x) { ... });`\n");
  }
  return out;
}

}  // namespace kiln
