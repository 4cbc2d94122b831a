// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Comparison of normalisation layers with PyTorch's; see tests/oracles/nn_norm.py.
#pragma once

#include <kiln/core/parallel.hpp>
#include <kiln/nn/module.hpp>

#include "oracle.hpp"

/// A small tensor itself; a large one multiplied by four series of numbers.
template <int R, class T>
kiln::Tensor<1, T> digest(const kiln::Tensor<R, T>& x) {
  if (x.numel() <= 12) return x.reshape({x.numel()});
  kiln::Tensor<1, T> result = kiln::zeros<T>({4});
  for (kiln::Index k = 0; k < 4; ++k) {
    const auto weights = numbers<double>(x.shape(), 100 + static_cast<std::uint32_t>(k));
    double sum = 0;
    for (kiln::Index i = 0; i < x.numel(); ++i) sum += static_cast<double>(x.data()[i]) * weights.data()[i];
    result(k) = static_cast<T>(sum / std::sqrt(static_cast<double>(x.numel())));
  }
  return result;
}

/// Two batches in training and one in eval mode, with all gradients, and the running statistics after them.
template <class T, class Layer, int R, class Table>
void check_norm(const Table& table, const std::string& name, Layer layer, const kiln::Shape<R>& shape, double shift = 0,
                double tolerance = std::is_same_v<T, float> ? 3e-6 : 1e-9) {
  using namespace kiln;
  if (layer.weight) {
    layer.weight = numbers<T>(layer.weight->shape(), 30);
    layer.bias = numbers<T>(layer.bias->shape(), 31);
  }
  for (unsigned batch : {1u, 2u, 3u}) {
    const std::string at = concat(name, ".", batch);
    Tape tape{batch < 3 ? Mode::train : Mode::eval};
    const Tensor<R, T> x = numbers<T>(shape, 31 + batch) + static_cast<T>(shift);
    auto v = tape.variable(x);
    auto y = layer(v);
    check_oracle(table, at, digest(y.value()), tolerance);
    if (batch == 3) check_oracle(table, at, digest(layer(x).value()), tolerance);  // without a context
    differentiate_weighted(tape, y);
    check_oracle(table, at + ".dx", digest(tape.grad(v)), tolerance);
    if (layer.weight) {
      check_oracle(table, at + ".weight", digest(tape.grad(*layer.weight)), tolerance);
      check_oracle(table, at + ".bias", digest(tape.grad(*layer.bias)), tolerance);
    }
    tape.commit();
  }
  for_each_part(layer, [&]<class Part>(const std::string& path, Part& part) {
    if constexpr (is_buffer<Part>) {
      if constexpr (std::is_same_v<typename Part::value_type, T>)
        check_oracle(table, concat(name, ".", path), digest(part.value), tolerance);
    }
  });
}

/// Output, gradients and state have the same bits on 1, 2, 3 and 7 threads.
template <class Layer, int R>
void check_threads(const Layer& layer, const kiln::Shape<R>& shape) {
  using namespace kiln;
  const auto x = numbers<float>(shape, 36);
  auto run = [&](int threads) {
    set_num_threads(threads);
    Layer copy = layer;
    Tape tape;
    auto v = tape.variable(x);
    auto y = copy(v);
    differentiate_weighted(tape, y);
    tape.commit();
    std::vector<float> all(y.value().begin(), y.value().end());
    auto append = [&](const auto& values) { all.insert(all.end(), values.begin(), values.end()); };
    append(tape.grad(v));
    for_each_part(copy, [&]<class Part>(const std::string&, Part& part) {
      if constexpr (is_param<Part>) append(tape.grad(part));
      else if constexpr (is_buffer<Part>) append(part.value.template to<float>());
    });
    return all;
  };
  const int before = num_threads();
  const auto one = run(1);
  for (int threads : {2, 3, 7}) CHECK(run(threads) == one);
  set_num_threads(before);
}

/// The names of a layer's state, a star behind those that are trained.
template <class Layer>
std::string state_names(Layer layer) {
  std::string all;
  for (const kiln::ParamRef& tensor : state_tensors(layer))
    all += (all.empty() ? "" : " ") + tensor.name + (tensor.trainable() ? "*" : "");
  return all;
}
