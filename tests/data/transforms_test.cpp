// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Each transform of images by itself.
#include <kiln/data/transforms.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <vector>

#include <kiln/tensor/create.hpp>
#include <kiln/tensor/elementwise.hpp>
#include <kiln/tensor/reduce.hpp>

#include "../nn/oracle.hpp"

TEST_SUITE_BEGIN("data");

using namespace kiln;

namespace {

const Oracle pytorch[] = {
#include "transforms.inc"
};

/// Image n, channel c, as a matrix.
template <class T>
Tensor<2, T> plane(const Tensor<4, T>& x, Index n, Index c) {
  return Tensor<2, T>(x.row_view(n).row_view(c));
}

/// count images, each pixel with a value of its own: 1, 2, 3 ... along the first and so on along its channels.
template <class T = float>
Tensor<4, T> counting(Index count, Index channels, Index height, Index width) {
  auto x = detail::uninitialised<T>(Shape<4>{count, channels, height, width});
  for (Index i = 0; i < x.numel(); ++i) x.data()[i] = static_cast<T>(1 + i % (channels * height * width));
  return x;
}

/// How many samples had each outcome lie as near as chance makes it: within four deviations.
void check_uniform(const std::map<Index, Index>& counts, std::size_t outcomes, Index total) {
  CHECK(counts.size() == outcomes);
  const double p = 1 / static_cast<double>(outcomes), n = static_cast<double>(total);
  for (const auto& [outcome, count] : counts) {
    const Index which = outcome;
    CAPTURE(which);
    CHECK(std::abs(static_cast<double>(count) - n * p) < 4 * std::sqrt(n * p * (1 - p)));
  }
}

}  // namespace

TEST_CASE_TEMPLATE("RandomCrop pads as PyTorch does", T, float, double) {
  RandomStream stream{.seed = 1};
  const auto x = numbers<T>({2, 3, 5, 7}, 1);
  // As large as the padded images, there is one place only.
  check_oracle(pytorch, "pad.fill", RandomCrop{.size = {7, 11}, .padding = {1, 2}, .fill = -0.5}(x, stream));
  check_oracle(pytorch, "pad.reflect",
               RandomCrop{.size = {9, 13}, .padding = {2, 3}, .border = Border::reflect}(x, stream));
}

TEST_CASE_TEMPLATE("RandomCrop takes all places equally often, the same in all channels", T, float, double) {
  constexpr Index count = 6000;
  const auto x = counting<T>(count, 2, 4, 3);
  for (const RandomCrop& crop : {RandomCrop{.size = {3, 3}, .padding = {1, 2}},
                                 RandomCrop{.size = {3, 3}, .padding = {1, 2}, .border = Border::reflect}}) {
    RandomStream stream{.seed = 1};
    const auto y = crop(x, stream);
    REQUIRE(y.shape() == Shape<4>{count, 2, 3, 3});
    RandomCrop whole = crop;
    whole.size = {6, 7};
    const auto padded = whole(x, stream);
    std::map<Index, Index> places;
    for (Index n = 0; n < count; ++n) {
      Index found = -1;
      for (Index top = 0; top < 4; ++top) {
        for (Index left = 0; left < 5; ++left) {
          bool same = true;
          for (Index c = 0; c < 2; ++c)
            for (Index i = 0; i < 9; ++i)
              same = same && y.unchecked(n, c, i / 3, i % 3) == padded.unchecked(n, c, top + i / 3, left + i % 3);
          if (same) found = top * 5 + left;
        }
      }
      REQUIRE(found >= 0);
      ++places[found];
    }
    if (crop.border == Border::fill) check_uniform(places, 20, count);
  }
}

TEST_CASE("RandomCrop without settings leaves images as they are") {
  RandomStream stream{.seed = 1};
  const auto x = counting(3, 2, 4, 5);
  CHECK(all_equal(RandomCrop{}(x, stream), x));
  CHECK(RandomCrop{.padding = 2}(Tensor<4>(zeros({0, 1, 3, 3})), stream).shape() == Shape<4>{0, 1, 3, 3});
  CHECK(RandomCrop{.size = 1}(x, stream).shape() == Shape<4>{3, 2, 1, 1});
}

TEST_CASE_TEMPLATE("flips", T, float, double) {
  const Tensor<4, T> x{{{{1, 2, 3}, {4, 5, 6}}, {{7, 8, 9}, {10, 11, 12}}}};
  const Tensor<4, T> left_right{{{{3, 2, 1}, {6, 5, 4}}, {{9, 8, 7}, {12, 11, 10}}}};
  const Tensor<4, T> upside_down{{{{4, 5, 6}, {1, 2, 3}}, {{10, 11, 12}, {7, 8, 9}}}};
  CHECK(all_equal(HorizontalFlip{}(x), left_right));
  CHECK(all_equal(VerticalFlip{}(x), upside_down));
  RandomStream stream{.seed = 1};
  CHECK(all_equal(RandomHorizontalFlip{.p = 1}(x, stream), left_right));
  CHECK(all_equal(RandomVerticalFlip{.p = 1}(x, stream), upside_down));
  CHECK(all_equal(RandomHorizontalFlip{.p = 0}(x, stream), x));
  CHECK(all_equal(RandomVerticalFlip{.p = 0}(x, stream), x));
  const Tensor<4, T> three{{{{1}, {2}, {3}}}};
  CHECK(all_equal(VerticalFlip{}(three), Tensor<4, T>{{{{3}, {2}, {1}}}}));
  CHECK(HorizontalFlip{}(detail::uninitialised<T>(Shape<4>{2, 1, 3, 0})).numel() == 0);

  const auto many = counting<T>(4000, 1, 2, 2);
  for (double p : {0.5, 0.2}) {
    const auto h = RandomHorizontalFlip{.p = p}(many, stream), v = RandomVerticalFlip{.p = p}(many, stream);
    double flipped_h = 0, flipped_v = 0;
    for (Index n = 0; n < 4000; ++n) {
      flipped_h += h.unchecked(n, 0, 0, 0) == 2, flipped_v += v.unchecked(n, 0, 0, 0) == 3;
      CHECK(plane(h, n, 0)(1, 1) == (h.unchecked(n, 0, 0, 0) == 2 ? 3 : 4));
    }
    CHECK(std::abs(flipped_h / 4000 - p) < 0.03);
    CHECK(std::abs(flipped_v / 4000 - p) < 0.03);
  }
}

TEST_CASE_TEMPLATE("Affine equals PyTorch's affine_grid and grid_sample", T, float, double) {
  const auto x = numbers<T>({2, 3, 5, 7}, 1);
  const double near = sizeof(T) == 4 ? 2e-6 : 1e-12;
  check_oracle(pytorch, "affine.nothing", Affine{}(x), near);
  check_oracle(pytorch, "affine.turn", Affine{.angle = 30}(x), near);
  check_oracle(pytorch, "affine.quarter", Affine{.angle = 90}(x), near);
  check_oracle(pytorch, "affine.move", Affine{.translate = {1.25, -2.5}}(x), near);
  check_oracle(pytorch, "affine.scale", Affine{.scale = 1.7}(x), near);
  check_oracle(pytorch, "affine.shrink", Affine{.scale = 0.4}(x), near);
  check_oracle(pytorch, "affine.shear_x", Affine{.shear = {25, 0}}(x), near);
  check_oracle(pytorch, "affine.shear_y", Affine{.shear = {0, -40}}(x), near);
  const Affine all{.angle = -75, .translate = {0.5, 1}, .scale = 1.2, .shear = {10, 20}};
  check_oracle(pytorch, "affine.all", all(x), near);
  Affine filled = all;  // filling with f is filling with 0 what lies f lower
  filled.fill = 0.75;
  check_oracle(pytorch, "affine.all", filled(x + T(0.75)) - T(0.75), near);
}

TEST_CASE("Affine turns clockwise, moves to the right and down") {
  const Tensor<4> x{{{{1, 2}, {3, 4}}}};
  CHECK(all_close(Affine{.angle = 90}(x), Tensor<4>{{{{3, 1}, {4, 2}}}}));
  CHECK(all_equal(Affine{.translate = {1, 0}, .fill = 9}(x), Tensor<4>{{{{9, 1}, {9, 3}}}}));
  CHECK(all_equal(Affine{.translate = {0, 1}}(x), Tensor<4>{{{{0, 0}, {1, 2}}}}));
  CHECK(all_equal(Affine{.translate = {100, 0}}(x), Tensor<4>{{{{0, 0}, {0, 0}}}}));
}

TEST_CASE("RandomAffine draws from its ranges, for each image anew") {
  constexpr Index count = 2000;
  // The ramp x + 10 y: where its middle and its slopes are, tells what was drawn.
  auto x = detail::uninitialised<double>(Shape<4>{count, 1, 11, 11});
  for (Index i = 0; i < x.numel(); ++i)
    x.data()[i] = static_cast<double>(i % 11) + 10 * static_cast<double>(i / 11 % 11);
  RandomStream stream{.seed = 1};
  const auto moved = RandomAffine{.translate = {0.2, 0.1}}(x, stream);
  const auto turned = RandomAffine{.degrees = 30}(x, stream);
  const auto scaled = RandomAffine{.scale = {0.5, 2}}(x, stream);
  const auto slanted = RandomAffine{.shear = {20, 0}}(x, stream);
  std::array<double, 5> low{9, 9, 99, 9, 9}, high{-9, -9, -99, -9, -9}, sum{};
  for (Index n = 0; n < count; ++n) {
    auto at = [n](const Tensor<4, double>& of, Index row, Index column) { return of.unchecked(n, 0, row, column); };
    const double right = at(moved, 5, 6) - at(moved, 5, 5);
    CHECK(right == doctest::Approx(1));
    auto slope_x = [&](const Tensor<4, double>& of) { return (at(of, 5, 6) - at(of, 5, 4)) / 2; };
    auto slope_y = [&](const Tensor<4, double>& of) { return (at(of, 6, 5) - at(of, 4, 5)) / 2; };
    // (slope_x, slope_y) of the turned ramp is (1, 10) turned.
    const double angle = (std::atan2(slope_y(turned), slope_x(turned)) - std::atan2(10, 1)) * 180 / 3.14159265358979;
    const double offset = 55 - at(moved, 5, 5);  // to the right, and ten times that down
    const std::array<double, 5> drawn{offset / 10, angle, 1 / slope_x(scaled), slope_y(slanted) - 10, offset};
    for (std::size_t i = 0; i < drawn.size(); ++i) {
      low[i] = (std::min)(low[i], drawn[i]), high[i] = (std::max)(high[i], drawn[i]), sum[i] += drawn[i] / count;
    }
  }
  CHECK(high[1] < 30 + 1e-6);
  CHECK(low[1] > -30 - 1e-6);
  CHECK(high[1] > 29.5);
  CHECK(low[1] < -29.5);
  CHECK(std::abs(sum[1]) < 1.5);
  CHECK(high[2] < 2 + 1e-6);
  CHECK(low[2] > 0.5 - 1e-6);
  CHECK(high[2] > 1.97);
  CHECK(low[2] < 0.53);
  CHECK(sum[2] == doctest::Approx(1.25).epsilon(0.03));
  const double slant = std::tan(20 * 3.14159265358979 / 180);
  CHECK(high[3] < slant + 1e-6);
  CHECK(high[3] > 0.97 * slant);
  CHECK(low[3] < -0.97 * slant);
  CHECK(std::abs(sum[3]) < 0.05 * slant);
  CHECK(high[4] < 2.2 + 11 + 1e-6);  // at most 0.2 * 11 columns and 0.1 * 11 rows
  CHECK(high[4] > 12);
  CHECK(low[4] < -12);
  CHECK(std::abs(sum[4]) < 0.7);
  CHECK(all_equal(RandomAffine{}(x, stream), x));
}

TEST_CASE_TEMPLATE("RandomErase writes noise like the batch into patches", T, float, double) {
  constexpr Index count = 4000;
  RandomStream stream{.seed = 1};
  auto x = full<T>({count, 2, 10, 20}, 5);  // a value that noise hits by no chance
  for (Index n = 0; n < count; ++n) x(n, 0, 0, 0) = 4, x(n, 1, 9, 19) = 7;
  const double mean = (398.0 * 5 + 4 + 7) / 400;
  const double std =
      std::sqrt((398 * (5 - mean) * (5 - mean) + (4 - mean) * (4 - mean) + (7 - mean) * (7 - mean)) / 400);
  const auto y = RandomErase{.pct = 0.3, .max_num = 1}(x, stream);
  std::map<Index, Index> numbers, places;
  double sum = 0, squares = 0, pixels = 0;
  bool in_range = true, in_patch = true;
  for (Index n = 0; n < count; ++n) {
    Index changed = 0, first = -1;
    for (Index i = 0; i < 400; ++i) {
      const T was = x.data()[n * 400 + i], is = y.data()[n * 400 + i];
      in_range = in_range && is >= 4 && is <= 7;
      if (was == is) continue;
      if (first < 0) first = i;
      ++changed;
      sum += static_cast<double>(is), squares += (static_cast<double>(is) - mean) * (static_cast<double>(is) - mean);
      ++pixels;
      const Index row = i / 20 % 10 - first / 20, column = i % 20 - first % 20;
      in_patch = in_patch && row >= 0 && row < 3 && column >= 0 && column < 6;
    }
    CHECK((changed == 0 || changed == 2 * 3 * 6));
    ++numbers[changed > 0];
    if (changed) ++places[first];
  }
  CHECK((in_range && in_patch));
  check_uniform(numbers, 2, count);
  check_uniform(places, 8 * 15, numbers[1]);
  CHECK(sum / pixels == doctest::Approx(mean).epsilon(0.001));
  CHECK(std::sqrt(squares / pixels) == doctest::Approx(std).epsilon(0.02));

  numbers.clear();
  const auto many = RandomErase{.pct = 0.1, .max_num = 4, .noise = PixelNoise{.mean = -9, .std = 0}}(x, stream);
  for (Index n = 0; n < count; ++n) {
    Index erased = 0;
    for (Index i = 0; i < 200; ++i) erased += many.data()[n * 400 + i] == -9;
    CHECK(erased <= 4 * 2);
    ++numbers[erased > 0];
  }
  CHECK(std::abs(static_cast<double>(numbers[0]) / count - 0.2) < 0.03);  // none, of 0 to 4
  const auto clamped =
      RandomErase{.pct = 1, .max_num = 3, .noise = PixelNoise{.std = 9, .low = -1, .high = 0}}(x, stream);
  bool low = false, high = false;
  for (T value : clamped) low = low || value == -1, high = high || value == 0;
  CHECK((low && high));
}

TEST_CASE_TEMPLATE("RandomCopy copies a patch from elsewhere in the image, in all channels", T, float, double) {
  constexpr Index count = 3000;
  RandomStream stream{.seed = 1};
  const auto x = counting<T>(count, 2, 5, 10);
  const auto y = RandomCopy{.pct = 0.4, .max_num = 1}(x, stream);
  Index copied = 0;
  bool one_shift = true;
  for (Index n = 0; n < count; ++n) {
    Index changed = 0;
    double shift = 0;
    for (Index i = 0; i < 100; ++i) {
      const auto difference = static_cast<double>(y.data()[n * 100 + i] - x.data()[n * 100 + i]);
      if (difference == 0) continue;
      one_shift = one_shift && (changed == 0 || difference == shift);  // of the image as it was before
      shift = difference, ++changed;
    }
    CHECK((changed == 0 || changed == 2 * 2 * 4));
    copied += changed > 0;
  }
  CHECK(one_shift);
  // Of 4 * 7 places twice, the same one is drawn in one of 28 cases.
  CHECK(std::abs(static_cast<double>(copied) / count - 0.5 * 27 / 28) < 0.04);
  CHECK(all_equal(RandomCopy{.max_num = 0}(x, stream), x));
  CHECK(all_equal(RandomCopy{.pct = 1}(x, stream), x));
}

TEST_CASE_TEMPLATE("Cutout covers a square about any pixel", T, float, double) {
  constexpr Index count = 6000;
  RandomStream stream{.seed = 1};
  const auto x = full<T>({count, 2, 6, 5}, 1);
  const auto y = Cutout{.size = {3, 2}, .fill = -2}(x, stream);
  std::map<Index, Index> middles;
  for (Index n = 0; n < count; ++n) {
    CHECK(all_equal(plane(y, n, 0), plane(y, n, 1)));
    Index bottom = -1, right = -1, covered = 0, untouched = 0;
    for (Index i = 0; i < 30; ++i) {
      const T value = y.unchecked(n, 0, i / 5, i % 5);
      untouched += value == 1;
      if (value != -2) continue;
      ++covered, bottom = (std::max)(bottom, i / 5), right = (std::max)(right, i % 5);
    }
    CHECK(covered + untouched == 30);
    // Rows middle - 1 to middle + 1 and columns middle - 1 to middle, as far as they are inside.
    const Index rows = bottom == 1 ? 2 : bottom == 5 ? 0 : 3;  // at the bottom it may be 2 or 3
    const Index columns = right == 0 ? 1 : 2;
    if (rows) CHECK(covered == rows * columns);
    else CHECK((covered == 2 * columns || covered == 3 * columns));
    const Index height = covered / columns;
    ++middles[(bottom - (height == 3 || bottom == 1 ? 1 : 0)) * 5 + right];
  }
  check_uniform(middles, 30, count);
  const auto some = Cutout{.size = 99, .p = 0.3}(x, stream);
  CHECK(static_cast<double>(sum(some).item()) / 60 / count == doctest::Approx(0.7).epsilon(0.03));
}

TEST_CASE_TEMPLATE("channels are normalised", T, float, double) {
  const Tensor<4, T> x{{{{1, 2}}, {{3, 4}}}, {{{5, 6}}, {{7, 8}}}};
  CHECK(all_equal(NormaliseChannels{{{1, 0.5}, {4, 2}}}(x),
                  Tensor<4, T>{{{{0, 2}}, {{-0.5, 0}}}, {{{8, 10}}, {{1.5, 2}}}}));
  CHECK(all_equal(NormaliseChannels{{{.mean = 1, .std = 2}}}(x),
                  Tensor<4, T>{{{{0, 0.5}}, {{1, 1.5}}}, {{{2, 2.5}}, {{3, 3.5}}}}));
  CHECK(all_equal(NormaliseChannels{}(x), x));
}

TEST_CASE("settings that make no sense are refused") {
  RandomStream stream{.seed = 1};
  const auto x = counting(2, 2, 4, 5);
  auto message = [&](const auto& transform) {
    return message_of<UsageError>([&] { detail::apply_transform(transform, Tensor<4>(x), stream); });
  };
  CHECK(message(RandomCrop{.size = {4, 8}, .padding = 1}) ==
        "RandomCrop: size must lie between (1, 1) and the padded images' (6, 7): got (4, 8)");
  CHECK(message(RandomCrop{.size = {0, 3}}) ==
        "RandomCrop: size must lie between (1, 1) and the padded images' (4, 5): got (0, 3)");
  CHECK(message(RandomCrop{.padding = {0, -1}}) == "RandomCrop: padding must not be negative: got (0, -1)");
  CHECK(message(RandomCrop{.padding = {4, 0}, .border = Border::reflect}) ==
        "RandomCrop: a reflected padding must be smaller than the images, (4, 5): got (4, 0)");
  CHECK(message(RandomCrop{.padding = {3, 4}, .border = Border::reflect}) == "nothing was thrown");
  CHECK(message(RandomCrop{.fill = NAN}) == "RandomCrop: fill must be finite: got nan");
  CHECK(message(RandomHorizontalFlip{.p = -0.1}) == "RandomHorizontalFlip: p must lie in [0, 1]: got -0.1");
  CHECK(message(RandomVerticalFlip{.p = NAN}) == "RandomVerticalFlip: p must lie in [0, 1]: got nan");
  CHECK(message(Affine{.scale = 0}) == "Affine: scale must be positive: got 0");
  CHECK(message(Affine{.angle = HUGE_VAL}) == "Affine: all settings must be finite: got inf");
  CHECK(message(RandomAffine{.degrees = -1}) == "RandomAffine: degrees and shear must lie in [0, 180]: got -1");
  CHECK(message(RandomAffine{.shear = {0, 200}}) == "RandomAffine: degrees and shear must lie in [0, 180]: got 200");
  CHECK(message(RandomAffine{.translate = {0, 1.5}}) == "RandomAffine: translate must lie in [0, 1]: got 1.5");
  CHECK(message(RandomAffine{.scale = {2, 1}}) ==
        "RandomAffine: scale must be a lowest and a highest factor, both positive: got 2 and 1");
  CHECK(message(RandomErase{.pct = 0}) == "RandomErase: pct must lie in (0, 1]: got 0");
  CHECK(message(RandomErase{.max_num = -1}) == "RandomErase: max_num must not be negative: got -1");
  CHECK(message(RandomErase{.noise = PixelNoise{.std = -1}}) ==
        "RandomErase: noise must have a finite mean, a finite std that is not negative, and low <= high: got mean 0, "
        "std -1, low -inf, high inf");
  CHECK(message(RandomCopy{.pct = 1.5}) == "RandomCopy: pct must lie in (0, 1]: got 1.5");
  CHECK(message(RandomCopy{.max_num = -2}) == "RandomCopy: max_num must not be negative: got -2");
  CHECK(message(Cutout{.size = 0}) == "Cutout: size must be positive: got (0, 0)");
  CHECK(message(Cutout{.p = 7}) == "Cutout: p must lie in [0, 1]: got 7");
  CHECK(message(NormaliseChannels{{{0, 1}, {0, 0}}}) == "NormaliseChannels: std must be positive: got 0");
  CHECK_THROWS_WITH_AS(
      NormaliseChannels{std::vector<Normalise>(3)}(x),
      "NormaliseChannels: there must be one Normalise for each of the 2 channels, or one for all: got 3", UsageError);
}

TEST_SUITE_END();
