// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// Values and gradients are compared with PyTorch's in tests/nn/conv_test.cpp.

#include <kiln/autograd/convolution.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/layer_scope.hpp>
#include <kiln/autograd/reduction.hpp>
#include <kiln/kernels/conv_loops.hpp>

using namespace kiln;

TEST_SUITE_BEGIN("autograd");

namespace {

/// A kernel that leaves a mark instead of a result.
struct Marking {
  static constexpr std::string_view name = "marking";

  template <class T>
  static void forward(const ConvSizes& s, const T*, const T*, const T*, T* y, bool) {
    std::fill_n(y, s.samples * s.out * s.result_area(), T{1});
  }
  template <class T>
  static void input_gradient(const ConvSizes& s, const T*, const T*, T* dx, bool) {
    std::fill_n(dx, s.samples * s.in * s.image_area(), T{2});
  }
  template <class T>
  static void weight_gradient(const ConvSizes& s, const T*, const T*, T* dw, bool) {
    std::fill_n(dw, s.out * s.depth(), T{3});
  }
};

template <int R>
bool all(const Tensor<R>& x, float value) {
  return x.numel() > 0 && std::all_of(x.begin(), x.end(), [=](float element) { return element == value; });
}

Tensor<4> waves(const Shape<4>& shape, double phase) {
  auto x = zeros(shape);
  for (Index i = 0; i < x.numel(); ++i)
    x.data()[i] = std::cos(static_cast<float>(i) * 1.7f + static_cast<float>(phase));
  return x;
}

/// The bits of y, dx, dw and db of relu(conv2d(x, w, b)), fused or not; b may be missing.
std::vector<std::uint32_t> relu_bits(const Tensor<4>& x, const Param<4>& w, const Param<1>* b, Conv2dOptions options,
                                     bool fused) {
  Tape tape;
  const auto input = tape.variable(x);
  const auto y = !b ? (fused ? conv2d_relu(input, w, options) : relu(conv2d(input, w, options)))
                    : (fused ? conv2d_relu(input, w, *b, options) : relu(conv2d(input, w, *b, options)));
  backward(sum(y * waves(y.shape(), 0.4)));
  std::vector<std::uint32_t> bits;
  auto add = [&](const auto& t) {
    for (float element : t) bits.push_back(std::bit_cast<std::uint32_t>(element));
  };
  add(y.value());
  add(tape.grad(input));
  add(w.grad);
  if (b) add(b->grad);
  w.zero_grad();
  if (b) b->zero_grad();
  return bits;
}

}  // namespace

TEST_CASE("conv2d_relu has the bits of relu(conv2d), by kernels that know of relu and those that do not") {
  const Tensor<1> biases = {0.1f, -0.2f, 0.3f, 0.f, -0.3f, 0.2f, 0.5f, -0.1f};
  auto check = [&](Index samples, Index image, Conv2dOptions options) {
    CAPTURE(samples);
    CAPTURE(image);
    Tensor<4> x = waves({samples, 3, image, image}, 1);
    for (bool nan : {false, true}) {
      if (nan) x.data()[x.numel() / 2] = std::numeric_limits<float>::quiet_NaN();
      Param<4> w = waves({8, 3, 3, 3}, 2);
      Param<1> b = biases;
      CHECK(relu_bits(x, w, &b, options, true) == relu_bits(x, w, &b, options, false));
      CHECK(relu_bits(x, w, nullptr, options, true) == relu_bits(x, w, nullptr, options, false));
      w.trainable = false;
      CHECK(relu_bits(x, w, &b, options, true) == relu_bits(x, w, &b, options, false));
    }
  };
  check(3, 5, {.padding = 1});                // im2col
  check(70, 5, {.stride = 2, .padding = 1});  // direct
  auto scope = use_conv<LoopsConv>();
  check(3, 5, {.padding = 1});
}

TEST_CASE("conv2d_relu by Winograd has the bits of relu(conv2d)") {
  Param<4> w = waves({16, 16, 3, 3}, 2);
  Param<1> b = waves({16, 1, 1, 1}, 3).reshape({16});
  const Tensor<4> x = waves({5, 16, 8, 8}, 1);
  CHECK(relu_bits(x, w, &b, {.padding = 1}, true) == relu_bits(x, w, &b, {.padding = 1}, false));
}

TEST_CASE("convolutions and their gradients are computed by the scope's kernel") {
  auto scope = use_conv<Marking>();
  const Param<4> w = zeros({2, 2, 3, 3});
  {
    Tape tape;
    auto x = tape.variable(zeros({2, 2, 5, 5}));
    auto y = conv2d(x, w);
    CHECK(all(y.value(), 1));
    tape.differentiate(sum(y));
    CHECK(all(tape.grad(x), 2));
    CHECK(all(tape.grad(w), 3));
  }
  {
    Tape tape;
    auto x = tape.variable(zeros({2, 2, 5, 5}));
    auto y = conv_transpose2d(x, w);
    CHECK(all(y.value(), 2));
    tape.differentiate(sum(y));
    CHECK(all(tape.grad(x), 1));
    CHECK(all(tape.grad(w), 3));
  }
}

TEST_CASE("convolutions take vars, tensors and parameters, and options by name") {
  const Tensor<4> x = ones({1, 2, 4, 4});
  const Param<4> w = ones({3, 2, 3, 3});
  const Param<1> b = full({3}, 0.5f);
  CHECK(all(conv2d(Var<4>(x), w, b).value(), 18.5f));
  CHECK(all(conv2d(Var<4>(x), w).value(), 18));
  CHECK(all(conv2d(x, w.value, b.value).value(), 18.5f));
  CHECK(conv2d(x, w.value, {.stride = {2, 1}, .padding = 1}).shape() == Shape<4>(1, 3, 2, 4));
  CHECK(all(conv1d(ones({1, 2, 4}), ones({3, 2, 3}), b.value).value(), 6.5f));
  CHECK(conv1d(ones({1, 2, 4}), ones({3, 2, 2}), {.stride = 2, .padding = 1}).shape() == Shape<3>(1, 3, 3));
  CHECK(all(conv_transpose2d(ones({1, 2, 1, 1}), ones({2, 4, 3, 3}), full({4}, 1.0f)).value(), 3));
  CHECK(conv_transpose2d(x, ones({2, 4, 3, 3}), {.stride = 2, .output_padding = 1}).shape() == Shape<4>(1, 4, 10, 10));
}

TEST_CASE("what a convolution costs is counted") {
  LayerObserver observer;
  Context context;
  context.observe(&observer);
  conv2d(context(ones({2, 4, 8, 8})), ones({6, 2, 3, 3}), ones({6}), {.stride = 2, .padding = 1, .groups = 2});
  CHECK(context.flops() == 2. * 2 * 6 * 4 * 4 * 2 * 9);
  conv_transpose2d(context(ones({2, 6, 4, 4})), ones({6, 2, 3, 3}));
  CHECK(context.flops() == 2. * 2 * 6 * 4 * 4 * (2 * 9 + 2 * 9));
  Tape tape;
  tape.observe(&observer);
  const Param<4> weight = ones({6, 4, 3, 3});
  const Param<1> bias = ones({6});
  conv2d(tape(ones({2, 4, 8, 8})), weight, bias);
  conv2d(tape.variable(ones({2, 4, 8, 8})), weight, bias);
  CHECK(tape.backward_flops() == 1.5 * tape.flops());
}

TEST_CASE("a frozen weight does not keep the input in memory") {
  const Param<4> first = ones({1, 1, 1, 1});
  auto in_use = [&](bool trainable) {
    Param<4> second = ones({1, 1, 1, 1});
    second.trainable = trainable;
    Tape tape;
    const auto y = conv2d(conv2d(tape.variable(ones({1, 1, 256, 256})), first), second);
    return memory_use().in_use;
  };
  CHECK(in_use(true) - in_use(false) >= 256 * 256 * sizeof(float));
}

TEST_SUITE_END();
