// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `ConfusionPlot`: how often each class was taken for each: `ConfusionPlot{.classes =
/// names}.set(counts).save("c.svg")`.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <type_traits>
#include <vector>

#include <kiln/tensor/tensor.hpp>
#include <kiln/viz/frame.hpp>

namespace kiln {

/// A row for each true class, a column for each predicted one. What is right is blue, by its share of the row; mix-ups
/// are orange, the most frequent one (by share of its row) strongest, so that few among many can be seen.
struct ConfusionPlot {
  std::string title = {};
  std::vector<std::string> classes = {};  ///< none: 0, 1, 2, ...
  std::string truth_label = "truth";
  std::string prediction_label = "prediction";
  Index size = 0;
  std::vector<Index> counts = {};  ///< row by row

  /// Shapes: (classes, classes), a row for each true class. Throws: UsageError unless square and without negatives.
  template <class T>
    requires std::is_integral_v<T>
  ConfusionPlot& set(const Tensor<2, T>& matrix) {
    if (matrix.size(0) != matrix.size(1))
      fail<UsageError>("ConfusionPlot", "there must be as many columns as rows", concat("got shape ", matrix.shape()));
    size = matrix.size(0);
    counts.assign(matrix.begin(), matrix.end());
    check();
    return *this;
  }

  std::string svg() const { return detail::svg_of(*this, title.empty() ? "confusion matrix" : title); }

  /// Throws: UsageError for a name that does not end in .svg, DataError if it cannot be written.
  void save(const std::string& path) const { detail::save_svg(path, svg()); }

  detail::Size draw(detail::Drawing& drawing) const {
    using namespace detail;
    check();
    constexpr double longest_name = 140;
    double name_width = 0, count_width = 0;
    std::vector<std::string> names, numbers;
    for (Index i = 0; i < size; ++i) {
      names.push_back(
          fit_text(classes.empty() ? concat(i) : classes[static_cast<std::size_t>(i)], font_size, longest_name));
      name_width = (std::max)(name_width, text_width(names.back(), font_size));
    }
    for (Index count : counts) {
      numbers.push_back(with_separators(count));
      count_width = (std::max)(count_width, text_width(numbers.back(), font_size));
    }
    const double n = static_cast<double>((std::max)(size, Index{1}));
    double cell = std::clamp(520 / n, 15.0, 42.0);
    const bool written = (std::max)(count_width + 8, 24.0) * n <= 900;
    if (written) cell = (std::max)(cell, (std::max)(count_width + 8, 24.0));
    const bool upright = name_width > cell - 6;
    const double left = edge + 20 + name_width + 8;
    const double width = (std::max)(left + cell * n + edge, 200.0);
    const double top = draw_title(drawing, title, width);
    const double height = top + cell * n + 10 + (upright ? name_width + 4 : 14) + 22 + edge / 2;
    check_size("ConfusionPlot", width, height);
    if (size == 0)
      drawing.element("text", {{"class", "k-text k-small k-mid"}, {"x", width / 2}, {"y", top + 30}}, "no data");

    const std::vector<double> shares = row_shares();
    double worst = 0;
    for (Index i = 0; i < size; ++i)
      for (Index j = 0; j < size; ++j)
        if (i != j) worst = (std::max)(worst, shares[at(i, j)]);
    for (Index i = 0; i < size; ++i) {
      const double y = top + cell * static_cast<double>(i);
      drawing.element("text", {{"class", "k-text k-end"}, {"x", left - 8}, {"y", y + cell / 2 + 4}},
                      names[static_cast<std::size_t>(i)]);
      for (Index j = 0; j < size; ++j) {
        const double x = left + cell * static_cast<double>(j);
        const double share = shares[at(i, j)];
        if (counts[at(i, j)] == 0) continue;
        const double strength = 0.12 + 0.88 * (i == j ? share : std::sqrt(share / worst));
        drawing.element("rect", {{"class", i == j ? "k-f0" : "k-f1"},
                                 {"x", x},
                                 {"y", y},
                                 {"width", cell},
                                 {"height", cell},
                                 {"fill-opacity", strength}});
        if (written)
          drawing.element("text",
                          {{"class", strength > 0.8 ? "k-text k-mid k-on" : "k-text k-mid"},
                           {"x", x + cell / 2},
                           {"y", y + cell / 2 + 4}},
                          numbers[at(i, j)]);
      }
      const double middle = left + cell * (static_cast<double>(i) + 0.5);
      const double below = top + cell * n;
      if (upright)
        draw_upright(drawing, names[static_cast<std::size_t>(i)], middle + 4, below + 8, longest_name + 1,
                     "k-text k-end");
      else
        drawing.element("text", {{"class", "k-text k-mid"}, {"x", middle}, {"y", below + 18}},
                        names[static_cast<std::size_t>(i)]);
    }
    if (size > 0) {
      std::string grid;
      for (Index i = 0; i <= size; ++i) {
        const double offset = cell * static_cast<double>(i);
        grid += path_of({{left, top + offset}, {left + cell * n, top + offset}});
        grid += path_of({{left + offset, top}, {left + offset, top + cell * n}});
      }
      drawing.element("path", {{"class", "k-grid"}, {"d", grid}});
    }
    draw_upright(drawing, truth_label, edge + 8, top + cell * n / 2, cell * n);
    drawing.element("text", {{"class", "k-text k-small k-mid"}, {"x", left + cell * n / 2}, {"y", height - 11}},
                    fit_text(prediction_label, font_size, width - left));
    return {width, height};
  }

 private:
  std::size_t at(Index row, Index column) const { return static_cast<std::size_t>(row * size + column); }

  void check() const {
    if (size < 0 || size > 1000 || static_cast<std::size_t>(size * size) != counts.size())
      fail<UsageError>("ConfusionPlot",
                       concat("there must be ", size, " x ", size, " counts, and at most 1000 classes"),
                       concat("got ", counts.size(), " counts"));
    if (!classes.empty() && classes.size() != static_cast<std::size_t>(size))
      fail<UsageError>("ConfusionPlot", concat("there must be none or ", size, " names of classes"),
                       concat("got ", classes.size()));
    for (Index count : counts)
      if (count < 0) fail<UsageError>("ConfusionPlot", "counts must not be negative", concat("got ", count));
  }

  std::vector<double> row_shares() const {
    std::vector<double> shares(counts.begin(), counts.end());
    for (Index i = 0; i < size; ++i) {
      double sum = 0;
      for (Index j = 0; j < size; ++j) sum += shares[at(i, j)];
      for (Index j = 0; j < size && sum > 0; ++j) shares[at(i, j)] /= sum;
    }
    return shares;
  }
};

}  // namespace kiln
