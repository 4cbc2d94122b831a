// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Last rung of the convolution ladder, and the default: images are never unfolded. Samples are spread over the lanes
/// of vectors, and tiles of channels and pixels are computed in registers from where the numbers lie.
#pragma once

#include <algorithm>
#include <string_view>
#include <type_traits>

#include <kiln/core/cpu.hpp>
#include <kiln/kernels/conv.hpp>
#include <kiln/kernels/conv_dots.hpp>
#include <kiln/kernels/conv_gather.hpp>
#include <kiln/kernels/conv_im2col.hpp>

namespace kiln {

/// Batches that would leave most lanes empty are left to im2col.
struct DirectConv {
  static constexpr std::string_view name = "direct";
  static constexpr bool epilogue = true;

  template <class T>
  static void forward(const ConvSizes& s, const T* x, const T* w, const T* bias, T* y, bool add, bool relu = false) {
    if (s.samples == 0) return;
    with_vectors<T>([&]<int Bytes>(Width<Bytes>) {
      if (too_few<T, Bytes>(s)) return detail::conv_passes_of<Im2colConv, T>.forward(s, x, w, bias, y, add, relu);
      detail::ConvGather<T, Bytes>(s, false).run(x, nullptr, w, bias, y, add, relu);
    });
  }

  template <class T>
  static void input_gradient(const ConvSizes& s, const T* dy, const T* w, T* dx, bool add, const T* y = nullptr) {
    if (s.samples == 0 || s.image_area() == 0) return;
    with_vectors<T>([&]<int Bytes>(Width<Bytes>) {
      if (too_few<T, Bytes>(s)) return detail::conv_passes_of<Im2colConv, T>.input_gradient(s, dy, w, dx, add, y);
      detail::ConvGather<T, Bytes>(s, true).run(dy, y, w, nullptr, dx, add, false);
    });
  }

  template <class T>
  static void weight_gradient(const ConvSizes& s, const T* x, const T* dy, T* dw, bool add, const T* y = nullptr,
                              T* db = nullptr) {
    with_vectors<T>([&]<int Bytes>(Width<Bytes>) {
      if (too_few<T, Bytes>(s)) return detail::conv_passes_of<Im2colConv, T>.weight_gradient(s, x, dy, dw, add, y, db);
      detail::ConvDotProducts<T, Bytes>(s, x, dy, y).run(dw, add, db);
    });
  }

 private:
  template <int Bytes>
  struct Width {};

  template <class T, int Bytes>
  static bool too_few(const ConvSizes& s) {
    return 2 * s.samples < detail::lanes<T, Bytes>;
  }

  /// f(Width<Bytes>) for the vectors in use.
  template <class T, class F>
  static void with_vectors(F f) {
    switch (isa()) {
      case Isa::avx512:
        // Of double, vectors of 32 bytes are enough, and quicker to compile.
        return f(Width < std::is_same_v<T, float> ? 64 : 32 > {});
      case Isa::avx2: return f(Width<32>{});
      case Isa::baseline: return f(Width<16>{});
    }
  }
};

}  // namespace kiln
