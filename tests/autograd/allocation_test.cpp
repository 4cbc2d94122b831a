// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// In the steady state a training step asks the system for no memory: this file counts every call of operator new in
// the whole executable. Sanitizers have an operator new of their own, under which the pool keeps nothing.
#include <kiln/core/memory.hpp>

#include <doctest/doctest.h>

#include <kiln/autograd/arithmetic.hpp>
#include <kiln/autograd/convolution.hpp>
#include <kiln/autograd/einsum.hpp>
#include <kiln/autograd/linear_algebra.hpp>
#include <kiln/autograd/reduction.hpp>
#include <kiln/autograd/shaping.hpp>

#include "../count_allocations.inc"

#ifndef KILN_TEST_SANITIZED

using namespace kiln;

TEST_SUITE_BEGIN("autograd");

namespace {

struct Mlp {
  Param<2> w1 = full({64, 100}, 0.01f);
  Param<1> b1 = zeros({64});
  Param<2> w2 = full({10, 64}, 0.02f);
  Param<1> b2 = zeros({10});
  auto operator()(const Var<2>& x) const { return linear(relu(linear(x, w1, b1)), w2, b2); }
};

template <class P>
void update(P& param) {
  param.value -= 0.01 * param.grad;
  param.zero_grad();
}

/// How often operator new is called in the third of three calls.
template <class Step>
long allocations_of_third(Step step) {
  step();
  step();
  const long before = allocations;
  step();
  return allocations - before;
}

}  // namespace

TEST_CASE("the counter counts") {
  const long before = allocations;
  delete new int;
  CHECK(allocations == before + 1);
}

TEST_CASE("in the steady state a step of training makes no heap allocation") {
  Mlp model;
  const Tensor<2> x = full({32, 100}, 0.5f);
  const Tensor<2, Index> target = full<Index>({32, 1}, 3);
  CHECK(allocations_of_third([&] {
          Tape tape;
          auto loss = -mean(gather(log_softmax(model(tape(x))), 1, target));
          backward(loss);
          update(model.w1), update(model.b1), update(model.w2), update(model.b2);
        }) == 0);
}

TEST_CASE("nor do the other operations in theirs") {
  Param<3> w = full({4, 8, 8}, 0.1f);
  const Tensor<3> x = full({4, 8, 8}, 0.5f);
  CHECK(allocations_of_third([&] {
          Tape tape;
          auto y = tanh(matmul(tape(x), w)) + permute(tape(x) * w, {0, 2, 1});
          auto z = concat_axis(0, slice(y, 0, 0, 2), exp(slice(y, 0, 2, 4)));
          tape.defer([&] { w.value *= 1.0f; });
          backward(sum(einsum<"bij,bjk->bik">(z, w)) + mean(var(flatten(y), 1)));
          update(w);
        }) == 0);
}

TEST_CASE("nor do convolutions") {
  const int before = num_threads();
  set_num_threads(1);  // of two threads, one may do all the work at first, and need fewer buffers
  Param<4> w = full({6, 3, 3, 3}, 0.1f), up = full({6, 2, 3, 3}, 0.1f);
  Param<1> b = zeros({6});
  for (Index samples : {2, 20}) {  // by im2col, and directly
    const Tensor<4> x = full({samples, 3, 9, 9}, 0.5f);
    CHECK(allocations_of_third([&] {
            Tape tape;
            auto y = conv2d(tape.variable(x.clone()), w, b, {.stride = 2, .padding = 1});
            auto z = conv_transpose2d(relu(y), up, {.stride = 2});
            backward(mean(flatten(z)));
            update(w), update(b), update(up);
          }) == 0);
  }
  set_num_threads(before);
}

TEST_SUITE_END();

#endif
