// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Precision`, `Recall` and `F1` of a classifier, over the whole set: `F1{.average = Average::macro}`.
/// Source: precision_score, recall_score and f1_score of https://scikit-learn.org/stable/modules/model_evaluation.html,
/// zero division as since version 1.3.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include <kiln/train/confusion_matrix.hpp>

namespace kiln {

/// How the scores of the classes become one number.
enum class Average {
  binary,    ///< that of the class `positive`, of two
  macro,     ///< the mean over the classes that occur as truth or as prediction
  micro,     ///< that of all classes' counts added up
  weighted,  ///< the mean over the classes, weighted by how often each is the truth
};

namespace detail {

/// How often a class was the truth, the prediction, and both.
struct ClassCounts {
  double truths = 0, predictions = 0, hits = 0;
};

struct PrecisionFormula {
  static constexpr std::string_view name = "precision";
  static double over(const ClassCounts& n) { return n.hits; }
  static double under(const ClassCounts& n) { return n.predictions; }
};
struct RecallFormula {
  static constexpr std::string_view name = "recall";
  static double over(const ClassCounts& n) { return n.hits; }
  static double under(const ClassCounts& n) { return n.truths; }
};
struct F1Formula {
  static constexpr std::string_view name = "f1";
  static double over(const ClassCounts& n) { return 2 * n.hits; }
  static double under(const ClassCounts& n) { return n.truths + n.predictions; }
};

}  // namespace detail

/// A quotient of counts for each class, and their average.
/// Shapes: pred (N, C), y (N).
template <class Formula>
struct ClassScore {
  Average average = Average::binary;
  Index positive = 1;              ///< the class that `Average::binary` is about
  double zero_division = 0;        ///< the score of a class without one; NaN keeps it out of averages
  ConfusionMatrix confusion = {};  ///< what was counted

  /// Such as `macro_f1`.
  std::string name() const {
    constexpr std::string_view prefixes[] = {"", "macro_", "micro_", "weighted_"};
    return concat(prefixes[static_cast<int>(average)], Formula::name);
  }

  void reset() { confusion.reset(); }

  /// Throws: ShapeError, IndexError; UsageError if `Average::binary` meets other than two classes.
  template <class T, std::integral L>
  void update(const Tensor<2, T>& pred, const Tensor<1, L>& y) {
    if (average == Average::binary && pred.size(1) != 2) {
      fail<UsageError>(Formula::name, "Average::binary needs scores of two classes; take macro, micro or weighted",
                       concat("got shape ", pred.shape()));
    }
    if (average == Average::binary && positive != 0 && positive != 1) {
      fail<UsageError>(Formula::name, "the positive class must be 0 or 1", concat("got ", positive));
    }
    confusion.update(pred, y);
  }

  /// One for each class.
  std::vector<double> per_class() const {
    std::vector<double> scores;
    for (const detail::ClassCounts& n : class_counts()) scores.push_back(score(n));
    return scores;
  }

  /// NaN over nothing.
  double value() const {
    const auto counts = class_counts();
    detail::ClassCounts all;
    for (const auto& n : counts) all = {all.truths + n.truths, all.predictions + n.predictions, all.hits + n.hits};
    if (all.truths == 0) return NAN;
    if (average == Average::micro) return score(all);
    if (average == Average::binary) return score(counts[static_cast<std::size_t>(positive)]);
    double sum = 0, weights = 0, plain_sum = 0, classes = 0;
    for (const auto& n : counts) {
      const double own = score(n);
      if (n.truths + n.predictions == 0 || std::isnan(own)) continue;
      const double weight = average == Average::weighted ? n.truths : 1;
      sum += weight * own;
      weights += weight;
      plain_sum += own;
      ++classes;
    }
    return weights > 0 ? sum / weights : plain_sum / classes;
  }

 private:
  double score(const detail::ClassCounts& n) const {
    return Formula::under(n) == 0 ? zero_division : Formula::over(n) / Formula::under(n);
  }

  std::vector<detail::ClassCounts> class_counts() const {
    const Index classes = confusion.counts.size(0);
    std::vector<detail::ClassCounts> counts(static_cast<std::size_t>(classes));
    for (Index truth = 0; truth < classes; ++truth) {
      for (Index prediction = 0; prediction < classes; ++prediction) {
        const auto n = static_cast<double>(confusion.counts(truth, prediction));
        counts[static_cast<std::size_t>(truth)].truths += n;
        counts[static_cast<std::size_t>(prediction)].predictions += n;
        if (truth == prediction) counts[static_cast<std::size_t>(truth)].hits = n;
      }
    }
    return counts;
  }
};

/// Of what was taken for a class, the share that is of the class.
using Precision = ClassScore<detail::PrecisionFormula>;
/// Of what is of a class, the share that was taken for it.
using Recall = ClassScore<detail::RecallFormula>;
/// The harmonic mean of precision and recall.
using F1 = ClassScore<detail::F1Formula>;

}  // namespace kiln
