// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/nn/kaiming_init.hpp>

#include <kiln/nn/batch_norm.hpp>
#include <kiln/nn/linear.hpp>
#include <kiln/nn/sequential.hpp>
#include <kiln/tensor/reduce.hpp>

#include "oracle.hpp"

using namespace kiln;

TEST_SUITE_BEGIN("nn");

namespace {

struct Scale {  // has a weight, but takes nothing in
  Param<1> weight = ones({300});
  Param<2> table = ones({4, 4});
};

struct Filter {  // a user's own, which looks like a convolution
  Index in = 8, out = 64;
  Param<4> weight = zeros({64, 8, 5, 5});
};

struct Model {
  std::vector<Linear> hidden = {Linear{200, 300}, Linear{300, 300}};
  BatchNorm1d norm{300};
  Scale scale;
  Filter filter;
  std::optional<Linear> out = Linear{300, 10};
};

double spread(const auto& weight) { return static_cast<double>(stddev(weight.value).item()); }

}  // namespace

TEST_CASE("kaiming_init scales each weight by its number of inputs") {
  manual_seed(1);
  Model model;
  kaiming_init(model);
  CHECK(spread(model.hidden[0].weight) == doctest::Approx(std::sqrt(2. / 200)).epsilon(0.02));
  CHECK(spread(model.hidden[1].weight) == doctest::Approx(std::sqrt(2. / 300)).epsilon(0.02));
  CHECK(spread(model.filter.weight) == doctest::Approx(std::sqrt(2. / 200)).epsilon(0.02));
  CHECK(spread(model.out->weight) == doctest::Approx(std::sqrt(2. / 300)).epsilon(0.05));
  kaiming_init(model, {.negative_slope = 1});
  CHECK(spread(model.hidden[0].weight) == doctest::Approx(std::sqrt(1. / 200)).epsilon(0.02));
}

TEST_CASE("kaiming_init leaves biases, norms and all other parameters alone") {
  Model model;
  const Model before = model;
  kaiming_init(model);
  auto same = [](const auto& a, const auto& b) {
    return std::equal(a.value.begin(), a.value.end(), b.value.begin(), b.value.end());
  };
  CHECK(same(*model.hidden[0].bias, *before.hidden[0].bias));
  CHECK(same(*model.norm.weight, *before.norm.weight));
  CHECK(same(model.scale.weight, before.scale.weight));
  CHECK(same(model.scale.table, before.scale.table));
  CHECK_FALSE(same(model.hidden[0].weight, before.hidden[0].weight));
}

TEST_CASE("kaiming_init takes its numbers from the seed, and initialises a layer on its own too") {
  BasicLinear<double> a{4, 3}, b{4, 3};
  manual_seed(3);
  kaiming_init(a);
  manual_seed(3);
  kaiming_init(b);
  CHECK(std::equal(a.weight.value.begin(), a.weight.value.end(), b.weight.value.begin()));
}

TEST_SUITE_END();
