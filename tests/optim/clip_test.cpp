// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/optim/clip.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "trajectory.hpp"

using namespace kiln;
using trajectory::message_of;

namespace {

constexpr float inf = std::numeric_limits<float>::infinity();

struct Net {
  Param<1> a{zeros({3})};
  Param<2, double> b{zeros<double>({2, 2})};
  Param<1> without{zeros({3})};
  Buffer<1, int> count{Tensor<1, int>{3}};

  Net() {
    a.grad = Tensor<1>{3, -4, 0.5f};
    b.grad = Tensor<2, double>{{1, 2}, {-12, 0.25}};
  }
  std::vector<ParamRef> refs() { return {{"a", a}, {"without", without}, {"b", b}, {"count", count}}; }
};

}  // namespace

TEST_SUITE_BEGIN("optim");

// The numbers come from torch.nn.utils.clip_grad_norm_ and clip_grad_value_ for the gradients above.
TEST_CASE("clip_grad_norm scales all gradients as PyTorch does") {
  Net net;
  CHECK(clip_grad_norm(net.refs(), 1) == doctest::Approx(13.202745857675671).epsilon(1e-7));
  const Tensor<1> a{0.2272254377603531f, -0.30296725034713745f, 0.03787090629339218f};
  const Tensor<2, double> b{{0.07574181424364967, 0.15148362848729935}, {-0.9089017709237961, 0.01893545356091242}};
  for (int i = 0; i < 3; ++i) CHECK(net.a.grad(i) == doctest::Approx(a(i)).epsilon(1e-6));
  for (int i = 0; i < 4; ++i) CHECK(net.b.grad(i / 2, i % 2) == doctest::Approx(b(i / 2, i % 2)).epsilon(1e-7));
  CHECK_FALSE(net.without.has_grad());
  CHECK(grad_norm(net.refs()) == doctest::Approx(1).epsilon(1e-6));
}

TEST_CASE("clip_grad_norm leaves small gradients alone and takes 0 at its word") {
  Net net;
  CHECK(clip_grad_norm(net.refs(), 100) == doctest::Approx(13.202745857675671).epsilon(1e-7));
  CHECK(net.a.grad(1) == -4);
  CHECK(net.b.grad(1, 0) == -12);
  clip_grad_norm(net.refs(), 0);
  CHECK(net.a.grad(1) == 0);
  CHECK(net.b.grad(1, 0) == 0);
  CHECK(grad_norm({}) == 0);
  CHECK(clip_grad_norm({}, 1) == 0);
}

TEST_CASE("clip_grad_norm of floats whose squares are beyond float") {
  Param<1> x{zeros({2})};
  x.grad = Tensor<1>{3e30f, 4e30f};
  std::vector<ParamRef> refs{{"x", x}};
  CHECK(clip_grad_norm(refs, 1) == doctest::Approx(5e30));
  CHECK(x.grad(0) == doctest::Approx(0.6));
}

TEST_CASE("clip_grad_norm shows what is not finite") {
  Param<1> x{zeros({2})};
  std::vector<ParamRef> refs{{"x", x}};
  x.grad = Tensor<1>{1, NAN};
  CHECK(std::isnan(clip_grad_norm(refs, 1)));
  CHECK(std::isnan(x.grad(0)));
  x.grad = Tensor<1>{1, inf};
  CHECK(clip_grad_norm(refs, 1) == inf);
  CHECK(x.grad(0) == 0);
  CHECK(std::isnan(x.grad(1)));
}

TEST_CASE("clip_grad_value moves every element into its limits") {
  Net net;
  clip_grad_value(net.refs(), 2);
  CHECK(net.a.grad(0) == 2);
  CHECK(net.a.grad(1) == -2);
  CHECK(net.a.grad(2) == 0.5f);
  CHECK(net.b.grad(1, 0) == -2);
  CHECK(net.b.grad(1, 1) == 0.25);
  net.a.grad = Tensor<1>{NAN, inf, -inf};
  clip_grad_value(net.refs(), 2);
  CHECK(std::isnan(net.a.grad(0)));
  CHECK(net.a.grad(1) == 2);
  CHECK(net.a.grad(2) == -2);
}

TEST_CASE("limits must make sense") {
  CHECK(message_of([] { clip_grad_norm({}, -1); }) == "clip_grad_norm: max_norm must not be negative: got -1");
  CHECK(message_of([] { clip_grad_norm({}, NAN); }) == "clip_grad_norm: max_norm must not be negative: got nan");
  CHECK(message_of([] { clip_grad_value({}, -1); }) == "clip_grad_value: limit must not be negative: got -1");
}

TEST_SUITE_END();
