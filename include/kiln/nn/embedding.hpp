// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Embedding`: a trained vector for each of `count` things.
#pragma once

#include <optional>

#include <kiln/autograd/embedding.hpp>
#include <kiln/nn/init.hpp>
#include <kiln/nn/module.hpp>

namespace kiln {

/// Integers (...) to vectors (..., size), as torch.nn.Embedding. The input is a batch of integers, `Var<2, int>` in a
/// model's operator(), or a tensor of them; of any integer type and rank. The weight (count, size) starts standard
/// normal; row `padding_idx`, if it is given, starts as zeros and stays as it is. Throws: IndexError for an integer
/// outside [0, count).
template <class T>
struct BasicEmbedding {
  static constexpr std::string_view layer_name = "Embedding";

  Index count = 0;
  Index size = 0;
  std::optional<Index> padding_idx = std::nullopt;
  Param<2, T> weight = initial(count, size, padding_idx);

  auto operator()(const auto& input) const {
    return announce(*this, input, [&](const auto& x) {
      if (count == 0)
        fail<UsageError>("embedding", "the layer needs its sizes, as in Embedding{1000, 32}", "it was made without");
      return embedding(x, weight, padding_idx.value_or(-1));
    });
  }

 private:
  static Tensor<2, T> initial(Index count, Index size, std::optional<Index> padding_idx) {
    auto weight = normal<T>({count, size});
    if (!padding_idx) return weight;
    if (*padding_idx < 0 || *padding_idx >= count) {
      fail<IndexError>("embedding", concat("padding_idx must lie in [0, ", count, ")"), concat("got ", *padding_idx));
    }
    std::fill_n(weight.data() + *padding_idx * size, size, T{});
    return weight;
  }
};

using Embedding = BasicEmbedding<float>;

}  // namespace kiln
