// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Padding and upsampling as layers: structs without parameters that call `pad2d` and `upsample`.
#pragma once

#include <kiln/autograd/resample.hpp>
#include <kiln/nn/module.hpp>

namespace kiln {

/// Zeros around each plane: `ZeroPad2d{1}`, or `ZeroPad2d{{1, 0, 2, 0}}` for left, right, top and bottom.
struct ZeroPad2d {
  static constexpr std::string_view layer_name = "ZeroPad2d";
  Sides2 padding;
  auto operator()(const auto& input) const {
    return announce(*this, input, [&]<class T>(const Var<4, T>& x) { return pad2d(x, padding, PadMode::zeros); });
  }
};

/// Each plane mirrored beyond its borders, which are not repeated.
struct ReflectionPad2d {
  static constexpr std::string_view layer_name = "ReflectionPad2d";
  Sides2 padding;
  auto operator()(const auto& input) const {
    return announce(*this, input, [&]<class T>(const Var<4, T>& x) { return pad2d(x, padding, PadMode::reflect); });
  }
};

/// The borders of each plane continued.
struct ReplicationPad2d {
  static constexpr std::string_view layer_name = "ReplicationPad2d";
  Sides2 padding;
  auto operator()(const auto& input) const {
    return announce(*this, input, [&]<class T>(const Var<4, T>& x) { return pad2d(x, padding, PadMode::replicate); });
  }
};

/// Planes of another size, as torch.nn.Upsample: `Upsample{.scale = 2}`, `Upsample{.size = {28, 28}, .mode =
/// Interpolation::bilinear}`.
struct Upsample {
  static constexpr std::string_view layer_name = "Upsample";
  Size2 size = {};
  double scale = 0;
  Interpolation mode = Interpolation::nearest;
  bool align_corners = false;
  auto operator()(const auto& input) const {
    return announce(*this, input, [&]<class T>(const Var<4, T>& x) {
      return upsample(x, {size, scale, mode, align_corners});
    });
  }
};

}  // namespace kiln
