// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/learner.hpp>

#include <doctest/doctest.h>

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/reduction.hpp>
#include <kiln/autograd/shaping.hpp>
#include <kiln/nn/embedding.hpp>
#include <kiln/nn/loss.hpp>
#include <kiln/optim/adam.hpp>
#include <kiln/train/activation_stats.hpp>
#include <kiln/train/lr_suggestion.hpp>
#include <kiln/train/summary.hpp>
#include <kiln/train/terminate_on_nan.hpp>

#include "toy.hpp"

TEST_SUITE_BEGIN("train");

using namespace kiln;

namespace {

/// Collaborative filtering: how a user likes an item, from a row (user, item).
struct DotBias {
  Embedding users{12, 3}, items{8, 3};
  Embedding user_bias{12, 1}, item_bias{8, 1};

  auto operator()(const Var<2, std::int64_t>& x) const {
    const auto user = slice(x, 1, 0, 1), item = slice(x, 1, 1, 2);  // each (N, 1)
    const auto taste = users(user), nature = items(item);
    return sum(taste * nature, 2) + flatten(user_bias(user)) + flatten(item_bias(item));
  }
};

/// All pairs of (a, b) in [0, 6)^2, and whether both are even or both odd.
auto pairs() {
  auto x = zeros<int>({36, 2});
  auto y = zeros<int>({36});
  for (int i = 0; i < 36; ++i) {
    x(i, 0) = i / 6;
    x(i, 1) = i % 6;
    y(i) = (i / 6 + i % 6) % 2;
  }
  return TensorDataset{std::move(x), std::move(y)};
}

}  // namespace

TEST_CASE("a Learner trains an embedding on integers") {
  manual_seed(3);
  auto data = DataLoaders{DataLoader{pairs(), LoaderOptions{.batch_size = 12, .shuffle = true}},
                          DataLoader{pairs(), LoaderOptions{.batch_size = 12}}};
  Sequential model{Embedding{6, 8}, Flatten{}, Linear{16, 16}, ReLU{}, Linear{16, 2}};
  Learner learn{data, model, CrossEntropy{}, Adam{.lr = 0.02}, Accuracy{}, TerminateOnNaN{}, ActivationStats{}};
  learn.quiet();
  const auto before = model.layers;
  learn.lr_find();
  learn.fit(40);
  CHECK(learn.validate().metrics[0].value == 1);
  CHECK(learn.predict(Tensor<2, int>{{1, 2}}).shape() == Shape<2>(1, 2));
  CHECK_FALSE(all_equal(std::get<0>(before).weight.value, std::get<0>(model.layers).weight.value));
}

TEST_CASE("a Learner trains a plain struct that looks integers up") {
  manual_seed(4);
  auto x = zeros<std::int64_t>({96, 2});
  auto y = zeros({96, 1});
  for (Index i = 0; i < 96; ++i) {
    x(i, 0) = i / 8;
    x(i, 1) = i % 8;
    y(i, 0) = static_cast<float>((i / 8 % 3) * (i % 8 % 2) + i % 8) / 4;
  }
  const TensorDataset set{std::move(x), std::move(y)};
  auto data = DataLoaders{DataLoader{set, LoaderOptions{.batch_size = 16, .shuffle = true}},
                          DataLoader{set, LoaderOptions{.batch_size = 16}}};
  DotBias model;
  Learner learn{data, model, MSE{}, Adam{.lr = 0.02}};
  learn.quiet();
  const double before = learn.validate().loss;
  learn.fit(30);
  CHECK(learn.validate().loss < before / 20);
  const Summary table = summary(model, Tensor<2, std::int64_t>{{0, 1}, {11, 7}}, {.timed_runs = 0});
  CHECK(table.silent.empty());
  CHECK(table.trainable == 12 * 4 + 8 * 4);
  CHECK(table.rows[1].path == "users");
  CHECK(table.rows[1].output == std::vector<Index>{2, 1, 3});
}

TEST_CASE("an integer that an embedding does not have names the layer") {
  DotBias model;
  const LayerNames names = layer_names(model);
  Context context;
  context.name_layers(&names);
  CHECK_THROWS_WITH_AS(model(context(Tensor<2, std::int64_t>{{0, 8}})),
                       "DotBias.items: embedding: indices must lie in [0, 8): got 8 at (0, 0)", IndexError);
}

TEST_SUITE_END();
