// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// Values and gradients are compared with PyTorch's in tests/nn/conv_test.cpp.

#include <kiln/autograd/convolution.hpp>

#include <doctest/doctest.h>

#include <kiln/autograd/layer_scope.hpp>
#include <kiln/autograd/reduction.hpp>

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

}  // namespace

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
