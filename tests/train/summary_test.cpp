// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/train/summary.hpp>

#include <doctest/doctest.h>

#include <kiln/autograd/einsum.hpp>
#include <kiln/autograd/reduction.hpp>
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

template <class T>
struct Attention {
  Param<2, T> query = zeros<T>({4, 4});
  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const auto& x) {
      return einsum<"tu,uc->tc">(softmax(einsum<"tc,uc->tu">(matmul(x, query), x), -1), x);
    });
  }
};

template <class T>
struct Block {
  Attention<T> attention;
  BasicLinear<T> out{4, 3};
  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const auto& x) { return out(matmul(attention(x), ones<T>({4, 4}))); });
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
  Summary found = summary(model, zeros({64, 1, 28, 28}), {.timed_runs = 0});
  const std::string table =
      "layer                  output shape      parameters   MFLOPs     memory\n"
      "-----------------------------------------------------------------------\n"
      "input                  (64, 1, 28, 28)\n"
      "Sequential             (64, 10)\n"
      "  0  Flatten           (64, 784)\n"
      "  1  Mlp               (64, 10)\n"
      "    1.hidden  Linear   (64, 50)              39,250     5.02   12.5 KiB\n"
      "    1.out  Linear      (64, 10)                 510     0.06    2.5 KiB\n"
      "-----------------------------------------------------------------------\n"
      "total                                        39,760     5.08   15.0 KiB\n"
      "510 trainable parameters, 39,250 frozen\n";
  CHECK(found.text() == table);
  CHECK(found.flops == 2 * 64 * (784 * 50 + 50 * 10));

  found.timed = true;
  found.rows = {found.rows[0], found.rows[3]};
  found.rows[0].seconds = 0.0000007;
  found.rows[1].seconds = 0.0123;
  found.rows[1].flops = 1234567e6;
  found.rows[1].bytes = std::size_t{3} << 30;
  found.seconds = 1.5;
  found.frozen = 0;
  CHECK(found.text() ==
        "layer                  output shape      parameters         MFLOPs     memory       time\n"
        "----------------------------------------------------------------------------------------\n"
        "input                  (64, 1, 28, 28)\n"
        "Sequential             (64, 10)                                                   0.7 us\n"
        "    1.hidden  Linear   (64, 50)              39,250   1,234,567.00    3.0 GiB   12.30 ms\n"
        "----------------------------------------------------------------------------------------\n"
        "total                                           510           5.08   15.0 KiB     1.50 s\n"
        "510 trainable parameters\n");
}

TEST_CASE("every layer's own share adds up to the model's") {
  const Summary found = summary(Sequential{Flatten{}, Mlp{}}, zeros({8, 1, 28, 28}));
  CHECK(found.timed);
  double flops = 0, seconds = 0;
  std::size_t bytes = 0;
  for (const SummaryRow& row : found.rows) {
    flops += row.flops;
    bytes += row.bytes;
    seconds += row.seconds;
    CHECK(row.seconds > 0);
  }
  CHECK(flops == found.flops);
  CHECK(bytes == found.bytes);
  CHECK(found.bytes == 8 * (50 + 10) * sizeof(float));  // what Flatten returns is its input's memory
  CHECK(seconds <= found.seconds);                      // each row's fastest run
  CHECK(found.rows.size() == 5);
}

TEST_CASE_TEMPLATE("arithmetic and memory of users' own layers count", T, float, double) {
  const Summary found = summary(Block<T>{}, zeros<T>({10, 4}), {.timed_runs = 0});
  REQUIRE(found.rows.size() == 3);
  CHECK(found.rows[0].flops == 2 * 10 * 4 * 4);
  CHECK(found.rows[1].flops == 2 * (10 * 4 * 4 + 10 * 10 * 4 + 10 * 10 * 4));
  CHECK(found.rows[2].flops == 2 * 10 * 4 * 3);
  CHECK(found.rows[0].bytes == 0);  // its output is the last layer's
  CHECK(found.rows[1].bytes == 10 * 4 * sizeof(T));
  CHECK(found.rows[2].bytes == 10 * 3 * sizeof(T));
}

TEST_CASE("amounts are readable") {
  CHECK(detail::spoken_bytes(0) == "0 B");
  CHECK(detail::spoken_bytes(1023) == "1023 B");
  CHECK(detail::spoken_bytes(1024) == "1.0 KiB");
  CHECK(detail::spoken_bytes(1024 * 1024 - 1) == "1.0 MiB");
  CHECK(detail::spoken_seconds(0.00099999) == "1.00 ms");
  CHECK(detail::spoken_seconds(0.99999) == "1.00 s");
  CHECK(detail::spoken_mega(0).empty());
  CHECK(detail::spoken_mega(9) == "<0.01");
  CHECK(detail::spoken_mega(999.999e6) == "1,000.00");
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
