// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/autograd/record.hpp>

#include <doctest/doctest.h>

#include <kiln/autograd/gradcheck.hpp>

using namespace kiln;

TEST_SUITE_BEGIN("autograd");

namespace {

// A user's own operation, as in the header.
template <class T>
Var<1, T> cube(const Var<1, T>& x) {
  return record(
      "cube", x.value() * x.value() * x.value(),
      [x](const Tensor<1, T>& dy, auto& dx) { dx += 3 * square(x.value()) * dy; }, x);
}

// Its pull-back uses the result.
Var<1, double> inverse(const Var<1, double>& x) {
  return record(
      "inverse", 1 / x.value(), [](const auto& y, const auto& dy, auto& dx) { dx += -dy * square(y); }, x);
}

// It adds in place.
Var<1, double> first_of(const Var<1, double>& x) {
  return record(
      "first_of", Tensor<1, double>{x.value()(0)},
      [](const auto& dy, auto& dx) {
        dx.add_by([&](Tensor<1, double>& to, bool first) {
          if (first) to.fill(0);
          to(0) += dy(0);
        });
      },
      x);
}

}  // namespace

TEST_CASE("a user's operation with a hand-written backward") {
  const Tensor<1, double> x{0.5, -2, 3};
  CHECK(gradcheck([](auto v) { return cube(v); }, x));
  CHECK(gradcheck([](auto v) { return inverse(v); }, x));
  CHECK(gradcheck([](auto v) { return first_of(v); }, x));
  CHECK(all_equal(cube(Var(x)).value(), Tensor<1, double>{0.125, -8, 27}));
}

TEST_CASE("gradients arrive in place after others, and others after them") {
  for (bool in_place_first : {false, true}) {
    Tape tape;
    auto x = tape.variable(Tensor<1, double>{2, 3});
    auto a = in_place_first ? cube(x) : Var<1, double>(first_of(x));
    auto b = in_place_first ? Var<1, double>(first_of(x)) : cube(x);
    auto loss = record(
        "both", Tensor<0, double>(0),
        [](const auto&, auto& da, auto& db) { da += ones<double>(da.shape()), db += ones<double>(db.shape()); }, a, b);
    tape.differentiate(loss);
    CHECK(all_equal(tape.grad(x), Tensor<1, double>{13, 27}));
  }
}

TEST_CASE("nothing is recorded without a tape or a wish for a gradient") {
  int kept = 0;
  struct Count {
    int* count;
    explicit Count(int& number) : count(&number) { ++*count; }
    Count(const Count& other) : count(other.count) { ++*count; }
    ~Count() { --*count; }
  };
  auto op = [&](const auto& x) {
    return record(
        "op", Tensor<1>{1}, [c = Count(kept)](const auto& dy, auto& dx) { dx += dy; }, x);
  };
  Context context;
  auto y = op(context(Tensor<1>{1}));
  CHECK(kept == 0);
  CHECK(y.context() == &context);
  CHECK(op(Var<1>(Tensor<1>{1})).context() == nullptr);
  {
    Tape tape;
    CHECK_FALSE(op(tape(Tensor<1>{1})).wants_grad());
    CHECK(kept == 0);
    CHECK(op(tape.variable(Tensor<1>{1})).wants_grad());
    CHECK(kept == 1);
  }
  CHECK(kept == 0);
}

TEST_SUITE_END();
