// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/nn/loss.hpp>

#include <cstdint>

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/gradcheck.hpp>
#include <kiln/autograd/reduction.hpp>

#include "oracle.hpp"

using namespace kiln;

TEST_SUITE_BEGIN("nn");

namespace {

const Oracle pytorch[] = {
#include "loss.inc"
};

template <int R, class T, class Loss, class Target>
void check_loss(const std::string& name, const Loss& loss, const Tensor<R, T>& x, const Target& target) {
  {
    Tape tape;
    auto v = tape.variable(x);
    auto y = loss(v, target);
    static_assert(std::is_same_v<decltype(y), Var<0, T>>);
    check_oracle(pytorch, name, y.value());
    tape.differentiate(y * 3);
    check_oracle(pytorch, name + ".dx", tape.grad(v));
  }
  check_oracle(pytorch, name, loss(x, target).value());  // without a context
  if constexpr (std::is_floating_point_v<typename Target::value_type>) {
    Tape tape;
    auto t = tape.variable(target);
    tape.differentiate(loss(tape(x), t) * 3);
    check_oracle(pytorch, name + ".dt", tape.grad(t));
  }
}

template <int R, class T, class Loss, class Target>
void check_each(const std::string& name, const Loss& loss, const Tensor<R, T>& x, const Target& target) {
  Tape tape;
  auto v = tape.variable(x);
  auto y = loss.each(v, target);
  static_assert(std::is_same_v<decltype(y), Var<Target::rank, T>>);
  check_oracle(pytorch, name, y.value());
  differentiate_weighted(tape, y);
  check_oracle(pytorch, name + ".dx", tape.grad(v));
}

const Tensor<1, int> y6{0, 3, 1, 2, 1, 3};
const Tensor<2, std::int64_t> y3{{0, 3, 1}, {2, 2, 1}};
const std::vector<double> w{0.5, 2, 1, 3};

}  // namespace

TEST_CASE_TEMPLATE("cross entropy equals PyTorch's", T, float, double) {
  const auto x = numbers<T>({6, 4}, 1);
  const auto x3 = numbers<T>({2, 4, 3}, 2);
  check_loss("cross_entropy.mean", CrossEntropy{}, x, y6);
  check_loss("cross_entropy.mean", CrossEntropy{}, x, y6.to<std::uint8_t>());
  check_loss("cross_entropy.sum", CrossEntropy{.reduction = Reduction::sum}, x, y6);
  check_each("cross_entropy.each", CrossEntropy{}, x, y6);
  check_loss("cross_entropy.weight", CrossEntropy{.weight = w}, x, y6);
  check_loss("cross_entropy.weight_sum", CrossEntropy{.weight = w, .reduction = Reduction::sum}, x, y6);
  check_loss("cross_entropy.ignore", CrossEntropy{.ignore_index = 1}, x, y6);
  check_loss("cross_entropy.ignore_weight", CrossEntropy{.ignore_index = 1, .weight = w}, x, y6);
  check_each("cross_entropy.ignore_weight_each", CrossEntropy{.ignore_index = 1, .weight = w}, x, y6);
  check_loss("cross_entropy.rank3", CrossEntropy{}, x3, y3);
  check_loss("cross_entropy.rank3_ignore_weight", CrossEntropy{.ignore_index = 1, .weight = w}, x3, y3);
  check_each("cross_entropy.rank3_each", CrossEntropy{}, x3, y3);
  check_loss("cross_entropy.rank1", CrossEntropy{}, Tensor<1, T>(x.row_view(0)), Tensor<0, int>(3));
  check_loss("cross_entropy.large", CrossEntropy{}, x * 5000, y6);
  check_loss("cross_entropy.all_ignored", CrossEntropy{.ignore_index = 1}, Tensor<2, T>(x.slice_view(0, 2)),
             Tensor<1, int>{1, 1});

  check_loss("cross_entropy.smooth", CrossEntropy{.label_smoothing = 0.1}, x, y6);
  check_loss("cross_entropy.smooth_sum", CrossEntropy{.label_smoothing = 0.1, .reduction = Reduction::sum}, x, y6);
  check_loss("cross_entropy.smooth_one", CrossEntropy{.label_smoothing = 1}, x, y6);
  check_loss("cross_entropy.smooth_weight", CrossEntropy{.label_smoothing = 0.2, .weight = w}, x, y6);
  check_loss("cross_entropy.smooth_weight_sum",
             CrossEntropy{.label_smoothing = 0.2, .weight = w, .reduction = Reduction::sum}, x, y6);
  const CrossEntropy all{.label_smoothing = 0.2, .ignore_index = 1, .weight = w};
  check_loss("cross_entropy.smooth_weight_ignore", all, x, y6);
  check_each("cross_entropy.smooth_weight_ignore_each", all, x, y6);
  check_loss("cross_entropy.rank3_smooth_weight_ignore", all, x3, y3);
}

TEST_CASE_TEMPLATE("a mixture of two cross entropies equals PyTorch's of the mixed target", T, float, double) {
  const Tensor<1, int> other{1, 1, 0, 2, 3, 0};
  for (const auto& [name, loss] : {std::pair("cross_entropy.mixed", CrossEntropy{}),
                                   std::pair("cross_entropy.mixed_smooth", CrossEntropy{.label_smoothing = 0.1})}) {
    Tape tape;
    auto v = tape.variable(numbers<T>({6, 4}, 1));
    auto y = loss(v, y6) * 0.3 + loss(v, other) * 0.7;
    check_oracle(pytorch, name, y.value());
    tape.differentiate(y * 3);
    check_oracle(pytorch, concat(name, ".dx"), tape.grad(v));
  }
}

TEST_CASE_TEMPLATE("NLL equals PyTorch's", T, float, double) {
  const auto x = log_softmax(numbers<T>({6, 4}, 1), 1);
  const auto x3 = log_softmax(numbers<T>({2, 4, 3}, 2), 1);
  check_loss("nll.mean", NLL{}, x, y6);
  check_loss("nll.sum", NLL{.reduction = Reduction::sum}, x, y6);
  check_each("nll.each", NLL{}, x, y6);
  check_loss("nll.weight", NLL{.weight = w}, x, y6);
  check_loss("nll.weight_sum", NLL{.weight = w, .reduction = Reduction::sum}, x, y6);
  check_loss("nll.ignore", NLL{.ignore_index = 1}, x, y6);
  check_loss("nll.ignore_weight", NLL{.ignore_index = 1, .weight = w}, x, y6);
  check_each("nll.ignore_weight_each", NLL{.ignore_index = 1, .weight = w}, x, y6);
  check_loss("nll.rank3", NLL{}, x3, y3);
  check_loss("nll.rank3_ignore_weight", NLL{.ignore_index = 1, .weight = w}, x3, y3);
  check_each("nll.rank3_each", NLL{}, x3, y3);
  check_loss("nll.rank1", NLL{}, Tensor<1, T>(x.row_view(0)), Tensor<0, int>(3));
  check_loss("nll.all_ignored", NLL{.ignore_index = 1}, Tensor<2, T>(x.slice_view(0, 2)), Tensor<1, int>{1, 1});
}

TEST_CASE_TEMPLATE("elementwise losses equal PyTorch's", T, float, double) {
  const auto x = numbers<T>({3, 4}, 3);
  auto t = numbers<T>({3, 4}, 4);
  t(0, 0) = x(0, 0);
  const Tensor<2, T> p = t / 4 + 0.5;
  const auto sum = Reduction::sum;
  check_loss("mse.mean", MSE{}, x, t);
  check_loss("mse.sum", MSE{.reduction = sum}, x, t);
  check_each("mse.each", MSE{}, x, t);
  check_loss("l1.mean", L1{}, x, t);
  check_loss("l1.sum", L1{.reduction = sum}, x, t);
  check_each("l1.each", L1{}, x, t);
  check_loss("huber.mean", Huber{}, x, t);
  check_loss("huber.sum", Huber{.reduction = sum}, x, t);
  check_each("huber.each", Huber{}, x, t);
  check_loss("huber.delta_mean", Huber{.delta = 0.25}, x, t);
  check_loss("huber.delta_sum", Huber{.delta = 0.25, .reduction = sum}, x, t);
  check_each("huber.delta_each", Huber{.delta = 0.25}, x, t);
  check_loss("bce.mean", BCEWithLogits{}, x, p);
  check_loss("bce.sum", BCEWithLogits{.reduction = sum}, x, p);
  check_each("bce.each", BCEWithLogits{}, x, p);
  check_loss("bce.pos.mean", BCEWithLogits{.pos_weight = w}, x, p);
  check_loss("bce.pos.sum", BCEWithLogits{.pos_weight = w, .reduction = sum}, x, p);
  check_each("bce.pos.each", BCEWithLogits{.pos_weight = w}, x, p);
  check_loss("bce.one_pos.mean", BCEWithLogits{.pos_weight = {2}}, x, p);
  check_loss("bce.one_pos.sum", BCEWithLogits{.pos_weight = {2}, .reduction = sum}, x, p);
  check_each("bce.one_pos.each", BCEWithLogits{.pos_weight = {2}}, x, p);
  check_loss("bce.large", BCEWithLogits{}, x * 5000, p);
}

TEST_CASE("gradients agree with differences") {
  const auto x = numbers<double>({6, 4}, 5);
  const Tensor<2, double> t = numbers<double>({6, 4}, 6) / 3;
  CHECK(
      gradcheck([](auto v) { return CrossEntropy{.label_smoothing = 0.3, .ignore_index = 2, .weight = w}(v, y6); }, x));
  CHECK(gradcheck([](auto v) { return nll_loss(v, y6, {.weight = w}); }, x));
  CHECK(gradcheck([](auto v, auto u) { return mse_loss(v, u); }, x, t));
  CHECK(gradcheck([](auto v, auto u) { return l1_loss(v, u); }, x, t));
  CHECK(gradcheck([](auto v, auto u) { return huber_loss(v, u, {.delta = 0.7}); }, x, t));
  CHECK(gradcheck([](auto v, auto u) { return bce_with_logits(v, u, {.pos_weight = w}); }, x, t));
  CHECK(gradcheck([](auto v) { return cross_entropy(v, y6) + cross_entropy(v * v, y6); }, x));  // a value used twice
}

TEST_CASE("cross entropy keeps the small loss of large logits") {
  // log(1 + exp(-1)) both times; max + log(sum) in float would round it to a multiple of 0.001.
  CHECK(cross_entropy(Tensor<2>{{1, 0}}, Tensor<1, int>{0}).item() == doctest::Approx(0.31326169).epsilon(1e-6));
  CHECK(cross_entropy(Tensor<2>{{10001, 10000}}, Tensor<1, int>{0}).item() ==
        doctest::Approx(0.31326169).epsilon(1e-6));
  CHECK(cross_entropy(Tensor<2>{{1e30f, -1e30f}}, Tensor<1, int>{0}).item() == 0);
  CHECK(std::isnan(cross_entropy(Tensor<2>{{NAN, 0}}, Tensor<1, int>{1}).item()));
}

TEST_CASE("a context that is no tape gives losses without gradient") {
  Context context{Mode::train};
  const auto x = numbers<float>({6, 4}, 1);
  const auto loss = cross_entropy(context(x), y6);
  CHECK(loss.context() == &context);
  CHECK(!loss.wants_grad());
  CHECK(loss.item() == cross_entropy(x, y6).item());
}

TEST_CASE("losses of nothing are NaN as a mean and 0 as a sum") {
  const Tensor<2> none = zeros({0, 4});
  CHECK(std::isnan(cross_entropy(none, Tensor<1, int>()).item()));
  CHECK(cross_entropy(none, Tensor<1, int>(), {.reduction = Reduction::sum}).item() == 0);
  CHECK(std::isnan(mse_loss(none, none).item()));
  CHECK(mse_loss(none, none, {.reduction = Reduction::sum}).item() == 0);
  CHECK(bce_with_logits(none, none, {.reduction = Reduction::sum}).item() == 0);
}

TEST_CASE("labels and options that do not fit are refused") {
  const auto x = numbers<float>({6, 4}, 1);
  CHECK(message_of<IndexError>([&] {
          cross_entropy(x, Tensor<1, int>{0, 1, 2, 4, 0, 0});
        }) == "cross_entropy: labels of 4 classes must lie in [0, 4): got 4 in row 3");
  CHECK(message_of<IndexError>([&] {
          nll_loss(x, Tensor<1, int>{0, -1, 2, 3, 0, 0});
        }) == "nll_loss: labels of 4 classes must lie in [0, 4): got -1 in row 1");
  CHECK(message_of<ShapeError>([&] {
          cross_entropy(x, Tensor<1, int>{0, 1});
        }) == "cross_entropy: labels for scores of shape (6, 4) must have shape (6,): got (2,)");
  CHECK(message_of<ShapeError>([&] {
          cross_entropy(numbers<float>({2, 4, 3}, 1), Tensor<2, int>{{0, 1}});
        }) == "cross_entropy: labels for scores of shape (2, 4, 3) must have shape (2, 3): got (1, 2)");
  CHECK(message_of<ShapeError>([&] {
          cross_entropy(x, y6, {.weight = {1, 2}});
        }) == "cross_entropy: weight must have an entry for each of the 4 classes: got 2");
  CHECK(message_of<UsageError>([&] { cross_entropy(x, y6, {.label_smoothing = 1.5}); }) ==
        "cross_entropy: label_smoothing must lie in [0, 1]: got 1.5");
  CHECK(message_of<ShapeError>([&] {
          mse_loss(zeros({3, 1}), zeros({3, 2}));
        }) == "mse_loss: prediction and target must have the same shape: got (3, 1) and (3, 2)");
  CHECK(message_of<UsageError>([&] { huber_loss(x, x, {.delta = 0}); }) == "huber_loss: delta must be positive: got 0");
  CHECK(message_of<ShapeError>([&] {
          bce_with_logits(x, x, {.pos_weight = {1, 2, 3}});
        }) == "bce_with_logits: pos_weight must have 1 or 4 entries: got 3");
  // An ignored label may lie outside, as padding does.
  CHECK(cross_entropy(x, Tensor<1, int>{0, 3, 1, 2, 1, -100}).item() > 0);
}

TEST_CASE("losses have the same bits on any number of threads") {
  const auto x = numbers<float>({3000, 40}, 7);
  auto y = zeros<int>({3000});
  for (Index i = 0; i < 3000; ++i) y(i) = static_cast<int>(i * i % 40);
  auto run = [&](int threads) {
    set_num_threads(threads);
    Tape tape;
    auto v = tape.variable(x);
    auto loss = cross_entropy(v, y, {.label_smoothing = 0.1});
    tape.differentiate(loss);
    return std::pair(loss.item(), tape.grad(v));
  };
  const int before = num_threads();
  const auto [loss, gradient] = run(1);
  for (int threads : {2, 3, 7}) {
    const auto [other_loss, other_gradient] = run(threads);
    CHECK(loss == other_loss);
    CHECK(std::equal(gradient.begin(), gradient.end(), other_gradient.begin()));
  }
  set_num_threads(before);
}

TEST_SUITE_END();
