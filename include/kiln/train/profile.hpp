// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Profile`: where the time of a batch goes, layer by layer, as a Profiler measures it.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kiln/core/shape.hpp>
#include <kiln/io/safetensors_header.hpp>
#include <kiln/viz/terminal.hpp>

namespace kiln {

/// A layer's part of a batch. Times are in seconds, FLOPs are those that Context::count_flops counts; all of them are
/// means over the batches, and include the layers that run within this one.
struct ProfileRow {
  std::string path = {};           ///< `hidden`, `body.0`; empty for the model, and for a layer that is not in it
  std::string layer = {};          ///< its type
  std::vector<Index> output = {};  ///< the shape that came out of it at first
  int depth = 0;                   ///< how many announced layers it runs inside of
  double runs = 0;                 ///< in a batch; the times are those of all of them
  double forward = 0;
  double backward = 0;
  double own_forward = 0;  ///< without the layers within
  double own_backward = 0;
  double flops = 0;
  double backward_flops = 0;
  double own_flops = 0;
  double own_backward_flops = 0;

  double seconds() const { return forward + backward; }
  double own() const { return own_forward + own_backward; }
};

/// What a batch takes, as a mean over many; times in seconds. They are those of the thread that trains, and each moment
/// is counted once: the rows of depth 0 and the parts that follow add up to the whole.
struct Profile {
  std::vector<ProfileRow> rows = {};  ///< in the order in which they first ran, each before those within it
  double data = 0;                    ///< waiting for the batch
  double loss = 0;
  double loss_backward = 0;  ///< what of the backward pass is no layer's
  double optimizer = 0;
  double metrics = 0;
  double rest = 0;     ///< callbacks, the loop, freeing memory
  double seconds = 0;  ///< of the whole batch

  Index batches = 0;     ///< that were measured
  Index samples = 0;     ///< in all of them
  Index batch_size = 0;  ///< of the largest
  Index left_out = 0;    ///< before those, to warm up
  int threads = 0;
  double peak = 0;  ///< FLOPs a second that so many threads reach at most; 0 if not measured

  bool empty() const { return batches == 0; }
  double samples_per_second() const {
    return seconds > 0 ? static_cast<double>(samples) / static_cast<double>(batches) / seconds : 0;
  }
  /// Those of all layers, of both passes.
  double flops() const {
    double total = 0;
    for (const ProfileRow& row : rows) total += row.depth == 0 ? row.flops + row.backward_flops : 0;
    return total;
  }

  /// As a table, in lines of at most so many characters, of at most so many layers: others are added up.
  std::string text(std::string_view title = "A batch", Index columns = 100, Index most_rows = 30) const;
  /// As an object of JSON.
  std::string json() const;
};

namespace detail {

/// Such as `33.1 k`.
inline std::string spoken_rate(double rate) {
  std::string_view unit = "";
  for (std::string_view next : {" k", " M", " G"}) {
    if (rate < 999.5) break;
    rate /= 1000;
    unit = next;
  }
  return concat(fixed(rate, rate < 9.995 ? 2 : rate < 99.95 ? 1 : 0), unit);
}

/// Such as `31.2 us`, of three digits.
inline std::string spoken_time(double seconds) {
  const bool whole = seconds >= 1, milli = seconds >= 1e-3;
  const double amount = seconds * (whole ? 1 : milli ? 1e3 : 1e6);
  return concat(fixed(amount, amount < 9.995 ? 2 : amount < 99.95 ? 1 : 0), whole ? " s" : milli ? " ms" : " us");
}

inline std::string spoken_share(double part, double whole) {
  const double share = whole > 0 ? 100 * part / whole : 0;
  return concat(fixed(share, share < 9.95 ? 1 : 0), " %");
}

/// Cells below each other; the first two columns stand to the left. An empty line is a rule.
class ProfileTable {
 public:
  void add(std::vector<std::string> cells) { lines_.push_back(std::move(cells)); }

  /// Without the second column, and then with the first one cut, where lines would be longer than `columns`.
  std::string text(Index columns) {
    measure();
    if (width_ > columns) {
      for (auto& line : lines_) {
        if (!line.empty()) line.erase(line.begin() + 1);
      }
      left_ = 1;
      measure();
    }
    if (width_ > columns) {
      const Index most = (std::max)(widths_[0] - (width_ - columns), Index{8});
      for (auto& line : lines_) {
        if (!line.empty()) cut(line[0], most);
      }
      measure();
    }
    std::string out;
    for (const auto& line : lines_) {
      std::string row;
      for (std::size_t i = 0; i < line.size(); ++i) {
        const std::string gap = spaces(widths_[i] - characters(line[i]));
        row += concat(i ? "  " : "", i < left_ ? line[i] : gap, i < left_ ? gap : line[i]);
      }
      for (Index i = 0; line.empty() && i < width_; ++i) row += "─";
      row.erase(row.find_last_not_of(' ') + 1);
      out += row + "\n";
    }
    return out;
  }

 private:
  void measure() {
    widths_.clear();
    for (const auto& line : lines_) {
      widths_.resize((std::max)(widths_.size(), line.size()));
      for (std::size_t i = 0; i < line.size(); ++i) widths_[i] = (std::max)(widths_[i], characters(line[i]));
    }
    width_ = std::accumulate(widths_.begin(), widths_.end(), 2 * (std::ssize(widths_) - 1));
  }

  static void cut(std::string& text, Index most) {
    if (characters(text) <= most) return;
    std::size_t end = 0;
    for (Index i = 1; i < most; ++i) next_code_point(text, end);
    text = text.substr(0, end) + "…";
  }

  std::vector<std::vector<std::string>> lines_;
  std::vector<Index> widths_;
  Index width_ = 0;
  std::size_t left_ = 2;
};

/// Writes a Profile as text.
class ProfileWriter {
 public:
  ProfileWriter(const Profile& profile, Index most_rows) : profile_(profile), shown_(profile.rows.size(), true) {
    // A layer takes at least as long as one within it, so that those that take longest make a whole tree.
    std::vector<std::size_t> order(shown_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return row(a).seconds() > row(b).seconds(); });
    for (auto i = static_cast<std::size_t>((std::max)(most_rows, Index{1})); i < order.size(); ++i)
      shown_[order[i]] = false;
  }

  std::string text(std::string_view title, Index columns) {
    const std::string unit = milli_ ? "ms" : "us";
    table_.add({"", "", "forward", "", "backward", "", "both", ""});
    table_.add({"layer", "output", unit, "GF/s", unit, "GF/s", unit, "share"});
    table_.add({});
    add_layers(0, 0, "");
    if (!profile_.rows.empty()) table_.add({});
    add_part("loss", profile_.loss, profile_.loss_backward);
    add_part("optimizer", profile_.optimizer);
    add_part("metrics", profile_.metrics);
    add_part("waiting for data", profile_.data);
    add_part("callbacks and loop", profile_.rest);
    table_.add({});
    add("whole batch", {}, {.forward = profile_.seconds}, true);
    return concat(title, ": ", with_separators(profile_.batches), profile_.batches == 1 ? " batch of " : " batches of ",
                  profile_.batch_size, profile_.left_out ? concat(" after ", profile_.left_out, " to warm up") : "",
                  ", ", profile_.threads, profile_.threads == 1 ? " thread\n" : " threads\n",
                  spoken_time(profile_.seconds), " each, ", spoken_rate(profile_.samples_per_second()),
                  " samples/s\n\n", table_.text(columns), by_type(columns), note());
  }

 private:
  const ProfileRow& row(std::size_t i) const { return profile_.rows[i]; }

  std::string time(double seconds) const { return seconds > 0 ? fixed(seconds * (milli_ ? 1e3 : 1e6), digits_) : ""; }
  static std::string rate(double flops, double seconds) {
    const double giga = flops > 0 && seconds > 0 ? flops / seconds * 1e-9 : 0;
    return giga > 0 ? fixed(giga, giga < 9.95 ? 1 : 0) : "";
  }

  /// `single`: it has no two passes.
  void add(std::string name, const std::vector<Index>& output, const ProfileRow& cost, bool single = false) {
    table_.add({std::move(name), output.empty() ? "" : concat(Dims(output)), single ? "" : time(cost.forward),
                rate(cost.flops, cost.forward), time(cost.backward), rate(cost.backward_flops, cost.backward),
                time(cost.seconds()), spoken_share(cost.seconds(), profile_.seconds)});
  }
  void add_part(std::string name, double seconds, double backward = 0) {
    if (seconds + backward > 0) add(std::move(name), {}, {.forward = seconds, .backward = backward}, backward == 0);
  }

  /// The layers from `first` on that run at this depth inside of the layer `outer`. Returns where they end.
  std::size_t add_layers(std::size_t first, int depth, std::string_view outer) {
    const std::string indent(static_cast<std::size_t>(2 * depth), ' ');
    ProfileRow others;
    Index hidden = 0;
    std::size_t i = first;
    while (i < profile_.rows.size() && row(i).depth == depth) {
      const ProfileRow& layer = row(i);
      const std::size_t inner = i + 1;
      i = inner;
      while (i < profile_.rows.size() && row(i).depth > depth) ++i;
      if (!shown_[inner - 1]) {
        ++hidden;
        for (auto value :
             {&ProfileRow::forward, &ProfileRow::backward, &ProfileRow::flops, &ProfileRow::backward_flops})
          others.*value += layer.*value;
        continue;
      }
      std::string_view path = layer.path;
      if (!outer.empty() && path.starts_with(concat(outer, "."))) path.remove_prefix(outer.size() + 1);
      std::string name = concat(indent, path, path.empty() ? "" : "  ", terminal_text(layer.layer));
      if (std::abs(layer.runs - 1) > 0.005) name += concat(" ×", short_number(layer.runs, 3));
      add(std::move(name), layer.output, layer);
      if (inner == i) continue;
      add_layers(inner, depth + 1, layer.path);
      if (layer.own() >= 0.01 * profile_.seconds)
        add(concat(indent, "  itself"), {},
            {.forward = layer.own_forward,
             .backward = layer.own_backward,
             .flops = layer.own_flops,
             .backward_flops = layer.own_backward_flops});
    }
    if (hidden > 0) add(concat(indent, hidden, hidden == 1 ? " other" : " others"), {}, others);
    return i;
  }

  /// What the types of layers take, without the layers within, where there are many.
  std::string by_type(Index columns) const {
    if (profile_.rows.size() < 10) return "";
    std::vector<std::pair<std::string_view, double>> types;
    for (const ProfileRow& layer : profile_.rows) {
      auto type = std::ranges::find(types, layer.layer, [](const auto& one) { return one.first; });
      if (type == types.end()) type = types.insert(type, {layer.layer, 0.});
      type->second += layer.own();
    }
    std::ranges::stable_sort(types, [](const auto& a, const auto& b) { return a.second > b.second; });
    std::string text, line = "by type:";
    for (const auto& [name, seconds] : types) {
      if (seconds < 0.005 * profile_.seconds) break;
      const std::string item = concat(terminal_text(name), " ", spoken_share(seconds, profile_.seconds));
      if (characters(line) + characters(item) + 2 > columns) text += std::exchange(line, " ") + ",\n";
      line += concat(line.ends_with('%') ? ", " : " ", item);
    }
    return concat(text, line, "\n");
  }

  std::string note() const {
    const double flops = profile_.flops();
    if (flops <= 0) return "";
    const double reached = flops / profile_.seconds;
    std::string text =
        concat("GF/s: GFLOP/s of products and convolutions; ", short_number(reached * 1e-9, 3), " in the whole batch");
    if (profile_.peak > 0) {
      text +=
          concat(",\n", spoken_share(reached, profile_.peak), " of the ", short_number(profile_.peak * 1e-9, 3),
                 " that ", profile_.threads, profile_.threads == 1 ? " thread reaches" : " threads reach", " at most");
    }
    return text + "\n";
  }

  const Profile& profile_;
  const bool milli_ = profile_.seconds >= 20e-3;
  const int digits_ = milli_ ? (profile_.seconds < 1 ? 2 : 0) : profile_.seconds < 2e-3 ? 1 : 0;
  std::vector<bool> shown_;
  ProfileTable table_;
};

}  // namespace detail

inline std::string Profile::text(std::string_view title, Index columns, Index most_rows) const {
  return detail::ProfileWriter(*this, most_rows).text(title, columns);
}

inline std::string Profile::json() const {
  std::string out = "{";
  const auto field = [&](std::string_view name, const auto& value) {
    out += concat(out.ends_with('{') ? "" : ",", "\"", name, "\":", value);
  };
  field("batches", batches);
  field("samples", samples);
  field("batch_size", batch_size);
  field("left_out", left_out);
  field("threads", threads);
  field("peak", peak);
  field("seconds", seconds);
  field("data", data);
  field("loss", loss);
  field("loss_backward", loss_backward);
  field("optimizer", optimizer);
  field("metrics", metrics);
  field("rest", rest);
  out += ",\"layers\":[";
  for (const ProfileRow& row : rows) {
    out += out.ends_with('[') ? "\n{" : ",\n{";
    field("path", detail::json_string(row.path));
    field("layer", detail::json_string(row.layer));
    std::string output;
    for (Index size : row.output) output += concat(output.empty() ? "" : ",", size);
    field("output", concat("[", output, "]"));
    field("depth", row.depth);
    field("runs", row.runs);
    field("forward", row.forward);
    field("backward", row.backward);
    field("own_forward", row.own_forward);
    field("own_backward", row.own_backward);
    field("flops", row.flops);
    field("backward_flops", row.backward_flops);
    field("own_flops", row.own_flops);
    field("own_backward_flops", row.own_backward_flops);
    out += "}";
  }
  return out + "]}";
}

}  // namespace kiln
