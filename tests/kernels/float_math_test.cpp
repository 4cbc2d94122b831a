// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/kernels/float_math.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include <kiln/kernels/map_each.hpp>

using namespace kiln;

namespace {

constexpr float inf = std::numeric_limits<float>::infinity();

/// How far a float is from the true value, in units of the last place of that.
double error(float got, double truth) {
  const auto nearest = static_cast<float>(truth);
  if (std::isnan(truth) || std::isinf(nearest)) {
    const bool same = std::isnan(truth) ? std::isnan(got) : got == nearest || std::abs(got) > 3.4028e38f;
    return same ? 0 : inf;
  }
  const float next = std::nextafter(std::abs(nearest), inf);
  const double unit = std::isinf(next) ? std::ldexp(1.0, 104) : static_cast<double>(next - std::abs(nearest));
  return std::abs(static_cast<double>(got) - truth) / unit;
}

/// The largest error over a sample of all floats, as a vectorised loop computes them.
template <class F, class G>
double largest_error(const F& f, const G& truth) {
  constexpr std::uint32_t step = 3001, count = 1 << 14;
  double worst = 0;
  std::vector<float> x(count), y(count);
  for (std::uint64_t begin = 0; begin < std::uint64_t{1} << 32; begin += std::uint64_t{step} * count) {
    for (std::uint32_t i = 0; i < count; ++i) x[i] = std::bit_cast<float>(static_cast<std::uint32_t>(begin) + i * step);
    detail::map_each(1, f, Index{count}, y.data(), x.data());
    for (std::uint32_t i = 0; i < count; ++i) worst = (std::max)(worst, error(y[i], truth(static_cast<double>(x[i]))));
  }
  return worst;
}

}  // namespace

TEST_SUITE_BEGIN("kernels");

TEST_CASE("functions of floats are right to the last places, from the denormal numbers to infinity") {
  auto exp = [](float v) __attribute__((always_inline)) { return detail::exp_of(v); };
  CHECK(largest_error(exp, [](double v) { return std::exp(v); }) < 1.2);
  auto expm1 = [](float v) __attribute__((always_inline)) { return detail::expm1_of(v); };
  CHECK(largest_error(expm1, [](double v) { return std::expm1(v); }) < 2);
  auto tanh = [](float v) __attribute__((always_inline)) { return detail::tanh_of(v); };
  CHECK(largest_error(tanh, [](double v) { return std::tanh(v); }) < 2.6);
  auto logistic = [](float v) __attribute__((always_inline)) { return detail::logistic(v); };
  CHECK(largest_error(logistic, [](double v) { return 1 / (1 + std::exp(-v)); }) < 2.6);
  auto softplus = [](float v) __attribute__((always_inline)) { return detail::softplus_of(v); };
  CHECK(largest_error(softplus, [](double v) { return (v > 0 ? v : 0) + std::log1p(std::exp(-std::abs(v))); }) < 3);
  auto erf = [](float v) __attribute__((always_inline)) { return detail::erf_of(v); };
  CHECK(largest_error(erf, [](double v) { return std::erf(v); }) < 1.5);
}

TEST_CASE("functions of floats at 0, at infinity and of NaN") {
  const float nan = std::numeric_limits<float>::quiet_NaN(), denormal = 1e-44f;
  CHECK(detail::exp_of(0.0f) == 1);
  CHECK(detail::exp_of(inf) == inf);
  CHECK(detail::exp_of(-inf) == 0);
  CHECK(detail::exp_of(-103.0f) == std::exp(-103.0f));
  CHECK(detail::expm1_of(-inf) == -1);
  CHECK(detail::expm1_of(inf) == inf);
  CHECK(detail::expm1_of(denormal) == denormal);
  CHECK(detail::tanh_of(denormal) == denormal);
  CHECK(detail::tanh_of(inf) == 1);
  CHECK(detail::tanh_of(-inf) == -1);
  CHECK(std::signbit(detail::tanh_of(-0.0f)));
  CHECK(detail::logistic(-inf) == 0);
  CHECK(detail::logistic(inf) == 1);
  CHECK(detail::softplus_of(inf) == inf);
  CHECK(detail::softplus_of(-inf) == 0);
  CHECK(detail::erf_of(inf) == 1);
  CHECK(detail::erf_of(-inf) == -1);
  CHECK(detail::erf_of(0.0f) == 0);
  for (float y : {detail::exp_of(nan), detail::expm1_of(nan), detail::tanh_of(nan), detail::logistic(nan),
                  detail::softplus_of(nan), detail::erf_of(nan)})
    CHECK(std::isnan(y));
}

TEST_CASE("functions of doubles are the C library's") {
  for (double v : {-700.0, -1.25, -1e-9, 0.0, 0.3, 5.0}) {
    CAPTURE(v);
    CHECK(detail::exp_of(v) == std::exp(v));
    CHECK(detail::expm1_of(v) == std::expm1(v));
    CHECK(detail::tanh_of(v) == std::tanh(v));
    CHECK(detail::erf_of(v) == std::erf(v));
    CHECK(detail::logistic(v) == doctest::Approx(1 / (1 + std::exp(-v))).epsilon(1e-15));
    CHECK(detail::softplus_of(v) ==
          doctest::Approx((v > 0 ? v : 0) + std::log1p(std::exp(-std::abs(v)))).epsilon(1e-15));
  }
}

TEST_SUITE_END();
