// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Finding a layer by its path, with messages that help where there is none.
#pragma once

#include <algorithm>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include <kiln/autograd/layer_scope.hpp>

namespace kiln::detail {

/// How many letters must be put in, taken out or replaced to make one text of the other.
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = (std::min)({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

/// A path as messages call it.
inline std::string spoken_path(std::string_view path) { return path.empty() ? "the model" : std::string(path); }

/// The layer with this path. Throws: IndexError that lists those there are, the nearest first.
inline const LayerNames::Entry& require_layer(const LayerNames& names, std::string_view op, std::string_view path) {
  for (const LayerNames::Entry& entry : names.entries) {
    if (entry.path == path) return entry;
  }
  std::vector<std::string_view> paths;
  auto nearer = [&](std::string_view a, std::string_view b) { return edit_distance(path, a) < edit_distance(path, b); };
  for (const LayerNames::Entry& entry : names.entries) {
    const std::string_view other = entry.path;
    if (!other.empty()) paths.insert(std::upper_bound(paths.begin(), paths.end(), other, nearer), other);
  }
  std::string list;
  for (std::string_view other : paths) {
    list += concat(other, ", ");
    if (list.size() > 400) {
      list += "..., ";
      break;
    }
  }
  fail<IndexError>(op, concat("the layers of ", names.root, " are ", list, "and \"\", the model itself"),
                   concat("got \"", path, "\""));
}

/// Throws: UsageError that a layer was not seen to run.
[[noreturn]] inline void fail_silent_layer(std::string_view op, std::string_view path) {
  fail<UsageError>(op, concat(spoken_path(path), " must run and be seen to; ", how_to_announce), "it was not seen");
}

}  // namespace kiln::detail
