// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// What loading a model's weights has in common, whatever the file: which tensors belong together, and what to do about
/// those that do not. `load(model, "pretrained.safetensors", {.rename = {{"fc", "head"}}, .skip = {"head"}})`.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <kiln/autograd/param_ref.hpp>

namespace kiln {

/// Which of a file's tensors go where in a model. Paths are whole: `body.1` is `body.1.weight` but not
/// `body.10.weight`.
struct LoadOptions {
  bool strict =
      true;  ///< file and model must hold the same tensors; otherwise what fits is loaded and the rest reported
  std::string prefix = {};  ///< load only what the file has below this path
  std::vector<std::pair<std::string, std::string>> rename =
      {};                              ///< the file's path to the model's: the first that fits
  std::vector<std::string> skip = {};  ///< paths of the model that are to stay as they are
};

/// What loading did, by the model's names.
struct LoadReport {
  std::vector<std::string> loaded = {};
  std::vector<std::string> missing = {};     ///< the file has none: as it was
  std::vector<std::string> unexpected = {};  ///< only the file has it
  std::vector<std::string> mismatched = {};  ///< the file's has another shape or element type: as it was
  std::vector<std::string> skipped = {};     ///< as told
  std::string differences = {};              ///< a line for each that is missing, unexpected or mismatched

  /// Whether everything that was not skipped found its partner.
  bool complete() const { return differences.empty(); }
};

/// `loaded 4 tensors, skipped 2`, and the differences.
inline void append_text(std::string& out, const LoadReport& report) {
  out += concat("loaded ", report.loaded.size(), report.loaded.size() == 1 ? " tensor" : " tensors");
  if (!report.skipped.empty()) out += concat(", skipped ", report.skipped.size());
  out += report.differences;
}

namespace detail {

/// A tensor in a file.
struct StoredTensor {
  std::string name;
  std::string type;          ///< as the format writes it
  bool known = false;        ///< whether Kiln has such elements
  ElementType element = {};  ///< if so
  std::vector<Index> shape;
};

/// Entry `from` of the file becomes the value of `to`.
struct LoadStep {
  std::size_t from;
  const ParamRef* to;
};

/// `path` without a dot at its end.
inline std::string_view whole_path(std::string_view path) {
  return path.ends_with('.') ? path.substr(0, path.size() - 1) : path;
}

/// Whether `name` is `path` or lies below it. Everything lies below the empty path.
inline bool lies_below(std::string_view name, std::string_view path) {
  return path.empty() || (name.starts_with(path) && (name.size() == path.size() || name[path.size()] == '.'));
}

/// `name`, which lies below `from`, as it is called when `from` is called `to`.
inline std::string moved_path(std::string_view name, std::string_view from, std::string_view to) {
  std::string_view rest = name.substr(from.size());
  if (rest.starts_with('.')) rest.remove_prefix(1);
  return concat(to, to.empty() || rest.empty() ? "" : ".", rest);
}

/// What a tensor of the file is called in the model; empty if it lies outside the prefix.
inline std::string name_in_model(std::string_view name, const LoadOptions& options) {
  const std::string_view prefix = whole_path(options.prefix);
  if (!lies_below(name, prefix)) return {};
  std::string result = moved_path(name, prefix, "");
  for (const auto& [from, to] : options.rename) {
    if (lies_below(result, whole_path(from))) return moved_path(result, whole_path(from), whole_path(to));
  }
  return result;
}

/// Whether elements of the file can become the tensor's: equal types, or floats of either width.
inline bool convertible_elements(const StoredTensor& from, ElementType to) {
  auto real = [](ElementType type) { return type == ElementType::f32 || type == ElementType::f64; };
  return from.known && (from.element == to || (real(from.element) && real(to)));
}

/// A misspelt path would change what is loaded without a word. Throws: DataError.
inline void require_paths(const std::string& place, const std::vector<StoredTensor>& entries,
                          const std::vector<ParamRef>& tensors, const LoadOptions& options) {
  const std::string_view prefix = whole_path(options.prefix);
  auto require = [&](std::string_view option, std::string_view owner, const std::string& path, const auto& has_it) {
    if (!has_it(whole_path(path)))
      fail<DataError>(place, concat(option, " must be a path of the ", owner), concat("got '", path, "'"));
  };
  auto in_model = [&](std::string_view path) {
    return std::any_of(tensors.begin(), tensors.end(), [&](const auto& t) { return lies_below(t.name, path); });
  };
  auto in_file = [&](std::string_view path) {
    return std::any_of(entries.begin(), entries.end(), [&](const auto& e) { return lies_below(e.name, path); });
  };
  auto below_prefix = [&](std::string_view path) {
    return std::any_of(entries.begin(), entries.end(), [&](const auto& e) {
      return lies_below(e.name, prefix) && lies_below(moved_path(e.name, prefix, ""), path);
    });
  };
  if (!options.prefix.empty()) require("prefix", "file", options.prefix, in_file);
  for (const auto& change : options.rename) require("rename", "file", change.first, below_prefix);
  for (const std::string& path : options.skip) require("skip", "model", path, in_model);
}

/// Finds every tensor's partner. `type_text(ElementType)` is the format's word for a type. Nothing is loaded yet.
/// Throws: DataError if the file does not fit as strictly as asked for.
template <class TypeText>
std::vector<LoadStep> match_state(const std::string& place, const std::vector<StoredTensor>& entries,
                                  const std::vector<ParamRef>& tensors, const LoadOptions& options, LoadReport& report,
                                  TypeText type_text) {
  require_paths(place, entries, tensors, options);
  std::vector<std::pair<std::string, std::size_t>> names;  // in the model, and which entry it is
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (std::string name = name_in_model(entries[i].name, options); !name.empty()) names.emplace_back(name, i);
  }
  std::sort(names.begin(), names.end());
  for (std::size_t i = 1; i < names.size(); ++i) {
    if (names[i].first != names[i - 1].first) continue;
    fail<DataError>(place, "renamed tensors must have names of their own",
                    concat(entries[names[i - 1].second].name, " and ", entries[names[i].second].name, " both become ",
                           names[i].first));
  }
  auto skipped = [&](std::string_view name) {
    return std::any_of(options.skip.begin(), options.skip.end(),
                       [&](const std::string& path) { return lies_below(name, whole_path(path)); });
  };

  std::string missing, unexpected, mismatched;
  std::vector<LoadStep> steps;
  std::vector<bool> used(entries.size());
  for (const ParamRef& tensor : tensors) {
    auto found = std::lower_bound(names.begin(), names.end(), tensor.name,
                                  [](const auto& entry, const std::string& name) { return entry.first < name; });
    const bool there = found != names.end() && found->first == tensor.name;
    if (there) used[found->second] = true;
    if (skipped(tensor.name)) {
      report.skipped.push_back(tensor.name);
      continue;
    }
    if (!there) {
      report.missing.push_back(tensor.name);
      missing += concat("\n  missing: ", tensor.name, " ", tensor.dims());
      continue;
    }
    const StoredTensor& entry = entries[found->second];
    if (!std::equal(entry.shape.begin(), entry.shape.end(), tensor.dims().begin(), tensor.dims().end())) {
      report.mismatched.push_back(tensor.name);
      mismatched += concat("\n  wrong shape: ", tensor.name, " is ", tensor.dims(), " in the model and ",
                           Dims(entry.shape), " in the file");
    } else if (!convertible_elements(entry, tensor.element_type())) {
      report.mismatched.push_back(tensor.name);
      mismatched += concat("\n  wrong element type: ", tensor.name, " is ", type_text(tensor.element_type()),
                           " in the model and ", entry.type, " in the file");
    } else {
      report.loaded.push_back(tensor.name);
      steps.push_back({found->second, &tensor});
    }
  }
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::string name = name_in_model(entries[i].name, options);
    if (used[i] || name.empty() || skipped(name)) continue;
    report.unexpected.push_back(name);
    unexpected += concat("\n  unexpected: ", name, " ", Dims(entries[i].shape));
  }
  report.differences = missing + unexpected + mismatched;
  if (options.strict && !report.complete()) {
    fail<DataError>(place, "the file must fit the model",
                    concat("it does not, and nothing was loaded", report.differences));
  }
  if (steps.empty() && report.skipped.size() < tensors.size()) {
    fail<DataError>(place, "at least one tensor must fit the model",
                    concat("none does, and nothing was loaded", report.differences));
  }
  return steps;
}

template <class From, class To>
void convert_elements(const std::byte* from, std::span<To> to) {
  for (To& element : to) {
    From value;
    std::memcpy(&value, from, sizeof value);
    from += sizeof value;
    element = static_cast<To>(value);
  }
}

/// Writes elements of `type`, as this machine has them, into a tensor that takes them.
inline void put_elements(std::span<const std::byte> from, ElementType type, const ParamRef& to) {
  if (type == to.element_type()) {
    if (!from.empty()) std::memcpy(to.bytes().data(), from.data(), from.size());
  } else if (type == ElementType::f32) {
    convert_elements<float>(from.data(), to.value<double>());
  } else {
    convert_elements<double>(from.data(), to.value<float>());
  }
}

/// A bool that is neither 0 nor 1 would be undefined behaviour.
inline void require_booleans(const std::string& place, std::string_view name, std::span<const std::byte> bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (const auto value = std::to_integer<int>(bytes[i]); value > 1)
      fail<DataError>(place, concat(name, ": every byte of a BOOL must be 0 or 1"), concat("byte ", i, " is ", value));
  }
}

}  // namespace detail

}  // namespace kiln
