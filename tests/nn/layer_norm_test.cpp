// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/nn/layer_norm.hpp>

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/gradcheck.hpp>

#include "norm_cases.hpp"

using namespace kiln;

TEST_SUITE_BEGIN("nn");

namespace {

const Oracle pytorch[] = {
#include "layer_norm.inc"
};

template <class T, int Axes, int R>
void check_options(int number, const Shape<Axes>& own, const Shape<R>& shape) {
  using Layer = BasicLayerNorm<T, Axes>;
  check_norm<T>(pytorch, concat(number, ".0"), Layer{own}, shape);
  check_norm<T>(pytorch, concat(number, ".1"), Layer{.shape = own, .eps = 0.01}, shape);
  check_norm<T>(pytorch, concat(number, ".2"), Layer{.shape = own, .affine = false}, shape);
}

}  // namespace

TEST_CASE_TEMPLATE("layer norm equals PyTorch's", T, float, double) {
  check_options<T>(0, Shape<1>(6), Shape<2>(4, 6));
  check_options<T>(1, Shape<1>(21), Shape<2>(70, 21));
  check_options<T>(2, Shape<1>(5), Shape<3>(2, 3, 5));
  check_options<T>(3, Shape<1>(5), Shape<1>(5));
  check_options<T>(4, Shape<2>(4, 7), Shape<4>(3, 2, 4, 7));
  check_options<T>(5, Shape<3>(3, 5, 4), Shape<4>(2, 3, 5, 4));
  check_options<T>(6, Shape<3>(3, 30, 31), Shape<4>(2, 3, 30, 31));
  check_options<T>(7, Shape<2>(4, 2), Shape<3>(3, 4, 2));
  const double tolerance = std::is_same_v<T, float> ? 1e-3 : 1e-9;
  check_norm<T>(pytorch, "shifted", BasicLayerNorm<T>{{6}}, Shape<2>(4, 6), 4096, tolerance);
}

TEST_CASE("layer norm's gradients agree with differences") {
  BasicLayerNorm<double, 2> layer{{3, 4}};
  layer.weight = numbers<double>({3, 4}, 30);
  CHECK(gradcheck(layer, parameters(layer), numbers<double>({2, 3, 4}, 35)));
  CHECK(gradcheck(layer, parameters(layer), numbers<double>({2, 2, 3, 4}, 35)));
  CHECK(gradcheck([&](auto x) { return layer(x) * layer(x) + x; }, numbers<double>({2, 3, 4}, 35)));
  freeze(layer);
  CHECK(gradcheck(layer, numbers<double>({2, 3, 4}, 35)));
}

TEST_CASE("layer norm's state has PyTorch's names and the shape that is normalised") {
  CHECK(state_names(LayerNorm{{8}}) == "weight* bias*");
  CHECK(state_names(LayerNorm{.shape = {8}, .affine = false}) == "");
  CHECK(LayerNormOver<3>{{2, 3, 4}}.weight->shape() == Shape<3>(2, 3, 4));
}

TEST_CASE("layer norm has the same bits on any number of threads") {
  check_threads(LayerNorm{{96}}, Shape<2>(500, 96));
  check_threads(LayerNormOver<3>{{4, 30, 30}}, Shape<4>(20, 4, 30, 30));
}

TEST_CASE("layer norm names what does not fit") {
  CHECK(message_of<ShapeError>([] {
          LayerNorm{{3}}(zeros({5, 4}));
        }) == "LayerNorm: layer_norm: input's last axes must be (3,): got shape (5, 4)");
  CHECK(message_of<ShapeError>([] {
          LayerNormOver<2>{{3, 4}}(zeros({3, 5, 4}));
        }) == "LayerNorm: layer_norm: input's last axes must be (3, 4): got shape (3, 5, 4)");
  CHECK(message_of<UsageError>([] {
          LayerNorm{}(zeros({5, 4}));
        }) == "LayerNorm: layer_norm: the layer needs its shape, as in LayerNorm{{64}}: it was made without");
  CHECK(message_of<UsageError>([] {
          LayerNorm{}(zeros({5, 0}));
        }) == "LayerNorm: layer_norm: the layer needs its shape, as in LayerNorm{{64}}: it was made without");
  CHECK(LayerNorm{{3}}(zeros({0, 3})).shape() == Shape<2>(0, 3));
  CHECK(LayerNorm{{1}}(ones({2, 1})).value()(0, 0) == 0);
}

TEST_SUITE_END();
