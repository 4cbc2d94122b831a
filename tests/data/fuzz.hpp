// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Damages files in thousands of ways, the same in every run, and sees what a reader makes of them.
#pragma once

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <kiln/core/error.hpp>
#include <kiln/core/random.hpp>

#include "files.hpp"

/// A whole file as bytes.
inline std::string read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// One damaged version of `content`: bytes changed, left out, repeated or added, or the end cut off.
inline std::string damaged(std::string content, kiln::RandomStream& random) {
  auto below = [&](std::size_t n) { return static_cast<std::size_t>(random.uniform() * static_cast<double>(n)); };
  const std::size_t at = below(content.size());
  const std::size_t few = 1 + below(8);
  switch (below(9)) {
    case 0: content[at] = static_cast<char>(content[at] ^ (1 << below(8))); break;
    case 1: content[at] = static_cast<char>(below(256)); break;
    case 2: content[at] = "\x00\xff\x7f\x80"[below(4)]; break;
    case 3:  // a number that becomes huge
      for (std::size_t i = at; i < content.size() && i < at + few; ++i) content[i] = '\xff';
      break;
    case 4: content[at] = static_cast<char>(content[at] + (below(2) ? 1 : -1)); break;
    case 5: content.resize(at); break;
    case 6: content.erase(at, few); break;
    case 7: content.insert(at, content.substr(at, few)); break;
    default:
      for (std::size_t i = 0; i < few; ++i) content += static_cast<char>(below(256));
  }
  return content;
}

/// Calls `read(path)` for `rounds` damaged versions of `content`, every other one damaged twice, and for every
/// truncation to less than `truncations` bytes. Each must be read or be refused by a Kiln error that names the file.
/// Returns how many were read.
template <class Read>
int fuzz(const std::string& name, const std::string& content, int rounds, std::size_t truncations, Read read) {
  const TempFolder folder;
  kiln::RandomStream random{.seed = 20'240'607};
  int accepted = 0;
  auto one = [&](const std::string& bytes, int round) {
    const std::string path = folder.write(name, bytes);
    try {
      read(path);
      ++accepted;
    } catch (const kiln::Error& error) {
      const std::string_view message = error.what();
      if (message.find(path) == message.npos || message.size() > 2000) FAIL("round ", round, ": ", error.what());
    } catch (const std::exception& error) {
      FAIL("round ", round, ": not a Kiln error: ", error.what());
    }
  };
  for (int round = 0; round < rounds; ++round) {
    std::string bytes = damaged(content, random);
    if (round % 2 && !bytes.empty()) bytes = damaged(bytes, random);
    one(bytes, round);
  }
  for (std::size_t length = 0; length < content.size() && length < truncations; ++length)
    one(content.substr(0, length), -static_cast<int>(length));
  return accepted;
}
