// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Images turned, moved, scaled and slanted: `Affine` all of a batch alike, `RandomAffine` each in its own way.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include <kiln/data/transform.hpp>

namespace kiln {

/// Turns images about their middle, and so on. Values between pixels are interpolated (bilinear).
/// Shapes: x (N, C, H, W). Throws: UsageError for settings that are not finite, or a scale that is not positive.
/// Source: torchvision.transforms.functional.affine; pixels are points in the middle of squares, as for PyTorch's
/// affine_grid and grid_sample with align_corners=False.
struct Affine {
  double angle = 0;                      ///< degrees, clockwise
  std::array<double, 2> translate = {};  ///< pixels to the right, pixels down
  double scale = 1;                      ///< above 1 larger
  std::array<double, 2> shear = {};      ///< degrees along x, along y
  double fill = 0;                       ///< what lies outside; on normalised images 0 is their mean, not black

  template <RandomReal T>
  Tensor<4, T> operator()(const Tensor<4, T>& x) const {
    auto result = detail::uninitialised<T>(x.shape());
    for (Index n = 0; n < x.size(0); ++n) apply(x, n, result);
    return result;
  }

  /// Of image n alone.
  template <class T>
  void apply(const Tensor<4, T>& x, Index n, Tensor<4, T>& result) const {
    const Index height = x.size(2), width = x.size(3), plane = height * width;
    const std::array<double, 6> m = inverse();
    // The image with borders, one wide above and on the left, two below and on the right, so that every place asked
    // for, moved to the border if it lies further out, has four neighbours.
    const Index stride = width + 3;
    auto framed = detail::uninitialised<T>(Shape<2>{height + 3, stride});
    framed.fill(static_cast<T>(fill));
    for (Index c = 0; c < x.size(1); ++c) {
      const T* from = x.data() + (n * x.size(1) + c) * plane;
      for (Index row = 0; row < height; ++row)
        std::copy_n(from + row * width, width, framed.data() + (row + 1) * stride + 1);
      T* to = result.data() + (n * x.size(1) + c) * plane;
      for (Index row = 0; row < height; ++row) {
        for (Index column = 0; column < width; ++column) {
          const double dx = static_cast<double>(column) - middle(width), dy = static_cast<double>(row) - middle(height);
          const Place<T> at_x(m[0] * dx + m[1] * dy + m[2] + middle(width), width);
          const Place<T> at_y(m[3] * dx + m[4] * dy + m[5] + middle(height), height);
          const T* near = framed.data() + at_y.cell * stride + at_x.cell;
          const T above = near[0] + at_x.share * (near[1] - near[0]);
          const T below = near[stride] + at_x.share * (near[stride + 1] - near[stride]);
          *to++ = above + at_y.share * (below - above);
        }
      }
    }
  }

 private:
  static double middle(Index size) { return static_cast<double>(size - 1) / 2; }

  /// A coordinate between -1 and size as the cell that it lies in, counted from the border, and how far in.
  template <class T>
  struct Place {
    Place(double at, Index size) {
      const double from_border = std::clamp(at, -1.0, static_cast<double>(size)) + 1;
      cell = static_cast<Index>(from_border);
      share = static_cast<T>(from_border - static_cast<double>(cell));
    }
    Index cell;
    T share;
  };

  /// Where in the image a point of the result comes from, both measured from the middle: x' = m0 x + m1 y + m2,
  /// y' = m3 x + m4 y + m5. It is the inverse of translate * rotate * shear * scale.
  std::array<double, 6> inverse() const {
    for (double setting : {angle, translate[0], translate[1], scale, shear[0], shear[1], fill}) {
      if (!std::isfinite(setting)) fail<UsageError>("Affine", "all settings must be finite", concat("got ", setting));
    }
    if (!(scale > 0)) fail<UsageError>("Affine", "scale must be positive", concat("got ", scale));
    constexpr double degree = std::numbers::pi / 180;
    const double turn = angle * degree, slant_x = shear[0] * degree, slant_y = shear[1] * degree;
    const double a = std::cos(turn - slant_y) / std::cos(slant_y);
    const double b = -a * std::tan(slant_x) - std::sin(turn);
    const double c = std::sin(turn - slant_y) / std::cos(slant_y);
    const double d = -c * std::tan(slant_x) + std::cos(turn);
    std::array<double, 6> m{d / scale, -b / scale, 0, -c / scale, a / scale, 0};
    m[2] = -m[0] * translate[0] - m[1] * translate[1];
    m[5] = -m[3] * translate[0] - m[4] * translate[1];
    return m;
  }
};

/// Draws an `Affine` for each image. Every setting is uniform in its range.
/// Shapes: x (N, C, H, W). Throws: UsageError for impossible ranges.
/// Source: torchvision.transforms.RandomAffine, which treats all images of a batch alike, and moves by whole pixels.
struct RandomAffine {
  double degrees = 0;                    ///< turned by -degrees to degrees
  std::array<double, 2> translate = {};  ///< moved by at most this share of the width, of the height
  std::array<double, 2> scale = {1, 1};  ///< lowest, highest
  std::array<double, 2> shear = {};      ///< slanted by at most so many degrees along x, along y
  double fill = 0;                       ///< what lies outside; on normalised images 0 is their mean, not black

  template <RandomReal T>
  Tensor<4, T> operator()(const Tensor<4, T>& x, SampleStreams random) const {
    check();
    const double width = static_cast<double>(x.size(3)), height = static_cast<double>(x.size(2));
    auto result = detail::uninitialised<T>(x.shape());
    for (Index n = 0; n < x.size(0); ++n) {
      auto within = [&](double low, double high) { return low + (high - low) * random[n].uniform(); };
      auto at_most = [&](double most) { return within(-most, most); };
      const Affine drawn{.angle = at_most(degrees),
                         .translate = {at_most(translate[0] * width), at_most(translate[1] * height)},
                         .scale = within(scale[0], scale[1]),
                         .shear = {at_most(shear[0]), at_most(shear[1])},
                         .fill = fill};
      drawn.apply(x, n, result);
    }
    return result;
  }

 private:
  void check() const {
    for (double angle : {degrees, shear[0], shear[1]}) {
      if (!(angle >= 0 && angle <= 180))
        fail<UsageError>("RandomAffine", "degrees and shear must lie in [0, 180]", concat("got ", angle));
    }
    for (double share : translate) {
      if (!(share >= 0 && share <= 1))
        fail<UsageError>("RandomAffine", "translate must lie in [0, 1]", concat("got ", share));
    }
    if (!(scale[0] > 0 && scale[0] <= scale[1])) {
      fail<UsageError>("RandomAffine", "scale must be a lowest and a highest factor, both positive",
                       concat("got ", scale[0], " and ", scale[1]));
    }
  }
};

}  // namespace kiln
