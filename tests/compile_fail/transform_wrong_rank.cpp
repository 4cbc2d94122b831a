// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// expect: kiln: a transform is called as transform.x, random. or transform.x., where x are the batch's inputs
#include <kiln/data/loader.hpp>

using Rows = kiln::TensorDataset<kiln::Tensor<2>, kiln::Tensor<1, int>>;

void add(kiln::DataLoader<Rows>& loader) {
  loader.transform([](kiln::Tensor<2> x) { return x; });
#ifndef KILN_CONTROL
  loader.transform([](kiln::Tensor<4> images) { return images; });
#endif
}
