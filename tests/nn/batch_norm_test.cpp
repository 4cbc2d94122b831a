// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/nn/batch_norm.hpp>

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/gradcheck.hpp>
#include <kiln/autograd/reduction.hpp>
#include <kiln/nn/activation.hpp>
#include <kiln/nn/sequential.hpp>

#include "norm_cases.hpp"

using namespace kiln;

TEST_SUITE_BEGIN("nn");

namespace {

const Oracle pytorch[] = {
#include "layers.inc"
};

const Oracle pytorch_cases[] = {
#include "batch_norm.inc"
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

TEST_CASE_TEMPLATE("batch norm of images equals PyTorch's", T, float, double) {
  const Shape<4> shapes[] = {{4, 3, 2, 2}, {3, 3, 6, 7}, {2, 5, 1, 1}, {1, 2, 3, 3}, {2, 3, 47, 45}, {70, 9, 3, 3}};
  for (int i = 0; const Shape<4>& shape : shapes) {
    using Layer = BasicBatchNorm2d<T>;
    const std::string name = concat("2d.", i++, ".");
    check_norm<T>(pytorch_cases, name + "0", Layer{shape[1]}, shape);
    check_norm<T>(pytorch_cases, name + "1", Layer{.features = shape[1], .eps = 0.01, .momentum = 0.3}, shape);
    check_norm<T>(pytorch_cases, name + "2", Layer{.features = shape[1], .affine = false}, shape);
    check_norm<T>(pytorch_cases, name + "3", Layer{.features = shape[1], .eps = 0.5, .momentum = 1}, shape);
  }
  const double tolerance = std::is_same_v<T, float> ? 1e-3 : 1e-9;
  check_norm<T>(pytorch_cases, "2d.shifted", BasicBatchNorm2d<T>{3}, Shape<4>(3, 3, 6, 7), 4096, tolerance);
  check_norm<T>(pytorch_cases, "2d.shifted_columns", BasicBatchNorm2d<T>{3}, Shape<4>(4, 3, 2, 2), 4096, tolerance);
}

TEST_CASE_TEMPLATE("batch norm of rows and sequences equals PyTorch's", T, float, double) {
  auto check = [](const std::string& name, const auto& shape) {
    check_norm<T>(pytorch_cases, name, BasicBatchNorm1d<T>{.features = shape[1], .eps = 0.01, .momentum = 0.3}, shape);
  };
  check("1d.0", Shape<2>(4, 3));
  check("1d.1", Shape<2>(70, 21));
  check("1d.2", Shape<3>(2, 3, 5));
  check("1d.3", Shape<3>(3, 4, 40));
}

TEST_CASE("a mean millions of times the deviation loses nothing but its own rounding") {
  // 16777216 +- 2: what is left of a deviation of 2 in float. Sums of squares would lose all of it.
  for (Index side : {1, 3, 8, 50}) {
    const Shape<4> shape(4, 2, side, side);
    Tensor<4> x = full(shape, 16777216);
    for (Index i = 0; i < x.numel(); ++i) x.data()[i] += i / side / side / 2 % 2 ? 2.f : -2.f;  // by sample
    const BatchNorm2d layer{2};
    Context context{Mode::train};
    const auto y = layer(context(x));
    for (Index i = 0; i < x.numel(); ++i)
      CHECK(y.value().data()[i] == doctest::Approx(i / side / side / 2 % 2 ? 1 : -1));
    context.commit();
    const auto n = static_cast<double>(4 * side * side);
    CHECK(layer.running_var.value(0) == doctest::Approx(0.9 + 0.1 * 4 * n / (n - 1)));
  }
}

TEST_CASE("batch norm's gradients agree with differences") {
  BasicBatchNorm2d<double> images{2};
  images.weight = numbers<double>({2}, 30);
  CHECK(gradcheck(images, parameters(images), numbers<double>({2, 2, 3, 2}, 35)));
  CHECK(gradcheck(images, parameters(images), numbers<double>({2, 2, 6, 6}, 35)));
  CHECK(gradcheck(GradcheckOptions{.mode = Mode::eval}, images, parameters(images), numbers<double>({2, 2, 3, 2}, 35)));
  CHECK(gradcheck([&](auto x) { return images(x) * images(x) + x; }, numbers<double>({2, 2, 3, 2}, 35)));
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

TEST_CASE("batch norm of images names what does not fit") {
  const BatchNorm2d layer{3};
  Context context{Mode::train};
  CHECK(message_of<ShapeError>([&] {
          layer(zeros({5, 4, 2, 2}));
        }) == "BatchNorm2d: batch_norm: input's axis 1 must be 3: got shape (5, 4, 2, 2)");
  CHECK(message_of<ShapeError>([&] {
          layer(context(zeros({1, 3, 1, 1})));
        }) == "BatchNorm2d: batch_norm: training needs more than one value of each feature: got shape (1, 3, 1, 1)");
  CHECK(message_of<UsageError>([] {
          BatchNorm2d{}(zeros({1, 1, 1, 1}));
        }) == "BatchNorm2d: batch_norm: the layer needs its size, as in BatchNorm2d{64}: it was made without");
  CHECK(layer(zeros({0, 3, 8, 8})).shape() == Shape<4>(0, 3, 8, 8));
  CHECK(layer(zeros({2, 3, 0, 8})).shape() == Shape<4>(2, 3, 0, 8));
  CHECK(state_names(layer) == "weight* bias* running_mean running_var num_batches_tracked");
}

TEST_CASE("a weight that is frozen gets no gradient, and the input its own") {
  BasicBatchNorm2d<double> layer{2};
  freeze(layer);
  CHECK(gradcheck(layer, numbers<double>({2, 2, 3, 2}, 35)));
  layer.bias->trainable = true;
  Tape tape;
  auto y = layer(tape(numbers<double>({2, 2, 3, 2}, 35)));  // only the bias asks
  differentiate_weighted(tape, y);
  const auto weights = numbers<double>({2, 2, 3, 2}, 99);
  double sum = 0;
  for (Index i : {0, 1, 2, 3, 4, 5, 12, 13, 14, 15, 16, 17}) sum += weights.data()[i];
  CHECK(tape.grad(*layer.bias)(0) == doctest::Approx(sum));
  CHECK(tape.find_grad(&*layer.weight) == nullptr);
}

TEST_CASE("batch norm of images has the same bits on any number of threads") {
  check_threads(BatchNorm2d{12}, Shape<4>(30, 12, 14, 14));
  check_threads(BatchNorm2d{40}, Shape<4>(150, 40, 3, 3));
}

namespace {

/// relu(norm(x) + more), where `more` may be missing, in one pass or one by one.
template <int R, class T, class Norm>
Var<R, T> norm_relu(bool fused, const Norm& norm, const Var<R, T>& x, const Var<R, T>* more) {
  if (fused) return more ? norm.fused(ReLU{}, x, *more) : norm.fused(ReLU{}, x);
  return relu(more ? norm(x) + *more : norm(x));
}

/// y and all gradients, where x may be used twice, or as `more` too.
template <class T, class Norm>
std::vector<T> norm_relu_values(bool fused, const Norm& norm, const Shape<4>& shape, Mode mode, bool sum, bool twice) {
  Tape tape{mode};
  auto start = numbers<T>(shape, 1), added = numbers<T>(shape, 2);
  const Index plane = shape[2] * shape[3];
  start.data()[plane] = added.data()[2 * plane] = std::numeric_limits<T>::quiet_NaN();
  added.data()[0] = -std::numeric_limits<T>::infinity();
  const auto x = tape.variable(start), more = tape.variable(added);
  const auto y = norm_relu(fused, norm, x, sum ? &more : nullptr);
  auto loss = kiln::sum(y * numbers<T>(shape, 3));
  if (twice) loss = loss + kiln::sum(square(norm_relu(fused, norm, x, sum ? &x : nullptr)));
  tape.differentiate(loss);
  std::vector<T> all(y.value().begin(), y.value().end());
  auto add = [&](const auto& grad) { all.insert(all.end(), grad.begin(), grad.end()); };
  add(tape.grad(x));
  add(tape.grad(more));
  add(tape.grad(*norm.weight));
  add(tape.grad(*norm.bias));
  return all;
}

}  // namespace

TEST_CASE_TEMPLATE("batch norm and relu at once have the bits of both on any number of threads", T, float, double) {
  const int before = num_threads();
  for (const Shape<4>& shape : {Shape<4>{4, 3, 2, 2}, {3, 3, 6, 7}, {2, 5, 1, 1}, {2, 4, 47, 45}, {70, 9, 3, 3}}) {
    BasicBatchNorm2d<T> norm{shape[1]};
    norm.weight = numbers<T>({shape[1]}, 30);
    norm.bias = numbers<T>({shape[1]}, 31);
    norm.weight->value.data()[0] = 0;
    norm.bias->value.data()[0] = -T{0};
    for (int which = 0; which < 8; ++which) {
      CAPTURE(shape);
      CAPTURE(which);
      const Mode mode = which & 1 ? Mode::train : Mode::eval;
      const bool sum = which & 2, twice = which & 4;
      const auto expected = norm_relu_values<T>(false, norm, shape, mode, sum, twice);
      for (int threads : {1, 2, 3}) {
        set_num_threads(threads);
        const auto got = norm_relu_values<T>(true, norm, shape, mode, sum, twice);
        auto same = [](T a, T b) { return a == b ? std::signbit(a) == std::signbit(b) : a != a && b != b; };
        CHECK(std::ranges::equal(expected, got, same));
      }
      set_num_threads(before);
    }
  }
}

TEST_CASE("the gradients of batch norm and relu at once agree with differences") {
  BasicBatchNorm2d<double> norm{2};
  norm.weight = numbers<double>({2}, 30);
  for (const Shape<4>& shape : {Shape<4>{2, 2, 3, 2}, {2, 2, 6, 6}}) {
    const auto more = numbers<double>(shape, 36);
    auto sum = [&](const Var<4, double>& x) { return norm.fused(ReLU{}, x, x * more); };
    auto alone = [&](const Var<4, double>& x) { return norm.fused(ReLU{}, x); };
    CHECK(gradcheck(sum, parameters(norm), numbers<double>(shape, 35)));
    CHECK(gradcheck(alone, parameters(norm), numbers<double>(shape, 35)));
  }
}

TEST_CASE("what is added before the relu has the norm's shape") {
  CHECK_THROWS_WITH_AS(BatchNorm2d{2}.fused(ReLU{}, Var<4>(ones({1, 2, 3, 4})), Var<4>(ones({1, 2, 1, 1}))),
                       doctest::Contains("batch_norm: what is added must have shape (1, 2, 3, 4): got (1, 2, 1, 1)"),
                       ShapeError);
}

TEST_CASE("a sequential runs batch norm and relu at once unless an observer looks between them") {
  struct Seen : LayerObserver {
    std::string types;
    explicit Seen(bool between) {
      apart = between;
      left = [](LayerObserver& self, const LayerCall& call, AnyVar&) {
        static_cast<Seen&>(self).types += concat(call.type, " ");
      };
    }
  };
  const Sequential model{BatchNorm2d{3}, ReLU{}};
  for (bool apart : {false, true}) {
    Seen seen(apart);
    Tape tape;
    tape.observe(&seen);
    model(tape(numbers<float>({2, 3, 4, 4}, 1)));
    CHECK(seen.types == (apart ? "BatchNorm2d ReLU Sequential " : "BatchNorm2d+ReLU Sequential "));
  }
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
