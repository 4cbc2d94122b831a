// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/nn/resample.hpp>

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/gradcheck.hpp>
#include <kiln/nn/sequential.hpp>

#include "oracle.hpp"

using namespace kiln;

TEST_SUITE_BEGIN("nn");

namespace {

/// What PyTorch made of numbers; see tests/oracles/nn_resample.py.
struct Case {
  std::string kind;
  std::vector<Index> shape;
  Sides2 sides;
  Size2 size;
  double scale;
  bool align_corners;
  std::vector<double> y, dx;
};

const Case pytorch[] = {
#include "resample.inc"
};

template <class T>
void check_values(const Tensor<4, T>& ours, const std::vector<double>& expected) {
  const double tolerance = sizeof(T) == sizeof(double) ? 1e-11 : 4e-6;
  REQUIRE(ours.numel() == static_cast<Index>(expected.size()));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(static_cast<double>(ours.data()[i]) == doctest::Approx(expected[i]).epsilon(tolerance));
  }
}

template <class T>
void check_case(const Case& expected, const auto& layer) {
  CAPTURE(expected.kind);
  CAPTURE(concat(Dims(expected.shape), expected.sides, expected.size, expected.scale));
  CAPTURE(expected.align_corners);
  const auto& s = expected.shape;
  const auto x = numbers<T>(Shape<4>(s[0], s[1], s[2], s[3]), 70);
  Tape tape;
  auto v = tape.variable(x);
  auto y = layer(v);
  check_values(y.value(), expected.y);
  check_values(layer(x).value(), expected.y);  // without a context
  differentiate_weighted(tape, y + y);         // and a gradient that is added to another
  check_values(tape.grad(v) * 0.5, expected.dx);
}

}  // namespace

TEST_CASE_TEMPLATE("padding and upsampling equal PyTorch's", T, float, double) {
  for (const Case& c : pytorch) {
    if (c.kind == "constant") check_case<T>(c, ZeroPad2d{c.sides});
    else if (c.kind == "reflect") check_case<T>(c, ReflectionPad2d{c.sides});
    else if (c.kind == "replicate") check_case<T>(c, ReplicationPad2d{c.sides});
    else if (c.kind == "nearest") check_case<T>(c, Upsample{.size = c.size, .scale = c.scale});
    else check_case<T>(c, Upsample{c.size, c.scale, Interpolation::bilinear, c.align_corners});
  }
}

TEST_CASE("gradients of padding and upsampling agree with differences") {
  const auto x = numbers<double>({2, 2, 4, 3}, 71);
  auto check = [&](auto layer) { CHECK(gradcheck(layer, x)); };
  check(ZeroPad2d{{1, 2, 0, 3}}), check(ReflectionPad2d{{1, 2, 0, 3}}), check(ReplicationPad2d{{1, 2, 0, 3}});
  check(Upsample{.scale = 2}), check(Upsample{.size = {3, 7}, .mode = Interpolation::bilinear});
  check(Upsample{.scale = 1.7, .mode = Interpolation::bilinear, .align_corners = true});
  CHECK(gradcheck([](auto v) { return ZeroPad2d{1}(v)*ReflectionPad2d{1}(v); }, x));
}

TEST_CASE("padding and upsampling take batches of none and planes of one element") {
  CHECK(ZeroPad2d{1}(zeros({0, 3, 2, 2})).shape() == Shape<4>(0, 3, 4, 4));
  CHECK(ZeroPad2d{1}(zeros({2, 1, 0, 2})).shape() == Shape<4>(2, 1, 2, 4));
  CHECK(ReflectionPad2d{}(zeros({2, 1, 0, 2})).shape() == Shape<4>(2, 1, 0, 2));
  CHECK(ReplicationPad2d{2}(full({1, 1, 1, 1}, 7)).value()(0, 0, 4, 0) == 7);
  for (auto mode : {Interpolation::nearest, Interpolation::bilinear}) {
    CHECK(Upsample{.scale = 3, .mode = mode}(full({1, 1, 1, 1}, 7)).value()(0, 0, 2, 1) == 7);
    CHECK(Upsample{.scale = 2, .mode = mode}(zeros({0, 1, 2, 3})).shape() == Shape<4>(0, 1, 4, 6));
  }
}

TEST_CASE("padding and upsampling are layers of a model like any other") {
  const Sequential model{ZeroPad2d{1}, Upsample{.scale = 2}, ReflectionPad2d{{0, 1, 0, 1}}, ReplicationPad2d{1}};
  CHECK(model(ones({1, 1, 2, 2})).shape() == Shape<4>(1, 1, 11, 11));
  std::string types;
  for (const auto& entry : layer_names(model).entries) types += concat(entry.path, " ", entry.type, "; ");
  CHECK(types == " Sequential; 0 ZeroPad2d; 1 Upsample; 2 ReflectionPad2d; 3 ReplicationPad2d; ");
  CHECK(parameter_count(model) == 0);
}

TEST_CASE("padding and upsampling name what does not fit") {
  const auto x = zeros({2, 3, 4, 5});
  auto usage = [&](auto layer) { return message_of<UsageError>([&] { layer(x); }); };
  CHECK(usage(ZeroPad2d{{0, -1, 2, 3}}) ==
        "ZeroPad2d: pad2d: margins (left, right, top, bottom) must lie in [0, 2^31): got (0, -1, 2, 3)");
  CHECK(usage(ReplicationPad2d{std::int64_t{1} << 31}) ==
        "ReplicationPad2d: pad2d: margins (left, right, top, bottom) must lie in [0, 2^31): "
        "got (2147483648, 2147483648, 2147483648, 2147483648)");
  const std::string reflected =
      "ReflectionPad2d: pad2d: reflected margins (left, right, top, bottom) must be smaller than the plane: got ";
  CHECK(message_of<ShapeError>([&] {
          ReflectionPad2d{{5, 0, 0, 0}}(x);
        }) == reflected + "(5, 0, 0, 0) for shape (2, 3, 4, 5)");
  CHECK(message_of<ShapeError>([&] {
          ReflectionPad2d{{4, 4, 3, 4}}(x);
        }) == reflected + "(4, 4, 3, 4) for shape (2, 3, 4, 5)");
  CHECK(message_of<ShapeError>([&] {
          ReplicationPad2d{1}(zeros({1, 1, 0, 3}));
        }) == "ReplicationPad2d: pad2d: there must be an element to replicate: got shape (1, 1, 0, 3)");
  CHECK(usage(Upsample{}) == "Upsample: upsample: either size or scale must be given: got size (0, 0) and scale 0");
  CHECK(usage(Upsample{.size = 3, .scale = 2}) ==
        "Upsample: upsample: either size or scale must be given: got size (3, 3) and scale 2");
  CHECK(usage(Upsample{.size = {3, 0}}) == "Upsample: upsample: size must be at least 1: got (3, 0)");
  CHECK(usage(Upsample{.scale = 0.2}) ==
        "Upsample: upsample: scale must give sizes of at least 1, and below 10^9: got 0.2 for shape (2, 3, 4, 5)");
  CHECK(usage(Upsample{.scale = std::nan("")}).starts_with("Upsample: upsample: scale must give sizes"));
  CHECK(usage(Upsample{.scale = 2, .align_corners = true}) ==
        "Upsample: upsample: align_corners is for bilinear interpolation: it was asked for with nearest");
  CHECK(message_of<ShapeError>([&] {
          Upsample{.scale = 2}(zeros({1, 1, 0, 3}));
        }) == "Upsample: upsample: planes must not be empty: got shape (1, 1, 0, 3)");
}

TEST_CASE("padding and upsampling have the same bits on any number of threads") {
  const auto x = numbers<float>({8, 16, 14, 14}, 72);
  const Sequential layers{ReflectionPad2d{2}, Upsample{.size = {23, 31}, .mode = Interpolation::bilinear},
                          Upsample{.scale = 2}};
  auto run = [&](int threads) {
    set_num_threads(threads);
    Tape tape;
    auto v = tape.variable(x);
    auto y = layers(v);
    differentiate_weighted(tape, y);
    return std::pair(y.value().clone(), tape.grad(v).clone());
  };
  const int before = num_threads();
  const auto one = run(1), several = run(5);
  CHECK(std::equal(one.first.begin(), one.first.end(), several.first.begin()));
  CHECK(std::equal(one.second.begin(), one.second.end(), several.second.begin()));
  set_num_threads(before);
}

TEST_SUITE_END();
