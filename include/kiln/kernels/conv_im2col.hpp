// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Second rung of the convolution ladder: images are unfolded into matrices, and the selected matmul does the rest.
///
/// A sample's columns (depth, pixels) hold, in row (c, ki, kj) and column (i, j), the number of x that w[o, c, ki, kj]
/// meets in y[o, i, j]. So y = w columns, dw = dy columns', and dx is w' dy folded back.
#pragma once

#include <algorithm>
#include <string_view>

#include <kiln/core/memory.hpp>
#include <kiln/core/parallel.hpp>
#include <kiln/kernels/conv.hpp>
#include <kiln/kernels/select.hpp>

namespace kiln {

struct Im2colConv {
  static constexpr std::string_view name = "im2col";

  template <class T>
  static void forward(const ConvSizes& s, const T* x, const T* w, const T* bias, T* y, bool add) {
    parallel_for(s.samples, [=](Index n) {
      const Columns<T> columns(s);
      T* sample = y + n * s.out * s.result_area();
      for (Index o = 0; bias && o < s.out; ++o) {
        T* plane = sample + o * s.result_area();
        for (Index p = 0; p < s.result_area(); ++p) plane[p] = add ? plane[p] + bias[o] : bias[o];
      }
      for (Index g = 0; g < s.groups; ++g) {
        const T* unfolded = columns.unfold(s, x + (n * s.in + g * s.group_in()) * s.image_area());
        run_matmul(MatmulArgs<T>{.m = s.group_out(),
                                 .n = s.result_area(),
                                 .k = s.depth(),
                                 .a = w + g * s.group_out() * s.depth(),
                                 .lda = s.depth(),
                                 .transpose_a = false,
                                 .b = unfolded,
                                 .ldb = s.result_area(),
                                 .transpose_b = false,
                                 .c = sample + g * s.group_out() * s.result_area(),
                                 .ldc = s.result_area(),
                                 .beta = static_cast<T>(add || bias ? 1 : 0)});
      }
    });
  }

  template <class T>
  static void input_gradient(const ConvSizes& s, const T* dy, const T* w, T* dx, bool add) {
    parallel_for(s.samples, [=](Index n) {
      const Columns<T> columns(s);
      if (!add) std::fill_n(dx + n * s.in * s.image_area(), s.in * s.image_area(), T{0});
      for (Index g = 0; g < s.groups; ++g) {
        run_matmul(MatmulArgs<T>{.m = s.depth(),
                                 .n = s.result_area(),
                                 .k = s.group_out(),
                                 .a = w + g * s.group_out() * s.depth(),
                                 .lda = s.depth(),
                                 .transpose_a = true,
                                 .b = dy + (n * s.out + g * s.group_out()) * s.result_area(),
                                 .ldb = s.result_area(),
                                 .transpose_b = false,
                                 .c = columns.data,
                                 .ldc = s.result_area()});
        columns.fold(s, dx + (n * s.in + g * s.group_in()) * s.image_area());
      }
    });
  }

  template <class T>
  static void weight_gradient(const ConvSizes& s, const T* x, const T* dy, T* dw, bool add) {
    if (!add) std::fill_n(dw, s.out * s.depth(), T{0});
    const Columns<T> columns(s);
    for (Index n = 0; n < s.samples; ++n) {
      for (Index g = 0; g < s.groups; ++g) {
        const T* unfolded = columns.unfold(s, x + (n * s.in + g * s.group_in()) * s.image_area());
        run_matmul(MatmulArgs<T>{.m = s.group_out(),
                                 .n = s.depth(),
                                 .k = s.result_area(),
                                 .a = dy + (n * s.out + g * s.group_out()) * s.result_area(),
                                 .lda = s.result_area(),
                                 .transpose_a = false,
                                 .b = unfolded,
                                 .ldb = s.result_area(),
                                 .transpose_b = true,
                                 .c = dw + g * s.group_out() * s.depth(),
                                 .ldc = s.depth(),
                                 .beta = T{1}});
      }
    }
  }

 private:
  /// One group of one sample, unfolded.
  template <class T>
  struct Columns {
    detail::BlockRef block;
    T* data;

    explicit Columns(const ConvSizes& s)
        : block(static_cast<std::size_t>(s.depth() * s.result_area()) * sizeof(T)),
          data(static_cast<T*>(block.payload())) {}

    /// Where the columns are: where a kernel of one pixel finds them, that is x itself.
    const T* unfold(const ConvSizes& s, const T* x) const {
      if (s.kernel == Size2(1) && s.stride == Size2(1) && s.padding == Size2(0)) return x;
      for_each_row(s, [&](Index to, Index from, Index first, Index last) {
        T* row = data + to;
        for (Index j = 0; j < first; ++j) row[j] = T{0};
        for (Index j = first; j < last; ++j) row[j] = x[from + j * s.stride.width];
        for (Index j = last; j < s.result.width; ++j) row[j] = T{0};
      });
      return data;
    }

    void fold(const ConvSizes& s, T* dx) const {
      for_each_row(s, [&](Index from, Index to, Index first, Index last) {
        for (Index j = first; j < last; ++j) dx[to + j * s.stride.width] += data[from + j];
      });
    }

    /// f(begin, image, first, last): a row of the result begins at `begin` in the columns. Its pixels j in [first,
    /// last) meet x[image + j * stride]; the others, or all of them, lie in the padding.
    template <class F>
    static void for_each_row(const ConvSizes& s, F f) {
      Index begin = 0;
      for (Index c = 0; c < s.group_in(); ++c) {
        for (Index ki = 0; ki < s.kernel.height; ++ki) {
          for (Index kj = 0; kj < s.kernel.width; ++kj) {
            const Index shift = kj * s.dilation.width - s.padding.width;
            const Index first = (std::min)(s.result.width, pixels_below(-shift, s.stride.width));
            const Index last = (std::clamp)(pixels_below(s.image.width - shift, s.stride.width), first, s.result.width);
            for (Index i = 0; i < s.result.height; ++i, begin += s.result.width) {
              const Index row = i * s.stride.height + ki * s.dilation.height - s.padding.height;
              const bool inside = row >= 0 && row < s.image.height;
              f(begin, (c * s.image.height + row) * s.image.width + shift, first, inside ? last : first);
            }
          }
        }
      }
    }

    /// How many j >= 0 have j * stride < limit.
    static Index pixels_below(Index limit, Index stride) { return limit <= 0 ? 0 : (limit + stride - 1) / stride; }
  };
};

}  // namespace kiln
