// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/nn/conv.hpp>

#include <kiln/autograd/gradcheck.hpp>
#include <kiln/kernels/conv_ladder.hpp>
#include <kiln/nn/sequential.hpp>

#include "oracle.hpp"

using namespace kiln;

TEST_SUITE_BEGIN("nn");

namespace {

struct Case {
  std::string kind;
  Index samples, in, out;
  Size2 image, kernel, stride, padding, dilation;
  Index groups;
  Size2 output_padding;
  bool bias;
  std::vector<double> y, dx, dw, db;
};

const Case pytorch[] = {
#include "conv.inc"
};

template <int R, class T>
void check_values(const std::vector<double>& expected, const Tensor<R, T>& got) {
  REQUIRE(got.numel() == static_cast<Index>(expected.size()));
  const double tolerance = sizeof(T) == sizeof(double) ? 1e-9 : 1e-5;
  double worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i)
    worst = (std::max)(worst, std::abs(got.data()[i] - expected[i]) / (std::max)(1., std::abs(expected[i])));
  CHECK(worst < tolerance);
}

template <class Layer, class T, int R>
void check_layer(const Case& c, Layer layer, const Shape<R>& image) {
  layer.weight = numbers<T>(layer.weight.shape(), 1);
  if (c.bias) layer.bias = numbers<T>({c.out}, 2);
  else layer.bias = std::nullopt;
  Tape tape;
  auto x = tape.variable(numbers<T>(image, 3));
  auto y = layer(x);
  check_values(c.y, y.value());
  differentiate_weighted(tape, y);
  check_values(c.dx, tape.grad(x));
  check_values(c.dw, tape.grad(layer.weight));
  if (c.bias) check_values(c.db, tape.grad(*layer.bias));
}

template <class T>
void check_case(const Case& c) {
  const Shape<4> image{c.samples, c.in, c.image.height, c.image.width};
  if (c.kind == "conv2d") {
    check_layer<BasicConv2d<T>, T>(c, {c.in, c.out, c.kernel, c.stride, c.padding, c.dilation, c.groups}, image);
  } else if (c.kind == "conv1d") {
    check_layer<BasicConv1d<T>, T>(
        c, {c.in, c.out, c.kernel.width, c.stride.width, c.padding.width, c.dilation.width, c.groups},
        Shape<3>{c.samples, c.in, c.image.width});
  } else {
    REQUIRE(c.kind == "conv_transpose2d");
    check_layer<BasicConvTranspose2d<T>, T>(
        c, {c.in, c.out, c.kernel, c.stride, c.padding, c.output_padding, c.groups, c.dilation}, image);
  }
}

}  // namespace

TEST_CASE_TEMPLATE("convolutions equal PyTorch's on every rung", T, float, double) {
  for (const ConvKernel& kernel : conv_kernels()) {
    auto scope = use_conv(kernel);
    for (const Case& c : pytorch) {
      CAPTURE(kernel.name);
      CAPTURE(&c - pytorch);
      check_case<T>(c);
    }
  }
}

TEST_CASE("gradients of convolutions agree with differences") {
  BasicConv2d<double> conv{4, 6, {3, 2}, {2, 1}, {1, 0}, {1, 2}, 2};
  CHECK(gradcheck(conv, parameters(conv), numbers<double>({2, 4, 5, 6}, 3)));
  BasicConv1d<double> line{.in = 2, .out = 3, .kernel = 3, .stride = 2, .padding = 1};
  CHECK(gradcheck(line, parameters(line), numbers<double>({2, 2, 7}, 3)));
  BasicConvTranspose2d<double> up{4, 2, 3, 2, 1, {1, 0}, 2};
  CHECK(gradcheck(up, parameters(up), numbers<double>({2, 4, 3, 2}, 3)));
  // Used twice, so that gradients add up.
  BasicConv2d<double> same{2, 2, 3, 1, 1};
  CHECK(gradcheck([&](const auto& x) { return same(same(x)); }, parameters(same), numbers<double>({1, 2, 4, 4}, 3)));
  BasicConvTranspose2d<double> again{2, 2, 3, 1, 1};
  CHECK(gradcheck([&](const auto& x) { return again(again(x)); }, parameters(again), numbers<double>({1, 2, 4, 4}, 3)));
  // Either factor frozen.
  conv.weight.trainable = false;
  CHECK(gradcheck(conv, parameters(conv), numbers<double>({2, 4, 5, 6}, 3)));
  up.weight.trainable = false;
  CHECK(gradcheck(up, parameters(up), numbers<double>({2, 4, 3, 2}, 3)));
  const Tensor<4, double> image = numbers<double>({1, 2, 4, 4}, 3);
  CHECK(gradcheck([&](Context& context) { return same(context(image)); }, parameters(same)));
}

TEST_CASE("convolutions start as PyTorch's: uniform in +-1/sqrt(fan in)") {
  manual_seed(1);
  auto check = [](std::span<const float> values, double bound) {
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    CHECK(*low >= -bound);
    CHECK(*low < -.97 * bound);
    CHECK(*high <= bound);
    CHECK(*high > .97 * bound);
  };
  const Conv2d conv{.in = 8, .out = 300, .kernel = {3, 5}, .groups = 2};
  CHECK(conv.weight.shape() == Shape<4>(300, 4, 3, 5));
  check(conv.weight.value.span(), 1 / std::sqrt(4. * 3 * 5));
  check(conv.bias->value.span(), 1 / std::sqrt(4. * 3 * 5));
  const ConvTranspose2d up{.in = 8, .out = 400, .kernel = 3, .groups = 2};
  CHECK(up.weight.shape() == Shape<4>(8, 200, 3, 3));
  check(up.weight.value.span(), 1 / std::sqrt(200. * 9));  // as torch.nn.init counts, by axis 1
  check(up.bias->value.span(), 1 / std::sqrt(200. * 9));
  const Conv1d line{.in = 2, .out = 300, .kernel = 9};
  CHECK(line.weight.shape() == Shape<3>(300, 2, 9));
  check(line.weight.value.span(), 1 / std::sqrt(18.));
  check(line.bias->value.span(), 1 / std::sqrt(18.));
}

TEST_CASE("a convolution is a layer like others: positional sizes, names, no bias, no samples") {
  auto model = Sequential{Conv2d{1, 8, 3, 2, 1}, Conv2d{.in = 8, .out = 4, .kernel = 3, .bias = std::nullopt}};
  std::string names;
  for (const ParamRef& param : parameters(model)) names += param.name + ' ';
  CHECK(names == "0.weight 0.bias 1.weight ");
  CHECK(parameter_count(model) == 8 * 9 + 8 + 4 * 8 * 9);
  CHECK(model(zeros({5, 1, 28, 28})).shape() == Shape<4>(5, 4, 12, 12));

  Tape tape;
  auto y = model(tape(zeros({0, 1, 28, 28})));
  CHECK(y.shape() == Shape<4>(0, 4, 12, 12));
  differentiate_weighted(tape, y);
  for (float g : tape.grad(std::get<0>(model.layers).weight)) CHECK(g == 0);
}

TEST_CASE("convolutions say what does not fit") {
  const Conv2d conv{8, 16, 3};
  CHECK(message_of<ShapeError>([&] {
          conv(zeros({2, 1, 28, 28}));
        }) == "Conv2d: conv2d: input's axis 1 must be 8: got shape (2, 1, 28, 28)");
  CHECK(message_of<ShapeError>([&] {
          conv(zeros({2, 8, 28, 2}));
        }) ==
        "Conv2d: conv2d: the kernel must fit the padded image: got kernel (3, 3) with dilation (1, 1), image (28, 2) "
        "with padding (0, 0)");
  CHECK(message_of<UsageError>([] {
          Conv2d{}(zeros({1, 1, 3, 3}));
        }) == "Conv2d: conv2d: the layer needs its sizes, as in Conv2d{1, 8, 3}: it was made without");
  CHECK(message_of<UsageError>([] { static_cast<void>(Conv2d{.in = 4, .out = 6, .kernel = 3, .groups = 4}); }) ==
        "conv2d: groups must divide in, 4, and out, 6: got 4");
  CHECK(message_of<UsageError>([] {
          Conv2d{1, 1, 3, 0}(zeros({1, 1, 3, 3}));
        }) == "Conv2d: conv2d: stride must be at least 1 and at most 1073741824: got (0, 0)");
  CHECK(message_of<UsageError>([] {
          Conv2d{1, 1, 3, 1, {0, -1}}(zeros({1, 1, 3, 3}));
        }) == "Conv2d: conv2d: padding must be at least 0 and at most 1073741824: got (0, -1)");

  const Conv1d line{2, 3, 5};
  CHECK(message_of<ShapeError>([&] {
          line(zeros({1, 2, 4}));
        }) ==
        "Conv1d: conv1d: the kernel must fit the padded image: got kernel 5 with dilation 1, image 4 with padding 0");
  CHECK(message_of<UsageError>([] {
          Conv1d{}(zeros({1, 1, 3}));
        }) == "Conv1d: conv1d: the layer needs its sizes, as in Conv1d{1, 8, 3}: it was made without");
  CHECK(message_of<UsageError>([] {
          Conv1d{1, 1, 3, 1, 0, 0}(zeros({1, 1, 3}));
        }) == "Conv1d: conv1d: dilation must be at least 1 and at most 1073741824: got 0");

  const ConvTranspose2d up{8, 4, 3, 2, 2};
  CHECK(message_of<ShapeError>([&] {
          up(zeros({2, 1, 5, 5}));
        }) == "ConvTranspose2d: conv_transpose2d: input's axis 1 must be 8: got shape (2, 1, 5, 5)");
  CHECK(message_of<ShapeError>([&] {
          up(zeros({2, 8, 1, 5}));
        }) == "ConvTranspose2d: conv_transpose2d: the result must not be empty: got input (1, 5) with padding (2, 2)");
  CHECK(message_of<UsageError>([] {
          ConvTranspose2d{8, 4, 3, {2, 1}, 0, {1, 1}}(zeros({1, 8, 2, 2}));
        }) ==
        "ConvTranspose2d: conv_transpose2d: output_padding must be smaller than stride or dilation: got (1, 1), stride "
        "(2, 1) and dilation (1, 1)");
  CHECK(message_of<UsageError>([] {
          ConvTranspose2d{}(zeros({1, 1, 3, 3}));
        }) ==
        "ConvTranspose2d: conv_transpose2d: the layer needs its sizes, as in ConvTranspose2d{8, 1, 3}: it was made "
        "without");

  const Var<4> x = zeros({1, 4, 5, 5});
  CHECK(message_of<ShapeError>([&] {
          conv2d(x, zeros({2, 4, 3, 3}), zeros({3}));
        }) == "conv2d: bias must have shape (2,): got (3,)");
  CHECK(message_of<ShapeError>([&] {
          conv_transpose2d(x, zeros({4, 2, 3, 3}), zeros({3}));
        }) == "conv_transpose2d: bias must have shape (2,): got (3,)");
  CHECK(message_of<UsageError>([&] {
          conv2d(x, zeros({2, 1, 3, 3}), {.groups = 4});
        }) == "conv2d: groups must divide the weight's axis 0, 2: got 4");
  CHECK(message_of<ShapeError>([] {
          conv2d(Var<4>(zeros({0, 1, 1, std::int64_t{1} << 40})), zeros({1, 1, 1, 1}), {.padding = 1 << 30});
        }) == "conv2d: an image's sides must be at most 1073741824: got shape (0, 1, 1, 1099511627776)");
  CHECK(message_of<ShapeError>([&] {
          conv2d(x, zeros({2, 4, 0, 3}));
        }) == "conv2d: weight must not be empty: got shape (2, 4, 0, 3)");
}

TEST_SUITE_END();
