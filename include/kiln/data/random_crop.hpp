// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `RandomCrop`: a part of each image, from a random place.
#pragma once

#include <algorithm>
#include <cmath>

#include <kiln/core/size2.hpp>
#include <kiln/data/transform.hpp>

namespace kiln {

/// What lies around an image: one value, or the image as in mirrors along its outermost pixels (`cb|abc|ba`).
enum class Border { fill, reflect };

/// Puts `padding` around each image and cuts a part from a place of its own, all places equally likely. With a padding
/// of 1, images move by at most a pixel in each direction.
/// Shapes: x (N, C, H, W); the result (N, C, size.height, size.width).
/// Source: torchvision.transforms.RandomCrop, which cuts all images of a batch from one place.
struct RandomCrop {
  Size2 size = {};     ///< of the result; that of the images unless set
  Size2 padding = {};  ///< rows above and below, columns on the left and on the right
  Border border = Border::fill;
  double fill = 0;  ///< of the border; on normalised images 0 is their mean, not black

  /// Throws: UsageError for a part that is larger than the padded images, or a padding that is too large for mirrors.
  template <RandomReal T>
  Tensor<4, T> operator()(const Tensor<4, T>& x, SampleStreams random) const {
    const Index height = x.size(2), width = x.size(3);
    const Size2 part = size == Size2{} ? Size2{height, width} : size;
    check({height, width}, part);
    auto result = detail::uninitialised<T>(Shape<4>{x.size(0), x.size(1), part.height, part.width});
    T* to = result.data();
    for (Index n = 0; n < x.size(0); ++n) {
      auto draw = [&](Index places) { return static_cast<Index>(random[n].below(static_cast<std::uint64_t>(places))); };
      const Index top = draw(height + 2 * padding.height - part.height + 1) - padding.height;
      const Index left = draw(width + 2 * padding.width - part.width + 1) - padding.width;
      for (Index c = 0; c < x.size(1); ++c) {
        const T* image = x.data() + (n * x.size(1) + c) * height * width;
        for (Index row = top; row < top + part.height; ++row, to += part.width) {
          if (border == Border::reflect)
            copy_mirrored(image + mirrored(row, height) * width, width, left, part.width, to);
          else copy_row(row >= 0 && row < height ? image + row * width : nullptr, width, left, part.width, to);
        }
      }
    }
    return result;
  }

 private:
  void check(Size2 image, Size2 part) const {
    const Size2 padded{image.height + 2 * padding.height, image.width + 2 * padding.width};
    if (padding.height < 0 || padding.width < 0)
      fail<UsageError>("RandomCrop", "padding must not be negative", concat("got ", padding));
    if (part.height < 1 || part.width < 1 || part.height > padded.height || part.width > padded.width) {
      fail<UsageError>("RandomCrop", concat("size must lie between (1, 1) and the padded images' ", padded),
                       concat("got ", part));
    }
    if (border == Border::reflect && (padding.height >= image.height || padding.width >= image.width)) {
      fail<UsageError>("RandomCrop", concat("a reflected padding must be smaller than the images, ", image),
                       concat("got ", padding));
    }
    if (!std::isfinite(fill)) fail<UsageError>("RandomCrop", "fill must be finite", concat("got ", fill));
  }

  static Index mirrored(Index i, Index size) { return i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i; }

  template <class T>
  static void copy_mirrored(const T* from, Index width, Index left, Index count, T* to) {
    for (Index i = 0; i < count; ++i) to[i] = from[mirrored(left + i, width)];
  }

  /// Columns [left, left + count) of a row, or of a row of the border.
  template <class T>
  void copy_row(const T* from, Index width, Index left, Index count, T* to) const {
    const Index begin = from ? std::clamp(-left, Index{0}, count) : count;
    const Index end = from ? std::clamp(width - left, begin, count) : count;
    std::fill(to, to + begin, static_cast<T>(fill));
    if (begin < end) std::copy(from + left + begin, from + left + end, to + begin);
    std::fill(to + end, to + count, static_cast<T>(fill));
  }
};

}  // namespace kiln
