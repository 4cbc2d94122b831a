// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// What the tape keeps, and when it lets go: activations live from the forward pass to their own pull-back, no longer.
#include <kiln/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <kiln/autograd/activation.hpp>
#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/linear_algebra.hpp>
#include <kiln/autograd/reduction.hpp>

using namespace kiln;

TEST_SUITE_BEGIN("autograd");

namespace {

constexpr Index elements = 65536;
constexpr double block = elements * sizeof(float);  // a size class of the pool

/// Tensors in use since this was made, in blocks.
struct Use {
  std::size_t before = memory_use().in_use;
  double operator()() const { return (static_cast<double>(memory_use().in_use) - static_cast<double>(before)) / block; }
};

/// x itself, noting how much memory is in use when the gradient comes by.
Var<1> noting(const Var<1>& x, std::vector<double>& notes, const Use& use) {
  auto pull_back = [&notes, &use](const auto& dy, auto& dx) {
    notes.push_back(use());
    dx += dy;
  };
  return record("note", detail::alias(x.value()), pull_back, x);
}

}  // namespace

TEST_CASE("backward frees an activation as soon as its operation was pulled back") {
  const Param<1> w = full({elements}, 0.5f);
  std::vector<double> notes;
  const Use use;
  {
    Tape tape;
    Var<1> x = square(tape.parameter(w));
    for (int i = 0; i < 9; ++i) x = square(noting(x, notes, use));
    const Var<0> loss = sum(x);
    x = Var<1>(detail::without_elements<1, float>());
    CHECK(use() == doctest::Approx(9).epsilon(0.1));  // the inputs of nine squares; that of the first is w itself
    tape.differentiate(loss);
    REQUIRE(notes.size() == 9);
    for (std::size_t i = 0; i < notes.size(); ++i) {
      // Beside what the squares in front keep: the gradient, and what it is computed from.
      const double ahead = static_cast<double>(8 - i);
      CHECK(notes[i] >= ahead + 0.9);
      CHECK(notes[i] <= ahead + 2.1);
    }
    CHECK(use() == doctest::Approx(1).epsilon(0.1));  // the gradient of w, the only thing left
  }
  CHECK(use() == 0);
}

TEST_CASE("a product keeps only what its pull-back will read") {
  const Param<1> w = full({elements}, 0.5f);
  const Use use;
  Tape tape;
  const Var<1> x = tape.parameter(w);
  Var<1> y = (x + 1) * 2;
  CHECK(use() == doctest::Approx(1).epsilon(0.1));  // y; what was doubled is gone
  y = (x + 1) * (x + 2);
  CHECK(use() == doctest::Approx(3).epsilon(0.1));  // y and both factors
  tape.differentiate(sum(y));
  CHECK(tape.grad(w)(0) == doctest::Approx(2 * 0.5 + 3));
}

TEST_CASE("relu and its kin keep their result alone, which the next operation keeps too") {
  const Param<1> w = full({elements}, 0.5f);
  auto check = [&](auto act, float slope) {
    const Use use;
    Tape tape;
    Var<1> y = square(act(tape.parameter(w) - 1));
    CHECK(use() == doctest::Approx(2).epsilon(0.1));  // y, and what was squared
    tape.differentiate(sum(y));
    CHECK(tape.grad(w)(0) == doctest::Approx(slope));
  };
  check([](const Var<1>& x) { return relu(x + 2); }, 3);
  check([](const Var<1>& x) { return leaky_relu(x, 0.1); }, 2 * -0.05f * 0.1f);
  check([](const Var<1>& x) { return general_relu(x, {.leak = 0.1, .sub = 0.4}); }, 2 * -0.45f * 0.1f);
  check([](const Var<1>& x) { return general_relu(x + 2, {.leak = 0.1, .sub = 0.4}); }, 2 * 1.1f);
}

TEST_SUITE_END();
