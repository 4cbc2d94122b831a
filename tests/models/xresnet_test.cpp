// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/models/xresnet.hpp>

#include "oracle.hpp"

using namespace kiln;

TEST_SUITE_BEGIN("models");

TEST_CASE("a small XResNet equals its PyTorch twin") {
  check_model("xresnet",
              BasicXResNet<double>{.classes = 5, .stem_channels = {4, 4, 6}, .widths = {6, 8, 10}, .depths = {1, 2, 1}},
              Shape<4>(2, 3, 17, 18));
}

TEST_CASE("XResNet-18 has as many parameters as its PyTorch twin") {
  check_size("xresnet", XResNet{}, Shape<4>(1, 3, 64, 64));
}

TEST_CASE("an XResNet is summarised, saved and shared by threads") {
  auto small = [] { return XResNet{.classes = 5, .stem_channels = {4, 6}, .widths = {6, 8}, .depths = {1, 2}}; };
  XResNet model = small();
  check_uses(model, small(), numbers<float>({2, 3, 16, 16}, 1));
  CHECK(small().stages[1][1].conv2.norm->weight->value(0) == 0);
}

TEST_CASE("each stage of an XResNet needs a width and a depth") {
  CHECK(message_of<UsageError>([] {
          return XResNet{.widths = {4, 8}, .depths = {1}};
        }) == "xresnet: each stage must have a width and a depth: got 2 widths and 1 depths");
}

TEST_SUITE_END();
