// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/autograd/context.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/reduction.hpp>

using namespace kiln;

TEST_SUITE_BEGIN("autograd");

TEST_CASE("a context passes its mode on and records nothing") {
  Context train{Mode::train}, eval;
  Param<1> p = Tensor<1>{1, 2};
  auto x = train(Tensor<1>{1, 2});
  CHECK(x.mode() == Mode::train);
  CHECK((x * p + 1).mode() == Mode::train);
  CHECK_FALSE((x * p).wants_grad());
  CHECK_FALSE(train.recording());
  CHECK(eval(Tensor<1>{1}).mode() == Mode::eval);
  CHECK(Tape().mode() == Mode::train);
  CHECK(Tape().recording());
}

TEST_CASE("a tensor is a var without context, in eval mode") {
  const Tensor<1> x{1, 2};
  Var<1> v = x;
  CHECK(v.context() == nullptr);
  CHECK(v.mode() == Mode::eval);
  CHECK_FALSE(v.wants_grad());
  CHECK(exp(v).context() == nullptr);
  CHECK(v.value().data() == x.data());
}

TEST_CASE("a var and what the tape keeps stay as they were when their tensor is written in place") {
  Tensor<1> t{1, 2};
  Var<1> v = t;
  t += 1;
  CHECK(all_equal(v.value(), Tensor<1>{1, 2}));
  CHECK(all_equal(t, Tensor<1>{2, 3}));

  Param<1> p = Tensor<1>{2, 3};
  Tape tape;
  auto loss = sum(square(tape(t) * p));
  p.value += 10;
  t.fill(0);
  backward(loss);
  CHECK(all_equal(p.grad, Tensor<1>{2 * 2 * 4, 2 * 3 * 9}));
}

TEST_CASE("deferred writes run in order, once, on commit") {
  std::string log;
  Context context;
  context.defer([&] { log += 'a'; });
  context.defer([&] { log += 'b'; });
  CHECK(log.empty());
  context.commit();
  CHECK(log == "ab");
  context.commit();
  CHECK(log == "ab");
  context.defer([&] { log += 'c'; });
  context.discard();
  context.commit();
  CHECK(log == "ab");
}

TEST_CASE("what a deferred write or a pull-back captures is aligned as its type asks") {
  struct alignas(64) Wide {
    std::byte bytes[64] = {};
    Wide() = default;
    Wide(const Wide&) {}  // so that GCC has no note about passing it by value
  };
  auto misaligned = [](const Wide& wide) { return reinterpret_cast<std::uintptr_t>(&wide) % alignof(Wide); };
  std::size_t wrong = 0, runs = 0;
  auto note = [&](const Wide& wide) { ++runs, wrong += misaligned(wide) != 0; };
  Tape tape;
  auto x = tape.variable(Tensor<0>(1));
  for (int i = 0; i < 200; ++i) {
    tape.defer([wide = Wide(), note] { note(wide); });
    tape.defer([i = static_cast<char>(i)] { static_cast<void>(i); });
    auto pull_back = [wide = Wide(), note](const Tensor<0>& dy, auto& dx) { note(wide), dx += dy; };
    x = record("wide", x.value() + 0, pull_back, x);
  }
  backward(x);
  CHECK(runs == 400);
  CHECK(wrong == 0);
}

TEST_CASE("backward commits, and a tape that is dropped does not") {
  int writes = 0;
  {
    Tape tape;
    auto x = tape.variable(Tensor<1>{1});
    tape.defer([&] { ++writes; });
    backward(sum(x));
    CHECK(writes == 1);
  }
  {
    Tape tape;
    auto x = tape.variable(Tensor<1>{1});
    tape.defer([&] { ++writes; });
    tape.differentiate(sum(x));
  }
  CHECK(writes == 1);
}

TEST_CASE("what deferred writes hold is released whether they run or not") {
  auto held = std::make_shared<int>(0);
  {
    Context context;
    for (int i = 0; i < 1000; ++i) context.defer([held] { ++*held; });
    CHECK(held.use_count() == 1001);
    context.commit();
    CHECK(held.use_count() == 1);
    context.defer([held] { ++*held; });
  }
  CHECK(held.use_count() == 1);
  CHECK(*held == 1000);
}

TEST_CASE("a context's random numbers can be set, and differ between contexts otherwise") {
  auto draw = [](Context& context) {
    Tensor<1> x = zeros({8});
    context.random().fill_uniform(x.span(), 0, 1);
    return x;
  };
  Context a, b;
  const RandomStream stream = a.random();
  const auto first = draw(a);
  CHECK_FALSE(all_equal(first, draw(b)));
  CHECK_FALSE(all_equal(first, draw(a)));
  b.set_random(stream);
  CHECK(all_equal(first, draw(b)));
}

TEST_SUITE_END();
