// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/cutmix.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "images.hpp"

TEST_SUITE_BEGIN("train");

using namespace kiln;

namespace {

/// Keeps a batch as it was.
template <class T>
struct Before {
  NoState no_state = {};
  int order = -1;
  Tensor<4, T> x = {};
  Tensor<1, int> y = {};
  void on(BeforeBatch, Fit& fit) {
    x = fit.x.as<4, T>();
    y = fit.y.as<1, int>();
  }
};

/// Checks what became of it.
template <class T>
struct Check {
  CutMix& cutmix;
  Before<T>& before;
  NoState no_state = {};
  int order = 1;
  std::vector<double> lambdas = {};
  Index lambda_errors = 0, unexplained = 0, unmoved = 0;
  std::array<Index, 4> edges = {};  // rectangles that reach the top, the bottom, the left, the right

  void on(BeforeBatch, Fit& fit) {
    const auto& mixed = fit.x.as<4, T>();
    CHECK(all_equal(fit.y.as<1, int>(), before.y));
    if (!fit.training) {
      CHECK(all_equal(mixed, before.x));
      CHECK(cutmix.other_y.empty());
      return;
    }
    lambdas.push_back(cutmix.lambda);
    if (cutmix.other_y.empty()) {
      CHECK(cutmix.lambda == 1);
      CHECK(all_equal(mixed, before.x));
      return;
    }
    const Index rows = mixed.size(2), columns = mixed.size(3);
    const auto& other = cutmix.other_y.as<1, int>();
    // The rectangle is where any image differs; inside, an image is one other, all of them different ones.
    Index top = rows, bottom = -1, left = columns, right = -1;
    for (Index i = 0; i < mixed.numel(); ++i) {
      if (mixed.data()[i] == before.x.data()[i]) continue;
      const Index row = i / columns % rows, column = i % columns;
      top = (std::min)(top, row), bottom = (std::max)(bottom, row);
      left = (std::min)(left, column), right = (std::max)(right, column);
    }
    const Index area = (std::max)(bottom - top + 1, Index{0}) * (std::max)(right - left + 1, Index{0});
    if (area == 0) {  // each image from itself, or nothing at all
      ++unmoved;
      return;
    }
    edges[0] += top == 0, edges[1] += bottom == rows - 1, edges[2] += left == 0, edges[3] += right == columns - 1;
    const double left_over = 1 - static_cast<double>(area) / static_cast<double>(rows * columns);
    lambda_errors += std::abs(cutmix.lambda - left_over) > 1e-9;
    std::vector<Index> taken;
    for (Index n = 0; n < mixed.size(0); ++n) {
      for (Index m = 0; m < mixed.size(0); ++m) {
        bool fits = other(n) == before.y(m);
        for (Index c = 0; c < mixed.size(1); ++c)
          for (Index row = top; row <= bottom; ++row)
            for (Index column = left; column <= right; ++column)
              fits = fits && mixed(n, c, row, column) == before.x(m, c, row, column);
        if (fits) taken.push_back(m);
      }
    }
    std::sort(taken.begin(), taken.end());
    for (Index n = 0; n < mixed.size(0); ++n)
      unexplained += std::ssize(taken) != mixed.size(0) || taken[static_cast<std::size_t>(n)] != n;
  }
  void on(AfterPred, Fit& fit) {
    if (fit.training) CHECK(cutmix.other_y.empty());  // CutMix has used it
  }
};

template <class T>
std::vector<double> lambdas_of(std::uint64_t seed, CutMix cutmix, Index epochs) {
  manual_seed(seed);
  auto data = toy::image_loaders<T>();
  toy::ImageNet<T> model;
  Before<T> before;
  Check<T> check{cutmix, before};
  Learner learn{data, model, CrossEntropy{}, SGD{.lr = 0.01}, cutmix, check, before};
  learn.quiet();
  learn.fit(epochs);
  CHECK(check.lambda_errors == 0);
  CHECK(check.unexplained == 0);
  if (epochs >= 100) {
    CHECK(*std::min_element(check.edges.begin(), check.edges.end()) > epochs / 3);
    CHECK(*std::max_element(check.edges.begin(), check.edges.end()) < 3 * epochs - check.unmoved);
  }
  if (cutmix.p == 1) CHECK(check.unmoved <= std::ssize(check.lambdas) / 3);
  return check.lambdas;
}

}  // namespace

TEST_CASE_TEMPLATE("a rectangle comes from other images, and lambda is what is left", T, float, double) {
  const auto lambdas = lambdas_of<T>(1, {}, 100);
  REQUIRE(lambdas.size() == 300);
  CHECK(lambdas_of<T>(1, {}, 2) == std::vector<double>(lambdas.begin(), lambdas.begin() + 6));
  CHECK(lambdas_of<T>(2, {}, 2) != std::vector<double>(lambdas.begin(), lambdas.begin() + 6));
  double smallest = 1, largest = 0;
  for (double lambda : lambdas) smallest = (std::min)(smallest, lambda), largest = (std::max)(largest, lambda);
  CHECK(smallest == doctest::Approx(0.4));  // 4 by 3 of 5 by 4 pixels is the most, as shares are rounded down
  CHECK(largest > 0.9);

  const auto half = lambdas_of<T>(1, {.alpha = 100, .p = 0.5}, 100);
  const auto unchanged = std::count(half.begin(), half.end(), 1.0);
  CHECK((unchanged > 110 && unchanged < 190));
  const auto never = lambdas_of<T>(1, {.p = 0}, 2);
  CHECK(std::count(never.begin(), never.end(), 1.0) == 6);
}

TEST_CASE("rectangles have the share of the image that was drawn, less what lies outside") {
  // For a share s of the side, the middle anywhere on a line of n pixels: the mean length inside, by counting.
  auto mean_inside = [](Index n, double share) {
    const auto length = static_cast<Index>(static_cast<double>(n) * share);
    Index sum = 0;
    for (Index middle = 0; middle < n; ++middle)
      for (Index i = middle - length / 2; i < middle - length / 2 + length; ++i) sum += i >= 0 && i < n;
    return static_cast<double>(sum) / static_cast<double>(n);
  };
  const auto lambdas =
      lambdas_of<float>(3, {.alpha = 1e6}, 400);  // all rectangles are half of the image, but for edges
  double mean = 0;
  for (double lambda : lambdas) mean += lambda / static_cast<double>(lambdas.size());
  const double side = std::sqrt(0.5);
  CHECK(mean == doctest::Approx(1 - mean_inside(5, side) * mean_inside(4, side) / 20).epsilon(0.01));
}

TEST_CASE("the loss is that of the mixed target, smoothed as well") {
  struct Expected {
    CutMix& cutmix;
    double smoothing;
    NoState no_state = {};
    int order = -1;  // before CutMix's own turn
    double expected = 0;
    Index batches = 0;
    void on(AfterPred, Fit& fit) {
      if (!fit.training) return;
      // By definition: minus the sum over classes of the target times the log-softmax, with the target
      // (1 - smoothing) (lambda onehot(y) + (1 - lambda) onehot(y')) + smoothing / classes.
      const auto pred = fit.pred.as<2>().value();
      const auto y = fit.y.as<1, int>(), other = cutmix.other_y.empty() ? y : cutmix.other_y.as<1, int>();
      expected = 0;
      for (Index n = 0; n < y.numel(); ++n) {
        double sum = 0;
        for (Index c = 0; c < 2; ++c) sum += std::exp(static_cast<double>(pred(n, c)));
        for (Index c = 0; c < 2; ++c) {
          const double mixed = cutmix.lambda * (c == y(n)) + (1 - cutmix.lambda) * (c == other(n));
          const double target = (1 - smoothing) * mixed + smoothing / 2;
          expected -= target * (static_cast<double>(pred(n, c)) - std::log(sum)) / static_cast<double>(y.numel());
        }
      }
    }
    void on(AfterLoss, Fit& fit) {
      if (!fit.training) return;
      CHECK(fit.loss_value == doctest::Approx(expected).epsilon(1e-5));
      CHECK(fit.loss.wants_grad());
      ++batches;
    }
  };
  for (double smoothing : {0.0, 0.1}) {
    manual_seed(1);
    auto data = toy::image_loaders();
    toy::ImageNet<> model;
    CutMix cutmix{.p = 0.8};
    Expected look{cutmix, smoothing};
    Learner learn{data, model, CrossEntropy{.label_smoothing = smoothing}, SGD{.lr = 0.1}, cutmix, look};
    learn.quiet();
    learn.fit(5);
    CHECK(look.batches == 15);
  }
}

TEST_CASE("what cannot be cut is refused") {
  auto data = toy::loaders();
  toy::Mlp model;
  Learner learn{data, model, CrossEntropy{}, SGD{}};
  learn.quiet();
  CHECK_THROWS_WITH_AS(learn.fit(1, 0.1, CutMix{.alpha = -1}), "CutMix: alpha must be positive and finite: got -1",
                       UsageError);
  CHECK_THROWS_WITH_AS(learn.fit(1, 0.1, CutMix{.p = 1.5}), "CutMix: p must lie in [0, 1]: got 1.5", UsageError);
  CHECK_THROWS_WITH_AS(learn.fit(1, 0.1, CutMix{}),
                       "CutMix: inputs must be images (N, C, H, W): got a Tensor<2, float>", UsageError);
  auto images = toy::image_loaders();
  toy::ImageNet<> net;
  Learner both{images, net, CrossEntropy{}, SGD{}};
  both.quiet();
  CHECK_THROWS_WITH_AS(both.fit(1, 0.1, MixUp{}, CutMix{}),
                       "CutMix: only one callback can make the loss of a batch: another one has (MixUp and CutMix do "
                       "not go together)",
                       UsageError);
}

TEST_SUITE_END();
