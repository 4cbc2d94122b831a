// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// What a benchmark of kernels measured, as scripts/bench reads it.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <kiln/core/cpu.hpp>
#include <kiln/core/text.hpp>

namespace bench {

class Figures {
 public:
  /// `seconds` are the rounds of one contender at one case, each of which did `work`; the unit is that of work a
  /// second.
  void add(const std::string& name, const std::string& contender, const char* unit, double work,
           std::vector<double> seconds) {
    std::sort(seconds.begin(), seconds.end());
    auto rate = [&](std::size_t i) { return kiln::fixed(work / seconds[i], 3); };
    const std::size_t last = seconds.size() - 1;
    text_ += kiln::concat(text_.empty() ? "" : ",", "\n  {\"case\": \"", name, "\", \"contender\": \"", contender,
                          "\", \"unit\": \"", unit, "\", \"median\": ", rate(seconds.size() / 2),
                          ", \"best\": ", rate(0), ", \"quartiles\": [", rate(last - last / 4), ", ", rate(last / 4),
                          "], \"rounds\": ", seconds.size(), "}");
  }

  /// `peak` in GFLOP/s. Ends the program if the file cannot be written.
  void write(const std::string& path, int threads, double peak) const {
    std::FILE* file = std::fopen(path.c_str(), "w");
    if (!file) std::exit((std::fprintf(stderr, "cannot write %s\n", path.c_str()), 1));
    std::fprintf(file, "{\"isa\": \"%s\", \"threads\": %d, \"peak_gflops\": %.1f, \"figures\": [%s\n]}\n",
                 std::string(kiln::isa_name(kiln::isa())).c_str(), threads, peak, text_.c_str());
    std::fclose(file);
  }

 private:
  std::string text_;
};

}  // namespace bench
