// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/nn/residual.hpp>

#include <kiln/autograd/gradcheck.hpp>
#include <kiln/autograd/reduction.hpp>
#include <kiln/autograd/shaping.hpp>
#include <kiln/nn/activation.hpp>
#include <kiln/nn/linear.hpp>
#include <kiln/nn/pool.hpp>
#include <kiln/nn/sequential.hpp>

#include "oracle.hpp"

using namespace kiln;

TEST_SUITE_BEGIN("nn");

namespace {

std::string names_of(auto model) {
  std::string names;
  for (const ParamRef& tensor : state_tensors(model)) names += tensor.name + " ";
  return names;
}

/// Skips across are plain code: a U of two levels, whose way up sees what the way down left.
struct UShape {
  BasicLinear<double> down{4, 3}, bottom{3, 3}, up{6, 4};

  auto operator()(const Var<2, double>& x) const {
    const auto outer = relu(down(x));
    const auto inner = tanh(bottom(outer));
    return up(concat_axis(1, inner, outer));
  }
};

}  // namespace

TEST_CASE("a residual adds its input to what its body makes of it") {
  const Residual doubled{[](const auto& x) { return x * 3; }};
  CHECK(doubled(full({2, 2}, 5)).value()(1, 1) == 20);
  const Residual changed{[](const auto& x) { return x * 3; }, [](const auto& x) { return -x; }};
  CHECK(changed(full({2, 2}, 5)).value()(0, 1) == 10);
  CHECK(Identity{}(full({2}, 5)).value()(0) == 5);
}

TEST_CASE("a residual's state is named by its fields, inside a Sequential too") {
  const Residual plain{Sequential{Linear{4, 4}, ReLU{}, Linear{4, 4}}};
  CHECK(names_of(plain) == "body.0.weight body.0.bias body.2.weight body.2.bias ");
  const Sequential model{Residual{Linear{4, 2}, Linear{4, 2}}, ReLU{}, plain};
  CHECK(names_of(model) ==
        "0.body.weight 0.body.bias 0.shortcut.weight 0.shortcut.bias "
        "2.body.0.weight 2.body.0.bias 2.body.2.weight 2.body.2.bias ");
  const Residual<Linear> member{.body = {3, 3}};
  CHECK(member(zeros({2, 3})).shape() == Shape<2>(2, 3));
}

TEST_CASE("gradients through both ways of a residual agree with differences") {
  const auto x = numbers<double>({3, 4}, 50);
  Residual plain{Sequential{BasicLinear<double>{4, 4}, Tanh{}}};
  CHECK(gradcheck(plain, parameters(plain), x));
  Residual projected{BasicLinear<double>{4, 2}, BasicLinear<double>{4, 2}};
  CHECK(gradcheck(projected, parameters(projected), x));
  Residual nested{Sequential{Residual{Tanh{}}, Residual{Sigmoid{}}}};
  CHECK(gradcheck(nested, x));
}

TEST_CASE("skips that join are plain code") {
  UShape model;
  CHECK(names_of(model) == "down.weight down.bias bottom.weight bottom.bias up.weight up.bias ");
  CHECK(gradcheck(model, parameters(model), numbers<double>({3, 4}, 51)));
}

TEST_CASE("a residual announces itself, its body and its shortcut") {
  struct Listener : LayerObserver {
    std::string heard;
  } listener;
  listener.entered = [](LayerObserver& self, const LayerCall& call) {
    static_cast<Listener&>(self).heard += concat(call.path, ":", call.type, " ");
  };
  const Sequential model{Residual{Sequential{Tanh{}}}};
  const LayerNames names = layer_names(model);
  Context context;
  context.name_layers(&names);
  context.observe(&listener);
  model(context(zeros({2, 2})));
  CHECK(listener.heard == ":Sequential 0:Residual 0.body:Sequential 0.body.0:Tanh 0.shortcut:Identity ");
}

TEST_CASE("a residual whose ways do not meet says where and how") {
  const Sequential model{Residual{Linear{4, 3}}};
  const LayerNames names = layer_names(model);
  Context context;
  context.name_layers(&names);
  CHECK(message_of<ShapeError>([&] {
          model(context(zeros({2, 4})));
        }) ==
        "Sequential.0: residual: body and shortcut must return one shape, to be added: "
        "body returned (2, 3), shortcut (2, 4)");
}

TEST_SUITE_END();
