// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/nn/instance_norm.hpp>

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/gradcheck.hpp>

#include "norm_cases.hpp"

using namespace kiln;

TEST_SUITE_BEGIN("nn");

namespace {

const Oracle pytorch[] = {
#include "instance_norm.inc"
};

template <class T, int R>
void check_options(int number, const Shape<R>& shape) {
  using Layer = BasicInstanceNorm<T, R - 2>;
  const Index c = shape[1];
  check_norm<T>(pytorch, concat(number, ".0"), Layer{c}, shape);
  check_norm<T>(pytorch, concat(number, ".1"), Layer{.features = c, .eps = 0.01, .affine = true}, shape);
  check_norm<T>(pytorch, concat(number, ".2"), Layer{.features = c, .track_running_stats = true}, shape);
  check_norm<T>(pytorch, concat(number, ".3"),
                Layer{.features = c, .momentum = 0.3, .affine = true, .track_running_stats = true}, shape);
}

}  // namespace

TEST_CASE_TEMPLATE("instance norm equals PyTorch's", T, float, double) {
  check_options<T>(0, Shape<3>(4, 3, 5));
  check_options<T>(1, Shape<3>(2, 3, 40));
  check_options<T>(2, Shape<4>(3, 4, 2, 3));
  check_options<T>(3, Shape<4>(2, 3, 6, 7));
  check_options<T>(4, Shape<4>(1, 2, 50, 45));
}

TEST_CASE("instance norm's gradients agree with differences") {
  BasicInstanceNorm2d<double> layer{.features = 2, .affine = true, .track_running_stats = true};
  layer.weight = numbers<double>({2}, 30);
  CHECK(gradcheck(layer, parameters(layer), numbers<double>({2, 2, 2, 3}, 35)));
  CHECK(gradcheck(layer, parameters(layer), numbers<double>({2, 2, 6, 6}, 35)));
  CHECK(gradcheck(GradcheckOptions{.mode = Mode::eval}, layer, parameters(layer), numbers<double>({2, 2, 6, 6}, 35)));
  CHECK(gradcheck([&](auto x) { return layer(x) * layer(x) + x; }, numbers<double>({2, 2, 2, 3}, 35)));
}

TEST_CASE("instance norm's state has PyTorch's names") {
  CHECK(state_names(InstanceNorm2d{3}) == "");
  CHECK(state_names(InstanceNorm1d{.features = 3, .affine = true}) == "weight* bias*");
  CHECK(state_names(InstanceNorm2d{.features = 3, .track_running_stats = true}) ==
        "running_mean running_var num_batches_tracked");
}

TEST_CASE("instance norm's running statistics are written when the batch is committed") {
  const InstanceNorm1d layer{.features = 1, .track_running_stats = true};
  const Tensor<3> x{{{1, 3}}, {{5, 9}}};
  Context context{Mode::train};
  layer(context(x));
  CHECK(layer.running_mean->value(0) == 0);
  context.commit();
  CHECK(layer.running_mean->value(0) == doctest::Approx(0.1 * (2 + 7) / 2));
  CHECK(layer.running_var->value(0) == doctest::Approx(0.9 + 0.1 * (2 + 8) / 2));
  CHECK(layer.num_batches_tracked->value.item() == 0);
  layer(context(zeros({0, 1, 2})));  // no sample, nothing to remember
  context.commit();
  CHECK(layer.running_mean->value(0) == doctest::Approx(0.1 * (2 + 7) / 2));
}

TEST_CASE("instance norm has the same bits on any number of threads") {
  check_threads(InstanceNorm2d{.features = 12, .affine = true, .track_running_stats = true}, Shape<4>(40, 12, 14, 14));
  check_threads(InstanceNorm2d{.features = 64, .affine = true}, Shape<4>(100, 64, 3, 3));
}

TEST_CASE("instance norm names what does not fit") {
  CHECK(message_of<ShapeError>([] {
          InstanceNorm2d{3}(zeros({5, 4, 2, 2}));
        }) == "InstanceNorm2d: instance_norm: input's axis 1 must be 3: got shape (5, 4, 2, 2)");
  CHECK(message_of<ShapeError>([] {
          InstanceNorm2d{3}(zeros({5, 3, 1, 1}));
        }) ==
        "InstanceNorm2d: instance_norm: each channel of a sample needs more than one value: got shape (5, 3, 1, 1)");
  CHECK(message_of<UsageError>([] {
          InstanceNorm1d{}(zeros({1, 1, 2}));
        }) == "InstanceNorm1d: instance_norm: the layer needs its size, as in InstanceNorm1d{64}: it was made without");
  CHECK(InstanceNorm2d{3}(zeros({0, 3, 8, 8})).shape() == Shape<4>(0, 3, 8, 8));
}

TEST_SUITE_END();
