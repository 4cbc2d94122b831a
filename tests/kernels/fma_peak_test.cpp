// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/kernels/fma_peak.hpp>

#include <doctest/doctest.h>

TEST_SUITE_BEGIN("kernels");

using namespace kiln;

TEST_CASE("the chains compute what their peak is counted by") {
  const auto after = [](Index rounds) {
    float sum = 0;
    detail::run_for_isa<detail::FmaChains>(&sum, rounds);
    return sum;
  };
  const auto lanes = static_cast<float>(isa() == Isa::avx512 ? 16 : isa() == Isa::avx2 ? 8 : detail::lanes<float, 16>);
  CHECK(after(0) == lanes * 66);               // 0 + 1 + ... + 11
  CHECK(after(1) == lanes * (66 / 2.f + 12));  // each is halved, and 1 added
  CHECK(after(2) == lanes * (66 / 4.f + 12 * 1.5f));
  CHECK(after(1000) == lanes * 12 * 2);
}

TEST_CASE("a peak is measured on any number of threads") {
  for (int threads : {1, 2, 3}) CHECK(fma_peak(threads) > 0);
}
