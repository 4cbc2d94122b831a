// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// A small learnable problem that the tests of training share: two classes of points, 20 for training and 10 to
/// validate.
#pragma once

#include <kiln/data/dataset.hpp>
#include <kiln/data/loader.hpp>
#include <kiln/nn/activation.hpp>
#include <kiln/nn/cross_entropy.hpp>
#include <kiln/nn/linear.hpp>
#include <kiln/nn/sequential.hpp>
#include <kiln/optim/sgd.hpp>
#include <kiln/train/learner.hpp>

namespace toy {

template <class T = float>
auto points(kiln::Index count) {
  auto x = kiln::detail::uninitialised<T>(kiln::Shape<2>(count, 3));
  auto y = kiln::detail::uninitialised<int>(kiln::Shape<1>(count));
  kiln::RandomStream stream{.seed = 7, .purpose = kiln::Purpose::user};
  stream.fill_normal(x.span(), 0, 1);
  for (kiln::Index i = 0; i < count; ++i) y(i) = x(i, 0) + x(i, 1) > 0;
  return kiln::TensorDataset{std::move(x), std::move(y)};
}

/// Training batches of 8, 8 and 4; validation batches of 8 and 2.
template <class T = float>
auto loaders(int workers = 0) {
  return kiln::DataLoaders{
      kiln::DataLoader{points<T>(20), kiln::LoaderOptions{.batch_size = 8, .shuffle = true, .workers = workers}},
      kiln::DataLoader{points<T>(10), kiln::LoaderOptions{.batch_size = 8, .workers = workers}}};
}

struct Mlp {
  kiln::Linear hidden{3, 8};
  kiln::Linear out{8, 2};
  auto operator()(const kiln::Var<2>& x) const { return out(kiln::relu(hidden(x))); }
};

}  // namespace toy
