// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// Chapter 2: the forward and the backward pass, by hand.
//
// You learn  what a network computes, and how the chain rule, applied from the loss back to the input, gives the
//            gradient of every weight; that a layer is a pair of functions, forward and backward; that a tape does the
//            same without being told; how to check a gradient that you wrote yourself.
// Look at    the three backward functions: each is a line or two, and together they are backpropagation.
// Follows    fast.ai, Deep Learning from the Foundations, lesson 8, notebook 02_fully_connected:
//            https://course19.fast.ai/videos/?lesson=8

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/gradcheck.hpp>
#include <kiln/autograd/linear_algebra.hpp>
#include <kiln/autograd/reduction.hpp>
#include <kiln/autograd/shaping.hpp>
#include <kiln/data/mnist.hpp>
#include <kiln/linalg/einsum.hpp>
#include <kiln/tensor/random.hpp>

#include "course/course.hpp"

using namespace kiln;
using namespace course;

namespace {

// In all that follows dx means dLoss/dx: by how much the loss grows if x grows. N images, I inputs, O outputs.

// As functions: forward, and backward for each.

// x (N, I), w (I, O), b (O) give y (N, O).
Tensor<2> lin(const Tensor<2>& x, const Tensor<2>& w, const Tensor<1>& b) { return matmul(x, w) + b; }

Tensor<2> rectify(const Tensor<2>& x) { return maximum(x, 0.0f); }

// The network's one output for each image, out (N, 1), shall be the digit itself, target (N). That is no good way to
// recognise digits (chapter 5 has a better one), but its gradient is as simple as one can be.
float squared_error(const Tensor<2>& out, const Tensor<1>& target) {
  return mean(square(out.reshape({-1}) - target)).item();
}

// The loss is the mean over N of (out - target)^2, so it grows with each out by 2 (out - target) / N.
Tensor<2> squared_error_backward(const Tensor<2>& out, const Tensor<1>& target) {
  return 2.0f * (out - target.reshape({-1, 1})) / static_cast<float>(out.size(0));
}

// What was let through passes the gradient on; what was cut off has none.
Tensor<2> rectify_backward(const Tensor<2>& x, const Tensor<2>& dy) { return where(x > 0.0f, dy, 0.0f); }

// y[n, o] is the sum over i of x[n, i] w[i, o], plus b[o]. So w[i, o] counts x[n, i] times for every image n, b[o]
// once, and x[n, i] counts w[i, o] times for every output o.
struct LinGradients {
  Tensor<2> dx;
  Tensor<2> dw;
  Tensor<1> db;
};
LinGradients lin_backward(const Tensor<2>& x, const Tensor<2>& w, const Tensor<2>& dy) {
  return {einsum<"no,io->ni">(dy, w), einsum<"ni,no->io">(x, dy), sum(dy, 0)};
}

// As layers: what the backward function needs is kept from the forward one.

struct Lin {
  Tensor<2> w;
  Tensor<1> b;
  Tensor<2> dw{};
  Tensor<1> db{};
  Tensor<2> x{};

  Tensor<2> forward(const Tensor<2>& input) {
    x = input;
    return lin(x, w, b);
  }
  Tensor<2> backward(const Tensor<2>& dy) {
    dw = matmul(x, dy, {.transpose_a = true});
    db = sum(dy, 0);
    return matmul(dy, w, {.transpose_b = true});
  }
};

struct Relu {
  Tensor<2> x{};

  Tensor<2> forward(const Tensor<2>& input) { return rectify(x = input); }
  Tensor<2> backward(const Tensor<2>& dy) const { return rectify_backward(x, dy); }
};

struct Mse {
  Tensor<2> out{};
  Tensor<1> target{};

  float forward(const Tensor<2>& result, const Tensor<1>& wanted) {
    out = result;
    target = wanted;
    return squared_error(out, target);
  }
  Tensor<2> backward() const { return squared_error_backward(out, target); }
};

struct Net {
  Lin first;
  Relu relu{};
  Lin second;
  Mse mse{};

  float forward(const Tensor<2>& x, const Tensor<1>& target) {
    return mse.forward(second.forward(relu.forward(first.forward(x))), target);
  }
  Tensor<2> backward() { return first.backward(relu.backward(second.backward(mse.backward()))); }
};

// As an operation of the library's tape.

// `record` takes the result and the backward function; the gradients of the inputs are added up, because an input may
// be used more than once. In double here, so that the check below can be strict.
using Matrix = Var<2, double>;
using Vector = Var<1, double>;

Matrix my_linear(const Matrix& x, const Matrix& w, const Vector& b) {
  auto backward = [x, w](const Tensor<2, double>& dy, auto& dx, auto& dw, auto& db) {
    dx += matmul(dy, w.value(), {.transpose_b = true});
    dw += matmul(x.value(), dy, {.transpose_a = true});
    db += sum(dy, 0);
  };
  return record("my_linear", matmul(x.value(), w.value()) + b.value(), backward, x, w, b);
}

// With a mistake: the bias gets the mean over the batch instead of the sum.
Matrix my_wrong_linear(const Matrix& x, const Matrix& w, const Vector& b) {
  auto backward = [x, w](const Tensor<2, double>& dy, auto& dx, auto& dw, auto& db) {
    dx += matmul(dy, w.value(), {.transpose_b = true});
    dw += matmul(x.value(), dy, {.transpose_a = true});
    db += mean(dy, 0);
  };
  return record("my_wrong_linear", matmul(x.value(), w.value()) + b.value(), backward, x, w, b);
}

// -----------------------------------------------------------------------------------------------------------------------

template <int R>
void say_moments(std::string_view what, const Tensor<R>& x) {
  say(left(what, 36), " mean ", fixed(mean(x).item(), 2), "  std ", fixed(stddev(x).item(), 2));
}

void chapter(const Options& options) {
  manual_seed(1);

  heading("The images, normalised");
  auto data = mnist({.normalise = Normalise{}});
  const auto raw = first_samples(data.train.dataset(), options.quick ? 1000 : 50'000);
  Tensor<2> x = raw.x.reshape({raw.x.size(0), 28 * 28});
  const Tensor<1> target = raw.y.to<float>();
  say("x ", x.shape(), ", target ", target.shape());
  say_moments("as they are, from 0 to 1:", x);
  const float average = mean(x).item(), deviation = stddev(x).item();
  x = (x - average) / deviation;  // the validation set would be treated with these same two numbers
  say_moments("normalised:", x);

  heading("Forward");
  // Weights divided by the square root of how many numbers are added up keep the result at the input's scale:
  // chapter 3.
  const Tensor<2> w1 = randn({784, 50}) / std::sqrt(784.0f);
  const Tensor<1> b1 = zeros({50});
  const Tensor<2> w2 = randn({50, 1}) / std::sqrt(50.0f);
  const Tensor<1> b2 = zeros({1});
  const Tensor<2> l1 = lin(x, w1, b1);
  const Tensor<2> l2 = rectify(l1);
  const Tensor<2> out = lin(l2, w2, b2);
  const float loss = squared_error(out, target);
  say_moments("first layer:", l1);
  say_moments("behind relu, which cuts off half:", l2);
  say("loss ", fixed(loss, 1), ": the mean square of the digits themselves, ", fixed(mean(square(target)).item(), 1),
      ", because nothing is learnt yet");

  heading("Backward, from the loss to the first weight");
  const Tensor<2> dout = squared_error_backward(out, target);
  const auto [dl2, dw2, db2] = lin_backward(l2, w2, dout);
  const Tensor<2> dl1 = rectify_backward(l1, dl2);
  const auto [dx, dw1, db1] = lin_backward(x, w1, dl1);
  say("dout ", dout.shape(), "  dl2 ", dl2.shape(), "  dw2 ", dw2.shape(), "  db2 ", db2.shape(), "  dl1 ", dl1.shape(),
      "  dx ", dx.shape(), "  dw1 ", dw1.shape(), "  db1 ", db1.shape());
  say("each gradient has the shape of what it belongs to");

  heading("Is it right? Move one weight and look at the loss");
  const Index pixel = 14 * 28 + 14, unit = 7;  // a pixel in the middle, and any hidden unit
  auto loss_if_moved = [&](float by) {
    Tensor<2> moved = w1;
    moved(pixel, unit) += by;
    return squared_error(lin(rectify(lin(x, moved, b1)), w2, b2), target);
  };
  const float step = 0.05f;
  say("the weight ", fixed(step, 2), " more: loss ", fixed(loss_if_moved(step), 3), ", as much less: loss ",
      fixed(loss_if_moved(-step), 3));
  say("slope by difference ", fixed((loss_if_moved(step) - loss_if_moved(-step)) / (2 * step), 2), ", by backward ",
      fixed(dw1(pixel, unit), 2));

  heading("The same as layers");
  Net net{.first = {w1, b1}, .second = {w2, b2}};
  require(net.forward(x, target) == loss, "the layers compute the same loss");
  const Tensor<2> net_dx = net.backward();
  agree("dw1: layers and functions", net.first.dw, dw1, 1e-4);
  agree("db1: layers and functions", net.first.db, db1, 1e-4);
  agree("dx:  layers and functions", net_dx, dx, 1e-8);

  heading("The same by the library's tape, to which nobody told a gradient");
  {
    Tape tape;
    auto vw1 = tape.variable(w1), vw2 = tape.variable(w2), vx = tape.variable(x);
    auto vb1 = tape.variable(b1), vb2 = tape.variable(b2);
    auto result = matmul(relu(matmul(vx, vw1) + vb1), vw2) + vb2;
    auto tape_loss = mean(square(reshape(result, Shape<1>{-1}) - target));
    tape.differentiate(tape_loss);
    say("loss ", fixed(tape_loss.value().item(), 1));
    agree("dw1: tape and functions", tape.grad(vw1), dw1, 1e-4);
    agree("db1: tape and functions", tape.grad(vb1), db1, 1e-4);
    agree("dw2: tape and functions", tape.grad(vw2), dw2, 1e-4);
    agree("db2: tape and functions", tape.grad(vb2), db2, 1e-4);
    agree("dx:  tape and functions", tape.grad(vx), dx, 1e-8);
  }

  heading("A gradient of one's own, checked: gradcheck moves every element as we moved one");
  const auto some_x = randn<double>({3, 4}), some_w = randn<double>({4, 2});
  const auto some_b = randn<double>({2});
  const GradcheckReport right_one = gradcheck(my_linear, some_x, some_w, some_b);
  require(static_cast<bool>(right_one), right_one.text());
  say("my_linear: ", right_one.checked, " gradients agree");
  const GradcheckReport wrong_one = gradcheck(my_wrong_linear, some_x, some_w, some_b);
  require(!wrong_one, "gradcheck finds the mistake");
  say("my_wrong_linear: in ", wrong_one.input, " (x is 0, w is 1, b is 2) the tape says ", fixed(wrong_one.analytic, 3),
      ", the differences ", fixed(wrong_one.numeric, 3));
  say("their ratio is ", fixed(wrong_one.numeric / wrong_one.analytic, 1),
      ", the size of the batch: a mean where a sum should be");
}

}  // namespace

int main(int count, char** words) { return run(count, words, chapter); }
