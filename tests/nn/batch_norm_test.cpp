// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/nn/batch_norm.hpp>

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/gradcheck.hpp>
#include <kiln/autograd/reduction.hpp>

#include "oracle.hpp"

using namespace kiln;

TEST_SUITE_BEGIN("nn");

namespace {

const Oracle pytorch[] = {
#include "layers.inc"
};

template <class T, int R>
void check_pass(const std::string& name, const BasicBatchNorm1d<T>& layer, const Tensor<R, T>& x, Mode mode,
                double tolerance) {
  Tape tape{mode};
  auto v = tape.variable(x);
  auto y = layer(v);
  check_oracle(pytorch, name, y.value(), tolerance);
  differentiate_weighted(tape, y);
  check_oracle(pytorch, name + ".dx", tape.grad(v), tolerance);
  if (layer.affine) {
    check_oracle(pytorch, name + ".weight", tape.grad(*layer.weight), tolerance);
    check_oracle(pytorch, name + ".bias", tape.grad(*layer.bias), tolerance);
  }
  tape.commit();
}

template <class T, int R>
void check_layer(const std::string& name, BasicBatchNorm1d<T> layer, const Shape<R>& shape, double shift = 0,
                 double tolerance = 0) {
  if (layer.affine) layer.weight = numbers<T>({3}, 30), layer.bias = numbers<T>({3}, 31);
  for (unsigned batch : {1u, 2u}) {
    const Tensor<R, T> x = numbers<T>(shape, 31 + batch) + shift;
    check_pass(concat("batch_norm.", name, ".train", batch), layer, x, Mode::train, tolerance);
  }
  check_oracle(pytorch, concat("batch_norm.", name, ".running_mean"), layer.running_mean.value, tolerance);
  check_oracle(pytorch, concat("batch_norm.", name, ".running_var"), layer.running_var.value, tolerance);
  CHECK(layer.num_batches_tracked.value.item() == 2);
  const Tensor<R, T> x = numbers<T>(shape, 34) + shift;
  check_pass(concat("batch_norm.", name, ".eval"), layer, x, Mode::eval, tolerance);
  check_oracle(pytorch, concat("batch_norm.", name, ".eval"), layer(x).value(), tolerance);  // without a context
  CHECK(layer.num_batches_tracked.value.item() == 2);
}

}  // namespace

TEST_CASE_TEMPLATE("batch norm equals PyTorch's", T, float, double) {
  using Layer = BasicBatchNorm1d<T>;
  check_layer("plain", Layer{3}, Shape<2>(5, 3));
  check_layer("options", Layer{.features = 3, .eps = 0.01, .momentum = 0.3}, Shape<2>(5, 3));
  check_layer("fixed", Layer{.features = 3, .affine = false}, Shape<2>(5, 3));
  check_layer("rank3", Layer{3}, Shape<3>(2, 3, 4));
  check_layer("rank3_one", Layer{3}, Shape<3>(1, 3, 4));
  // With a mean of 4096 even the mean itself is rounded to 2e-4 of the deviation in float.
  check_layer("shifted", Layer{3}, Shape<2>(5, 3), 4096, std::is_same_v<T, float> ? 1e-3 : 1e-9);
}

TEST_CASE("batch norm's gradients agree with differences") {
  BasicBatchNorm1d<double> layer{3};
  layer.weight = numbers<double>({3}, 30);
  CHECK(gradcheck(layer, parameters(layer), numbers<double>({5, 3}, 35)));
  CHECK(gradcheck(layer, parameters(layer), numbers<double>({2, 3, 4}, 35)));
  CHECK(gradcheck(GradcheckOptions{.mode = Mode::eval}, layer, parameters(layer), numbers<double>({5, 3}, 35)));
  CHECK(gradcheck([&](auto x) { return layer(x) * layer(x) + x; }, numbers<double>({5, 3}, 35)));
}

TEST_CASE("a constant feature becomes zero, however large") {
  const BatchNorm1d layer{1};
  Context context{Mode::train};
  for (float value : {0.f, 1e6f, -3e30f}) {
    const auto y = layer(context(full({4, 1}, value)));
    for (float v : y.value()) CHECK(v == 0);
  }
}

TEST_CASE("running statistics are written when the batch is committed, not before") {
  const BatchNorm1d layer{2};
  const Tensor<2> x{{1, 2}, {3, 6}};
  {
    Context context{Mode::train};
    layer(context(x));
    layer(context(x));
    CHECK(layer.num_batches_tracked.value.item() == 0);
    CHECK(layer.running_mean.value(0) == 0);
    context.commit();
    CHECK(layer.num_batches_tracked.value.item() == 2);
    CHECK(layer.running_mean.value(0) == doctest::Approx(2 * (0.1 + 0.09)));
    CHECK(layer.running_var.value(1) == doctest::Approx(0.9 * (0.9 + 0.8) + 0.8));
    context.commit();
    CHECK(layer.num_batches_tracked.value.item() == 2);
  }
  {
    Context dropped{Mode::train};
    layer(dropped(x));
  }
  CHECK(layer.num_batches_tracked.value.item() == 2);
  Tape tape;
  backward(sum(layer(tape(x))));
  CHECK(layer.num_batches_tracked.value.item() == 3);
}

TEST_CASE("batch norm's state has PyTorch's names") {
  auto names = [](BatchNorm1d layer) {
    std::string all;
    for (const ParamRef& tensor : state_tensors(layer)) all += tensor.name + (tensor.trainable() ? "* " : " ");
    return all;
  };
  CHECK(names({2}) == "weight* bias* running_mean running_var num_batches_tracked ");
  CHECK(names({.features = 2, .affine = false}) == "running_mean running_var num_batches_tracked ");
}

TEST_CASE("batch norm names what does not fit") {
  const BatchNorm1d layer{3};
  Context context{Mode::train};
  CHECK(message_of<ShapeError>([&] {
          layer(zeros({5, 4}));
        }) == "BatchNorm1d: batch_norm: input's axis 1 must be 3: got shape (5, 4)");
  CHECK(message_of<ShapeError>([&] {
          layer(context(zeros({1, 3})));
        }) == "BatchNorm1d: batch_norm: training needs more than one value of each feature: got shape (1, 3)");
  CHECK(message_of<ShapeError>([&] {
          layer(context(zeros({0, 3})));
        }) == "BatchNorm1d: batch_norm: training needs more than one value of each feature: got shape (0, 3)");
  CHECK(message_of<UsageError>([] {
          BatchNorm1d{}(zeros({1, 1}));
        }) == "BatchNorm1d: batch_norm: the layer needs its size, as in BatchNorm1d{64}: it was made without");
  CHECK(layer(zeros({1, 3})).shape() == Shape<2>(1, 3));  // eval mode
  CHECK(layer(zeros({0, 3})).shape() == Shape<2>(0, 3));
}

TEST_CASE("batch norm has the same bits on any number of threads") {
  const auto x = numbers<float>({300, 150}, 36);
  auto run = [&](int threads) {
    set_num_threads(threads);
    const BatchNorm1d layer{150};
    Tape tape;
    auto v = tape.variable(x);
    auto y = layer(v);
    differentiate_weighted(tape, y);
    tape.commit();
    return std::tuple(y.value().clone(), tape.grad(v), layer.running_var.value.clone());
  };
  auto same = [](const auto& a, const auto& b) { return std::equal(a.begin(), a.end(), b.begin()); };
  const int before = num_threads();
  const auto one = run(1);
  for (int threads : {2, 3, 7}) {
    const auto several = run(threads);
    CHECK(same(std::get<0>(one), std::get<0>(several)));
    CHECK(same(std::get<1>(one), std::get<1>(several)));
    CHECK(same(std::get<2>(one), std::get<2>(several)));
  }
  set_num_threads(before);
}

TEST_SUITE_END();
