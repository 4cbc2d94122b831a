// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

#include <kiln/data/dataset.hpp>

#include <doctest/doctest.h>

#include <vector>

TEST_SUITE_BEGIN("data");

using kiln::Index;
using kiln::Tensor;
using kiln::TensorDataset;

namespace {

struct Squares {  // a data set of one's own
  Index size() const { return 100; }
  kiln::Batch<Tensor<1>, Tensor<1>> gather(std::span<const Index> rows) const {
    auto x = kiln::detail::uninitialised<float>(kiln::Shape<1>{rows.size()});
    for (std::size_t i = 0; i < rows.size(); ++i) x.data()[i] = static_cast<float>(rows[i]);
    auto y = x;
    for (float& value : y) value *= value;
    return {x, y};
  }
};

struct NoTargets {
  struct Rows {
    Tensor<1> x;
  };
  Index size() const { return 0; }
  Rows gather(std::span<const Index>) const { return {}; }
};

static_assert(kiln::Dataset<Squares>);
static_assert(!kiln::Dataset<NoTargets>);
static_assert(!kiln::Dataset<Tensor<2>>);

}  // namespace

TEST_CASE("tensors in memory are a data set") {
  TensorDataset data{Tensor<2>{{1, 2}, {3, 4}, {5, 6}}, Tensor<1, int>{10, 20, 30}};
  static_assert(std::is_same_v<decltype(data), TensorDataset<Tensor<2>, Tensor<1, int>>>);
  static_assert(kiln::Dataset<decltype(data)>);
  CHECK(data.size() == 3);
  auto [x, y] = data.gather(std::vector<Index>{2, 0, 2, 1});
  CHECK(x.shape() == kiln::Shape<2>{4, 2});
  CHECK(std::vector<float>(x.begin(), x.end()) == std::vector<float>{5, 6, 1, 2, 5, 6, 3, 4});
  CHECK(std::vector<int>(y.begin(), y.end()) == std::vector<int>{30, 10, 30, 20});
}

TEST_CASE("any rank and element type, no rows, rows without elements") {
  Tensor<1, double> x{1, 2};
  Tensor<3, std::uint8_t> y{{{1}, {2}}, {{3}, {4}}};
  TensorDataset data{x, y};
  auto batch = data.gather(std::vector<Index>{1});
  CHECK(batch.x(0) == 2.0);
  CHECK(batch.y(0, 1, 0) == 4);
  CHECK(data.gather({}).x.numel() == 0);
  CHECK(data.gather({}).y.shape() == kiln::Shape<3>{0, 2, 1});

  TensorDataset hollow{kiln::detail::uninitialised<float>(kiln::Shape<2>{2, 0}), Tensor<1, int>{1, 2}};
  CHECK(hollow.gather(std::vector<Index>{1, 0, 1}).x.shape() == kiln::Shape<2>{3, 0});
}

TEST_CASE("x and y must have as many rows") {
  CHECK_THROWS_WITH_AS((TensorDataset{Tensor<2>{{1, 2}, {3, 4}}, Tensor<1, int>{1}}),
                       "TensorDataset: x and y must have as many rows: got shapes (2, 2) and (1,)", kiln::ShapeError);
}

TEST_CASE("a row that is not there is refused") {
  TensorDataset data{Tensor<1>{1, 2}, Tensor<1>{1, 2}};
  CHECK_THROWS_WITH_AS(data.gather(std::vector<Index>{0, 2}), "gather: rows must lie in [0, 2): got 2",
                       kiln::IndexError);
  CHECK_THROWS_WITH_AS(data.gather(std::vector<Index>{-1}), "gather: rows must lie in [0, 2): got -1",
                       kiln::IndexError);
}

TEST_SUITE_END();
