// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/autograd/gradcheck.hpp>

#include <doctest/doctest.h>

#include <string>

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/linear_algebra.hpp>

using namespace kiln;

TEST_SUITE_BEGIN("autograd");

namespace {

using Matrix = Tensor<2, double>;

const Matrix a{{0.5, -1.25, 2}, {3, 0.125, -0.75}};
const Matrix b{{1.5, 2.5, -3}, {0.25, 4, -1}};

/// x cubed with the gradient of `factor` x squared.
template <class T>
Var<2, T> cube(const Var<2, T>& x, double factor) {
  return record(
      "cube", x.value() * x.value() * x.value(),
      [x, factor](const auto& dy, auto& dx) { dx += factor * square(x.value()) * dy; }, x);
}

struct Model {
  Param<2, double> weight = Matrix{{0.5, -1}, {0.25, 2}, {1, -0.5}};
  Param<1, double> bias = Tensor<1, double>{0.125, -0.25, 0.5};
  auto operator()(const Var<2, double>& x) const { return tanh(linear(x, weight, bias)); }
  std::vector<ParamRef> params() { return {{"weight", weight}, {"bias", bias}}; }
};

}  // namespace

TEST_CASE("gradcheck accepts right gradients of results of any rank") {
  auto report = gradcheck([](auto x, auto y) { return x * y + exp(x) / y; }, a, b);
  CHECK(report);
  CHECK(report.checked == 12);
  CHECK(report.worst < 1);
  CHECK(gradcheck([](auto x) { return square(x); }, Tensor<0, double>(3)));
  CHECK(gradcheck([](auto x) { return cube(x, 3); }, a));
}

TEST_CASE("gradcheck finds wrong gradients") {
  auto report = gradcheck([](auto x) { return cube(x, 3.0001); }, a);
  CHECK_FALSE(report);
  CHECK(report.input == "input 0");
  CHECK(report.worst > 1);
  CHECK(report.text().starts_with("gradcheck: a gradient is wrong: input 0 at ("));

  SUBCASE("of the second input alone") {
    auto second = gradcheck([](auto x, auto y) { return x + cube(y, -3); }, a, b);
    CHECK_FALSE(second);
    CHECK(second.input == "input 1");
  }
  SUBCASE("which are permuted") {
    CHECK_FALSE(gradcheck(
        [](const Var<2, double>& x) {
          return record(
              "flip", transpose(x.value()),
              [](const auto& dy, auto& dx) {
                dx += dy.reshape({2, 3});
              },
              x);
        },
        a));
  }
  SUBCASE("which are missing") {
    auto detached = gradcheck([](auto x) { return square(detach(x)); }, Matrix{{2}});
    CHECK_FALSE(detached);
    CHECK(detached.analytic == 0);
    CHECK(detached.numeric == doctest::Approx(2 * 2));
  }
  SUBCASE("which are NaN") {
    auto nan = gradcheck([](auto x) { return cube(x, std::nan("")); }, Matrix{{2}});
    CHECK_FALSE(nan);
    CHECK(nan.text().find("nan on the tape") != std::string::npos);
  }
}

TEST_CASE("gradcheck's text") {
  GradcheckReport report{
      .checked = 6, .worst = 0.5, .input = "input 0", .position = {1, 2}, .analytic = 0.25, .numeric = 0.5};
  CHECK(report.text() ==
        "gradcheck: 6 gradients agree; worst: input 0 at (1, 2): 0.25 on the tape, 0.5 by differences");
  report.worst = 2;
  CHECK(report.text() == "gradcheck: a gradient is wrong: input 0 at (1, 2): 0.25 on the tape, 0.5 by differences");
  CHECK(gradcheck([](auto x) { return exp(x); }, Tensor<2, double>()).text() ==
        "gradcheck: there was no element to compare");
}

TEST_CASE("gradcheck of a model's parameters") {
  Model model;
  const Model before = model;
  const Matrix x{{1, 2}, {-0.5, 0.75}};
  auto report = gradcheck(model, model.params(), x);
  CHECK(report);
  CHECK(report.checked == 4 + 6 + 3);
  CHECK(gradcheck([&](Context& context) { return model(context(x)); }, model.params()).checked == 6 + 3);

  CHECK(all_equal(model.weight.value, before.weight.value));
  CHECK(all_equal(model.bias.value, before.bias.value));
  CHECK_FALSE(model.weight.has_grad());

  model.weight.trainable = false;
  CHECK(gradcheck(model, model.params(), x).checked == 4 + 3);
}

TEST_CASE("gradcheck of a wrong gradient names the parameter") {
  Model model;
  auto wrong = [&](Context& context) {
    auto product = linear(context(Matrix{{1, 2}}), model.weight);
    return record(
        "wrong", product.value() + model.bias.value, [](const auto& dy, auto& dp, auto& db) { dp += dy, db += 2 * dy; },
        product, detail::to_var(&context, model.bias));
  };
  auto report = gradcheck(wrong, model.params());
  CHECK_FALSE(report);
  CHECK(report.input == "bias");
}

TEST_CASE("gradcheck gives every call the same random numbers and the mode of the options") {
  auto noise = [](const auto& x) {
    auto r = zeros<double>(x.shape());
    auto stream = x.context()->random();
    stream.fill_uniform(r.span(), 0, 1);
    return x * x * r;
  };
  CHECK(gradcheck(noise, a));
  Mode mode{};
  auto see_mode = [&](auto x) { return mode = x.mode(), exp(x); };
  CHECK(gradcheck(see_mode, a));
  CHECK(mode == Mode::train);
  CHECK(gradcheck({.mode = Mode::eval}, see_mode, a));
  CHECK(mode == Mode::eval);
}

TEST_CASE("gradcheck never commits what a layer defers, and puts everything back when the function throws") {
  int written = 0;
  CHECK(gradcheck([&](auto x) { return x.context()->defer([&] { ++written; }), exp(x); }, a));
  CHECK(written == 0);

  Model model;
  const Model before = model;
  int calls = 0;
  auto throws = [&](auto x) {
    if (++calls == 4) throw Error("enough");
    return model(x);
  };
  CHECK_THROWS_WITH_AS(gradcheck(throws, model.params(), a.reshape({3, 2})), "enough", Error);
  CHECK(all_equal(model.weight.value, before.weight.value));
}

TEST_CASE("gradcheck in float has tolerances that it can keep") {
  Tensor<2> x = a.to<float>(), y = b.to<float>();
  CHECK(gradcheck([](auto u, auto v) { return tanh(u * v) + exp(u) / v; }, x, y));
  CHECK_FALSE(gradcheck([](auto u) { return cube(u, 3.1); }, x));
}

TEST_CASE("gradcheck says what it cannot check") {
  double count = 0;
  CHECK_THROWS_WITH_AS(
      gradcheck([&](auto x) { return x * ++count; }, Tensor<0, double>(-1)),
      "gradcheck: the function must give the same result for the same input; random numbers must come from "
      "the context: got -2 and -3",
      UsageError);
  Param<1> bias = Tensor<1>{1};
  Model model;
  CHECK_THROWS_WITH_AS(gradcheck(model, {{"head.bias", bias}}, a.reshape({3, 2})),
                       "gradcheck: head.bias must have the element type of the result, double: it has another",
                       UsageError);
}

TEST_SUITE_END();
