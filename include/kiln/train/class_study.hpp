// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `ClassStudy`: what a classifier makes of a set, batch by batch: which class it takes for which, and which samples
/// surprise it most.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <string_view>
#include <utility>
#include <vector>

#include <kiln/tensor/tensor.hpp>

namespace kiln::detail {

/// A sample that was seen, with the softmax of the model's output.
struct StudiedSample {
  double loss = 0;         ///< minus the logarithm of the truth's probability
  double probability = 0;  ///< of what was predicted
  double truth_probability = 0;
  Index truth = 0;
  Index prediction = 0;
  Index number = 0;  ///< its place in the set, from 0
  std::vector<double> pixels = {};

  /// Loss that is NaN is the worst.
  bool worse_than(const StudiedSample& other) const {
    if (std::isnan(loss) != std::isnan(other.loss)) return std::isnan(loss);
    return loss != other.loss && !std::isnan(loss) ? loss > other.loss : number < other.number;
  }
};

/// The figures of one class. NaN where they would be a division by zero.
struct ClassScores {
  Index count = 0;  ///< samples of this class
  double precision = 0;
  double recall = 0;
  double f1 = 0;
};

/// Two classes that were mixed up.
struct MixUpCount {
  Index truth = 0;
  Index prediction = 0;
  Index count = 0;
};

class ClassStudy {
 public:
  /// More classes than this are not counted against each other.
  static constexpr Index most_classes = 1000;

  explicit ClassStudy(Index keep) : keep_(static_cast<std::size_t>(keep)) {}

  /// Shapes: pred (N, C), y (N), x (N, ...). Rows whose label is no class, such as an ignored one, are left out.
  template <class T, std::integral L, class X>
  void add(const Tensor<2, T>& pred, const Tensor<1, L>& y, const X& x) {
    classes = pred.size(1);
    if (classes < 2) return;
    if (classes <= most_classes) counts.resize(static_cast<std::size_t>(classes * classes));
    if constexpr (X::rank == 4) image = {x.size(1), x.size(2), x.size(3)};
    for (Index row = 0; row < y.numel(); ++row) {
      const Index number = rows++;
      const L label = y.data()[row];
      if (std::cmp_less(label, 0) || std::cmp_greater_equal(label, classes)) {
        ++left_out;
        continue;
      }
      StudiedSample sample = study(pred.data() + row * classes, static_cast<Index>(label));
      sample.number = number;
      right += sample.prediction == sample.truth;
      if (!counts.empty()) ++counts[static_cast<std::size_t>(sample.truth * classes + sample.prediction)];
      keep_if_bad(std::move(sample), [&](std::vector<double>& pixels) {
        if constexpr (X::rank == 4) {
          const Index size = image[0] * image[1] * image[2];
          const auto* first = x.data() + row * size;
          if (has_images()) pixels.assign(first, first + size);
        }
      });
    }
  }

  bool has_images() const { return (image[0] == 1 || image[0] == 3) && image[1] > 0 && image[2] > 0; }

  double accuracy() const { return static_cast<double>(right) / static_cast<double>(rows - left_out); }

  ClassScores scores(Index one) const {
    Index taken = 0;
    ClassScores result;
    for (Index other = 0; other < classes; ++other) {
      result.count += at(one, other);
      taken += at(other, one);
    }
    const auto hits = static_cast<double>(at(one, one));
    result.precision = hits / static_cast<double>(taken);
    result.recall = hits / static_cast<double>(result.count);
    result.f1 = 2 * hits / static_cast<double>(taken + result.count);
    return result;
  }

  /// The most frequent ones first.
  std::vector<MixUpCount> mix_ups(std::size_t at_most) const {
    std::vector<MixUpCount> all;
    for (Index truth = 0; truth < classes && !counts.empty(); ++truth)
      for (Index prediction = 0; prediction < classes; ++prediction)
        if (truth != prediction && at(truth, prediction) > 0) all.push_back({truth, prediction, at(truth, prediction)});
    std::stable_sort(all.begin(), all.end(),
                     [](const MixUpCount& a, const MixUpCount& b) { return a.count > b.count; });
    if (all.size() > at_most) all.resize(at_most);
    return all;
  }

  /// The samples with the highest loss, the worst first.
  std::vector<StudiedSample> worst() const {
    std::vector<StudiedSample> sorted = worst_;
    std::sort(sorted.begin(), sorted.end(), before);
    return sorted;
  }

  Index classes = 0;
  Index rows = 0;
  Index left_out = 0;
  Index right = 0;
  std::vector<Index> counts;  ///< (truth, prediction), row by row; empty with too many classes
  std::array<Index, 3> image{};

 private:
  static bool before(const StudiedSample& a, const StudiedSample& b) { return a.worse_than(b); }

  Index at(Index truth, Index prediction) const {
    return counts[static_cast<std::size_t>(truth * classes + prediction)];
  }

  template <class T>
  StudiedSample study(const T* scores, Index truth) const {
    const Index best = std::max_element(scores, scores + classes) - scores;
    const auto highest = static_cast<double>(scores[best]);
    double sum = 0;
    for (Index i = 0; i < classes; ++i) sum += std::exp(static_cast<double>(scores[i]) - highest);
    const double loss = std::log(sum) + (highest - static_cast<double>(scores[truth]));
    return {
        .loss = loss, .probability = 1 / sum, .truth_probability = std::exp(-loss), .truth = truth, .prediction = best};
  }

  /// The best of those that are kept stands first in the heap, to be replaced.
  template <class Copy>
  void keep_if_bad(StudiedSample sample, Copy copy_pixels) {
    if (keep_ == 0 || (worst_.size() == keep_ && !sample.worse_than(worst_.front()))) return;
    if (worst_.size() == keep_) {
      std::pop_heap(worst_.begin(), worst_.end(), before);
      worst_.pop_back();
    }
    copy_pixels(sample.pixels);
    worst_.push_back(std::move(sample));
    std::push_heap(worst_.begin(), worst_.end(), before);
  }

  std::size_t keep_;
  std::vector<StudiedSample> worst_;
};

}  // namespace kiln::detail
