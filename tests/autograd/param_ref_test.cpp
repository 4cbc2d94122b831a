// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/autograd/param_ref.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <type_traits>

using namespace kiln;

TEST_SUITE_BEGIN("autograd");

TEST_CASE("a ParamRef reads and writes a Param of any rank") {
  Param<2, double> weight = Tensor<2, double>{{1, 2, 3}, {4, 5, 6}};
  ParamRef ref("hidden.weight", weight);
  CHECK(ref.name == "hidden.weight");
  CHECK(ref.is_param());
  CHECK(ref.element_type() == ElementType::f64);
  CHECK(concat(ref.dims()) == "(2, 3)");
  CHECK(ref.numel() == 6);
  CHECK(ref.address() == &weight);
  ref.value<double>()[5] = 60;
  CHECK(weight.value(1, 2) == 60);

  CHECK_FALSE(ref.has_grad());
  CHECK(ref.grad<double>().empty());
  weight.grad = Tensor<2, double>{{1, 1, 1}, {2, 2, 2}};
  CHECK(ref.has_grad());
  CHECK(ref.grad<double>()[3] == 2);
  ref.zero_grad();
  CHECK_FALSE(weight.has_grad());

  CHECK(ref.trainable());
  ref.set_trainable(false);
  CHECK_FALSE(weight.trainable);
}

TEST_CASE("a ParamRef of a Buffer has no gradient and is never trained") {
  Buffer<1, std::int64_t> count = Tensor<1, std::int64_t>{7};
  ParamRef ref("count", count);
  CHECK_FALSE(ref.is_param());
  CHECK(ref.element_type() == ElementType::i64);
  CHECK(ref.value<std::int64_t>()[0] == 7);
  CHECK(ref.grad<std::int64_t>().empty());
  ref.set_trainable(true);
  CHECK_FALSE(ref.trainable());
  ref.zero_grad();
}

TEST_CASE("a ParamRef says what it is asked wrongly for") {
  Param<1> bias = Tensor<1>{1};
  Buffer<0, int> steps = Tensor<0, int>(3);
  ParamRef ref("bias", bias);
  CHECK_THROWS_WITH_AS(ref.value<double>(), "value: bias must be asked for with its own element type: got another",
                       UsageError);
  CHECK_THROWS_WITH_AS(ref.grad<int>(), "grad: bias must be asked for with its own element type: got another",
                       UsageError);
  bool is_float = false;
  ref.visit_type([&](auto t) { is_float = std::is_same_v<decltype(t), float>; });
  CHECK(is_float);
  CHECK_THROWS_WITH_AS(ParamRef("steps", steps).visit_type([](auto) {}),
                       "steps: its elements must be float or double: they are integers", UsageError);
}

TEST_CASE("value and gradient of a ParamRef can be copied and put back") {
  Param<1> p = Tensor<1>{1, 2};
  ParamRef ref("p", p);
  const AnyTensor value = ref.copy_value(), none = ref.copy_grad();
  CHECK(ref.takes(value));
  CHECK_FALSE(ref.takes(none));
  CHECK_FALSE(ref.takes(zeros({3})));
  CHECK_FALSE(ref.takes(zeros<std::int16_t>({1})));
  CHECK(none.empty());
  p.grad = Tensor<1>{3, 4};
  const AnyTensor grad = ref.copy_grad();
  p.value(0) = 100;
  p.grad(0) = 100;
  ref.restore(value, grad);
  CHECK(p.value(0) == 1);
  CHECK(p.grad(0) == 3);
  ref.restore(value, none);
  CHECK_FALSE(p.has_grad());
}

TEST_SUITE_END();
