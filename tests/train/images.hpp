// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// Small images that the tests of augmentation train on: 20 for training and 10 to validate.
#pragma once

#include <kiln/data/transforms.hpp>

#include "script.hpp"

namespace toy {

/// Images (count, 2, 5, 4), each pixel with a value of its own, and labels 0 and 1.
template <class T = float>
auto images(kiln::Index count) {
  auto x = kiln::detail::uninitialised<T>(kiln::Shape<4>(count, 2, 5, 4));
  auto y = kiln::detail::uninitialised<int>(kiln::Shape<1>(count));
  kiln::RandomStream stream{.seed = 7, .purpose = kiln::Purpose::user};
  stream.fill_normal(x.span(), 0, 1);
  for (kiln::Index i = 0; i < count; ++i) y(i) = x(i, 0, 0, 0) + x(i, 0, 0, 3) > 0;
  return kiln::TensorDataset{std::move(x), std::move(y)};
}

/// Training batches of 8, 8 and 4; validation batches of 8 and 2, or as asked for.
template <class T = float>
auto image_loaders(int workers = 0, kiln::Index valid_batch = 8) {
  return kiln::DataLoaders{
      kiln::DataLoader{images<T>(20), kiln::LoaderOptions{.batch_size = 8, .shuffle = true, .workers = workers}},
      kiln::DataLoader{images<T>(10), kiln::LoaderOptions{.batch_size = valid_batch, .workers = workers}}};
}

template <class T = float>
struct ImageNet {
  kiln::BasicLinear<T> hidden{40, 8};
  kiln::BasicLinear<T> out{8, 2};
  auto operator()(const kiln::Var<4, T>& x) const { return out(kiln::relu(hidden(kiln::flatten(x)))); }
};

}  // namespace toy
