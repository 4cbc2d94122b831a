// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/viz/terminal.hpp>

#include <doctest/doctest.h>

TEST_SUITE_BEGIN("viz");

using namespace kiln;

namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> all;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    REQUIRE(end != std::string::npos);
    all.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return all;
}

}  // namespace

TEST_CASE("a sparkline goes from the lowest block to the highest") {
  CHECK(sparkline({1, 2, 3, 4, 5, 6, 7, 8}) == "▁▂▃▄▅▆▇█");
  CHECK(sparkline({8, none, 1, infinity, 4.4}) == "█ ▁ ▄");
  CHECK(sparkline({3, 3}) == "▅▅");
  CHECK(sparkline({}) == "");
  CHECK(sparkline({none}) == " ");
  CHECK(sparkline({-1e308, 1e308, 0}) == "▁█▅");
}

TEST_CASE("a long sparkline shows means of neighbours") {
  CHECK(sparkline({0, 0, 10, 20, 100, 100, none, none}, 4) == "▁▂█ ");
  std::vector<float> many(1'000'000, 1.f);
  many.back() = 100'000;
  CHECK(sparkline(many, 5) == "▁▁▁▁█");
  CHECK_THROWS_WITH_AS(sparkline({1}, 0), "sparkline: the width must be at least 1: got 0", UsageError);
}

TEST_CASE("a falling line, character for character") {
  CHECK(terminal_plot({4, 3, 2, 1, 0}, {.title = "Loss", .x_label = "batch", .width = 20, .height = 4}) ==
        "   Loss\n"
        "4 ┤⠉⠒⠤⣀\n"
        "  │    ⠉⠑⠢⢄⡀\n"
        "2 ┤        ⠈⠉⠒⠢⢄⡀\n"
        "0 ┤             ⠈⠑⠢⢄\n"
        "  └┬───────┬───────┬\n"
        "   0       2       4\n"
        "         batch\n");
}

TEST_CASE("every line fits the width, and there are as many as asked for") {
  std::vector<double> noise;
  unsigned state = 1;
  for (int i = 0; i < 5000; ++i) noise.push_back((state = state * 1664525u + 1013904223u) * 1e-3);
  for (Index width : {20, 33, 72, 200})
    for (Index height : {3, 12, 40})
      for (bool log : {false, true}) {
        const auto all = lines(terminal_plot(noise, {.title = "t", .log_y = log, .width = width, .height = height}));
        CHECK(all.size() == static_cast<std::size_t>(height) + 3);
        for (const std::string& line : all) CHECK(detail::characters(line) <= width);
        CHECK(all[1].find("┤") + all[1].find("│") != 2 * std::string::npos);
      }
}

TEST_CASE("values that cannot be drawn are gaps") {
  const auto all = lines(terminal_plot({1, none, none, none, 1, infinity, 2}, {.width = 20, .height = 3}));
  CHECK(all[0].ends_with("⢀") == false);
  std::string dots;  // of the lowest row: 1 at both ends of the first gap, and nothing between
  for (std::size_t at = all[2].find("│") != std::string::npos ? all[2].find("│") + 3 : all[2].find("┤") + 3;
       at < all[2].size();) {
    const std::size_t begin = at;
    detail::next_code_point(all[2], at);
    dots += at - begin == 1 ? ' ' : '*';
  }
  CHECK(dots == "*        *");  // of 15 characters, labelled 1.0, the first and that at 4/6
}

TEST_CASE("no data, constants and extremes give a plot") {
  const double largest = std::numeric_limits<double>::max();
  for (const std::vector<double>& values :
       {std::vector<double>{}, {none}, {5}, {3, 3, 3}, {largest, -largest}, {1e-320, 0}})
    for (bool log : {false, true}) CHECK(lines(terminal_plot(values, {.log_y = log, .height = 5})).size() == 7);
  CHECK_THROWS_WITH_AS(terminal_plot({1}, {.width = 19}),
                       "terminal_plot: width must be between 20 and 1000, height between 3 and 1000: got 19 x 12",
                       UsageError);
}

TEST_CASE("a title cannot move the cursor") {
  const std::string text = terminal_plot({1, 2}, {.title = "a\x1b[2J\nb",
                                                  .x_label = "\x9b"
                                                             "1m"});
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find("a [2J b\n") != std::string::npos);
}

TEST_SUITE_END();
