// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Autoencoder`: squeezes images into a few numbers and draws them again. Trained with `MSE{}` to return what it was
/// given. Not part of kiln.hpp.
#pragma once

#include <kiln/models/conv_net.hpp>

namespace kiln {

/// Transposed convolution, batch norm, activation: (N, in, H, W) to (N, out, h, w) of twice the size, or one less.
template <class T, class Act = ReLU>
struct BasicUpBlock {
  static constexpr std::string_view layer_name = "UpBlock";

  Index in = 0;
  Index out = 0;
  Size2 even = 1;  ///< 1 for an even height or width, 0 for one less
  bool batch_norm = true;
  std::optional<Act> act = Act{};
  BasicConvTranspose2d<T> conv = convolution();
  std::optional<BasicBatchNorm2d<T>> norm = detail::norm_if<BasicBatchNorm2d<T>>(batch_norm, out);

  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const Var<4, T>& x) { return detail::conv_norm_act(x, conv, norm, act); });
  }

 private:
  BasicConvTranspose2d<T> convolution() const {
    if (!batch_norm) return {.in = in, .out = out, .kernel = 3, .stride = 2, .padding = 1, .output_padding = even};
    return {.in = in, .out = out, .kernel = 3, .stride = 2, .padding = 1, .output_padding = even, .bias = std::nullopt};
  }
};

/// (N, in, H, W) of the size `image` to the same. `encode` halves height and width for each of `channels`; `decode`
/// mirrors it. Of 28 by 28 pixels, the default keeps 8 channels of 4 by 4: 128 numbers for 784.
/// Source: Hinton & Salakhutdinov 2006; fast.ai's course, part 2 of 2022, notebook 08_autoencoder.
template <class T, class Act = ReLU>
struct BasicAutoencoder {
  static constexpr std::string_view layer_name = "Autoencoder";

  Index in = 1;
  std::vector<Index> channels = {16, 32, 8};
  Size2 image = 28;
  bool batch_norm = true;
  Act act = {};
  std::vector<BasicConvBlock<T, Act>> encoder = make_encoder();
  std::vector<BasicUpBlock<T, Act>> decoder = make_decoder();

  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const Var<4, T>& x) {
      if (x.size(2) != image.height || x.size(3) != image.width) {
        fail<ShapeError>("autoencoder", concat("input's height and width must be ", image),
                         concat("got shape ", x.shape()));
      }
      return decode(encode(x));
    });
  }

  /// The code of images: (N, in, H, W) to (N, channels, h, w).
  Var<4, T> encode(Var<4, T> x) const {
    for (const auto& block : encoder) x = block(x);
    return x;
  }
  /// The images of a code.
  Var<4, T> decode(Var<4, T> code) const {
    for (const auto& block : decoder) code = block(code);
    return code;
  }

 private:
  std::vector<BasicConvBlock<T, Act>> make_encoder() const {
    std::vector<BasicConvBlock<T, Act>> made;
    Index from = in;
    for (Index to : channels) {
      made.push_back({.in = from, .out = to, .stride = 2, .batch_norm = batch_norm, .act = act});
      from = to;
    }
    return made;
  }

  std::vector<BasicUpBlock<T, Act>> make_decoder() const {
    std::vector<BasicUpBlock<T, Act>> made;
    Size2 size = image;
    for (std::size_t i = 0; i < channels.size(); ++i) {
      const bool outermost = i == 0;  // draws pixels, which may have any value
      BasicUpBlock<T, Act> block{.in = channels[i],
                                 .out = outermost ? in : channels[i - 1],
                                 .even = {1 - size.height % 2, 1 - size.width % 2},
                                 .batch_norm = batch_norm && !outermost,
                                 .act = outermost ? std::nullopt : std::optional<Act>(act)};
      made.insert(made.begin(), std::move(block));
      size = {(size.height + 1) / 2, (size.width + 1) / 2};
    }
    return made;
  }
};

using UpBlock = BasicUpBlock<float>;
using Autoencoder = BasicAutoencoder<float>;

}  // namespace kiln
