// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <thread>
#include <vector>

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/linear_algebra.hpp>
#include <kiln/autograd/reduction.hpp>

using namespace kiln;

TEST_SUITE_BEGIN("autograd");

namespace {

using Vector = Tensor<1, double>;

struct Mlp {
  Param<2, double> w1 = Tensor<2, double>{{0.5, -1}, {0.25, 2}, {1, -0.5}};
  Param<1, double> b1 = Vector{0.125, -0.25, 0.5};
  Param<2, double> w2 = Tensor<2, double>{{1, -1, 0.5}};
  auto operator()(const Var<2, double>& x) const { return linear(tanh(linear(x, w1, b1)), w2); }
};

}  // namespace

TEST_CASE("a value that is used twice collects both gradients") {
  Tape tape;
  auto x = tape.variable(Vector{1, 2});
  auto left = x * 3, right = exp(x);
  tape.differentiate(sum(left * right + x));
  // d(3 x e^x + x) = 3 e^x (1 + x) + 1
  CHECK(all_close(tape.grad(x), Vector{3 * std::exp(1.0) * 2 + 1, 3 * std::exp(2.0) * 3 + 1}, 1e-14));
}

TEST_CASE("a value that nothing uses has no effect, and its gradient is zero") {
  Tape tape;
  auto x = tape.variable(Vector{1, 2});
  auto unused = tape.variable(Vector{3, 4});
  int pulled = 0;
  record(
      "unused", Vector{5, 6}, [&](const auto&, auto&) { ++pulled; }, x);
  auto half_used = x * unused;
  tape.differentiate(sum(x));
  CHECK(pulled == 0);
  CHECK(all_equal(tape.grad(unused), Vector{0, 0}));
  CHECK(all_equal(tape.grad(x), Vector{1, 1}));
}

TEST_CASE("a second backward, and recording after backward, say why not") {
  Tape tape;
  Param<1, double> p = Vector{1, 2};
  auto loss = sum(tape(Vector{3, 4}) * p);
  backward(loss);
  CHECK_THROWS_WITH_AS(
      backward(loss),
      "backward: a tape can be walked once, since that frees what it kept: it was walked before; run the forward "
      "pass again on a new tape",
      UsageError);
  CHECK(all_equal(p.grad, Vector{3, 4}));
  CHECK_THROWS_WITH_AS(
      loss * 2, "tape: nothing can be recorded once the tape was walked: backward has run; use a new tape", UsageError);
}

TEST_CASE("a var whose tape is gone can be read but not used") {
  std::optional<Tape> tape(std::in_place);
  auto x = tape->variable(Vector{1, 2});
  auto loss = sum(x);
  tape.reset();
  CHECK(all_equal(x.value(), Vector{1, 2}));
  CHECK(loss.item() == 3);
  const char* gone = "var: the tape or context that made it must still exist: it is gone";
  CHECK_THROWS_WITH_AS(x * 2, gone, UsageError);
  CHECK_THROWS_WITH_AS(backward(loss), gone, UsageError);
  CHECK_THROWS_WITH_AS(x.mode(), gone, UsageError);
  Tape reused;  // may get the place of the first one, and must not be taken for it
  CHECK_THROWS_WITH_AS(x * 2, gone, UsageError);
  CHECK_THROWS_WITH_AS(x + reused(Vector{1, 2}), gone, UsageError);
}

TEST_CASE("vars of two tapes do not mix") {
  Tape first, second;
  auto x = first.variable(Vector{1, 2});
  auto y = second.variable(Vector{3, 4});
  CHECK_THROWS_WITH_AS(x + y, "add: all inputs must come from one tape: they come from two", UsageError);
  CHECK_THROWS_WITH_AS(first.differentiate(sum(y)), "backward: the loss must come from this tape: it does not",
                       UsageError);
  first.differentiate(sum(x));
  CHECK_THROWS_WITH_AS(first.grad(y), "grad: the value must come from this tape: it does not", UsageError);
}

TEST_CASE("a loss that depends on nothing says so") {
  Tape tape;
  CHECK_THROWS_WITH_AS(
      backward(sum(tape(Vector{1, 2}))),
      "backward: the loss must depend on a trainable parameter or a variable of the tape: it depends on none",
      UsageError);
  CHECK_THROWS_WITH_AS(backward(sum(Var(Vector{1, 2}))),
                       "backward: the loss must be computed on a Tape: nothing was recorded", UsageError);
  Context context;
  Param<1, double> p = Vector{1, 2};
  CHECK_THROWS_WITH_AS(backward(sum(context(Vector{1, 2}) * p)),
                       "backward: the loss must be computed on a Tape: nothing was recorded", UsageError);
}

TEST_CASE("gradients are asked for after backward, of variables and parameters") {
  Tape tape;
  Param<1, double> p = Vector{1, 2};
  auto x = tape.variable(Vector{1, 2});
  auto y = x * p;
  CHECK_THROWS_WITH_AS(tape.grad(x), "grad: backward must run first: it has not", UsageError);
  CHECK_THROWS_WITH_AS(tape.grad(p), "grad: backward must run first: it has not", UsageError);
  tape.differentiate(sum(y));
  CHECK_THROWS_WITH_AS(tape.grad(y),
                       "grad: gradients are kept for parameters and for tape.variable(x): this is neither", UsageError);
  CHECK_THROWS_WITH_AS(tape.grad(tape(Vector{1})),
                       "grad: gradients are kept for parameters and for tape.variable(x): this is neither", UsageError);
  CHECK(all_equal(tape.grad(p), Vector{1, 2}));
  CHECK_FALSE(p.has_grad());
  CHECK(tape.find_grad(&p) != nullptr);
  CHECK(tape.find_grad(&y) == nullptr);
}

TEST_CASE("the loss may be a variable itself") {
  Tape tape;
  auto x = tape.variable(Tensor<0, double>(3));
  backward(x);
  CHECK(tape.grad(x).item() == 1);
}

TEST_CASE("constants and detached values take no gradient") {
  Tape tape;
  auto x = tape.variable(Vector{1, 2});
  auto c = tape(Vector{5, 6});
  CHECK_FALSE((c * c).wants_grad());
  auto cut = detach(x * 2);
  CHECK_FALSE(cut.wants_grad());
  CHECK(cut.context() == &tape);
  tape.differentiate(sum(x * cut));
  CHECK(all_equal(tape.grad(x), Vector{2, 4}));
}

TEST_CASE("a frozen parameter is a constant") {
  Param<1, double> p = Vector{1, 2}, q = Vector{3, 4};
  p.trainable = false;
  Tape tape;
  auto x = tape(Vector{1, 1});
  CHECK_FALSE((x * p).wants_grad());
  backward(sum(x * p * q));
  CHECK_FALSE(p.has_grad());
  CHECK(all_equal(q.grad, Vector{1, 2}));
  CHECK(all_equal(tape.grad(p), Vector{0, 0}));
}

TEST_CASE("a parameter used twice collects both gradients, and those of several tapes add up") {
  Param<1, double> p = Vector{1, 2};
  for (int pass = 1; pass <= 3; ++pass) {
    Tape tape;
    backward(sum(tape(Vector{1, 1}) * p * p));
    CHECK(all_equal(p.grad, Vector{2.0 * pass, 4.0 * pass}));
  }
  p.zero_grad();
  CHECK_FALSE(p.has_grad());
  Tape tape;
  backward(sum(tape(Vector{5, 6}) + p));
  CHECK(all_equal(p.grad, Vector{1, 1}));
}

TEST_CASE("a parameter's gradient is its own, also where one tensor was the gradient of several inputs") {
  Param<1, double> p = Vector{1, 2}, q = Vector{3, 4};
  Tape tape;
  backward(sum(tape(Vector{0, 0}) + p + q));
  p.grad *= 10;
  CHECK(all_equal(q.grad, Vector{1, 1}));
}

TEST_CASE("what is added to one input's gradient does not reach another that shares it") {
  Tape tape;
  auto x = tape.variable(Vector{1, 2}), y = tape.variable(Vector{3, 4});
  auto twice = x * 2;
  tape.differentiate(sum(twice + (x + y)));  // the sum is pulled back first and gives both the same gradient
  CHECK(all_equal(tape.grad(x), Vector{3, 3}));
  CHECK(all_equal(tape.grad(y), Vector{1, 1}));
}

TEST_CASE("a parameter beside a var elsewhere is brought into its context") {
  Param<1, double> gain = Vector{1, 2};
  Tape tape;
  auto x = tape(Vector{3, 4});
  backward(sum(x * (1 + in_context_of(x, gain))));
  CHECK(all_equal(gain.grad, Vector{3, 4}));
}

TEST_CASE("what an operation keeps is freed as the tape is walked") {
  const Index n = 1 << 16;
  const std::size_t bytes = static_cast<std::size_t>(n) * sizeof(double);
  Tape tape;
  auto x = tape.variable(zeros<double>({n}));
  const std::size_t before = memory_use().in_use;
  std::size_t at_start = 0, at_end = 0;
  auto note = [&](std::size_t& where, const auto& y) {
    return record(
        "note", Vector(y.value().view()), [&where](const auto& dy, auto& dx) { where = memory_use().in_use, dx += dy; },
        y);
  };
  auto loss = [&] {
    auto y = note(at_end, x);
    for (int i = 0; i < 10; ++i) y = exp(y);
    return sum(note(at_start, y));
  }();
  CHECK(memory_use().in_use - before >= 10 * bytes);
  tape.differentiate(loss);
  CHECK(at_start - at_end >= 8 * bytes);
  CHECK(memory_use().in_use - before <= 2 * bytes);
}

TEST_CASE("what was left on the tape is called when backward comes by") {
  std::vector<int> order;
  Tape tape;
  const auto note = [&](int number) { tape.on_the_way_back([&order, number] { order.push_back(number); }); };
  const auto pulled_back = [&](const Var<1, double>& x, int number) {
    return record(
        "note", 2 * x.value(),
        [&order, number](const Vector& dy, auto& dx) {
          order.push_back(number);
          dx += 2 * dy;
        },
        x);
  };
  note(1);
  const auto x = tape.variable(Vector{1, 2});
  const auto y = pulled_back(x, 2);
  note(3);
  const auto unused = pulled_back(x, 4);
  const auto loss = sum(pulled_back(y, 5));
  note(6);
  CHECK(order.empty());
  backward(loss);
  CHECK(order == std::vector{6, 5, 3, 2, 1});
  CHECK(tape.grad(x)(0) == 4);
  CHECK_THROWS_WITH_AS(note(7),
                       "tape: nothing can be recorded once the tape was walked: backward has run; use a new "
                       "tape",
                       UsageError);
}

TEST_CASE("a gradient that a parameter has must have its shape") {
  Param<1, double> p = Vector{1, 2};
  p.grad = Vector{1, 2, 3};
  Tape tape;
  CHECK_THROWS_WITH_AS(backward(sum(tape(Vector{3, 4}) * p)),
                       "backward: Param::grad must be empty or have shape (2,): got (3,)", ShapeError);
  p.grad = Vector{1, 2};
  Tape again;
  backward(sum(again(Vector{3, 4}) * p));
  CHECK(all_equal(p.grad, Vector{4, 6}));
}

TEST_CASE("a gradient of the wrong size is refused") {
  Tape tape;
  auto x = tape.variable(zeros<double>({2, 3}));
  auto y = record(
      "wrong", zeros<double>({2, 3}),
      [](const auto&, auto& dx) {
        dx += ones<double>({5, 7});
      },
      x);
  CHECK_THROWS_WITH_AS(
      tape.differentiate(sum(y)),
      "backward of wrong: sum_to_shape: sizes must be equal or 1, counted from the last axis: got shapes (5, 7) and "
      "(2, 3)",
      ShapeError);
}

TEST_CASE("two threads differentiate one const model, a tape each [threads]") {
  const Mlp model;
  auto gradient = [&model](double shift) {
    Tape tape;
    tape.differentiate(sum(square(model(tape(Tensor<2, double>{{1, 2}, {3, 4}} + shift)))));
    return tape.grad(model.w1);
  };
  const auto expected0 = gradient(0), expected1 = gradient(1);
  std::vector<int> wrong(2);
  auto work = [&](std::size_t me) {
    for (int i = 0; i < 50; ++i)
      wrong[me] += !all_equal(gradient(static_cast<double>(me)), me == 0 ? expected0 : expected1);
  };
  std::thread first(work, 0), second(work, 1);
  first.join();
  second.join();
  CHECK(wrong == std::vector<int>{0, 0});
  CHECK_FALSE(model.w1.has_grad());
}

TEST_SUITE_END();
