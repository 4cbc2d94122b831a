// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Images in the mirror: `RandomHorizontalFlip` and `RandomVerticalFlip` some of them, `HorizontalFlip` and
/// `VerticalFlip` all. Source: torchvision.transforms, whose random ones flip all images of a batch or none.
#pragma once

#include <algorithm>

#include <kiln/data/transform.hpp>

namespace kiln {

namespace detail {

template <class T>
void flip_horizontally(std::span<T> image, Index width) {
  for (auto row = image.begin(); row != image.end(); row += width) std::reverse(row, row + width);
}

/// Shapes: image (C, height, width).
template <class T>
void flip_vertically(std::span<T> image, Index height, Index width) {
  for (auto plane = image.begin(); plane != image.end(); plane += height * width) {
    for (Index top = 0, low = height - 1; top < low; ++top, --low)
      std::swap_ranges(plane + top * width, plane + (top + 1) * width, plane + low * width);
  }
}

inline void check_probability(std::string_view op, double p) {
  if (!(p >= 0 && p <= 1)) fail<UsageError>(op, "p must lie in [0, 1]", concat("got ", p));
}

}  // namespace detail

/// Left becomes right. Shapes: x (N, C, H, W).
struct HorizontalFlip {
  template <RandomReal T>
  Tensor<4, T> operator()(Tensor<4, T> x) const {
    if (x.numel() > 0) detail::flip_horizontally(x.span(), x.size(3));
    return x;
  }
};

/// Top becomes bottom. Shapes: x (N, C, H, W).
struct VerticalFlip {
  template <RandomReal T>
  Tensor<4, T> operator()(Tensor<4, T> x) const {
    if (x.numel() > 0) detail::flip_vertically(x.span(), x.size(2), x.size(3));
    return x;
  }
};

/// Each image with probability p. Shapes: x (N, C, H, W). Throws: UsageError for a p outside [0, 1].
struct RandomHorizontalFlip {
  double p = 0.5;

  template <RandomReal T>
  Tensor<4, T> operator()(Tensor<4, T> x, SampleStreams random) const {
    detail::check_probability("RandomHorizontalFlip", p);
    for (Index n = 0; n < x.size(0); ++n) {
      if (random[n].uniform() < p) detail::flip_horizontally(sample_span(x, n), x.size(3));
    }
    return x;
  }
};

/// Each image with probability p. Shapes: x (N, C, H, W). Throws: UsageError for a p outside [0, 1].
struct RandomVerticalFlip {
  double p = 0.5;

  template <RandomReal T>
  Tensor<4, T> operator()(Tensor<4, T> x, SampleStreams random) const {
    detail::check_probability("RandomVerticalFlip", p);
    for (Index n = 0; n < x.size(0); ++n) {
      if (random[n].uniform() < p) detail::flip_vertically(sample_span(x, n), x.size(2), x.size(3));
    }
    return x;
  }
};

}  // namespace kiln
