// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `LeNet5`: the network that read cheques, for images of 28 by 28 pixels. Not part of kiln.hpp.
#pragma once

#include <kiln/nn/activation.hpp>
#include <kiln/nn/conv.hpp>
#include <kiln/nn/linear.hpp>
#include <kiln/nn/pool.hpp>

namespace kiln {

/// (N, 1, 28, 28) to (N, classes). As it is usually built now: averages are not weighted, all maps of the second
/// convolution see all of the first, and the last layer is linear; the first convolution pads, where the paper's images
/// had a border. Source: LeCun et al. 1998, figure 2, http://yann.lecun.com/exdb/publis/pdf/lecun-01a.pdf
template <class T, class Act = Tanh>
struct BasicLeNet5 {
  static constexpr std::string_view layer_name = "LeNet5";

  Index in = 1;
  Index classes = 10;
  Act act = {};
  AvgPool2d pool{2};
  BasicConv2d<T> conv1{.in = in, .out = 6, .kernel = 5, .padding = 2};
  BasicConv2d<T> conv2{.in = 6, .out = 16, .kernel = 5};
  BasicLinear<T> fc1{16 * 5 * 5, 120};
  BasicLinear<T> fc2{120, 84};
  BasicLinear<T> fc3{84, classes};

  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const Var<4, T>& x) {
      const auto maps = pool(act(conv2(pool(act(conv1(x))))));
      return fc3(act(fc2(act(fc1(flatten(maps))))));
    });
  }
};

using LeNet5 = BasicLeNet5<float>;

}  // namespace kiln
