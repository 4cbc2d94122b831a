// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `summary(model, input)`: which layers run for an input, what shapes come out of them, how many parameters they hold,
/// and what they cost.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include <kiln/nn/layer_path.hpp>
#include <kiln/nn/module.hpp>

namespace kiln {

/// One run of a layer. Parameters, FLOPs, memory and time are the layer's own, without those of the layers within it,
/// so that each column adds up.
struct SummaryRow {
  std::string path;           ///< `hidden`, `body.0`; empty for the model itself
  std::string layer;          ///< its type
  std::vector<Index> output;  ///< the shape that came out of it
  Index parameters = 0;       ///< trainable and frozen elements; of a layer that runs twice, in its first row
  int depth = 0;              ///< how many announced layers it ran inside of
  double flops = 0;           ///< of the forward pass; see Context::count_flops for what counts
  std::size_t bytes = 0;      ///< of its output; none if that shares the memory of another, as a reshaped input does
  double seconds = 0;         ///< of the fastest run
};

/// The layers in the order in which they began.
struct Summary {
  std::vector<SummaryRow> rows;
  std::vector<Index> input;
  Index trainable = 0;
  Index frozen = 0;
  std::vector<std::string> silent;  ///< layers that hold parameters of their own and were not seen to run
  double flops = 0;                 ///< of the whole model
  std::size_t bytes = 0;
  double seconds = 0;  ///< of the whole model's fastest run
  bool timed = false;

  std::string text() const;
};

template <class Traits>
std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& out, const Summary& summary) {
  return out << summary.text();
}

struct SummaryOptions {
  int timed_runs = 5;  ///< after one to warm up; 0 for a table without times
};

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

/// Fills the rows of a summary in a first run, and its times in further ones.
class SummaryObserver : public LayerObserver {
 public:
  explicit SummaryObserver(Summary& target) : summary_(&target) {
    entered = [](LayerObserver& self, const LayerCall& call) { static_cast<SummaryObserver&>(self).enter(call); };
    left = [](LayerObserver& self, const LayerCall& call, AnyVar& output) {
      static_cast<SummaryObserver&>(self).leave(call, output);
    };
  }

  /// Looks at one run of the model.
  void begin(Context& context) {
    context_ = &context;
    next_ = 0;
    context.observe(this);
  }
  void end() {
    first_ = false;
    outputs_.clear();
  }

 private:
  struct Open {
    std::size_t row;
    double flops;                                // counted before it began
    double flops_inside;                         // of layers within
    std::chrono::steady_clock::duration inside;  // of layers within
    std::chrono::steady_clock::time_point began;
  };

  void enter(const LayerCall& call) {
    if (first_) {
      summary_->rows.push_back({.path = std::string(call.path),
                                .layer = std::string(call.type),
                                .output = {},
                                .depth = static_cast<int>(open_.size())});
      if (open_.empty()) outputs_.push_back(call.input);
    }
    open_.push_back({next_++, context_->flops(), 0, {}, std::chrono::steady_clock::now()});
  }

  void leave(const LayerCall&, const AnyVar& output) {
    const auto taken = std::chrono::steady_clock::now() - open_.back().began;
    const Open done = open_.back();
    open_.pop_back();
    const double flops = context_->flops() - done.flops;
    if (!open_.empty()) {
      open_.back().inside += taken;
      open_.back().flops_inside += flops;
    }
    if (done.row >= summary_->rows.size()) return;  // the model went another way than at first
    SummaryRow& row = summary_->rows[done.row];
    if (first_) {
      row.output.assign(output.dims().begin(), output.dims().end());
      row.flops = flops - done.flops_inside;
      // What is seen is kept, so that no address comes twice.
      const auto bytes = output.value().bytes();
      const bool shared = std::ranges::any_of(
          outputs_, [&](const AnyVar& other) { return other.value().bytes().data() == bytes.data(); });
      if (!shared) row.bytes = bytes.size();
      outputs_.push_back(output);
    } else {
      const double seconds = std::chrono::duration<double>(taken - done.inside).count();
      row.seconds = row.seconds > 0 ? (std::min)(row.seconds, seconds) : seconds;
    }
  }

  Summary* summary_;
  Context* context_ = nullptr;
  std::vector<Open> open_;  // layers that are running
  std::vector<AnyVar> outputs_;
  std::size_t next_ = 0;
  bool first_ = true;
};

/// Such as `12.5 KiB`.
inline std::string spoken_bytes(std::size_t bytes) {
  constexpr std::array units{" KiB", " MiB", " GiB", " TiB"};
  if (bytes < 1024) return concat(bytes, " B");
  double amount = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  for (; amount >= 1023.95 && unit + 1 < units.size(); ++unit) amount /= 1024;
  return fixed(amount, 1) + units[unit];
}

/// Such as `31.2 us`.
inline std::string spoken_seconds(double seconds) {
  if (seconds < 0.99995e-3) return fixed(seconds * 1e6, 1) + " us";
  if (seconds < 0.9995) return fixed(seconds * 1e3, 2) + " ms";
  return fixed(seconds, 2) + " s";
}

inline std::string spoken_mega(double count) {
  if (count <= 0) return "";
  if (count < 1e4) return "<0.01";
  const double mega = count / 1e6;
  const std::string text = fixed(mega, 2);
  return with_separators(std::stoll(text)) + text.substr(text.find('.'));
}

}  // namespace detail

/// Runs the model on `input`, in eval mode and without changing it: once to look, and a few times for the times.
template <class Model, int R, class T>
Summary summary(const Model& model, const Tensor<R, T>& input, SummaryOptions options = {}) {
  Summary result;
  result.input.assign(input.shape().begin(), input.shape().end());
  const LayerNames names = layer_names(model);
  detail::SummaryObserver observer(result);
  for (int run = 0; run <= options.timed_runs; ++run) {
    Context context{Mode::eval};
    context.name_layers(&names);
    observer.begin(context);
    const auto began = std::chrono::steady_clock::now();
    call_layer(model, context(input));
    const double taken = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    observer.end();
    if (run == 0) result.flops = context.flops();
    else result.seconds = run == 1 ? taken : (std::min)(result.seconds, taken);
  }
  result.timed = options.timed_runs > 0;

  auto own = detail::own_parameters(model);
  std::map<std::string, bool> seen;
  for (SummaryRow& row : result.rows) {
    if (!std::exchange(seen[row.path], true)) row.parameters = own[row.path];  // a layer that runs twice counts once
    result.bytes += row.bytes;
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
  using Line = std::array<std::string, 6>;
  const std::size_t columns = timed ? 6 : 5;
  auto count = [](Index number) { return number ? with_separators(number) : ""; };
  auto memory = [](std::size_t number) { return number ? detail::spoken_bytes(number) : ""; };
  std::vector<Line> lines{{"layer", "output shape", "parameters", "MFLOPs", "memory", "time"},
                          {"input", concat(Dims(input))}};
  for (const SummaryRow& row : rows) {
    const std::string indent(static_cast<std::size_t>(2 * row.depth), ' ');
    const std::string name = row.path.empty() ? row.layer : concat(row.path, "  ", row.layer);
    lines.push_back({indent + name, concat(Dims(row.output)), count(row.parameters), detail::spoken_mega(row.flops),
                     memory(row.bytes), detail::spoken_seconds(row.seconds)});
  }
  lines.push_back({"total", "", count(trainable + frozen), detail::spoken_mega(flops), memory(bytes),
                   detail::spoken_seconds(seconds)});

  std::array<std::size_t, 6> widths{};
  std::size_t all = 0;
  for (std::size_t column = 0; column < columns; ++column) {
    for (const Line& line : lines) widths[column] = (std::max)(widths[column], line[column].size());
    all += widths[column] + (column ? 3 : 0);
  }
  const std::string rule = std::string(all, '-') + "\n";
  std::string out;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i + 1 == lines.size()) out += rule;
    std::string text;
    for (std::size_t column = 0; column < columns; ++column) {
      const std::string& cell = lines[i][column];
      const std::string gap(widths[column] - cell.size(), ' ');
      if (column > 0) text += "   ";
      text += column < 2 ? cell + gap : gap + cell;  // numbers to the right
    }
    text.resize(text.find_last_not_of(' ') + 1);
    out += text + "\n";
    if (i == 0) out += rule;
  }
  out += concat(with_separators(trainable), " trainable parameters");
  if (frozen) out += concat(", ", with_separators(frozen), " frozen");
  out += "\n";
  for (const std::string& path : silent)
    out += concat(detail::spoken_path(path), " holds parameters but was not seen to run: ", how_to_announce, "\n");
  return out;
}

}  // namespace kiln
