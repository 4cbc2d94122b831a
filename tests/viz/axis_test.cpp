// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/viz/axis.hpp>

#include <doctest/doctest.h>

TEST_SUITE_BEGIN("viz");

using namespace kiln;
using namespace kiln::detail;

namespace {

std::string labels(const std::vector<Tick>& ticks) {
  std::string all;
  for (const Tick& tick : ticks) all += (all.empty() ? "" : " ") + tick.label;
  return all;
}

std::string bounds(const Axis& axis) { return concat(axis.low, " ", axis.high); }

constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("linear ticks stand at 1, 2 or 5 times a power of ten") {
  CHECK(labels(linear_ticks(0, 1, 6)) == "0 0.2 0.4 0.6 0.8 1.0");
  CHECK(labels(linear_ticks(0, 1, 11)) == "0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1.0");
  CHECK(labels(linear_ticks(0, 1, 5)) == "0 0.5 1.0");
  CHECK(labels(linear_ticks(0, 1, 2)) == "0 1");
  CHECK(labels(linear_ticks(-3.2, 7.9, 6)) == "-2 0 2 4 6");
  CHECK(labels(linear_ticks(0.895, 0.967, 5)) == "0.90 0.92 0.94 0.96");
  CHECK(labels(linear_ticks(0, 46'900, 6)) == "0 10,000 20,000 30,000 40,000");
  CHECK(labels(linear_ticks(0, 3900, 5)) == "0 1000 2000 3000");
  CHECK(labels(linear_ticks(12, 12.0005, 6)) == "12.0000 12.0001 12.0002 12.0003 12.0004 12.0005");
  CHECK(labels(linear_ticks(0, 3e7, 4)) == "0 1e7 2e7 3e7");
  CHECK(labels(linear_ticks(0, 2.2e-6, 5)) == "0 5e-7 1e-6 1.5e-6 2e-6");
  CHECK(labels(linear_ticks(1, 5, 10)) == "1.0 1.5 2.0 2.5 3.0 3.5 4.0 4.5 5.0");
  CHECK(labels(linear_ticks(1, 5, 10, true)) == "1 2 3 4 5");
}

TEST_CASE("ticks are the numbers that their labels say") {
  for (double scale : {1e-290, 1e-9, 1e-3, 1.0, 1e5, 1e280})
    for (const Tick& tick : linear_ticks(-0.3 * scale, 1.1 * scale, 9)) {
      std::string plain = tick.label;
      plain.erase(std::remove(plain.begin(), plain.end(), ','), plain.end());
      CHECK(tick.value == doctest::Approx(std::strtod(plain.c_str(), nullptr)).epsilon(1e-12));
    }
  CHECK(linear_ticks(0, 1, 11)[3].value == 0.3);  // not 0.30000000000000004
}

TEST_CASE("log ticks stand at powers of ten, and between them where there is room") {
  CHECK(labels(log_ticks(1e-3, 1e3, 7)) == "0.001 0.01 0.1 1 10 100 1000");
  CHECK(labels(log_ticks(1e-7, 10, 10)) == "1e-7 1e-6 1e-5 1e-4 1e-3 1e-2 1e-1 1e0 1e1");
  CHECK(labels(log_ticks(1e-7, 10, 5)) == "1e-6 1e-4 1e-2 1e0");
  CHECK(labels(log_ticks(0.8, 120, 10)) == "1 2 5 10 20 50 100");
  CHECK(labels(log_ticks(2, 9, 6)) == "2 4 6 8");
  CHECK(labels(log_ticks(1.001, 1.004, 5)) == "1.001 1.002 1.003 1.004");
  CHECK(labels(log_ticks(1e-300, 1e300, 5)) == "1e-200 1e0 1e200");
}

TEST_CASE("never more ticks than asked for, and at least one on any range") {
  for (double low : {-1e300, -7.3, 0.0, 1e-300, 0.123, 5.0, 1e299})
    for (double span : {1e-299, 1e-8, 0.37, 1.0, 99.0, 1e12, 1e300})
      for (int at_most : {2, 3, 7, 12}) {
        const double high = low + span;
        if (!(high - low > 1e-9 * std::max(std::abs(low), std::abs(high)))) continue;
        CAPTURE(low);
        CAPTURE(high);
        CHECK(linear_ticks(low, high, at_most).size() <= static_cast<std::size_t>(at_most));
        if (at_most > 2) CHECK(linear_ticks(low, high, at_most).size() >= 1);
        if (low > 0) {
          CHECK(log_ticks(low, high, at_most).size() <= static_cast<std::size_t>(at_most));
        }
      }
}

TEST_CASE("numbers for a reader") {
  CHECK(short_number(0.012345) == "0.0123");
  CHECK(short_number(1.5e-7) == "1.5e-7");
  CHECK(short_number(45'678) == "45,700");
  CHECK(short_number(-2) == "-2");
  CHECK(short_number(0) == "0");
  CHECK(short_number(9.999) == "10");
  CHECK(short_number(3.0e-4, 2) == "0.0003");
  CHECK(short_number(1e300) == "1e300");
  CHECK(short_number(std::nan("")) == "nan");
  CHECK(short_number(-infinity) == "-inf");
}

TEST_CASE("an axis covers its data with a margin") {
  CHECK(bounds(make_axis({2, 12}, false, 0.1)) == "1 13");
  CHECK(bounds(make_axis({0.1, 10}, false, 0.1)) == "0 10.99");  // not across zero
  CHECK(bounds(make_axis({-10, -0.1}, false, 0.1)) == "-10.99 0");
  CHECK(bounds(make_axis({2, 12}, false, 0)) == "2 12");
  CHECK(bounds(make_axis({2, 12}, false, 0.1, 0)) == "0 13.2");
  CHECK(bounds(make_axis({2, 12}, false, 0.1, {}, 5)) == "1.7 5");
  const Axis log = make_axis({1, 100}, true, 0.5);
  CHECK(log.low == doctest::Approx(0.1));
  CHECK(log.high == doctest::Approx(1000));
  CHECK(log.place(10) == doctest::Approx(0.5));
  CHECK(make_axis({0, 10}, false, 0).place(2.5) == 0.25);
}

TEST_CASE("an axis over nothing, one number, or the largest and smallest numbers") {
  CHECK(bounds(make_axis({}, false, 0.05)) == "0 1");
  CHECK(make_axis({}, true, 0).high == 10);
  CHECK(bounds(make_axis({5, 5}, false, 0.05)) == "4.5 5.5");
  CHECK(bounds(make_axis({0, 0}, false, 0.05)) == "-1 1");
  CHECK(make_axis({1, 1 + 1e-14}, false, 0.05).low == doctest::Approx(0.9));
  CHECK(bounds(make_axis({3, 3}, true, 0.05)) == "1.5 6");
  const double largest = std::numeric_limits<double>::max();
  for (bool log : {false, true})
    for (Range range : {Range{1e-300, 1e300}, Range{1e300, 1e300}, Range{1e-300, 1e-300}, Range{1e-300, 2e-300}}) {
      const Axis axis = make_axis(range, log, 0.05);
      CHECK(axis.low < axis.high);
      CHECK(axis.high < largest);
      CHECK(axis.place(range.low) >= 0);
      CHECK(axis.place(range.high) <= 1);
      CHECK(axis.ticks(6).size() <= 6);
      CHECK(axis.ticks(6).size() >= 1);
    }
  const Axis widest = make_axis({-1e300, 1e300}, false, 0.05);
  CHECK(widest.place(0) == doctest::Approx(0.5));
  CHECK(labels(widest.ticks(5)) == "-1e300 -5e299 0 5e299 1e300");
}

TEST_CASE("a range takes what an axis can show") {
  Range range;
  range.include(std::vector<double>{3, std::nan(""), infinity, -infinity, -2}, false);
  CHECK(range.low == -2);
  CHECK(range.high == 3);
  Range log;
  log.include(std::vector<double>{3, 0, -1, 1e-310, 0.5}, true);
  CHECK(log.low == 0.5);
  Range beyond;
  beyond.include(std::vector<double>{std::numeric_limits<double>::max(), 1e-310}, false);
  CHECK(beyond.high == 1e300);
  CHECK(beyond.low == 0);
}

TEST_CASE("bounds that are none are refused") {
  CHECK_THROWS_WITH_AS(make_axis({1, 2}, false, 0, 3, 3), "axis: the low bound must be below the high one: got 3 and 3",
                       UsageError);
  CHECK_THROWS_WITH_AS(make_axis({1, 2}, true, 0, 0), "axis: a bound of a log axis must be above 0: got 0", UsageError);
  CHECK_THROWS_WITH_AS(make_axis({1, 2}, false, 0, {}, infinity), "axis: a bound must be finite: got inf", UsageError);
}

TEST_SUITE_END();
