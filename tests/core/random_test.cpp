// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/core/random.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <kiln/core/reflect.hpp>

using kiln::field_names;
using kiln::global_seed;
using kiln::manual_seed;
using kiln::next_stream;
using kiln::Purpose;
using kiln::random_state;
using kiln::random_words;
using kiln::RandomState;
using kiln::RandomStream;
using kiln::set_random_state;
using kiln::shuffle;
using kiln::UsageError;

TEST_SUITE_BEGIN("core");

namespace {

/// The sum of (observed - expected)^2 / expected over equally likely outcomes.
double chi_square(const std::vector<int>& counts) {
  double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  double expected = total / static_cast<double>(counts.size());
  double sum = 0;
  for (int count : counts) sum += (count - expected) * (count - expected) / expected;
  return sum;
}

template <class T>
std::vector<T> normals(RandomStream stream, std::size_t count) {
  std::vector<T> out(count);
  stream.fill_normal(std::span(out), 0, 1);
  return out;
}

}  // namespace

// The literals of this test case are from tests/oracles/random_streams.py.
TEST_CASE("a seed gives the same numbers everywhere") {
  RandomStream s{.seed = 42};
  for (std::uint32_t word : {0x9CEAF053u, 0x77F5493Bu, 0x12BF50ADu, 0x5742B3D7u, 0xFCDB2127u}) CHECK(s() == word);

  s = {.seed = 42};
  for (double x : {0x1.dfd524ee73abcp-2, 0x1.5d0acf5c4afd4p-2, 0x1.4ee9b3f7f36c8p-2, 0x1.d1381bee0e3d6p-2}) {
    CHECK(s.uniform() == x);
  }

  s = {.seed = 42};
  for (double x : {-0x1.42dc65ce0ff81p-4, -0x1.a3f4a5b3e5026p-2, -0x1.caca1d20ed483p-2, -0x1.d61412d6e26acp-4,
                   0x1.a1a8bc2f2eb53p-2, 0x1.805c509d131d3p-1}) {
    CHECK(s.normal() == x);
  }

  s = {.seed = 42};
  for (std::uint64_t i : {9u, 9u, 3u, 0u, 7u, 9u, 1u, 3u, 2u, 7u, 1u, 0u}) CHECK(s.below(10) == i);

  s = {.seed = 42};
  std::vector<int> items(10);
  std::iota(items.begin(), items.end(), 0);
  shuffle(std::span(items), s);
  CHECK(items == std::vector{6, 0, 5, 8, 4, 3, 2, 7, 1, 9});

  s = {.seed = 42};
  std::vector<float> floats(5);
  s.fill_uniform(std::span(floats), -0.1f, 0.3f);
  CHECK(floats == std::vector{0x1.295634p-3f, 0x1.6621d4p-4f, -0x1.219ep-4f, 0x1.29bc28p-5f, 0x1.2e2b68p-2f});

  CHECK(normals<float>({.seed = 42}, 6) ==
        std::vector{0x1.25ee5p-2f, -0x1.42dc66p-4f, -0x1.73bf42p+0f, -0x1.a3f4a6p-2f, 0x1.1fc566p+1f, -0x1.caca1ep-2f});
  s = {.seed = 42};
  floats.resize(4);
  s.fill_normal(std::span(floats), -1.0f, 0.02f);
  CHECK(floats == std::vector{-0x1.fd0f8ap-1f, -0x1.00675p+0f, -0x1.076f58p+0f, -0x1.02198cp+0f});
}

// The words are from tests/oracles/random_streams.py, which packs the counter in another way.
TEST_CASE("every part of the key and of the position reaches the counter") {
  RandomStream s{.seed = 0x0123456789ABCDEF,
                 .purpose = Purpose::dropout,
                 .epoch = 7,
                 .sample = 0xABCDEF012345,
                 .position = (std::uint64_t{1} << 42) - 6};
  for (std::uint32_t word : {0x9944FC33u, 0x7E183DD5u, 0xB83AADCAu, 0x6A433766u, 0xEE411383u, 0xE65F93B0u}) {
    CHECK(s() == word);
  }
  CHECK_THROWS_WITH_AS(s(),
                       "random: position must be below 2^42, sample below 2^48 and purpose below 2^8: got position "
                       "4398046511104, sample 188900966474565, purpose 4",
                       UsageError);
}

TEST_CASE("streams of different keys differ") {
  const RandomStream base{.seed = 1, .purpose = Purpose::user, .epoch = 1, .sample = 1};
  std::vector<RandomStream> streams(10, base);
  streams[1].seed = 2;
  streams[2].seed = 1 + (std::uint64_t{1} << 32);
  streams[3].purpose = Purpose::init;
  streams[4].epoch = 2;
  streams[5].epoch = 1 + (1u << 31);
  streams[6].sample = 2;
  streams[7].sample = 1 + (std::uint64_t{1} << 16);
  streams[8].sample = 1 + (std::uint64_t{1} << 47);
  streams[9].position = std::uint64_t{1} << 40;
  std::set<std::uint64_t> firsts;
  for (RandomStream& stream : streams) firsts.insert(stream.below(std::uint64_t{1} << 63));
  CHECK(firsts.size() == streams.size());
}

TEST_CASE("keys beyond their range are refused") {
  RandomStream s{.sample = std::uint64_t{1} << 48};
  CHECK_THROWS_AS(s(), UsageError);
  s = {.purpose = static_cast<Purpose>(256)};
  CHECK_THROWS_AS(s.uniform(), UsageError);
  s = {.sample = (std::uint64_t{1} << 48) - 1};
  CHECK_NOTHROW(s());
}

TEST_CASE("a stream is an aggregate that shows its state") {
  CHECK(field_names<RandomStream>() ==
        std::array<std::string_view, 5>{"seed", "purpose", "epoch", "sample", "position"});
  RandomStream s{.seed = 3};
  s.uniform();
  CHECK(s.position == 2);
  s();
  CHECK(s.position == 3);
  RandomStream copy = s;
  CHECK(copy == s);
  CHECK(copy.normal() == s.normal());
  static_assert(std::uniform_random_bit_generator<RandomStream>);
  std::vector<int> items{1, 2, 3, 4};
  std::shuffle(items.begin(), items.end(), s);
  CHECK(std::accumulate(items.begin(), items.end(), 0) == 10);
}

TEST_CASE_TEMPLATE("parts filled on threads make the whole", T, float, double) {
  const RandomStream stream{.seed = 5, .position = 3};
  std::vector<T> whole(1001);
  RandomStream{stream}.fill_normal(std::span(whole), 1, 2);
  for (std::size_t cut : {0u, 1u, 2u, 3u, 500u, 1001u}) {
    std::vector<T> parts(1001);
    auto fill = [&](std::size_t begin, std::size_t end) {
      stream.ahead(random_words<T> * begin).fill_normal(std::span(parts).subspan(begin, end - begin), 1, 2);
    };
    std::thread first(fill, 0, cut);
    std::thread second(fill, cut, parts.size());
    first.join();
    second.join();
    CHECK(parts == whole);
  }
  RandomStream used = stream;
  used.fill_uniform(std::span(whole), 0, 1);
  CHECK(used.position == 3 + random_words<T> * 1001);
}

TEST_CASE_TEMPLATE("uniform numbers are uniform and never reach the upper end", T, float, double) {
  RandomStream s{.seed = 9};
  std::vector<T> x(200000);
  s.fill_uniform(std::span(x), -2, 6);
  std::vector<int> counts(100);
  for (T value : x) {
    if (value < -2 || value >= 6) FAIL("outside");
    ++counts[static_cast<std::size_t>((static_cast<double>(value) + 2) / 8 * 100)];
  }
  CHECK(chi_square(counts) < 149);  // 99.9 % of the distribution with 99 degrees of freedom
  CHECK(chi_square(counts) > 60);   // 0.1 %

  const T next = std::nextafter(T{1}, T{2});
  std::vector<T> close(1000);
  s.fill_uniform(std::span(close), 1, next);
  CHECK(std::count(close.begin(), close.end(), T{1}) == 1000);
  s.fill_uniform(std::span(close), 1, 1);
  CHECK(std::count(close.begin(), close.end(), T{1}) == 1000);
  s.fill_uniform(std::span(close), 0, (std::numeric_limits<T>::max)());
  CHECK(*std::max_element(close.begin(), close.end()) < (std::numeric_limits<T>::max)());
}

TEST_CASE_TEMPLATE("normal numbers have the moments and the tails of the distribution", T, float, double) {
  constexpr std::size_t count = 400000;
  std::vector<T> x = normals<T>({.seed = 10}, count);
  double mean = 0, square = 0, cube = 0, fourth = 0;
  std::vector<int> counts(64);
  for (T value : x) {
    double z = static_cast<double>(value);
    mean += z / count;
    square += z * z / count;
    cube += z * z * z / count;
    fourth += z * z * z * z / count;
    ++counts[static_cast<std::size_t>(0.5 * std::erfc(-z / std::sqrt(2.0)) * 64)];
  }
  // Five standard errors.
  CHECK(std::abs(mean) < 5 * std::sqrt(1.0 / count));
  CHECK(std::abs(square - 1) < 5 * std::sqrt(2.0 / count));
  CHECK(std::abs(cube) < 5 * std::sqrt(15.0 / count));
  CHECK(std::abs(fourth - 3) < 5 * std::sqrt(96.0 / count));
  CHECK(chi_square(counts) < 104);  // 99.9 % of the distribution with 63 degrees of freedom
}

TEST_CASE("below chooses all integers equally often") {
  RandomStream s{.seed = 11};
  for (std::uint64_t n : {1u, 2u, 7u, 1000u}) {
    std::vector<int> counts(n);
    for (std::uint64_t i = 0; i < 200 * n; ++i) ++counts[s.below(n)];
    const double freedom = static_cast<double>(n - 1);
    CHECK(chi_square(counts) <= freedom + 4 * std::sqrt(2 * freedom) + 5);
  }
  // Two thirds of 2^64: a remainder alone would choose the lower half twice as often as the upper one.
  const std::uint64_t n = 0xAAAA'AAAA'AAAA'AAAA;
  int low = 0;
  for (int i = 0; i < 10000; ++i) low += s.below(n) < n / 2;
  CHECK(std::abs(low - 5000) < 250);
}

TEST_CASE("shuffle gives all orders equally often") {
  RandomStream s{.seed = 12};
  std::vector<int> counts(24);
  for (int i = 0; i < 24000; ++i) {
    std::array<int, 4> order{0, 1, 2, 3};
    shuffle(std::span(order), s);
    int rank = 0;
    for (std::size_t a = 0; a < 4; ++a) {
      int smaller = 0;
      for (std::size_t b = a + 1; b < 4; ++b) smaller += order[b] < order[a];
      rank = rank * static_cast<int>(4 - a) + smaller;
    }
    ++counts[static_cast<std::size_t>(rank)];
  }
  CHECK(chi_square(counts) < 50);  // 99.9 % of the distribution with 23 degrees of freedom
  std::vector<int> none;
  CHECK_NOTHROW(shuffle(std::span(none), s));
}

TEST_CASE("arguments without sense are refused") {
  RandomStream s;
  std::array<float, 2> x{};
  std::span<float> out(x);
  CHECK_THROWS_WITH_AS(s.below(0), "below: there must be an integer to choose: got n = 0", UsageError);
  CHECK_THROWS_WITH_AS(s.fill_uniform(out, 2, 1),
                       "fill_uniform: low <= high must hold and high - low be finite: got low = 2, high = 1",
                       UsageError);
  CHECK_THROWS_AS(s.fill_uniform(out, 0, std::numeric_limits<float>::infinity()), UsageError);
  CHECK_THROWS_AS(s.fill_uniform(out, std::nanf(""), 1), UsageError);
  CHECK_THROWS_WITH_AS(s.fill_normal(out, 0, -1),
                       "fill_normal: mean and std must be finite and std not negative: got mean = 0, std = -1",
                       UsageError);
  CHECK(s.position == 0);
}

TEST_CASE("manual_seed starts the streams of the program again") {
  const RandomState before = random_state();
  manual_seed(77);
  CHECK(global_seed() == 77);
  RandomStream first = next_stream(Purpose::init);
  RandomStream second = next_stream(Purpose::init);
  RandomStream other = next_stream(Purpose::dropout);
  CHECK(first() != second());
  CHECK(first() != other());
  CHECK(first.seed == 77);

  const RandomState middle = random_state();
  RandomStream third = next_stream(Purpose::init);
  set_random_state(middle);
  CHECK(next_stream(Purpose::init) == third);

  manual_seed(77);
  CHECK(next_stream(Purpose::init) == RandomStream{.seed = 77, .purpose = Purpose::init, .epoch = 0xFFFF'FFFF});
  CHECK_THROWS_WITH_AS(next_stream(static_cast<Purpose>(7)),
                       "next_stream: the purpose must be one that Purpose names: got 7", UsageError);
  CHECK(field_names<RandomState>() == std::array<std::string_view, 2>{"seed", "streams"});
  set_random_state(before);
}

TEST_CASE("next_stream gives no stream to two threads") {
  const RandomState before = random_state();
  manual_seed(1);
  std::array<std::vector<std::uint64_t>, 4> samples;
  std::vector<std::thread> threads;
  threads.reserve(samples.size());
  for (auto& mine : samples) {
    threads.emplace_back([&mine] {
      for (int i = 0; i < 1000; ++i) mine.push_back(next_stream(Purpose::user).sample);
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::uint64_t> all;
  for (const auto& mine : samples) all.insert(mine.begin(), mine.end());
  CHECK(all.size() == 4000);
  CHECK(*all.rbegin() == 3999);
  set_random_state(before);
}

TEST_SUITE_END();
