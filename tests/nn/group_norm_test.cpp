// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/nn/group_norm.hpp>

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/gradcheck.hpp>

#include "norm_cases.hpp"

using namespace kiln;

TEST_SUITE_BEGIN("nn");

namespace {

const Oracle pytorch[] = {
#include "group_norm.inc"
};

template <class T, int R>
void check_groups(int number, const Shape<R>& shape) {
  using Layer = BasicGroupNorm<T>;
  for (Index groups : {1, 3, 6, 12}) {
    const std::string name = concat(number, ".", groups, ".");
    check_norm<T>(pytorch, name + "0", Layer{.groups = groups, .channels = 12, .eps = 0.01}, shape);
    check_norm<T>(pytorch, name + "1", Layer{.groups = groups, .channels = 12, .affine = false}, shape);
  }
}

}  // namespace

TEST_CASE_TEMPLATE("group norm equals PyTorch's", T, float, double) {
  check_groups<T>(0, Shape<2>(4, 12));
  check_groups<T>(1, Shape<3>(3, 12, 5));
  check_groups<T>(2, Shape<4>(3, 12, 2, 3));
  check_groups<T>(3, Shape<4>(2, 12, 6, 7));
  check_groups<T>(4, Shape<4>(1, 12, 20, 21));
  check_groups<T>(5, Shape<3>(70, 12, 2));
  const double tolerance = std::is_same_v<T, float> ? 1e-3 : 1e-9;
  check_norm<T>(pytorch, "shifted", BasicGroupNorm<T>{3, 12}, Shape<4>(2, 12, 6, 7), 4096, tolerance);
}

TEST_CASE("group norm's gradients agree with differences") {
  BasicGroupNorm<double> layer{.groups = 2, .channels = 4};
  layer.weight = numbers<double>({4}, 30);
  CHECK(gradcheck(layer, parameters(layer), numbers<double>({2, 4, 2, 3}, 35)));
  CHECK(gradcheck(layer, parameters(layer), numbers<double>({2, 4, 6, 6}, 35)));
  CHECK(gradcheck([&](auto x) { return layer(x) * layer(x) + x; }, numbers<double>({2, 4, 6, 6}, 35)));
  freeze(layer);
  CHECK(gradcheck(layer, numbers<double>({2, 4, 2, 3}, 35)));
  CHECK(gradcheck(layer, numbers<double>({2, 4, 6, 6}, 35)));
}

TEST_CASE("group norm's state has PyTorch's names") {
  CHECK(state_names(GroupNorm{2, 8}) == "weight* bias*");
  CHECK(state_names(GroupNorm{.groups = 2, .channels = 8, .affine = false}) == "");
}

TEST_CASE("group norm has the same bits on any number of threads") {
  check_threads(GroupNorm{4, 12}, Shape<4>(40, 12, 14, 14));
  check_threads(GroupNorm{8, 64}, Shape<4>(100, 64, 3, 3));
}

TEST_CASE("group norm names what does not fit") {
  CHECK(message_of<UsageError>([] {
          GroupNorm{.groups = 5, .channels = 12}(zeros({2, 12}));
        }) == "GroupNorm: group_norm: the groups must divide the channels: got 5 groups of 12 channels");
  CHECK(message_of<UsageError>([] {
          GroupNorm{.groups = -2, .channels = 12}(zeros({2, 12}));
        }) == "GroupNorm: group_norm: the groups must divide the channels: got -2 groups of 12 channels");
  CHECK(message_of<UsageError>([] {
          GroupNorm{4}(zeros({2, 12}));
        }) ==
        "GroupNorm: group_norm: the layer needs its sizes, as in GroupNorm{.groups = 4, .channels = 64}: got 4 groups "
        "of 0 channels");
  CHECK(message_of<ShapeError>([] {
          GroupNorm{3, 12}(zeros({2, 11, 4, 4}));
        }) == "GroupNorm: group_norm: input's axis 1 must be 12: got shape (2, 11, 4, 4)");
  CHECK(GroupNorm{3, 12}(zeros({0, 12, 8, 8})).shape() == Shape<4>(0, 12, 8, 8));
  CHECK(GroupNorm{3, 12}(zeros({2, 12, 0})).shape() == Shape<3>(2, 12, 0));
}

TEST_SUITE_END();
