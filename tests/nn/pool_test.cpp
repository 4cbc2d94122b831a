// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/nn/pool.hpp>

#include <limits>

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/gradcheck.hpp>
#include <kiln/nn/sequential.hpp>

#include "oracle.hpp"

using namespace kiln;

TEST_SUITE_BEGIN("nn");

namespace {

/// What PyTorch made of numbers; see tests/oracles/nn_pool.py.
struct Case {
  std::string kind;
  std::vector<Index> shape;
  Size2 kernel, stride, padding, dilation;
  bool ceil_mode, count_include_pad;
  std::vector<double> y, dx;

  Shape<4> shape4() const { return {shape[0], shape[1], shape[2], shape[3]}; }
  MaxPool2d max() const { return {kernel, stride, padding, dilation, ceil_mode}; }
  AvgPool2d avg() const { return {kernel, stride, padding, ceil_mode, count_include_pad}; }
};

const Case pytorch[] = {
#include "pool.inc"
};

template <int R, class T>
void check_values(const Tensor<R, T>& ours, const std::vector<double>& expected) {
  const double tolerance = sizeof(T) == sizeof(double) ? 1e-11 : 2e-6;
  REQUIRE(ours.numel() == static_cast<Index>(expected.size()));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto value = static_cast<double>(ours.data()[i]);
    CAPTURE(i);
    const bool same = value == expected[i] || (value != value && expected[i] != expected[i]);
    CHECK((same || std::abs(value - expected[i]) <= tolerance * (1 + std::abs(expected[i]))));
  }
}

template <class T, int R>
void check_case(const Case& expected, const auto& layer, const Tensor<R, T>& x) {
  CAPTURE(expected.kind);
  CAPTURE(x.shape().span());
  CAPTURE(concat(expected.kernel, expected.stride, expected.padding, expected.dilation));
  CAPTURE(expected.ceil_mode);
  CAPTURE(expected.count_include_pad);
  Tape tape;
  auto v = tape.variable(x);
  auto y = layer(v);
  check_values(y.value(), expected.y);
  check_values(layer(x).value(), expected.y);  // without a context
  differentiate_weighted(tape, y);
  check_values(tape.grad(v), expected.dx);
  if (expected.kind.starts_with("special")) return;
  // A second gradient for the same input is added to the first.
  Tape twice;
  auto w = twice.variable(x);
  auto z = layer(w);
  differentiate_weighted(twice, z + z * 2);
  for (Index i = 0; i < x.numel(); ++i) {
    CHECK(static_cast<double>(twice.grad(w).data()[i]) ==
          doctest::Approx(3 * expected.dx[static_cast<std::size_t>(i)]).epsilon(1e-5));
  }
}

}  // namespace

TEST_CASE_TEMPLATE("pooling equals PyTorch's", T, float, double) {
  constexpr T nan = std::numeric_limits<T>::quiet_NaN(), inf = std::numeric_limits<T>::infinity();
  const Tensor<4, T> special{
      {{{1, 1, nan, 2, -inf, -inf}, {1, 1, nan, 9, -inf, -inf}, {nan, 3, inf, inf, -T{}, 0}, {3, 3, 1, inf, 0, -T{}}}}};
  for (const Case& c : pytorch) {
    if (c.kind == "max1d" || c.kind == "avg1d") {
      const auto x = numbers<T>(Shape<3>(c.shape[0], c.shape[1], c.shape[2]), 40);
      const Index kernel = c.kernel.width, stride = c.stride.width, padding = c.padding.width;
      if (c.kind == "max1d") check_case(c, MaxPool1d{kernel, stride, padding, 1, c.ceil_mode}, x);
      else check_case(c, AvgPool1d{kernel, stride, padding, c.ceil_mode, c.count_include_pad}, x);
      continue;
    }
    const auto x = numbers<T>(c.shape4(), 40);
    if (c.kind == "max") check_case(c, c.max(), x);
    else if (c.kind == "avg") check_case(c, c.avg(), x);
    else if (c.kind == "adaptive_max") check_case(c, AdaptiveMaxPool2d{c.kernel}, x);
    else if (c.kind == "adaptive_avg") check_case(c, AdaptiveAvgPool2d{c.kernel}, x);
    else if (c.kind == "global_avg") check_case(c, GlobalAvgPool2d{}, x);
    else if (c.kind == "special_max") check_case(c, c.max(), special);
    else if (c.kind == "special_avg") check_case(c, c.avg(), special);
    else FAIL(c.kind);
  }
}

TEST_CASE("gradients of pooling agree with differences") {
  // All different, so that no maximum is a tie.
  auto x = zeros<double>({2, 2, 6, 5});
  for (Index i = 0; i < x.numel(); ++i) x.data()[i] = static_cast<double>(i * 37 % x.numel()) / 16;
  auto check = [&](auto layer) { CHECK(gradcheck(layer, x)); };
  check(MaxPool2d{2}), check(MaxPool2d{.kernel = 3, .stride = 2, .padding = 1});
  check(MaxPool2d{.kernel = {2, 3}, .stride = {1, 2}, .padding = {1, 0}, .dilation = {2, 1}, .ceil_mode = true});
  check(AvgPool2d{2}), check(AvgPool2d{.kernel = 3, .stride = 2, .padding = 1, .count_include_pad = false});
  check(AdaptiveAvgPool2d{{4, 2}}), check(AdaptiveMaxPool2d{{4, 2}}), check(GlobalAvgPool2d{});
  CHECK(gradcheck(MaxPool1d{2}, numbers<double>({1, 2, 6}, 41)));
  CHECK(gradcheck(AvgPool1d{.kernel = 3, .stride = 1, .padding = 1}, numbers<double>({1, 2, 6}, 41)));
}

TEST_CASE("a stride is the kernel's size unless it is given") {
  CHECK(MaxPool2d{{2, 3}}.stride == Size2{2, 3});
  CHECK(MaxPool2d{.kernel = 3, .stride = 2}(zeros({1, 1, 9, 9})).shape() == Shape<4>(1, 1, 4, 4));
  CHECK(AvgPool2d{.kernel = 4}(zeros({1, 1, 9, 9})).shape() == Shape<4>(1, 1, 2, 2));
}

TEST_CASE("pooling takes batches of none, planes of one element, and constants") {
  CHECK(MaxPool2d{2}(zeros({0, 3, 4, 4})).shape() == Shape<4>(0, 3, 2, 2));
  CHECK(AvgPool2d{2}(zeros({2, 0, 4, 4})).shape() == Shape<4>(2, 0, 2, 2));
  CHECK(GlobalAvgPool2d{}(zeros({0, 3, 4, 4})).shape() == Shape<2>(0, 3));
  CHECK(GlobalAvgPool2d{}(full({2, 3, 1, 1}, 5)).value()(1, 2) == 5);
  CHECK(MaxPool2d{1}(full({1, 1, 1, 1}, -5)).value().item() == -5);
  Tape tape;
  CHECK_FALSE(MaxPool2d{2}(tape(zeros({1, 1, 4, 4}))).wants_grad());
}

TEST_CASE("a window that dilation leaves empty is minus infinity, and takes no gradient") {
  const MaxPool2d layer{.kernel = {2, 1}, .stride = 1, .padding = {1, 0}, .dilation = {3, 1}};
  Tape tape;
  auto x = tape.variable(ones({1, 1, 2, 3}));
  auto y = layer(x);
  REQUIRE(y.shape() == Shape<4>(1, 1, 1, 3));
  for (float v : y.value()) CHECK(v == -std::numeric_limits<float>::infinity());
  differentiate_weighted(tape, y);
  for (float v : tape.grad(x)) CHECK(v == 0);
}

TEST_CASE("pooling is a layer of a model like any other") {
  const Sequential model{MaxPool2d{2}, AvgPool2d{.kernel = 3, .stride = 1, .padding = 1}, GlobalAvgPool2d{}};
  CHECK(model(full({2, 3, 8, 8}, 9)).value()(0, 0) == doctest::Approx(9 * 100. / 144));
  CHECK(parameter_count(model) == 0);
  std::string types;
  for (const auto& entry : layer_names(model).entries) types += concat(entry.path, " ", entry.type, "; ");
  CHECK(types == " Sequential; 0 MaxPool2d; 1 AvgPool2d; 2 GlobalAvgPool2d; ");
}

TEST_CASE("pooling names what does not fit") {
  const auto x = zeros({2, 3, 4, 5});
  auto usage = [&](auto layer) { return message_of<UsageError>([&] { layer(x); }); };
  auto shape = [&](auto layer) { return message_of<ShapeError>([&] { layer(x); }); };
  CHECK(usage(MaxPool2d{}) == "MaxPool2d: max_pool2d: kernel must be at least 1, and below 2^31: got (0, 0)");
  CHECK(usage(AvgPool2d{.kernel = 2, .stride = {1, 0}}) ==
        "AvgPool2d: avg_pool2d: stride must be at least 1, and below 2^31: got (1, 0)");
  CHECK(usage(MaxPool2d{.kernel = 2, .dilation = -1}) ==
        "MaxPool2d: max_pool2d: dilation must be at least 1, and below 2^31: got (-1, -1)");
  CHECK(usage(MaxPool2d{.kernel = {std::int64_t{1} << 40, 1}}) ==
        "MaxPool2d: max_pool2d: kernel must be at least 1, and below 2^31: got (1099511627776, 1)");
  const std::string padding = "padding must not be negative, nor more than half the kernel: got ";
  CHECK(usage(MaxPool2d{.kernel = 2, .padding = 2}) ==
        concat("MaxPool2d: max_pool2d: ", padding, "(2, 2) for a kernel of (2, 2)"));
  CHECK(usage(AvgPool2d{.kernel = {2, 4}, .padding = {-1, 2}}) ==
        concat("AvgPool2d: avg_pool2d: ", padding, "(-1, 2) for a kernel of (2, 4)"));
  CHECK(shape(MaxPool2d{.kernel = {2, 6}}) ==
        "MaxPool2d: max_pool2d: the padded input must hold a window of the kernel, (2, 6): got shape (2, 3, 4, 5)");
  CHECK(shape(MaxPool2d{.kernel = 3, .dilation = 2}) ==
        "MaxPool2d: max_pool2d: the padded input must hold a window of the kernel, (3, 3): got shape (2, 3, 4, 5)");
  CHECK(usage(AdaptiveAvgPool2d{{0, 1}}) ==
        "AdaptiveAvgPool2d: adaptive_avg_pool2d: the output must have sizes of at least 1: got (0, 1)");
  CHECK(message_of<ShapeError>([] {
          GlobalAvgPool2d{}(zeros({2, 3, 0, 5}));
        }) == "GlobalAvgPool2d: global_avg_pool2d: planes must not be empty: got shape (2, 3, 0, 5)");
  CHECK(message_of<ShapeError>([] {
          MaxPool2d{.kernel = 2, .padding = 1}(zeros({2, 3, 0, 5}));
        }) ==
        "MaxPool2d: max_pool2d: the padded input must hold a window of the kernel, (2, 2): got shape (2, 3, 0, 5)");
  CHECK(message_of<UsageError>([] {
          MaxPool1d{.kernel = 3, .padding = 2}(zeros({2, 3, 5}));
        }) == concat("MaxPool1d: max_pool1d: ", padding, "2 for a kernel of 3"));
  CHECK(message_of<ShapeError>([] {
          AvgPool1d{8}(zeros({2, 3, 5}));
        }) == "AvgPool1d: avg_pool1d: the padded input must hold a window of the kernel, 8: got shape (2, 3, 5)");
}

TEST_CASE("pooling has the same bits on any number of threads") {
  const auto x = numbers<float>({8, 16, 28, 28}, 42);
  const Sequential layers{AvgPool2d{.kernel = 3, .stride = 1, .padding = 1}, MaxPool2d{.kernel = 3, .stride = 2},
                          AdaptiveAvgPool2d{{4, 5}}, GlobalAvgPool2d{}};
  auto run = [&](int threads) {
    set_num_threads(threads);
    Tape tape;
    auto v = tape.variable(x);
    auto y = layers(v);
    differentiate_weighted(tape, y);
    return std::pair(y.value().clone(), tape.grad(v).clone());
  };
  const int before = num_threads();
  const auto one = run(1);
  for (int threads : {2, 3, 7}) {
    const auto several = run(threads);
    CHECK(std::equal(one.first.begin(), one.first.end(), several.first.begin()));
    CHECK(std::equal(one.second.begin(), one.second.end(), several.second.begin()));
  }
  set_num_threads(before);
}

TEST_SUITE_END();
