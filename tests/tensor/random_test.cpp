// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/tensor/random.hpp>

#include <doctest/doctest.h>

#include <type_traits>

#include <kiln/tensor/reduce.hpp>

using namespace kiln;

TEST_SUITE_BEGIN("tensor");

TEST_CASE("rand is uniform in [0, 1), randn standard normal") {
  RandomStream stream{.seed = 1};
  const auto uniform = rand<double>({100, 200}, stream);
  CHECK(min(uniform).item() >= 0);
  CHECK(max(uniform).item() < 1);
  CHECK(mean(uniform).item() == doctest::Approx(0.5).epsilon(0.01));
  CHECK(var(uniform).item() == doctest::Approx(1.0 / 12).epsilon(0.02));
  const auto normal = randn({100, 200}, stream);
  static_assert(std::is_same_v<decltype(normal), const Tensor<2, float>>);
  CHECK(std::abs(mean(normal).item()) < 0.02);
  CHECK(var(normal).item() == doctest::Approx(1).epsilon(0.03));
  CHECK(rand({0, 3}).numel() == 0);
}

TEST_CASE("random tensors follow manual_seed, or their own stream") {
  const RandomState before = random_state();
  manual_seed(5);
  const auto a = randn({4}), b = randn({4});
  CHECK_FALSE(all_equal(a, b));
  manual_seed(5);
  CHECK(all_equal(randn({4}), a));
  manual_seed(6);
  CHECK_FALSE(all_equal(randn({4}), a));
  set_random_state(before);

  RandomStream stream{.seed = 5}, copy = stream;
  const auto c = rand(Shape<1>{4}, stream);
  CHECK_FALSE(all_equal(c, rand({4}, stream)));
  CHECK(all_equal(c, rand({4}, copy)));
}

TEST_SUITE_END();
