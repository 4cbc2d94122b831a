// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// What the chapters share, so that each of them is about its own subject only: the command line, printing, timing.
#pragma once

#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include <kiln/core/error.hpp>
#include <kiln/core/text.hpp>
#include <kiln/tensor/reduce.hpp>

namespace course {

struct Options {
  bool quick = false;       ///< --quick: less data and fewer steps, a few seconds
  std::string out = "out";  ///< --out FOLDER: where pictures go
  bool long_run = false;    ///< --long: a training as long as the course's, where the chapter has cut it short
  int epochs = 0;           ///< --epochs N: how many of that training; 0: as many as the chapter thinks fit

  std::string picture(std::string_view name) const { return kiln::concat(out, "/", name); }
};

/// Prints the parts as one line.
template <class... Parts>
void say(const Parts&... parts) {
  std::puts(kiln::concat(parts...).c_str());
}

/// Begins a part of a chapter.
inline void heading(std::string_view title) { say("\n", title, "\n", std::string(title.size(), '-')); }

/// A number in few digits: 0.00123, 3.1e+24, nan.
inline std::string brief(double x, int digits = 3) {
  if (std::isnan(x)) return "nan";
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "%.*g", digits, x);
  return text.data();
}

/// Text in a column of a table.
inline std::string left(std::string_view text, std::size_t width) {
  return std::string(text) + std::string(text.size() < width ? width - text.size() : 0, ' ');
}
inline std::string right(std::string_view text, std::size_t width) {
  return std::string(text.size() < width ? width - text.size() : 0, ' ') + std::string(text);
}

/// Ends the chapter unless what it says is true.
inline void require(bool is_true, std::string_view claim) {
  if (!is_true) throw kiln::Error(kiln::concat("this should be true, and is not: ", claim));
}

/// The largest |a - b|.
template <int R, class T>
double largest_difference(const kiln::Tensor<R, T>& a, const kiln::Tensor<R, T>& b) {
  return static_cast<double>(kiln::max(kiln::abs(a - b)).item());
}

/// Says by how much two tensors differ, and ends the chapter if that is more than `within`.
template <int R, class T>
void agree(std::string_view what, const kiln::Tensor<R, T>& a, const kiln::Tensor<R, T>& b, double within) {
  const double difference = largest_difference(a, b);
  say(left(what, 36), " largest difference ", brief(difference, 2), " (within ", brief(within), ")");
  require(a.shape() == b.shape() && difference <= within, what);
}

/// The first so many samples of a data set, as one batch.
template <class Data>
auto first_samples(const Data& data, kiln::Index count) {
  std::vector<kiln::Index> rows(static_cast<std::size_t>(count));
  std::iota(rows.begin(), rows.end(), kiln::Index{0});
  return data.gather(rows);
}

/// The seconds that f takes: the least of several calls, because everything that disturbs makes it longer.
template <class F>
double seconds(F f, double at_least = 0.1) {
  using Clock = std::chrono::steady_clock;
  double least = 1e300;
  const auto begin = Clock::now();
  for (auto start = begin; start - begin < std::chrono::duration<double>(at_least);) {
    f();
    const auto end = Clock::now();
    least = (std::min)(least, std::chrono::duration<double>(end - start).count());
    start = end;
  }
  return least;
}

/// 51 us, 3.2 ms, 12.5 s.
inline std::string time_text(double seconds) {
  if (seconds < 1e-3) return kiln::concat(brief(seconds * 1e6), " us");
  return seconds < 1 ? kiln::concat(brief(seconds * 1e3), " ms") : kiln::concat(brief(seconds), " s");
}

/// The whole of a chapter's main: reads the command line, runs it, reports what it throws.
inline int run(int count, char** words, void (*chapter)(const Options&)) try {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    if (word == "--quick") {
      options.quick = true;
    } else if (word == "--out" && i + 1 < count) {
      options.out = words[++i];
    } else if (word == "--long") {
      options.long_run = true;
    } else if (word == "--epochs" && i + 1 < count && std::atoi(words[i + 1]) > 0) {
      options.epochs = std::atoi(words[++i]);
    } else {
      std::fprintf(stderr, "usage: %s [--quick | --long] [--epochs N] [--out FOLDER]\n", words[0]);
      return 2;
    }
  }
  std::filesystem::create_directories(options.out);
  chapter(options);
  return 0;
} catch (const std::exception& error) {
  std::fflush(stdout);
  std::fprintf(stderr, "%s: %s\n", words[0], error.what());
  return 1;
}

}  // namespace course
