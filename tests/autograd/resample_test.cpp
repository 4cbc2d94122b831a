// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/autograd/resample.hpp>

#include <doctest/doctest.h>

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/gradcheck.hpp>

using namespace kiln;

TEST_SUITE_BEGIN("autograd");

namespace {

std::vector<float> values(const Var<4>& y) { return {y.value().begin(), y.value().end()}; }

}  // namespace

TEST_CASE("padding by hand") {
  const Var<4> x(Tensor<4>{{{{1, 2, 3}, {4, 5, 6}}}});
  CHECK(values(pad2d(x, {1, 0, 0, 1})) == std::vector<float>{0, 1, 2, 3, 0, 4, 5, 6, 0, 0, 0, 0});
  CHECK(values(pad2d(x, {2, 1, 1, 0}, PadMode::reflect)) ==
        std::vector<float>{6, 5, 4, 5, 6, 5, 3, 2, 1, 2, 3, 2, 6, 5, 4, 5, 6, 5});
  CHECK(values(pad2d(x, {2, 0, 1, 0}, PadMode::replicate)) ==
        std::vector<float>{1, 1, 1, 2, 3, 1, 1, 1, 2, 3, 4, 4, 4, 5, 6});
}

TEST_CASE("upsampling by hand") {
  const Var<4> x(Tensor<4>{{{{1, 3}}}});
  CHECK(values(upsample(x, {.scale = 2})) == std::vector<float>{1, 1, 3, 3, 1, 1, 3, 3});
  CHECK(values(upsample(x, {.size = {1, 4}, .mode = Interpolation::bilinear})) == std::vector<float>{1, 1.5, 2.5, 3});
  CHECK(values(upsample(x, {.size = {1, 5}, .mode = Interpolation::bilinear, .align_corners = true})) ==
        std::vector<float>{1, 1.5, 2, 2.5, 3});
  CHECK(values(upsample(x, {.size = 1})) == std::vector<float>{1});
}

TEST_CASE("gradients of padding and upsampling agree with differences where an input is used twice") {
  const Tensor<4, double> x{{{{1, 2, 3}, {4, 5, 6}}}};
  CHECK(gradcheck([](auto v) { return pad2d(v, 1) * pad2d(v, 1, PadMode::reflect); }, x));
  CHECK(gradcheck([](auto v) { return upsample(v, {.scale = 2}) * pad2d(v, {1, 2, 1, 1}, PadMode::replicate); }, x));
}

TEST_CASE("padding and upsampling of constants record nothing") {
  Tape tape;
  CHECK_FALSE(pad2d(tape(ones({1, 1, 2, 2})), 1).wants_grad());
  CHECK(upsample(tape(ones({1, 1, 2, 2})), {.scale = 2}).context() == &tape);
}

TEST_SUITE_END();
