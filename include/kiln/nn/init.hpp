// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Initial values of parameters, as functions that return tensors: `Param<2> weight = kaiming_uniform({out, in});`.
/// Another start for a layer that exists: `layer.weight.value = xavier_normal(layer.weight.shape());`. Zeros, ones and
/// any other constant are `zeros`, `ones` and `full` of tensor/create.hpp. Each call takes the next random stream of
/// `manual_seed`, so the same seed gives the same weights with every compiler.
/// Source: torch.nn.init, whose formulas these are.
#pragma once

#include <cmath>

#include <kiln/core/random.hpp>
#include <kiln/tensor/create.hpp>

namespace kiln {

/// What follows a layer, and so by how much its output should be scaled: see `calculate_gain`.
enum class Nonlinearity { linear, sigmoid, tanh, relu, leaky_relu, selu };

/// Whether to keep the variance of the forward pass (by the number of inputs) or of the backward pass (of outputs).
enum class Fan { in, out };

/// The factor for a weight's standard deviation that keeps the variance through a nonlinearity.
inline double calculate_gain(Nonlinearity nonlinearity, double negative_slope = 0.01) {
  switch (nonlinearity) {
    case Nonlinearity::tanh: return 5.0 / 3;
    case Nonlinearity::relu: return std::sqrt(2.0);
    case Nonlinearity::leaky_relu: return std::sqrt(2 / (1 + negative_slope * negative_slope));
    case Nonlinearity::selu: return 0.75;
    default: return 1;
  }
}

/// How many inputs an output of a weight has, and how many outputs an input: axis 0 counts outputs, axis 1 inputs, and
/// the rest is the receptive field.
struct Fans {
  double in;
  double out;
};
template <int R>
Fans fans(const Shape<R>& shape) {
  static_assert(R >= 2,
                "kiln: Kaiming and Xavier initial values need the fan-in and fan-out of a weight of rank 2 or more; "
                "for a bias use zeros or uniform");
  Fans fans{static_cast<double>(shape[1]), static_cast<double>(shape[0])};
  for (int axis = 2; axis < R; ++axis) {
    fans.in *= static_cast<double>(shape[axis]);
    fans.out *= static_cast<double>(shape[axis]);
  }
  return fans;
}

/// Uniform in [low, high).
template <class T = float, int R>
Tensor<R, T> uniform(const Shape<R>& shape, double low = 0, double high = 1) {
  auto result = detail::uninitialised<T>(shape);
  next_stream(Purpose::init).fill_uniform(result.span(), static_cast<T>(low), static_cast<T>(high));
  return result;
}

/// Normal with this mean and standard deviation.
template <class T = float, int R>
Tensor<R, T> normal(const Shape<R>& shape, double mean = 0, double std = 1) {
  auto result = detail::uninitialised<T>(shape);
  next_stream(Purpose::init).fill_normal(result.span(), static_cast<T>(mean), static_cast<T>(std));
  return result;
}

namespace detail {

// A standard deviation of gain / sqrt(fan), normal or uniform in +-sqrt(3) times that. Nothing is divided by a fan of
// 0: such a weight has no elements.
template <class T, int R>
Tensor<R, T> normal_by_fan(const Shape<R>& shape, double gain, double fan) {
  return normal<T>(shape, 0, gain / std::sqrt((std::max)(fan, 1.0)));
}
template <class T, int R>
Tensor<R, T> uniform_by_fan(const Shape<R>& shape, double gain, double fan) {
  const double bound = gain * std::sqrt(3 / (std::max)(fan, 1.0));
  return uniform<T>(shape, -bound, bound);
}

}  // namespace detail

struct XavierOptions {
  double gain = 1;
};

/// Uniform with variance 2 gain^2 / (fan_in + fan_out). Source: Glorot & Bengio 2010, equation 16.
template <class T = float, int R>
Tensor<R, T> xavier_uniform(const Shape<R>& shape, XavierOptions options = {}) {
  return detail::uniform_by_fan<T>(shape, options.gain, (fans(shape).in + fans(shape).out) / 2);
}
/// The same variance, normal.
template <class T = float, int R>
Tensor<R, T> xavier_normal(const Shape<R>& shape, XavierOptions options = {}) {
  return detail::normal_by_fan<T>(shape, options.gain, (fans(shape).in + fans(shape).out) / 2);
}

struct KaimingOptions {
  double negative_slope = 0;  ///< of the leaky ReLU that follows; 0 for ReLU
  Fan fan = Fan::in;
  Nonlinearity nonlinearity = Nonlinearity::leaky_relu;

  double gain() const { return calculate_gain(nonlinearity, negative_slope); }
  double chosen(Fans fans) const { return fan == Fan::in ? fans.in : fans.out; }
};

/// Uniform with variance gain^2 / fan. Source: He et al. 2015, https://arxiv.org/abs/1502.01852, equations 10, 14, 15.
template <class T = float, int R>
Tensor<R, T> kaiming_uniform(const Shape<R>& shape, KaimingOptions options = {}) {
  return detail::uniform_by_fan<T>(shape, options.gain(), options.chosen(fans(shape)));
}
/// The same variance, normal.
template <class T = float, int R>
Tensor<R, T> kaiming_normal(const Shape<R>& shape, KaimingOptions options = {}) {
  return detail::normal_by_fan<T>(shape, options.gain(), options.chosen(fans(shape)));
}

// The same from sizes in braces: `uniform({3, 4}, -1, 1)`.
template <class T = float, int R>
Tensor<R, T> uniform(const Extent (&sizes)[R], double low = 0, double high = 1) {
  return uniform<T>(Shape<R>(sizes), low, high);
}
template <class T = float, int R>
Tensor<R, T> normal(const Extent (&sizes)[R], double mean = 0, double std = 1) {
  return normal<T>(Shape<R>(sizes), mean, std);
}
template <class T = float, int R>
Tensor<R, T> xavier_uniform(const Extent (&sizes)[R], XavierOptions options = {}) {
  return xavier_uniform<T>(Shape<R>(sizes), options);
}
template <class T = float, int R>
Tensor<R, T> xavier_normal(const Extent (&sizes)[R], XavierOptions options = {}) {
  return xavier_normal<T>(Shape<R>(sizes), options);
}
template <class T = float, int R>
Tensor<R, T> kaiming_uniform(const Extent (&sizes)[R], KaimingOptions options = {}) {
  return kaiming_uniform<T>(Shape<R>(sizes), options);
}
template <class T = float, int R>
Tensor<R, T> kaiming_normal(const Extent (&sizes)[R], KaimingOptions options = {}) {
  return kaiming_normal<T>(Shape<R>(sizes), options);
}

}  // namespace kiln
