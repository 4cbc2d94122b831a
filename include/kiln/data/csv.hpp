// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Tables of numbers: `auto data = csv_dataset("iris.csv", {.label = "species"});` for a DataLoader,
/// `auto table = read_csv("table.csv");` for its numbers. Not part of kiln.hpp: include it where it is used.
/// Source: RFC 4180.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <kiln/core/file.hpp>
#include <kiln/data/csv_reader.hpp>
#include <kiln/data/dataset.hpp>

namespace kiln {

/// A column by its name or its number, counted from 0, or from the end: -1 is the last.
struct CsvColumn {
  std::string name = {};
  Index number = 0;
  bool by_name = false;

  CsvColumn(std::string column) : name(std::move(column)), by_name(true) {}
  CsvColumn(const char* column) : name(column), by_name(true) {}
  CsvColumn(std::integral auto column) : number(static_cast<Index>(column)) {}
};

/// What to do where there is no number.
enum class CsvMissing {
  error,
  nan,   ///< put NaN there
  mean,  ///< put the mean of the column's numbers there
  drop   ///< leave the row out
};

struct CsvOptions {
  std::optional<CsvColumn> label = {};  ///< what is to be predicted: a class, or a number for regression
  std::vector<CsvColumn> columns = {};  ///< the inputs, in this order; unless set all but the label and `skip`
  std::vector<CsvColumn> skip = {};
  std::vector<std::string> classes = {};  ///< the labels' texts; unless set all that come, sorted
  char separator = ',';
  bool header = true;  ///< the first row has the columns' names
  CsvMissing missing = CsvMissing::error;
  std::vector<std::string> missing_text = {"", "NA", "N/A", "NaN", "nan", "null", "NULL"};
};

/// A table of numbers.
template <class T = float>
struct CsvTable {
  Tensor<2, T> values;               ///< (rows, columns)
  std::vector<std::string> columns;  ///< their names; their numbers without a header
};

/// Rows to classify: x (N, columns), y (N).
template <class T = float>
struct CsvDataset : TensorDataset<Tensor<2, T>, Tensor<1, int>> {
  std::vector<std::string> columns;  ///< the names of x's
  std::vector<std::string> classes;  ///< what the labels stand for
};

/// Rows for regression: x (N, columns), y (N, 1).
template <class T = float>
struct CsvRegressionDataset : TensorDataset<Tensor<2, T>, Tensor<2, T>> {
  std::vector<std::string> columns;  ///< the names of x's
};

namespace detail {

inline std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

enum class CsvNumber { good, none, too_large };

/// The number that `text` is, all of it.
inline CsvNumber csv_number(std::string_view text, double& number) {
  text = trimmed(text);
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) return CsvNumber::none;
  if (error == std::errc() && std::isnan(number)) return CsvNumber::none;
  return error == std::errc() ? CsvNumber::good : CsvNumber::too_large;
}

/// Which columns of the file are what.
class CsvColumns {
 public:
  /// Throws: DataError for columns that are not there.
  CsvColumns(std::string place, const std::vector<std::string_view>& first_row, const CsvOptions& options)
      : place_(std::move(place)), count_(static_cast<Index>(first_row.size())) {
    for (Index i = 0; i < count_; ++i)
      names_.push_back(options.header ? std::string(trimmed(first_row[static_cast<std::size_t>(i)])) : concat(i));
    by_name_ = options.header;
    if (options.label) label = find(*options.label);
    for (const CsvColumn& column : options.columns) inputs.push_back(find(column));
    std::vector<Index> skipped;
    for (const CsvColumn& column : options.skip) skipped.push_back(find(column));
    auto is_skipped = [&](Index i) { return std::find(skipped.begin(), skipped.end(), i) != skipped.end(); };
    for (Index i = 0; i < count_ && options.columns.empty(); ++i) {
      if (i != label && !is_skipped(i)) inputs.push_back(i);
    }
    if (inputs.empty()) fail<DataError>(place_, "there must be at least one column of inputs", "there is none");
    if (label && std::find(inputs.begin(), inputs.end(), *label) != inputs.end())
      fail<UsageError>(place_, "the label must not be among the inputs", concat("got ", text(*label), " as both"));
  }

  Index count() const { return count_; }
  const std::string& name(Index column) const { return names_[static_cast<std::size_t>(column)]; }
  std::string text(Index column) const {
    return by_name_ ? concat("column ", quoted_text(name(column))) : concat("column ", column);
  }

  std::vector<std::string> input_names() const {
    std::vector<std::string> result;
    for (Index i : inputs) result.push_back(name(i));
    return result;
  }

  std::optional<Index> label = {};
  std::vector<Index> inputs = {};

 private:
  Index find(const CsvColumn& column) const {
    if (column.by_name) {
      if (!by_name_)
        fail<UsageError>(place_, "without a header columns have numbers", concat("got '", column.name, "'"));
      const auto found = std::find(names_.begin(), names_.end(), column.name);
      if (found == names_.end()) {
        std::string all;
        for (const std::string& name : names_) all += concat(all.empty() ? "" : ", ", name);
        if (all.size() > 200) all = concat(all.substr(0, 200), " ...");
        fail<DataError>(place_, concat("there must be a column '", column.name, "'"), concat("it has ", all));
      }
      if (std::find(found + 1, names_.end(), column.name) != names_.end())
        fail<DataError>(place_, concat("there must be one column '", column.name, "'"), "it has several");
      return found - names_.begin();
    }
    const Index i = column.number < 0 ? column.number + count_ : column.number;
    if (i < 0 || i >= count_)
      fail<DataError>(place_, concat("columns must lie in [", -count_, ", ", count_, ")"),
                      concat("got ", column.number));
    return i;
  }

  std::string place_;
  Index count_;
  std::vector<std::string> names_;
  bool by_name_ = true;
};

/// Texts and the numbers that they get: those given at first, or in the order in which they come.
class CsvClasses {
 public:
  explicit CsvClasses(const std::vector<std::string>& given) : given_(!given.empty()) {
    for (const std::string& text : given) add(text);
  }

  /// -1 for a text that is not among those given.
  int number(std::string_view text) {
    const auto found = numbers_.find(std::string(text));
    if (found != numbers_.end()) return found->second;
    return given_ ? -1 : add(text);
  }

  /// Sorts what came, whole numbers by value and other texts by bytes; returns the new number of each old one.
  std::vector<int> sort() {
    std::vector<int> order(texts_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i);
    if (!given_) {
      std::vector<std::int64_t> values(texts_.size());
      bool whole = true;
      for (std::size_t i = 0; i < texts_.size(); ++i) {
        const std::string& text = texts_[i];
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), values[i]);
        whole = whole && error == std::errc() && end == text.data() + text.size();
      }
      std::sort(order.begin(), order.end(), [&](int a, int b) {
        const auto i = static_cast<std::size_t>(a), j = static_cast<std::size_t>(b);
        return whole && values[i] != values[j] ? values[i] < values[j] : texts_[i] < texts_[j];
      });
    }
    std::vector<int> place(order.size());
    std::vector<std::string> sorted;
    for (std::size_t i = 0; i < order.size(); ++i) {
      place[static_cast<std::size_t>(order[i])] = static_cast<int>(i);
      sorted.push_back(texts_[static_cast<std::size_t>(order[i])]);
    }
    texts_ = std::move(sorted);
    return place;
  }

  std::vector<std::string> take() { return std::move(texts_); }

 private:
  int add(std::string_view text) {
    texts_.emplace_back(text);
    return numbers_.emplace(text, static_cast<int>(texts_.size()) - 1).first->second;
  }

  bool given_;
  std::vector<std::string> texts_;
  std::unordered_map<std::string, int> numbers_;
};

enum class CsvLabels { none, classes, numbers };

/// A file as it has been read.
template <class T>
struct CsvContent {
  std::vector<std::string> columns, classes;
  Tensor<2, T> x;
  Tensor<1, int> labels;  // of classes
  Tensor<2, T> targets;   // of regression
};

template <class T>
Tensor<2, T> csv_tensor(const std::vector<T>& values, std::size_t rows, std::size_t columns) {
  auto result = uninitialised<T>(Shape<2>{rows, columns});
  std::copy(values.begin(), values.end(), result.data());
  return result;
}

/// Puts each column's mean where NaN marks a missing number. `was_missing` has their positions.
template <class T>
void fill_with_means(const std::string& place, std::vector<T>& values, const std::vector<std::size_t>& was_missing,
                     const CsvColumns& columns) {
  const std::size_t width = columns.inputs.size();
  std::vector<double> sums(width);
  std::vector<std::size_t> counts(width);
  auto missing = was_missing.begin();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (missing != was_missing.end() && *missing == i) {
      ++missing;
      continue;
    }
    sums[i % width] += static_cast<double>(values[i]);
    ++counts[i % width];
  }
  for (std::size_t i : was_missing) {
    if (counts[i % width] == 0)
      fail<DataError>(concat(place, ": ", columns.text(columns.inputs[i % width])),
                      "must have a number to take the mean of", "it has none");
    values[i] = static_cast<T>(sums[i % width] / static_cast<double>(counts[i % width]));
  }
}

template <class T>
CsvContent<T> read_csv_file(std::string_view op, const std::string& path, const CsvOptions& options, CsvLabels kind) {
  static_assert(std::is_floating_point_v<T>, "kiln: the numbers of a CSV file become float or double");
  const std::string place = concat(op, ": ", path);
  if (options.separator == '"' || options.separator == '\n' || options.separator == '\r')
    fail<UsageError>(place, "the separator must be neither a quote nor a line end", "it is");
  if (kind != CsvLabels::none && !options.label)
    fail<UsageError>(place, "the column to be predicted must be given as .label", "there is none");
  std::vector<unsigned char> bytes = read_file(op, path);
  CsvReader reader(place, {reinterpret_cast<char*>(bytes.data()), bytes.size()}, options.separator);
  std::vector<std::string_view> fields;
  bool more = reader.next(fields);
  if (!more) fail<DataError>(place, "must have at least one row", "it is empty");
  const CsvColumns columns(place, fields, options);
  double number = 0;
  if (options.header) {
    auto is_number = [&](std::string_view field) { return csv_number(field, number) == CsvNumber::good; };
    if (std::all_of(fields.begin(), fields.end(), is_number))
      reader.fail_at(reader.line(), "must have the columns' names, unless .header = false",
                     concat("got numbers, ", quoted_text(fields[0]), " and so on"));
    more = reader.next(fields);
  }

  auto is_missing = [&](std::string_view field) {
    return std::find(options.missing_text.begin(), options.missing_text.end(), trimmed(field)) !=
           options.missing_text.end();
  };
  auto fail_field = [&](Index column, std::string_view expected, std::string_view field) {
    reader.fail_at(reader.line(), concat(columns.text(column), ": ", expected), concat("got ", quoted_text(field)));
  };
  auto read_number = [&](Index column, std::string_view field) -> T {
    const CsvNumber result = csv_number(field, number);
    if (result == CsvNumber::none) fail_field(column, "must be a number", field);
    const bool overflow = std::isfinite(number) && std::abs(number) > double{(std::numeric_limits<T>::max)()};
    if (result == CsvNumber::too_large || overflow)
      fail_field(column, sizeof(T) == 4 ? "must be in the range of a float" : "must be in the range of a double",
                 field);
    return static_cast<T>(number);
  };

  CsvClasses classes(options.classes);
  std::vector<T> values, targets;
  std::vector<int> labels;
  std::vector<std::size_t> missing;  // positions in values
  std::size_t rows = 0;
  for (; more; more = reader.next(fields)) {
    if (fields.size() == 1 && fields[0].empty()) continue;  // an empty line is no row
    if (static_cast<Index>(fields.size()) != columns.count()) {
      reader.fail_at(reader.line(), concat("must have ", columns.count(), " fields, as the first row"),
                     concat("got ", fields.size()));
    }
    auto field = [&](Index column) { return fields[static_cast<std::size_t>(column)]; };
    if (options.missing == CsvMissing::drop) {
      auto gone = [&](Index column) { return is_missing(field(column)); };
      if (std::any_of(columns.inputs.begin(), columns.inputs.end(), gone)) continue;
      if (kind != CsvLabels::none && gone(*columns.label)) continue;
    }
    for (Index column : columns.inputs) {
      const std::string_view text = field(column);
      if (!is_missing(text)) {
        values.push_back(read_number(column, text));
        continue;
      }
      if (options.missing == CsvMissing::error)
        fail_field(column, "must be a number, unless .missing says what to do without one", text);
      missing.push_back(values.size());
      values.push_back(std::numeric_limits<T>::quiet_NaN());
    }
    if (kind != CsvLabels::none) {
      const std::string_view text = trimmed(field(*columns.label));
      if (is_missing(text)) fail_field(*columns.label, "must have a label", text);
      if (kind == CsvLabels::numbers) {
        targets.push_back(read_number(*columns.label, text));
      } else {
        labels.push_back(classes.number(text));
        if (labels.back() < 0) fail_field(*columns.label, "must be one of the classes given", text);
      }
    }
    ++rows;
  }
  if (options.missing == CsvMissing::mean) fill_with_means(place, values, missing, columns);

  CsvContent<T> content;
  content.columns = columns.input_names();
  content.x = csv_tensor(values, rows, columns.inputs.size());
  if (kind == CsvLabels::numbers) content.targets = csv_tensor(targets, rows, 1);
  if (kind == CsvLabels::classes) {
    const std::vector<int> order = classes.sort();
    content.labels = uninitialised<int>(Shape<1>{rows});
    std::transform(labels.begin(), labels.end(), content.labels.data(),
                   [&](int label) { return order[static_cast<std::size_t>(label)]; });
    content.classes = classes.take();
  }
  return content;
}

}  // namespace detail

/// Reads the numbers of a CSV file, of all columns but the label if one is given. Errors name line and column. Throws:
/// DataError; UsageError for options that make no sense.
template <class T = float>
CsvTable<T> read_csv(const std::string& path, const CsvOptions& options = {}) {
  auto content = detail::read_csv_file<T>("read_csv", path, options, detail::CsvLabels::none);
  return {std::move(content.x), std::move(content.columns)};
}

/// Reads rows to be classified: the texts of the label's column become 0, 1, ... in sorted order (whole numbers by
/// value). For a second file give the classes of the first: `csv_dataset("test.csv", {.label = "species", .classes =
/// train.classes})`. Throws: DataError, UsageError.
template <class T = float>
CsvDataset<T> csv_dataset(const std::string& path, const CsvOptions& options) {
  auto content = detail::read_csv_file<T>("csv_dataset", path, options, detail::CsvLabels::classes);
  return {{std::move(content.x), std::move(content.labels)}, std::move(content.columns), std::move(content.classes)};
}

/// Reads rows for regression: the label's column holds numbers, y (N, 1). Throws: DataError, UsageError.
template <class T = float>
CsvRegressionDataset<T> csv_regression_dataset(const std::string& path, const CsvOptions& options) {
  auto content = detail::read_csv_file<T>("csv_regression_dataset", path, options, detail::CsvLabels::numbers);
  return {{std::move(content.x), std::move(content.targets)}, std::move(content.columns)};
}

}  // namespace kiln
