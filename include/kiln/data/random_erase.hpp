// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Parts of images replaced: by noise (`RandomErase`), by other parts (`RandomCopy`), by nothing (`Cutout`).
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include <kiln/core/size2.hpp>
#include <kiln/data/random_flip.hpp>
#include <kiln/data/transform.hpp>

namespace kiln {

/// The distribution that noise is drawn from: normal, and clamped.
struct PixelNoise {
  double mean = 0;
  double std = 1;
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
};

namespace detail {

inline Index random_index(RandomStream& random, Index count) {
  return static_cast<Index>(random.below(static_cast<std::uint64_t>(count)));
}

/// A rectangle of an image.
struct Patch {
  Index top = 0, left = 0, height = 0, width = 0;

  /// Calls f(begin, end) with the elements of each row of the patch in an image (C, height, width).
  template <class T, class F>
  void for_rows(std::span<T> image, Size2 size, F f) const {
    const Index channels = static_cast<Index>(image.size()) / (size.height * size.width);
    for (Index c = 0; c < channels; ++c) {
      for (Index row = top; row < top + height; ++row) {
        T* begin = image.data() + (c * size.height + row) * size.width + left;
        f(begin, begin + width);
      }
    }
  }
};

/// A share of the height by the same share of the width, anywhere inside.
inline Patch random_patch(Size2 image, double share, RandomStream& random) {
  auto part = [&](Index size) { return static_cast<Index>(share * static_cast<double>(size)); };
  Patch patch{.height = part(image.height), .width = part(image.width)};
  patch.top = random_index(random, image.height - patch.height + 1);
  patch.left = random_index(random, image.width - patch.width + 1);
  return patch;
}

inline void check_patches(std::string_view op, double pct, Index max_num) {
  if (!(pct > 0 && pct <= 1)) fail<UsageError>(op, "pct must lie in (0, 1]", concat("got ", pct));
  if (max_num < 0) fail<UsageError>(op, "max_num must not be negative", concat("got ", max_num));
}

template <class T>
PixelNoise noise_like(const Tensor<4, T>& x) {
  PixelNoise noise{.low = std::numeric_limits<double>::infinity(), .high = -std::numeric_limits<double>::infinity()};
  double sum = 0, squares = 0;
  for (T value : x) {
    sum += static_cast<double>(value);
    noise.low = (std::min)(noise.low, static_cast<double>(value));
    noise.high = (std::max)(noise.high, static_cast<double>(value));
  }
  const auto count = static_cast<double>(x.numel());
  noise.mean = sum / count;
  for (T value : x) squares += (static_cast<double>(value) - noise.mean) * (static_cast<double>(value) - noise.mean);
  noise.std = std::sqrt(squares / (count > 1 ? count - 1 : 1));
  return noise;
}

}  // namespace detail

/// Replaces up to `max_num` patches of each image by noise; how many is drawn, 0 included.
/// Shapes: x (N, C, H, W). Throws: UsageError for impossible settings, or a batch that is not finite.
/// Source: fast.ai's course, part 2 of 2022, 14_augment, which erases the same patches from all images of a batch; the
/// idea is from Zhong et al. 2017, https://arxiv.org/abs/1708.04896.
struct RandomErase {
  double pct = 0.2;   ///< height and width of a patch, as shares of the image's
  Index max_num = 4;  ///< patches, which may overlap
  /// Mean, deviation and range of the batch, unless set. If set, what becomes of an image does not depend on the others
  /// of its batch.
  std::optional<PixelNoise> noise = {};

  template <RandomReal T>
  Tensor<4, T> operator()(Tensor<4, T> x, SampleStreams random) const {
    detail::check_patches("RandomErase", pct, max_num);
    if (x.numel() == 0) return x;
    const PixelNoise drawn = noise ? *noise : detail::noise_like(x);
    if (!std::isfinite(drawn.mean) || !std::isfinite(drawn.std) || drawn.std < 0 || !(drawn.low <= drawn.high)) {
      fail<UsageError>(
          "RandomErase", "noise must have a finite mean, a finite std that is not negative, and low <= high",
          concat("got mean ", drawn.mean, ", std ", drawn.std, ", low ", drawn.low, ", high ", drawn.high));
    }
    const Size2 size{x.size(2), x.size(3)};
    for (Index n = 0; n < x.size(0); ++n) {
      for (Index left = detail::random_index(random[n], max_num + 1); left > 0; --left) {
        detail::random_patch(size, pct, random[n]).for_rows(sample_span(x, n), size, [&](T* begin, T* end) {
          random[n].fill_normal(std::span(begin, end), static_cast<T>(drawn.mean), static_cast<T>(drawn.std));
          for (T* pixel = begin; pixel != end; ++pixel)
            *pixel = std::clamp(*pixel, static_cast<T>(drawn.low), static_cast<T>(drawn.high));
        });
      }
    }
    return x;
  }
};

/// Replaces up to `max_num` patches of each image by other patches of it, so that all pixels stay likely; how many is
/// drawn, 0 included. Shapes: x (N, C, H, W). Throws: UsageError for impossible settings.
/// Source: fast.ai's course, part 2 of 2022, 14_augment, which copies the same patches in all images of a batch.
struct RandomCopy {
  double pct = 0.2;   ///< height and width of a patch, as shares of the image's
  Index max_num = 4;  ///< patches, one after the other

  template <RandomReal T>
  Tensor<4, T> operator()(Tensor<4, T> x, SampleStreams random) const {
    detail::check_patches("RandomCopy", pct, max_num);
    if (x.numel() == 0) return x;
    const Size2 size{x.size(2), x.size(3)};
    auto copy = detail::uninitialised<T>(Shape<1>{x.numel() / x.size(0)});  // the patches may overlap
    for (Index n = 0; n < x.size(0); ++n) {
      for (Index left = detail::random_index(random[n], max_num + 1); left > 0; --left) {
        T* at = copy.data();
        detail::random_patch(size, pct, random[n]).for_rows(sample_span(x, n), size, [&](T* begin, T* end) {
          at = std::copy(begin, end, at);
        });
        const T* from = copy.data();
        detail::random_patch(size, pct, random[n]).for_rows(sample_span(x, n), size, [&](T* begin, T* end) {
          std::copy_n(from, end - begin, begin);
          from += end - begin;
        });
      }
    }
    return x;
  }
};

/// Covers a square of each image. Its middle may be any pixel, so that part of it may lie outside.
/// Shapes: x (N, C, H, W). Throws: UsageError for a size below 1, or a p outside [0, 1].
/// Source: DeVries & Taylor 2017, https://arxiv.org/abs/1708.04552, which uses 16 of 32 pixels for CIFAR-10, 8 for
/// CIFAR-100, on normalised images.
struct Cutout {
  Size2 size = 16;
  double p = 1;     ///< the probability that an image is covered at all
  double fill = 0;  ///< on normalised images 0 is their mean

  template <RandomReal T>
  Tensor<4, T> operator()(Tensor<4, T> x, SampleStreams random) const {
    detail::check_probability("Cutout", p);
    if (size.height < 1 || size.width < 1) fail<UsageError>("Cutout", "size must be positive", concat("got ", size));
    if (x.numel() == 0) return x;
    const Size2 image{x.size(2), x.size(3)};
    for (Index n = 0; n < x.size(0); ++n) {
      if (random[n].uniform() >= p) continue;
      auto side = [&](Index length, Index of) {
        const Index begin = detail::random_index(random[n], of) - length / 2;
        const Index inside = (std::max)(begin, Index{0});
        return std::pair(inside, (std::min)(begin + length, of) - inside);
      };
      const auto [top, height] = side(size.height, image.height);
      const auto [left, width] = side(size.width, image.width);
      detail::Patch{top, left, height, width}.for_rows(
          sample_span(x, n), image, [&](T* begin, T* end) { std::fill(begin, end, static_cast<T>(fill)); });
    }
    return x;
  }
};

}  // namespace kiln
