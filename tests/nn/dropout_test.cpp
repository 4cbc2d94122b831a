// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/nn/dropout.hpp>

#include <kiln/autograd/gradcheck.hpp>
#include <kiln/autograd/reduction.hpp>

#include "oracle.hpp"

using namespace kiln;

TEST_SUITE_BEGIN("nn");

TEST_CASE("dropout does nothing in eval mode and without a context") {
  const auto x = numbers<float>({3, 4}, 1);
  const Dropout layer{.p = 0.9};
  Tape tape{Mode::eval};
  auto v = tape.variable(x);
  auto y = layer(v);
  CHECK(y.node() == v.node());
  CHECK(y.value().data() == v.value().data());
  const auto free = layer(x);
  CHECK(std::equal(x.begin(), x.end(), free.value().begin()));
}

TEST_CASE_TEMPLATE("dropout drops a share p and scales the rest", T, float, double) {
  const Index n = 100000;
  for (double p : {0.1, 0.5, 0.8}) {
    Context context{Mode::train};
    context.set_random({.seed = 3});
    const auto y = Dropout{p}(context(full<T>({n}, 1)));
    Index dropped = 0, kept = 0;
    for (T v : y.value()) v == 0 ? ++dropped : kept += v == static_cast<T>(1 / (1 - p));
    CHECK(dropped + kept == n);
    CHECK(static_cast<double>(dropped) ==
          doctest::Approx(p * n).epsilon(0.02));  // about six standard deviations at p = 0.1
  }
}

TEST_CASE("dropout's gradient passes where the value did") {
  Tape tape;
  auto v = tape.variable(full<double>({4, 5}, 2));
  auto y = Dropout{}(v);
  tape.differentiate(record(
      "sum", Tensor<0, double>(0),
      [](const auto& dz, auto& dy) {
        dy += full<double>({4, 5}, dz.item());
      },
      y));
  const auto dx = tape.grad(v);
  for (Index i = 0; i < 20; ++i) CHECK(dx.data()[i] * 2 == y.value().data()[i]);
  CHECK(gradcheck(Dropout{.p = 0.3}, numbers<double>({3, 4}, 2)));
}

TEST_CASE("whether an element is dropped depends on the stream and its position alone") {
  auto masks = [](Index n) {
    Context context{Mode::train};
    context.set_random({.seed = 7, .purpose = Purpose::dropout});
    auto first = Dropout{}(context(ones({n})));
    auto second = Dropout{}(context(ones({n})));
    return std::pair(first.value().clone(), second.value().clone());
  };
  const auto [a, b] = masks(50);
  const auto [again, more] = masks(50);
  const auto [longer, unused] = masks(80);
  auto same = [](const auto& u, const auto& v) { return std::equal(u.begin(), u.end(), v.begin()); };
  CHECK(same(a, again));
  CHECK(same(b, more));
  CHECK(!same(a, b));  // the stream goes on
  CHECK(same(a, longer));
}

TEST_CASE_TEMPLATE("dropout of channels keeps or drops whole planes", T, float, double) {
  Context context{Mode::train};
  context.set_random({.seed = 3});
  const auto y = Dropout2d{0.2}(context(full<T>({500, 40, 2, 3}, 1)));
  Index dropped = 0;
  for (Index plane = 0; plane < 500 * 40; ++plane) {
    const T* first = y.value().data() + plane * 6;
    CHECK(std::all_of(first, first + 6, [&](T v) { return v == *first; }));
    CHECK((*first == 0 || *first == static_cast<T>(1 / 0.8)));
    dropped += *first == 0;
  }
  CHECK(static_cast<double>(dropped) == doctest::Approx(0.2 * 500 * 40).epsilon(0.05));  // three deviations
}

TEST_CASE("dropout of channels does nothing in eval mode, and its gradient passes where the value did") {
  const auto x = numbers<double>({2, 3, 2, 2}, 1);
  Tape evaluating{Mode::eval};
  auto v = evaluating.variable(x);
  CHECK(Dropout2d{}(v).node() == v.node());
  CHECK(gradcheck(Dropout2d{.p = 0.3}, x));
  Tape tape;
  auto u = tape.variable(full<double>({4, 5, 2, 2}, 1));
  auto y = Dropout2d{}(u);
  differentiate_weighted(tape, y);
  const auto dx = tape.grad(u);
  const auto weights = numbers<double>({4, 5, 2, 2}, 99);
  for (Index i = 0; i < 80; ++i) CHECK(dx.data()[i] == y.value().data()[i] * weights.data()[i]);
  CHECK(message_of<UsageError>([&] { Dropout2d{.p = 1.5}(x); }) ==
        "Dropout2d: dropout2d: p must lie in [0, 1]: got 1.5");
}

TEST_CASE("dropout accepts p from 0 to 1") {
  const auto x = numbers<float>({3, 4}, 1);
  Tape tape;
  auto v = tape.variable(x);
  const auto all = Dropout{.p = 0}(v);
  CHECK(std::equal(x.begin(), x.end(), all.value().begin()));
  const auto none = Dropout{.p = 1}(v);
  for (float y : none.value()) CHECK(y == 0);
  CHECK(Dropout{}(tape(zeros({0, 3}))).shape() == Shape<2>(0, 3));
  CHECK(message_of<UsageError>([&] { Dropout{.p = 1.5}(v); }) == "Dropout: dropout: p must lie in [0, 1]: got 1.5");
  CHECK(message_of<UsageError>([&] { Dropout{.p = -0.1}(x); }) == "Dropout: dropout: p must lie in [0, 1]: got -0.1");
  CHECK(message_of<UsageError>([&] { Dropout{.p = NAN}(x); }) == "Dropout: dropout: p must lie in [0, 1]: got nan");
}

TEST_CASE("the tape keeps no mask: backward draws it again") {
  const Tensor<2> x = full({256, 256}, 3.0f);
  Tape tape{Mode::train};
  const auto v = tape.variable(x);
  const std::size_t before = memory_use().in_use;
  const auto y = dropout(v, 0.5);
  const std::size_t taken = memory_use().in_use - before;
  CHECK(taken >= 65536 * sizeof(float));
  CHECK(taken < 65536 * sizeof(float) + 32768);  // y, and the tape's own
  const auto after = dropout(v, 0.5);            // goes on from there in the stream
  CHECK_FALSE(std::equal(y.value().begin(), y.value().end(), after.value().begin()));
  tape.differentiate(sum(y));
  const auto dx = tape.grad(v);
  CHECK(std::equal(dx.begin(), dx.end(), y.value().begin(), [](float d, float value) { return 3 * d == value; }));
}

TEST_SUITE_END();
