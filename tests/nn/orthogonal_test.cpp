// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/nn/orthogonal.hpp>

#include <doctest/doctest.h>

using namespace kiln;

TEST_SUITE_BEGIN("nn");

TEST_CASE_TEMPLATE("orthogonal rows or columns", T, float, double) {
  manual_seed(6);
  const double tolerance = std::is_same_v<T, float> ? 1e-6 : 1e-14;
  auto check_orthogonal = [&](const auto& w, Index rows, Index columns, double gain) {
    auto at = [&](Index r, Index c) { return static_cast<double>(w.data()[r * columns + c]); };
    const bool wide = rows <= columns;
    const Index vectors = wide ? rows : columns, length = wide ? columns : rows;
    double worst = 0;
    for (Index a = 0; a < vectors; ++a) {
      for (Index b = 0; b < vectors; ++b) {
        double dot = 0;
        for (Index i = 0; i < length; ++i) dot += wide ? at(a, i) * at(b, i) : at(i, a) * at(i, b);
        worst = (std::max)(worst, std::abs(dot - (a == b ? gain * gain : 0)));
      }
    }
    CHECK(worst < tolerance * gain * gain);
  };
  check_orthogonal(orthogonal<T>({5, 8}), 5, 8, 1);
  check_orthogonal(orthogonal<T>({8, 5}), 8, 5, 1);
  check_orthogonal(orthogonal<T>({60, 60}, {.gain = 2}), 60, 60, 2);
  check_orthogonal(orthogonal<T>({6, 2, 2, 3}), 6, 12, 1);
  CHECK(orthogonal<T>({0, 3}).numel() == 0);
  CHECK(std::abs(orthogonal<T>({1, 1})(0, 0)) == 1);
}

TEST_CASE("the same seed gives the same orthogonal weights") {
  manual_seed(42);
  for (int call = 0; call < 4; ++call) next_stream(Purpose::init);
  const auto w = orthogonal({2, 3});
  const float expected[] = {-0x1.11ed4ep-4f, 0x1.51ed3ap-2f, -0x1.e21a46p-1f,
                            0x1.fbf8bap-1f,  0x1.f41e7cp-4f, -0x1.c5644cp-6f};
  for (Index i = 0; i < 6; ++i) CHECK(w.data()[i] == expected[i]);
}

TEST_SUITE_END();
