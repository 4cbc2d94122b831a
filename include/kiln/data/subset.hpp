// SPDX-FileCopyrightText: 2026 The Kiln authors
// SPDX-License-Identifier: MIT

/// `Subset`: some rows of another data set. `random_split` divides a data set into subsets:
/// `auto [train, valid] = random_split(data, {0.8, 0.2});`
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <kiln/core/random.hpp>
#include <kiln/data/dataset.hpp>

namespace kiln {

/// Some rows of another data set, in an order of their own.
template <Dataset D>
class Subset {
 public:
  /// An lvalue `data` is referenced and must outlive the subset, a temporary is owned.
  /// Throws: IndexError for a row that `data` lacks.
  template <class Held>
    requires std::same_as<std::remove_cvref_t<Held>, D>
  Subset(Held&& data, std::vector<Index> rows) : Subset(detail::hold(std::forward<Held>(data)), std::move(rows)) {}

  /// Shares `data`.
  Subset(std::shared_ptr<const D> data, std::vector<Index> rows) : data_(std::move(data)), rows_(std::move(rows)) {
    for (Index row : rows_) detail::check_row("Subset", row, static_cast<Index>(data_->size()));
  }

  const D& dataset() const { return *data_; }
  std::span<const Index> rows() const { return rows_; }

  Index size() const { return static_cast<Index>(rows_.size()); }

  batch_t<D> gather(std::span<const Index> positions) const {
    // A tensor, because its memory comes from the pool: loaders call this for every batch.
    auto rows = detail::uninitialised<Index>(Shape<1>{positions.size()});
    std::transform(positions.begin(), positions.end(), rows.begin(), [this](Index position) {
      detail::check_row("gather", position, size());
      return rows_[static_cast<std::size_t>(position)];
    });
    return data_->gather(rows.span());
  }

 private:
  std::shared_ptr<const D> data_;
  std::vector<Index> rows_;
};

template <class D>
Subset(D&&, std::vector<Index>) -> Subset<std::remove_cvref_t<D>>;
template <class D>
Subset(std::shared_ptr<const D>, std::vector<Index>) -> Subset<D>;

namespace detail {

/// How many rows each part gets: counts as they are; of fractions the whole part, what is left one by one from the
/// first.
template <class Part, std::size_t N>
std::array<Index, N> split_sizes(Index total, const Part (&parts)[N]) {
  std::array<Index, N> sizes{};
  if constexpr (std::integral<Part>) {
    Index sum = 0;
    for (std::size_t i = 0; i < N; ++i) {
      sizes[i] = Extent(parts[i]).value;
      if (sizes[i] < 0 || sizes[i] > total) {
        fail<UsageError>("random_split", concat("counts must lie between 0 and ", total), concat("got ", sizes[i]));
      }
      sum += sizes[i];
    }
    if (sum != total) {
      fail<UsageError>("random_split", concat("counts must add up to the ", total, " rows"), concat("got ", sum));
    }
  } else {
    double sum = 0;
    Index left = total;
    for (std::size_t i = 0; i < N; ++i) {
      if (!(parts[i] >= 0 && parts[i] <= 1)) {
        fail<UsageError>("random_split", "fractions must lie between 0 and 1", concat("got ", parts[i]));
      }
      sum += parts[i];
      sizes[i] = static_cast<Index>(std::floor(static_cast<double>(total) * parts[i]));
      left -= sizes[i];
    }
    if (std::abs(sum - 1) > 1e-6) fail<UsageError>("random_split", "fractions must add up to 1", concat("got ", sum));
    for (std::size_t i = 0; left > 0; i = (i + 1) % N, --left) ++sizes[i];
    for (std::size_t i = 0; left < 0; i = (i + 1) % N) {
      if (sizes[i] > 0) --sizes[i], ++left;
    }
  }
  return sizes;
}

}  // namespace detail

/// Divides a data set at random into parts, given as fractions that add up to 1 or as counts that add up to its size.
/// The division follows from the seed alone. An lvalue `data` is referenced, a temporary is owned by the parts.
/// Throws: UsageError. Source: torch.utils.data.random_split, for what is left over by fractions.
template <class D, class Part, std::size_t N>
  requires Dataset<std::remove_cvref_t<D>> && (std::integral<Part> || std::floating_point<Part>)
std::array<Subset<std::remove_cvref_t<D>>, N> random_split(D&& data, const Part (&parts)[N],
                                                           std::uint64_t seed = global_seed()) {
  const auto total = static_cast<Index>(data.size());
  const std::array<Index, N> sizes = detail::split_sizes(total, parts);
  std::vector<Index> order(static_cast<std::size_t>(total));
  std::iota(order.begin(), order.end(), Index{0});
  RandomStream stream{.seed = seed, .purpose = Purpose::split};
  shuffle(std::span<Index>(order), stream);

  auto held = detail::hold(std::forward<D>(data));
  auto from = order.begin();
  auto part = [&](Index size) {
    const auto begin = std::exchange(from, from + size);
    return Subset(held, std::vector<Index>(begin, from));
  };
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<Subset<std::remove_cvref_t<D>>, N>{part(sizes[I])...};
  }(std::make_index_sequence<N>());
}

}  // namespace kiln
