// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/summary.hpp>

#include <doctest/doctest.h>

#include <kiln/nn/activation.hpp>
#include <kiln/nn/linear.hpp>
#include <kiln/nn/sequential.hpp>

TEST_SUITE_BEGIN("train");

using namespace kiln;

namespace {

struct Mlp {
  Linear hidden{784, 50};
  Linear out{50, 10};
  auto operator()(const Var<2>& x) const { return out(relu(hidden(x))); }
};

struct Silent {
  Param<1> gain = ones({10});
  auto operator()(const Var<2>& x) const { return x * gain; }
};

struct Speaking {
  Param<1> gain = ones({10});
  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const auto& x) { return x * gain; });
  }
};

template <class Scale>
struct Scaled {
  Mlp mlp;
  Scale scale;
  auto operator()(const Var<2>& x) const { return scale(mlp(x)); }
};

}  // namespace

TEST_CASE("a table of what ran") {
  auto model = Sequential{Flatten{}, Mlp{}};
  freeze(std::get<1>(model.layers).hidden);
  CHECK(summary(model, zeros({64, 1, 28, 28})).text() ==
        "layer                  output shape      parameters\n"
        "---------------------------------------------------\n"
        "input                  (64, 1, 28, 28)             \n"
        "Sequential             (64, 10)                    \n"
        "  0  Flatten           (64, 784)                   \n"
        "  1  Mlp               (64, 10)                    \n"
        "    1.hidden  Linear   (64, 50)              39,250\n"
        "    1.out  Linear      (64, 10)                 510\n"
        "---------------------------------------------------\n"
        "510 trainable parameters, 39,250 frozen\n");
}

TEST_CASE("a layer that does not announce itself is named, with the line that mends it") {
  const Summary quiet = summary(Scaled<Silent>{}, zeros({2, 784}));
  REQUIRE(quiet.silent.size() == 1);
  CHECK(quiet.silent[0] == "scale");
  CHECK(quiet.text().find("scale holds parameters but was not seen to run: it can announce itself by "
                          "`return kiln::announce(*this, input, [&](const auto& x) { ... });`") != std::string::npos);
  const Summary loud = summary(Scaled<Speaking>{}, zeros({2, 784}));
  CHECK(loud.silent.empty());
  CHECK(loud.rows.back().path == "scale");
  CHECK(loud.rows.back().parameters == 10);
}

TEST_CASE("a layer that runs twice counts its parameters once") {
  struct Twice {
    Linear layer{4, 4};
    auto operator()(const Var<2>& x) const { return layer(layer(x)); }
  };
  const Summary found = summary(Twice{}, zeros({1, 4}));
  REQUIRE(found.rows.size() == 3);
  CHECK(found.rows[1].parameters == 20);
  CHECK(found.rows[2].parameters == 0);
  CHECK(found.trainable == 20);
}

TEST_SUITE_END();
