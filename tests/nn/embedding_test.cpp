// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/nn/embedding.hpp>

#include <kiln/autograd/gradcheck.hpp>
#include <kiln/autograd/reduction.hpp>
#include <kiln/nn/activation.hpp>
#include <kiln/nn/linear.hpp>
#include <kiln/nn/sequential.hpp>

#include "oracle.hpp"

using namespace kiln;

TEST_SUITE_BEGIN("nn");

namespace {

const Oracle pytorch[] = {
#include "embedding.inc"
};

template <class T, int R, class I>
void check_layer(const std::string& name, BasicEmbedding<T> layer, const Tensor<R, I>& indices) {
  layer.weight = numbers<T>({5, 3}, 60);
  Tape tape;
  auto y = layer(tape(indices));
  check_oracle(pytorch, name, y.value());
  check_oracle(pytorch, name, layer(indices).value());  // without a context
  differentiate_weighted(tape, y);
  check_oracle(pytorch, name + ".weight", tape.grad(layer.weight));
}

}  // namespace

TEST_CASE_TEMPLATE("an embedding equals PyTorch's", T, float, double) {
  using Layer = BasicEmbedding<T>;
  check_layer("vector", Layer{5, 3}, Tensor<1, int>{2, 0, 2, 4, 2});
  check_layer("vector", Layer{5, 3}, Tensor<1, std::uint8_t>{2, 0, 2, 4, 2});
  check_layer("matrix", Layer{5, 3}, Tensor<2, std::int64_t>{{1, 3, 1}, {0, 1, 4}});
  check_layer("scalar", Layer{5, 3}, Tensor<0, int>(3));
  check_layer("padded", Layer{.count = 5, .size = 3, .padding_idx = 1}, Tensor<2, int>{{1, 3, 1}, {0, 1, 4}});
}

TEST_CASE("the gradient of an embedding agrees with differences, and is added where it is used twice") {
  BasicEmbedding<double> layer{5, 3};
  const Tensor<1, int> indices{2, 0, 2};
  CHECK(gradcheck([&](auto x) { return layer(in_context_of(x, indices)) * x + layer(in_context_of(x, indices)); },
                  parameters(layer), numbers<double>({3, 3}, 61)));
}

TEST_CASE("an embedding starts standard normal, its padding as zeros") {
  manual_seed(5);
  const Embedding layer{.count = 200, .size = 50, .padding_idx = 3};
  double sum = 0, squares = 0;
  for (float w : layer.weight.value) sum += double{w}, squares += double{w} * double{w};
  CHECK(std::abs(sum / 1e4) < 0.03);
  CHECK(std::abs(squares / 1e4 - 1) < 0.05);
  const auto row = embedding(Tensor<1, int>{3, 4}, layer.weight.value);
  CHECK(row.value()(0, 0) == 0);
  CHECK(row.value()(0, 49) == 0);
  CHECK(row.value()(1, 0) != 0);
}

TEST_CASE("an embedding is a layer like any other: of a Sequential, with a name, and observed") {
  Sequential model{Embedding{10, 4}, Flatten{}, Linear{8, 2}};
  std::string names;
  for (const ParamRef& tensor : state_tensors(model)) names += tensor.name + " ";
  CHECK(names == "0.weight 2.weight 2.bias ");
  struct Listener : LayerObserver {
    std::string heard;
  } listener;
  listener.entered = [](LayerObserver& self, const LayerCall& call) {
    static_cast<Listener&>(self).heard += concat(call.type, call.input.dims(), " ");
  };
  Tape tape;
  tape.observe(&listener);
  auto y = model(tape(Tensor<2, int>{{1, 2}, {3, 9}, {0, 0}}));
  CHECK(y.shape() == Shape<2>(3, 2));
  CHECK(listener.heard == "Sequential(3, 2) Embedding(3, 2) Flatten(3, 2, 4) Linear(3, 8) ");
}

TEST_CASE("an embedding takes sizes 0 and 1") {
  CHECK(Embedding{3, 2}(zeros<int>({0})).shape() == Shape<2>(0, 2));
  CHECK(Embedding{3, 2}(zeros<int>({2, 0})).shape() == Shape<3>(2, 0, 2));
  CHECK(Embedding{1, 1}(zeros<int>({1})).shape() == Shape<2>(1, 1));
}

TEST_CASE("an embedding names what does not fit, and where") {
  const Embedding layer{5, 3};
  CHECK(message_of<IndexError>([&] {
          layer(Tensor<2, int>{{1, 3, 1}, {0, 5, 4}});
        }) == "Embedding: embedding: indices must lie in [0, 5): got 5 at (1, 1)");
  CHECK(message_of<IndexError>([&] {
          layer(Tensor<1, std::int64_t>{1, -1});
        }) == "Embedding: embedding: indices must lie in [0, 5): got -1 at (1,)");
  CHECK(message_of<IndexError>([&] { layer(Tensor<1, std::uint64_t>{~std::uint64_t{0}}); }) ==
        "Embedding: embedding: indices must lie in [0, 5): got 18446744073709551615 at (0,)");
  CHECK(message_of<UsageError>([] { Embedding{}(zeros<int>({1})); }) ==
        "Embedding: embedding: the layer needs its sizes, as in Embedding{1000, 32}: it was made without");
  CHECK(message_of<IndexError>([] { return Embedding{.count = 5, .size = 3, .padding_idx = 5}; }) ==
        "embedding: padding_idx must lie in [0, 5): got 5");
}

TEST_CASE("the gradient of an embedding has the same bits on any number of threads") {
  auto indices = zeros<int>({2000});
  for (Index i = 0; i < indices.numel(); ++i) indices.data()[i] = static_cast<int>(i * i % 7);
  auto run = [&](int threads) {
    set_num_threads(threads);
    manual_seed(6);
    const Embedding layer{7, 64};
    Tape tape;
    differentiate_weighted(tape, layer(tape(indices)));
    return tape.grad(layer.weight).clone();
  };
  const int before = num_threads();
  const auto one = run(1);
  for (int threads : {2, 3, 7}) {
    const auto several = run(threads);
    CHECK(std::equal(one.begin(), one.end(), several.begin()));
  }
  set_num_threads(before);
}

TEST_SUITE_END();
