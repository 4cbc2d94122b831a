// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/optim/schedule.hpp>

#include <doctest/doctest.h>

#include <kiln/core/reflect.hpp>

#include "schedule_values.hpp"
#include "trajectory.hpp"

using namespace kiln;
using trajectory::message_of;

namespace {

void follows(const std::string& name, const Schedule& schedule) {
  INFO(name);
  const auto& expected = schedule_values::progress_values.at(name);
  REQUIRE(expected.size() > 1);
  const auto last = static_cast<double>(expected.size() - 1);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO(i);
    CHECK(schedule(static_cast<double>(i) / last) == doctest::Approx(expected[i]).epsilon(1e-13).scale(1e-4));
  }
}

double cube(double progress) { return progress * progress * progress; }

}  // namespace

TEST_SUITE_BEGIN("optim");

TEST_CASE("schedules follow their formulas") {
  follows("linear", sched_linear(0.1, 0.7));
  follows("cosine", sched_cosine(2, -0.5));
  follows("exponential", sched_exponential(1e-7, 10));
  follows("polynomial", sched_polynomial(0.5, 0.25, 2));
  follows("polynomial_root", sched_polynomial(0.1, 0.9, 0.5));
  CHECK(sched_constant(0.3)(0.7) == 0.3);
}

TEST_CASE("schedules meet their ends exactly") {
  const double start = 0.1, end = 1.0 / 3;
  for (const Schedule& schedule : {sched_linear(start, end), sched_cosine(start, end), sched_exponential(start, end),
                                   sched_polynomial(start, end, 3), sched_polynomial(start, end, 0.3)}) {
    CHECK(schedule(0) == start);
    CHECK(schedule(1) == end);
    CHECK(schedule(-0.5) == start);
    CHECK(schedule(1.5) == end);
    CHECK(std::isnan(schedule(NAN)));
  }
}

TEST_CASE("anything that can be called is a schedule") {
  Schedule own = [](double progress) { return 2 * progress; };
  const Schedule copy = own;
  own = cube;
  CHECK(own(0.5) == 0.125);
  CHECK(copy(0.5) == 1);
  CHECK(copy(7) == 2);  // a progress above 1 is 1
  CHECK(combine_schedules({0.5, 0.5}, {copy, cube})(0.75) == 0.125);

  auto counts = [n = 0](double) mutable { return ++n; };
  static_assert(!std::is_convertible_v<decltype(counts), Schedule>);  // not pure
  static_assert(!std::is_convertible_v<double, Schedule>);
  struct Holder {
    Schedule first;
    int second;
  };
  static_assert(field_count<Holder>() == 2);
}

TEST_CASE("any number of schedules can be combined") {
  follows("course", combine_schedules({0.3, 0.7}, {sched_cosine(0.3, 0.6), sched_cosine(0.6, 0.2)}));
  follows("three",
          combine_schedules({0.1, 0.2, 0.7}, {sched_linear(0, 1), sched_cosine(1, 0.5), sched_polynomial(0.5, 0, 3)}));
  follows("four", combine_schedules({0.25, 0.35, 0.15, 0.25}, {sched_cosine(0.1, 1), sched_constant(1),
                                                               sched_exponential(1, 0.01), sched_linear(3, 4)}));
  std::vector<Schedule> steps;
  for (double i = 0; i < 7; ++i) steps.push_back(sched_linear(i, i + 0.5));
  follows("seven", combine_schedules({0.1, 0.15, 0.05, 0.2, 0.1, 0.1, 0.3}, steps));
  follows("with_empty",
          combine_schedules({0, 0.5, 0, 0.5, 0}, {sched_constant(9), sched_linear(0, 1), sched_constant(9),
                                                  sched_linear(2, 3), sched_constant(9)}));
  CHECK(combine_schedules({1}, {sched_linear(1, 2)})(0.5) == 1.5);
}

TEST_CASE("a joint belongs to what begins there, rounding or not") {
  // 0.1 + 0.2 + 0.3 is more than 0.6, and 0.7 + 0.1 less than 0.8
  const Schedule up = combine_schedules({0.1, 0.2, 0.3, 0.4},
                                        {sched_constant(1), sched_constant(2), sched_constant(3), sched_constant(4)});
  CHECK(up(0.6) == 4);
  CHECK(up(std::nextafter(0.1, 0)) == 2);
  CHECK(up(0.6 - 1e-9) == 3);
  CHECK(up(0.1) == 2);
  CHECK(up(0) == 1);
  CHECK(up(1) == 4);
  const Schedule ramps =
      combine_schedules({0.7, 0.1, 0.2}, {sched_linear(0, 1), sched_linear(2, 3), sched_linear(4, 5)});
  CHECK(ramps(0.7) == 2);
  CHECK(ramps(0.8) == doctest::Approx(4).epsilon(1e-12));
  CHECK(ramps(1) == 5);
  for (Index cycles : {2, 3, 5, 8}) {
    const WarmRestarts restarts{.cycles = cycles};
    const Schedule lr = warm_restarts(0.1, restarts);
    for (Index cycle = 0, epoch = 0; cycle < cycles; epoch += Index{1} << cycle++) {
      CHECK(lr(static_cast<double>(epoch) / static_cast<double>(restarts.epochs())) == 0.1);
    }
  }
}

TEST_CASE("the one-cycle policy, flat and cosine, and warm restarts") {
  follows("one_cycle", one_cycle(0.01));
  follows("one_cycle_options", one_cycle(0.3, {.div = 5, .div_final = 100, .pct_start = 0.4}));
  follows("one_cycle_momentum", one_cycle_momentum());
  follows("flat_cosine", flat_cosine(0.02));
  follows("restarts", warm_restarts(0.1));
  follows("restarts_equal", warm_restarts(0.1, {.cycles = 4, .cycle_length = 2, .cycle_multiplier = 1}));

  const Schedule lr = one_cycle(0.3);
  CHECK(lr(0) == 0.3 / 25);
  CHECK(lr(0.25) == 0.3);
  CHECK(lr(1) == 0.3 / 1e5);
  const Schedule momentum = one_cycle_momentum({.start = 0.9, .middle = 0.8, .end = 0.7, .pct_start = 0.5});
  CHECK(momentum(0) == 0.9);
  CHECK(momentum(0.5) == 0.8);
  CHECK(momentum(1) == 0.7);
  CHECK(one_cycle(1, {.pct_start = 0})(0) == 1);
  CHECK(one_cycle(1, {.pct_start = 1})(1) == 1);
  CHECK(flat_cosine(0.3, {.pct_start = 0.5})(0.5) == 0.3);
  CHECK(flat_cosine(0.3, {.div_final = 4})(1) == 0.3 / 4);
  for (double p = 0; p < 0.75; p += 1.0 / 64) CHECK(flat_cosine(0.3)(p) == 0.3);
  CHECK(warm_restarts(0.3)(1) == 0);
  CHECK(WarmRestarts{}.epochs() == 7);
  CHECK(WarmRestarts{.cycles = 3, .cycle_length = 2, .cycle_multiplier = 3}.epochs() == 26);
  CHECK(WarmRestarts{.cycles = 1'000'000, .cycle_multiplier = 1}.epochs() == 1'000'000);
}

TEST_CASE("schedules say what they need") {
  const Schedule one = sched_constant(1);
  CHECK(message_of([&] {
          combine_schedules({0.5, 0.5}, {one});
        }) == "combine_schedules: there must be as many schedules as fractions: got 1 and 2");
  CHECK(message_of([&] {
          combine_schedules({0.5, 0.25}, {one, one});
        }) == "combine_schedules: the fractions must add up to 1: got 0.75");
  CHECK(message_of([&] { combine_schedules({}, {}); }) == "combine_schedules: the fractions must add up to 1: got 0");
  CHECK(message_of([&] {
          combine_schedules({1.5, -0.5}, {one, one});
        }) == "combine_schedules: a fraction must not be negative: got -0.5");
  CHECK(message_of([&] {
          combine_schedules({NAN, 1}, {one, one});
        }) == "combine_schedules: a fraction must not be negative: got nan");
  CHECK(message_of([] { sched_exponential(0, 1); }) ==
        "sched_exponential: start and end must be positive: got 0 and 1");
  CHECK(message_of([] { sched_exponential(1, -1); }) ==
        "sched_exponential: start and end must be positive: got 1 and -1");
  CHECK(message_of([] { sched_polynomial(0, 1, 0); }) == "sched_polynomial: power must be positive: got 0");
  CHECK(message_of([] { one_cycle(1, {.div = 0}); }) == "one_cycle: div must be positive: got 0");
  CHECK(message_of([] { one_cycle(1, {.div_final = NAN}); }) == "one_cycle: div_final must be positive: got nan");
  CHECK(message_of([] { one_cycle(1, {.pct_start = 1.5}); }) == "one_cycle: pct_start must lie in [0, 1]: got 1.5");
  CHECK(message_of([] { one_cycle_momentum({.pct_start = -1}); }) ==
        "one_cycle_momentum: pct_start must lie in [0, 1]: got -1");
  CHECK(message_of([] { flat_cosine(1, {.div_final = -1}); }) == "flat_cosine: div_final must be positive: got -1");
  CHECK(message_of([] { flat_cosine(1, {.pct_start = NAN}); }) == "flat_cosine: pct_start must lie in [0, 1]: got nan");
  CHECK(message_of([] { warm_restarts(1, {.cycles = 0}); }) ==
        "warm_restarts: cycles, cycle_length and cycle_multiplier must be positive: got 0, 1 and 2");
  CHECK(message_of([] { warm_restarts(1, {.cycles = 64}); }) ==
        "warm_restarts: there may be 1,000,000 epochs: got more with 64 cycles");
  CHECK(message_of([] { warm_restarts(1, {.cycles = 2, .cycle_multiplier = Index{1} << 62}); }) ==
        "warm_restarts: there may be 1,000,000 epochs: got more with 2 cycles");
}

TEST_SUITE_END();
