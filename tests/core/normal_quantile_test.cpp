// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/core/normal_quantile.hpp>

#include <algorithm>
#include <cmath>

#include <doctest/doctest.h>

using kiln::detail::normal_quantile;
using kiln::detail::portable_log;

TEST_SUITE_BEGIN("core");

TEST_CASE("normal_quantile has the bits of its formula and the value of the exact quantile") {
  struct Row {
    double p;
    double formula;
    double exact;
  };
  // tests/oracles/random_streams.py
  constexpr Row rows[] = {
      {0x1.0000000000000p-53, -0x1.06b48528cea51p+3, -0x1.06b48528cea52p+3},
      {0x1.19799812dea11p-40, -0x1.c234fba57a32ap+2, -0x1.c234fba57a32ap+2},
      {0x1.0c6f7a0b5ed8dp-20, -0x1.30381a9799f7ep+2, -0x1.30381a9799f7ep+2},
      {0x1.0624dd2f1a9fcp-10, -0x1.8b8cbb7204470p+1, -0x1.8b8cbb7204471p+1},
      {0x1.32ca57a786c22p-4, -0x1.70b374817af50p+0, -0x1.70b374817af52p+0},
      {0x1.339c0ebedfa44p-4, -0x1.7056dc6686c9ap+0, -0x1.7056dc6686c9bp+0},
      {0x1.0000000000000p-2, -0x1.5956b87528a49p-1, -0x1.5956b87528a49p-1},
      {0x1.ffe5c91d14e3cp-2, -0x1.06d6ca8553fc1p-12, -0x1.06d6ca8553fc0p-12},
      {0x1.0000000000000p-1, 0x0.0p+0, 0x0.0p+0},
      {0x1.3333333333333p-1, 0x1.036d6c4a04b5ap-2, 0x1.036d6c4a04b59p-2},
      {0x1.ccccccccccccdp-1, 0x1.4813c36e26d34p+0, 0x1.4813c36e26d33p+0},
      {0x1.d999bb2788db0p-1, 0x1.708598f2a3b69p+0, 0x1.708598f2a3b69p+0},
      {0x1.fae147ae147aep-1, 0x1.29c5c4630ff0cp+1, 0x1.29c5c4630ff0ep+1},
      {0x1.ffffffff00000p-1, 0x1.95a1198fcf3d4p+2, 0x1.95a1198fcf3d6p+2},
  };
  for (const Row& row : rows) {
    CAPTURE(row.p);
    CHECK(normal_quantile(row.p) == row.formula);
    CHECK(std::abs(normal_quantile(row.p) - row.exact) <= 1e-15 * std::abs(row.exact));
  }
}

TEST_CASE("normal_quantile is odd about one half and increases") {
  double before = -9;
  for (int i = 1; i < 1024; ++i) {
    double p = i / 1024.0;
    CHECK(normal_quantile(p) == -normal_quantile(1 - p));
    CHECK(normal_quantile(p) > before);
    before = normal_quantile(p);
  }
}

TEST_CASE("portable_log agrees with the math library's") {
  double worst = 0;
  for (int i = 0; i < 100000; ++i) {
    double x = std::exp(-37.0 * (i + 0.5) / 100000);
    worst = (std::max)(worst, std::abs(portable_log(x) / std::log(x) - 1));
  }
  CHECK(worst < 5e-16);
  CHECK(portable_log(1) == 0);
  CHECK(portable_log(2) == std::log(2.0));
}

TEST_SUITE_END();
