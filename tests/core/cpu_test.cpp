// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/core/cpu.hpp>

#include <doctest/doctest.h>

#include <cstdlib>

using namespace kiln;

TEST_SUITE_BEGIN("core");

TEST_CASE("KILN_ISA lowers the instruction set") {
  using detail::choose_isa;
  CHECK(choose_isa(nullptr, Isa::avx512) == Isa::avx512);
  CHECK(choose_isa("", Isa::avx2) == Isa::avx2);
  CHECK(choose_isa("baseline", Isa::avx512) == Isa::baseline);
  CHECK(choose_isa("avx2", Isa::avx512) == Isa::avx2);
  CHECK(choose_isa("avx512", Isa::avx512) == Isa::avx512);
}

TEST_CASE("a KILN_ISA that the CPU lacks is an error") {
  CHECK_THROWS_WITH_AS(detail::choose_isa("avx512", Isa::avx2),
                       "KILN_ISA: must be at most avx2 on this CPU: got avx512", UsageError);
  CHECK_THROWS_AS(detail::choose_isa("avx2", Isa::baseline), UsageError);
}

TEST_CASE("an unknown KILN_ISA is an error") {
  CHECK_THROWS_WITH_AS(detail::choose_isa("sse9", Isa::avx2), "KILN_ISA: must be baseline, avx2 or avx512: got sse9",
                       UsageError);
  CHECK_THROWS_AS(detail::choose_isa("AVX2", Isa::avx2), UsageError);
}

TEST_CASE("the instruction set in use follows the CPU and the environment") {
  CHECK(isa() == detail::choose_isa(std::getenv("KILN_ISA"), detail::cpu_isa()));
  CHECK(isa() <= detail::cpu_isa());
}

TEST_SUITE_END();
