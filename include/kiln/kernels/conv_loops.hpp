// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// First rung of the convolution ladder: seven loops, straight from the definition.
#pragma once

#include <algorithm>
#include <string_view>

#include <kiln/kernels/conv.hpp>

namespace kiln {

/// Every product x * w is a part of one y; so the three passes differ only in which of the three is summed.
struct LoopsConv {
  static constexpr std::string_view name = "loops";

  template <class T>
  static void forward(const ConvSizes& s, const T* x, const T* w, const T* bias, T* y, bool add) {
    if (!add) std::fill_n(y, s.samples * s.out * s.result_area(), T{0});
    for (Index row = 0; bias && row < s.samples * s.out; ++row) {
      for (Index p = 0; p < s.result_area(); ++p) y[row * s.result_area() + p] += bias[row % s.out];
    }
    for_each_product(s, [=](Index xi, Index wi, Index yi) { y[yi] += x[xi] * w[wi]; });
  }

  template <class T>
  static void input_gradient(const ConvSizes& s, const T* dy, const T* w, T* dx, bool add) {
    if (!add) std::fill_n(dx, s.samples * s.in * s.image_area(), T{0});
    for_each_product(s, [=](Index xi, Index wi, Index yi) { dx[xi] += dy[yi] * w[wi]; });
  }

  template <class T>
  static void weight_gradient(const ConvSizes& s, const T* x, const T* dy, T* dw, bool add) {
    if (!add) std::fill_n(dw, s.out * s.depth(), T{0});
    for_each_product(s, [=](Index xi, Index wi, Index yi) { dw[wi] += dy[yi] * x[xi]; });
  }

 private:
  /// f(xi, wi, yi): where in x, w and y the factors of a product and their sum are.
  template <class F>
  static void for_each_product(const ConvSizes& s, F f) {
    for (Index n = 0; n < s.samples; ++n) {
      for (Index o = 0; o < s.out; ++o) {
        for (Index c = 0; c < s.group_in(); ++c) {
          const Index x_plane = n * s.in + o / s.group_out() * s.group_in() + c;
          for (Index i = 0; i < s.result.height; ++i) {
            for (Index j = 0; j < s.result.width; ++j) {
              for (Index ki = 0; ki < s.kernel.height; ++ki) {
                const Index row = i * s.stride.height + ki * s.dilation.height - s.padding.height;
                if (row < 0 || row >= s.image.height) continue;
                for (Index kj = 0; kj < s.kernel.width; ++kj) {
                  const Index column = j * s.stride.width + kj * s.dilation.width - s.padding.width;
                  if (column < 0 || column >= s.image.width) continue;
                  f((x_plane * s.image.height + row) * s.image.width + column,
                    ((o * s.group_in() + c) * s.kernel.height + ki) * s.kernel.width + kj,
                    ((n * s.out + o) * s.result.height + i) * s.result.width + j);
                }
              }
            }
          }
        }
      }
    }
  }
};

}  // namespace kiln
