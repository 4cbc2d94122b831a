// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <kiln/core/cpu.hpp>

/// Tests for an instruction set that this CPU lacks are skipped, which is what ctest takes 77 for.
int main(int argc, char** argv) {
  const char* wanted = std::getenv("KILN_ISA");
  for (kiln::Isa isa : {kiln::Isa::avx2, kiln::Isa::avx512}) {
    if (wanted == nullptr || wanted != kiln::isa_name(isa) || isa <= kiln::detail::cpu_isa()) continue;
    std::printf("skipped: this CPU has no %s\n", wanted);
    return 77;
  }
  return doctest::Context(argc, argv).run();
}
